"""Where mj keeps what it keeps on this machine."""

from __future__ import annotations

import os
from pathlib import Path

APP_NAME = "mj-cli"  # another program's directory is called mj


def config_dir() -> Path:
    """Return the directory of settings and keys: MJ_CONFIG_DIR, or the platform's own place."""
    return _directory("MJ_CONFIG_DIR", "user_config_path")


def state_dir() -> Path:
    """Return the directory of the ledger and the sandbox: MJ_STATE_DIR, or the platform's own."""
    return _directory("MJ_STATE_DIR", "user_state_path")


def config_file() -> Path:
    """Return the user's settings file."""
    return config_dir() / "config.toml"


def credentials_file() -> Path:
    """Return the file of stored keys."""
    return config_dir() / "credentials.toml"


def project_file(start: Path) -> Path | None:
    """Return the nearest `mj.toml` in `start` or above it."""
    for directory in (start, *start.parents):
        candidate = directory / "mj.toml"
        if candidate.is_file():
            return candidate
    return None


def _directory(variable: str, function: str) -> Path:
    value = os.environ.get(variable)
    if value:
        return Path(value).expanduser().absolute()
    import platformdirs  # noqa: PLC0415 - not needed where the variables are set

    found: Path = getattr(platformdirs, function)(APP_NAME, appauthor=False)
    return found

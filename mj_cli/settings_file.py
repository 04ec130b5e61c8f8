"""Changes to the user's settings file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from mj_cli import paths
from mj_cli.errors import SettingError
from mj_cli.private_files import write_private
from mj_cli.settings import DEFAULT_PROFILE, check_profile, parsed, read_user_file, setting_named

OTHER_COMMANDS = {"profile": "mj config use PROFILE", "api_key": "mj config login"}


def store(name: str, text: str, *, profile: str | None) -> tuple[Path, bool]:
    """Store a setting, for one profile or for all.

    Returns:
        The file, and whether it had comments that are gone now.

    Raises:
        SettingError: when the setting does not exist or cannot have that value.
    """
    if name in OTHER_COMMANDS:
        raise SettingError(f"{name} is set with another command", hint=OTHER_COMMANDS[name])
    value = parsed(setting_named(name), text, "the command line")
    content = read_user_file()
    section = content if profile is None else _section(content, profile)
    section[name] = _toml_value(value)
    return _write(content)


def remove(name: str, *, profile: str | None) -> bool:
    """Remove a setting; False when it was not set there."""
    setting_named(name)
    content = read_user_file()
    section = content if profile is None else _section(content, profile)
    if section.pop(name, None) is None:
        return False
    _write(content)
    return True


def use_profile(profile: str) -> None:
    """Make a profile the default one."""
    content = read_user_file()
    content["profile"] = check_profile(profile)
    if profile == DEFAULT_PROFILE:
        del content["profile"]
    _write(content)


def _section(content: dict[str, Any], profile: str) -> dict[str, Any]:
    section: dict[str, Any] = content.setdefault("profiles", {}).setdefault(profile, {})
    return section


def _toml_value(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, str) else value


def _write(content: dict[str, Any]) -> tuple[Path, bool]:
    path = paths.config_file()
    lost_comments = _has_comments(path)
    write_private(path, tomli_w.dumps(content).encode())
    return path, lost_comments


def _has_comments(path: Path) -> bool:
    """Tell comments from values with a `#` by what is left when only the values are written."""
    if not path.exists():
        return False
    text = path.read_text("utf-8-sig")
    return text.count("#") > tomli_w.dumps(tomllib.loads(text)).count("#")

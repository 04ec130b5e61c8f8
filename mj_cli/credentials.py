"""The API key: where it is found, where it is stored, and for which base URL."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from mj_cli import paths, settings
from mj_cli.errors import KeyRefusedError
from mj_cli.private_files import write_private

VARIABLES = ("MJ_API_KEY", "MIDJOURNEY_API_KEY")
MAX_KEY = 4096


@dataclass(frozen=True, slots=True)
class Key:
    """An API key and where it came from; its text never shows in a representation."""

    text: str
    source: str

    def __repr__(self) -> str:
        return f"Key(source={self.source!r})"


def find_key(*, profile: str, base_url: str) -> Key:
    """Return the key for a profile at a base URL: from the environment, then from the store.

    Raises:
        KeyRefusedError: when there is none, or the stored one was saved for another base URL.
    """
    for variable in VARIABLES:
        if os.environ.get(variable):
            return Key(check_key(os.environ[variable], variable), variable)
    path = paths.credentials_file()
    stored = _read(path).get(profile)
    if stored is None:
        raise KeyRefusedError(
            f"there is no API key for the profile {profile!r}",
            hint="log in with: mj config login (or set MJ_API_KEY); --sandbox needs no key",
            slug="no_key",
        )
    if stored.get("base_url") != base_url:
        raise KeyRefusedError(
            f"the stored key of the profile {profile!r} is for {stored.get('base_url')}, "
            f"not for {base_url}, and is not sent there",
            hint="log in for this base URL with: mj config login",
            slug="key_elsewhere",
        )
    return Key(check_key(str(stored.get("key", "")), str(path)), str(path))


def check_key(text: str, source: str) -> str:
    """Return a key that can go into a header.

    Raises:
        KeyRefusedError: for line breaks, blanks and anything else that no key has.
    """
    if not text or len(text) > MAX_KEY or not all("!" <= character <= "~" for character in text):
        raise KeyRefusedError(
            f"the key from {source} is no key: it is empty or has blanks, line breaks "
            "or other characters that keys do not have",
            hint="copy the key again, without anything around it",
            slug="key_malformed",
        )
    return text


def account_of(*, key: str, base_url: str) -> str:
    """Return the name of an account in the ledger: a hash that does not give the key away."""
    return hashlib.sha256(f"{base_url}\0{key}".encode()).hexdigest()[:32]


def store_key(key: str, *, profile: str, base_url: str) -> Path:
    """Store a key for a profile, bound to a base URL; return the file."""
    path = paths.credentials_file()
    content = dict(_read(path))
    content[profile] = {"key": key, "base_url": base_url}
    write_private(path, tomli_w.dumps(content).encode())
    return path


def remove_key(profile: str) -> bool:
    """Remove a profile's stored key; False when there was none."""
    path = paths.credentials_file()
    content = dict(_read(path))
    if content.pop(profile, None) is None:
        return False
    write_private(path, tomli_w.dumps(content).encode())
    return True


def stored_profiles() -> list[str]:
    """Return the profiles that have a stored key."""
    return sorted(_read(paths.credentials_file()))


def _read(path: Path) -> Mapping[str, Mapping[str, Any]]:
    if sys.platform != "win32" and path.exists() and path.stat().st_mode & 0o077:
        raise KeyRefusedError(
            f"others may read the key file {path}, so it is not used",
            hint=f"close it with: chmod 600 {path}; and ask for a new key if others had access",
            slug="key_file_open",
        )
    content = settings.read_toml(path)
    return {name: value for name, value in content.items() if isinstance(value, dict)}

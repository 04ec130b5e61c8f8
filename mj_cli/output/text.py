"""Text for people: nothing that a server says can move the cursor or turn the line around."""

from __future__ import annotations

import datetime as dt
import unicodedata
from pathlib import Path


def visible(text: str) -> str:
    """Return text on one line with control, format and direction characters made visible."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible_character(character) for character in text)


def _visible_character(character: str) -> str:
    if character == "\n":
        return "\\n"
    if character == "\t":
        return "\\t"
    code = ord(character)
    # The joiner of emoji families is harmless; every other format character is shown.
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and code != 0x200D:
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return character


def shortened(text: str, width: int) -> str:
    """Return visible text of at most `width` characters."""
    shown = visible(" ".join(text.split()))
    return shown if len(shown) <= width else shown[: width - 3] + "..."


def near(path: str) -> str:
    """Return a path relative to the working directory where it lies below it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return path


def iso(seconds: float | None) -> str | None:
    """Return Unix seconds as ISO 8601 in UTC."""
    if seconds is None:
        return None
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_time(seconds: float) -> str:
    """Return Unix seconds as the user's local date and time."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def setting_text(value: object) -> str:
    """Return a setting as it is written on the command line; nothing when it is not set."""
    if value is None:
        return ""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def cost_text(cost: float | None, mode: str) -> str:
    """Return a cost in quota, or that it is unknown and how to make it known."""
    return f"unknown (set cost_{mode})" if cost is None else f"{cost:g} quota"

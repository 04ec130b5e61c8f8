"""Model versions: which one a prompt means, and which ones a rule speaks of."""

from __future__ import annotations

import re
from dataclasses import dataclass

VERSION = re.compile(r"[0-9]+(\.[0-9]+)?")
RANGE = re.compile(r"(niji )?([0-9.]+)(\+|-[0-9.]+)?")
LAST = 999
MOST_DIGITS = 9


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A model version such as 8.1, niji 7, or the test models, which have no number."""

    family: str
    major: int
    minor: int

    def __str__(self) -> str:
        if self.family == "test":
            return "test"
        number = f"{self.major}.{self.minor}" if self.minor else str(self.major)
        return f"niji {number}" if self.family == "niji" else number


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Versions of one family from one to another, both included."""

    family: str
    first: tuple[int, int]
    last: tuple[int, int]

    def __str__(self) -> str:
        if self.family == "test":
            return "test"
        first, last = self.first, self.last
        text = f"{first[0]}.{first[1]}" if first[1] else str(first[0])
        if last[0] == LAST:
            text += "+"
        elif last[0] != first[0] or last[1] not in {first[1], LAST}:
            text += f"-{last[0]}" if last[1] == LAST else f"-{last[0]}.{last[1]}"
        return f"niji {text}" if self.family == "niji" else text

    def __contains__(self, version: Version) -> bool:
        number = (version.major, version.minor)
        return version.family == self.family and self.first <= number <= self.last


def read_version(text: str, *, family: str) -> Version | None:
    """Return the version that a value means; None when it is not `digits[.digits]`."""
    if not VERSION.fullmatch(text):
        return None
    major, _, minor = text.partition(".")
    return Version(family, _whole(major), _whole(minor or "0"))


def read_range(text: str) -> VersionRange:
    """Read `7`, `5.1+`, `4-6.1`, `niji 6+`, `test`, as the table writes them."""
    if text == "test":
        return VersionRange("test", (0, 0), (0, 0))
    match = RANGE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    family = "niji" if match[1] else "v"
    first = _number(match[2])
    end = match[3]
    if end is None:
        # A whole number means its point releases as well: 8 is 8.1 and 8.2.
        last = (first[0], LAST) if "." not in match[2] else first
    elif end == "+":
        last = (LAST, LAST)
    else:
        last = _number(end[1:])
        if "." not in end:
            last = (last[0], LAST)
    return VersionRange(family, first, last)


def _number(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)


def _whole(digits: str) -> int:
    """Return a number that fits the table's ranges, whose end is open, however long it is."""
    return min(int(digits[: MOST_DIGITS + 1]), LAST)

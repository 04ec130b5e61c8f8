"""The table of prompt parameters: a dated data file, read once."""

from __future__ import annotations

import datetime as dt
import functools
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from mj_cli.prompts.versions import Version, VersionRange, read_range

MOST_TYPOS = 2
DASHES = ("--", "\u2014", "\u2013")
VALUE = re.compile(r"-?\.?[0-9]|[{]|<?https?://|random\b", re.IGNORECASE)
GLUED_VALUE = re.compile(r"([A-Za-z_]+)[:=]?[0-9][0-9.:]*[.,;]?")


@dataclass(frozen=True, slots=True)
class Limit:
    """What a value may be in certain versions.

    Attributes:
        versions: where it holds.
        least: smallest number.
        most: largest number.
        values: single numbers that are right as well, or alone if there is no least and no most.
        choices: the only words, or empty.
        ratio: the most that one side may be of the other.
        default: what holds without the parameter, if it is another than the row's.
        confidence: how sure that is.
    """

    versions: tuple[VersionRange, ...]
    least: float | None
    most: float | None
    values: tuple[float, ...]
    choices: tuple[str, ...]
    ratio: float | None
    default: str | None
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One parameter of the table; see the head of the data file for the words."""

    name: str
    aliases: tuple[str, ...] = ()
    kind: str
    optional: bool = False
    least: float | None = None
    most: float | None = None
    values: tuple[float, ...] = ()
    choices: tuple[str, ...] = ()
    at_most: int | None = None
    default: str | None = None
    meaning: str
    notes: str = ""
    status: str = "current"
    now: str | None = None
    valid: tuple[VersionRange, ...] = ()
    doubtful: tuple[VersionRange, ...] = ()
    unstated: tuple[VersionRange, ...] = ()
    valid_text: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    conflicts: tuple[str, ...] = ()
    max_ratio: float | None = None
    ratios: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    only_with: tuple[str, ...] = ()
    allow: str | None = None
    mode: str | None = None
    confidence: str
    confidences: Mapping[str, str] = field(default_factory=dict)
    source: tuple[str, ...] = ()
    common: bool = False

    def confidence_of(self, rule: str) -> str:
        """Return how sure one kind of rule is: `range`, `versions`, `conflicts`, `needs`..."""
        return self.confidences.get(rule, self.confidence)

    def limit_for(self, version: Version) -> Limit | None:
        """Return the rule for values in a version; None where the table has none."""
        for limit in self.limits:
            if _is_in(version, limit.versions):
                return limit
        return self.general_limit

    @property
    def general_limit(self) -> Limit | None:
        """The rule for values that holds in any version without one of its own."""
        if self.least is None and self.most is None and not self.values and not self.choices:
            return None
        confidence = self.confidence_of("range")
        return Limit(
            (), self.least, self.most, self.values, self.choices, None, self.default, confidence
        )

    def default_for(self, version: Version) -> str | None:
        """Return what holds in a version when the parameter is not given, if that is known."""
        limit = self.limit_for(version)
        return limit.default if limit is not None and limit.default else self.default

    def is_valid_in(self, version: Version) -> bool | None:
        """Tell whether a version takes the parameter; None where the sources do not say."""
        if not self.valid or _is_in(version, self.valid):
            return True
        if _is_in(version, self.unstated) or _is_in(version, self.doubtful):
            return None
        return False

    def is_doubtful_in(self, version: Version) -> bool:
        """Tell whether the sources doubt that a version takes the parameter."""
        return _is_in(version, self.doubtful)


@dataclass(frozen=True, slots=True)
class Table:
    """All rows, and the versions as of the table's date."""

    date: dt.date
    default: str
    known: frozenset[Version]
    withdrawn: frozenset[Version]
    withdrawn_on: dt.date
    sources: Mapping[str, str]
    rows: tuple[Row, ...]
    by_name: Mapping[str, Row]

    @property
    def default_version(self) -> Version:
        """The version that a prompt means which names none."""
        return _version(self.default)

    @property
    def newest_niji(self) -> Version:
        """The version that a bare `--niji` most likely means."""
        return max(version for version in self.known if version.family == "niji")

    def find(self, name: str) -> Row | None:
        """Return the row of a name or alias, in any case of letters."""
        return self.by_name.get(name.lower())

    def reads_as_parameter(self, name: str, following: str | None) -> bool:
        """Tell whether a name after a long dash is a parameter, and not a word of a sentence.

        Args:
            name: what stands after the dash.
            following: the next word, None at the end.
        """
        row = self.find(name)
        if row is None:
            return False
        if following is None or following.startswith(DASHES):
            return row.kind == "flag" or row.optional
        if row.kind == "flag":
            return False
        if row.kind in {"words", "profile"}:
            return True
        return VALUE.match(following) is not None or following.lower() in row.choices

    def lacks_blank(self, name: str) -> str | None:
        """Return a known name to which its value is glued, as in `--ar16:9`."""
        glued = GLUED_VALUE.fullmatch(name)
        row = self.find(glued[1]) if glued else None
        return glued[1].lower() if glued and row is not None and row.kind != "flag" else None

    def close_to(self, name: str, more: Iterable[str] = ()) -> str | None:
        """Return the name that was probably meant, if one is at most two slips away."""
        candidates = [*self.by_name, *more]
        found = [(slips(name.lower(), one), len(one) == 1, one) for one in candidates]
        best = min(found, default=None)
        # Of a short name, two slips leave nothing.
        if best is None or best[0] > min(MOST_TYPOS, max(len(name) - 2, 0)) or best[1]:
            return None
        return best[2]


@functools.cache
def table() -> Table:
    """Return the table."""
    data = tomllib.loads(
        resources.files(__package__).joinpath("parameters.toml").read_text("utf-8")
    )
    rows = tuple(_row(entry) for entry in data["parameter"])
    by_name = {name: row for row in rows for name in (row.name, *row.aliases)}
    return Table(
        date=data["date"],
        default=data["default"],
        known=frozenset(map(_version, data["known"])),
        withdrawn=frozenset(map(_version, data["withdrawn"])),
        withdrawn_on=data["withdrawn_on"],
        sources=data["sources"],
        rows=rows,
        by_name=by_name,
    )


def slips(one: str, other: str) -> int:
    """Return the least number of slips (Damerau's four kinds) between two words, at most 3."""
    if abs(len(one) - len(other)) > MOST_TYPOS:
        return MOST_TYPOS + 1
    return min(_distance(one, other), MOST_TYPOS + 1)


@functools.lru_cache(maxsize=4096)  # who makes a slip makes it again
def _distance(one: str, other: str) -> int:
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        oldest, before, row = before, row, [i]
        for j, counterpart in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != counterpart))
            swapped = i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == counterpart
            row.append(min(cost, oldest[j - 2] + 1) if swapped else cost)
    return row[-1]


def _row(entry: Mapping[str, Any]) -> Row:
    suffix = "_confidence"
    return Row(
        name=entry["name"],
        aliases=tuple(entry.get("aliases", ())),
        kind=entry["kind"],
        least=entry.get("min"),
        most=entry.get("max"),
        values=tuple(entry.get("values", ())),
        choices=tuple(entry.get("choices", ())),
        at_most=entry.get("most"),
        default=entry.get("default"),
        optional=entry.get("optional", False),
        meaning=entry["meaning"],
        notes=entry.get("notes", ""),
        status=entry.get("status", "current"),
        now=entry.get("now"),
        valid=_ranges(entry.get("valid", ())),
        doubtful=_ranges(entry.get("doubtful", ())),
        unstated=_ranges(entry.get("unstated", ())),
        valid_text=tuple(entry.get("valid", ())),
        limits=tuple(_limit(limit, entry) for limit in entry.get("limits", ())),
        conflicts=tuple(entry.get("conflicts", ())),
        max_ratio=entry.get("max_ratio"),
        ratios={value: tuple(ratios) for value, ratios in entry.get("ratios", {}).items()},
        codes=tuple(entry.get("codes", ())),
        needs=tuple(entry.get("needs", ())),
        only_with=tuple(entry.get("only_with", ())),
        allow=entry.get("allow"),
        mode=entry.get("mode"),
        confidence=entry["confidence"],
        confidences={
            key.removesuffix(suffix): value for key, value in entry.items() if key.endswith(suffix)
        },
        source=tuple(entry["source"]),
        common=entry.get("common", False),
    )


def _limit(limit: Mapping[str, Any], entry: Mapping[str, Any]) -> Limit:
    fallback = entry.get("range_confidence", entry["confidence"])
    return Limit(
        versions=_ranges(limit["versions"]),
        least=limit.get("min"),
        most=limit.get("max"),
        values=tuple(limit.get("values", ())),
        choices=tuple(limit.get("choices", ())),
        ratio=limit.get("max_ratio"),
        default=limit.get("default"),
        confidence=limit.get("confidence", fallback),
    )


def _version(text: str) -> Version:
    """Read a version of the table: `8.1`, `niji 7`."""
    alone = read_range(text)
    return Version(alone.family, *alone.first)


def _is_in(version: Version, ranges: Sequence[VersionRange]) -> bool:
    return any(version in versions for versions in ranges)


def _ranges(texts: Sequence[str]) -> tuple[VersionRange, ...]:
    return tuple(read_range(text) for text in texts)

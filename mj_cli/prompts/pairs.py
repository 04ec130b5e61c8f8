"""Checks of parameters with each other: what excludes, needs or repeats what."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass

from mj_cli.prompts.findings import Finding, Level, found, level_of
from mj_cli.prompts.grammar import Parameter, Prompt
from mj_cli.prompts.table import Row
from mj_cli.prompts.values import bare, is_code, read_ratio
from mj_cli.prompts.versions import Version

CONFIDENCES = "HMLI"


@dataclass(frozen=True, slots=True)
class Known:
    """A parameter with its row of the table."""

    parameter: Parameter
    row: Row

    @property
    def values(self) -> tuple[str, ...]:
        """Its values, without punctuation that is glued to them."""
        return tuple(bare(value) for value in self.parameter.values)


def check_pairs(
    known: list[Known], prompt: Prompt, version: Version, *, sure: bool
) -> Iterator[Finding]:
    """Yield what is wrong between the parameters of a prompt.

    Args:
        known: the parameters that are in the table.
        prompt: the prompt.
        version: the version that it means.
        sure: False when the version is not in the table, so that its rules only warn.
    """
    present: dict[str, Known] = {}
    for one in known:
        present.setdefault(one.row.name, one)
    yield from _check_twice(known, present)
    yield from _check_conflicts(present)
    for one in present.values():
        yield from _check_company(one, present)
        yield from _check_needs(one, present, prompt)
        yield from _check_ratios(one, present, version, sure=sure)
        yield from _check_codes(one, present)


def _check_twice(known: list[Known], present: dict[str, Known]) -> Iterator[Finding]:
    if len(known) == len(present):
        return
    values = {name: one.values for name, one in present.items()}
    for one in known:
        if present[one.row.name] is not one and one.values != values[one.row.name]:
            message = f"{one.parameter.written} is given twice with different values"
            yield found(one.parameter, "given-twice", Level.WARNING, message)


def _check_conflicts(present: dict[str, Known]) -> Iterator[Finding]:
    """Find pairs that exclude each other; each is told once, at the later of the two."""
    told: set[frozenset[str]] = set()
    for one in present.values():
        for partner in one.row.conflicts:
            name, _, value = partner.partition(" ")
            other = present.get(name)
            pair = frozenset((one.row.name, name))
            if other is None or pair in told or not _has_value(other, value):
                continue
            told.add(pair)
            first, later = sorted((one, other), key=lambda known: known.parameter.start)
            message = (
                f"{_named(later, value if later is other else '')} and"
                f" {_named(first, value if first is other else '')} exclude each other"
            )
            yield found(later.parameter, "excludes", level_of(_weaker(one, other)), message)


def _check_company(one: Known, present: dict[str, Known]) -> Iterator[Finding]:
    """Find what does not go with a parameter that allows only a few others."""
    if not one.row.only_with:
        return
    level = level_of(one.row.confidence_of("only_with"))
    for name, other in present.items():
        if name != one.row.name and name not in one.row.only_with and not other.row.mode:
            message = f"{other.parameter.written} does not go with {one.parameter.written}"
            yield found(other.parameter, "excludes", level, message)


def _check_needs(one: Known, present: dict[str, Known], prompt: Prompt) -> Iterator[Finding]:
    has = {"image": bool(prompt.images), "text": bool(prompt.words)}
    words = {"image": "an image URL at the start of the prompt", "text": "text before it"}
    for name in one.row.needs:
        if not has.get(name, name in present):
            level = level_of(one.row.confidence_of("needs"))
            message = f"{one.parameter.written} needs {words.get(name, '--' + name)}"
            yield found(one.parameter, "needs-partner", level, message)


def _check_ratios(
    one: Known, present: dict[str, Known], version: Version, *, sure: bool
) -> Iterator[Finding]:
    """Find a ratio that does not go with a flag, or with a value of a choice."""
    ratio = present.get("ar")
    if ratio is None or (one.row.max_ratio is None and not one.row.ratios):
        return
    if not ratio.values or not one.row.is_valid_in(version):
        return
    text = ratio.values[0]
    sides = read_ratio(text)
    level = level_of(one.row.confidence) if sure else Level.WARNING
    most, ratios = one.row.max_ratio, one.row.ratios.get("".join(one.values[:1]))
    if most is not None and sides is not None and max(sides) > most * min(sides):
        message = f"{one.parameter.written} takes at most {most:g}:1, not {text}"
        yield found(ratio.parameter, "excludes", level, message)
    if ratios is not None and text not in ratios:
        message = f"{one.parameter.written} {one.values[0]} takes only {', '.join(ratios)}"
        yield found(ratio.parameter, "excludes", level, message)


def _check_codes(one: Known, present: dict[str, Known]) -> Iterator[Finding]:
    """Find style codes beside a value that knows only images."""
    reference = present.get("sref")
    if not one.row.codes or reference is None or not one.values or one.values[0] in one.row.codes:
        return
    if any(is_code(value) for value in reference.values):
        message = (
            f"codes and random work with {one.parameter.written} {' and '.join(one.row.codes)} only"
        )
        yield found(one.parameter, "excludes", level_of(one.row.confidence), message)


def _has_value(one: Known, pattern: str) -> bool:
    return not pattern or any(fnmatch.fnmatchcase(value, pattern) for value in one.values)


def _named(one: Known, value: str) -> str:
    shown = value.replace("*", "...")
    return f"{one.parameter.written} {shown}" if shown else one.parameter.written


def _weaker(one: Known, other: Known) -> str:
    """Return the lower confidence of those that name the other as excluded."""
    confidences = [
        known.row.confidence_of("conflicts")
        for known, partner in ((one, other), (other, one))
        if any(name.partition(" ")[0] == partner.row.name for name in known.row.conflicts)
    ]
    return max(confidences, key=CONFIDENCES.index)

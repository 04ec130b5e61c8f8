"""Checks of one parameter's own values: how many, of which type, in which range."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mj_cli.prompts.findings import Finding, Level, level_of
from mj_cli.prompts.grammar import URL, Parameter, Token
from mj_cli.prompts.table import Limit, Row
from mj_cli.prompts.versions import Version

INTEGER = re.compile(r"-?[0-9]{1,15}")
NUMBER = re.compile(r"-?([0-9]{1,12}(\.[0-9]{1,12})?|\.[0-9]{1,12})")
RATIO = re.compile(r"([0-9]{1,6}):([0-9]{1,6})")
DECIMAL_RATIO = re.compile(r"[0-9]*\.?[0-9]+:[0-9]*\.?[0-9]+")
CODE = re.compile(r"[0-9]{1,12}|random", re.IGNORECASE)
REF_WEIGHT = re.compile(r"::-?[0-9]*\.?[0-9]+$")
PROFILE = re.compile(r"[A-Za-z0-9_-]{1,64}(::-?[0-9]*\.?[0-9]+)?")
GLUED = ",.;"
WHOLE_LISTS = frozenset({"words"})
SEVERAL = frozenset({"urls", "refs", "profile"})


def check_values(
    parameter: Parameter, row: Row, version: Version, *, sure: bool
) -> Iterator[Finding]:
    """Yield what is wrong with the values of one parameter.

    Args:
        parameter: the parameter.
        row: its row of the table.
        version: the version that the prompt means.
        sure: False when the version is not in the table, so that its rules only warn.
    """
    if _has_group(parameter) or row.kind in WHOLE_LISTS:
        if row.kind in WHOLE_LISTS and not parameter.values:
            yield _missing(parameter)
        return
    own, rest = _divided(parameter, row)
    if rest:
        yield _text_after(parameter, rest)
    if not own:
        if row.kind not in {"flag", "profile"} and row.name != "niji":
            yield _missing(parameter)
        return
    for value in own:
        text = value.text.rstrip(GLUED) if row.kind != "refs" else value.text.rstrip(",;")
        if text != value.text:
            yield _glued(parameter, value, text)
        yield from _check_one(parameter, row, value, text, version, sure=sure)


def read_ratio(text: str) -> tuple[int, int] | None:
    """Return width and height of a ratio in whole numbers; None for anything else."""
    match = RATIO.fullmatch(text)
    if match is None or not int(match[1]) or not int(match[2]):
        return None
    return int(match[1]), int(match[2])


def bare(value: Token) -> str:
    """Return a value without the punctuation that is glued to it."""
    return value.text.rstrip(GLUED)


def _divided(parameter: Parameter, row: Row) -> tuple[list[Token], list[Token]]:
    """Divide what follows a name into its values and text that does not belong to it."""
    values = list(parameter.values)
    if row.kind == "flag":
        return [], values
    if row.kind not in SEVERAL:
        return values[:1], values[1:]
    fits = {"urls": URL, "refs": None, "profile": PROFILE}[row.kind]
    count = 0
    for value in values:
        text = value.text.rstrip(",;")
        is_ref = URL.match(text) or CODE.fullmatch(REF_WEIGHT.sub("", text))
        if not (fits.fullmatch(text) if fits else is_ref):
            break
        count += 1
    # The first value is meant as one, whatever it looks like.
    count = max(count, 1 if values and row.kind != "profile" else 0)
    return values[:count], values[count:]


def _check_one(
    parameter: Parameter, row: Row, value: Token, text: str, version: Version, *, sure: bool
) -> Iterator[Finding]:
    match row.kind:
        case "integer" | "number":
            yield from _check_number(parameter, row, value, text, version, sure=sure)
        case "ratio":
            yield from _check_ratio(parameter, row, value, text, version, sure=sure)
        case "choice":
            if text.lower() not in row.choices:
                yield _wrong(
                    parameter,
                    value,
                    f"takes {_either(row.choices)}",
                    level_of(row.confidence_of("range")),
                    "out-of-range",
                )
        case "urls":
            if not URL.fullmatch(text):
                yield _wrong(parameter, value, "takes an image URL", level_of(row.confidence))
        case "refs":
            if not URL.match(text) and not CODE.fullmatch(REF_WEIGHT.sub("", text)):
                yield _wrong(parameter, value, "takes a URL, a code or random", Level.ERROR)
        case _:
            return


def _check_number(
    parameter: Parameter, row: Row, value: Token, text: str, version: Version, *, sure: bool
) -> Iterator[Finding]:
    pattern, what = (INTEGER, "a whole number") if row.kind == "integer" else (NUMBER, "a number")
    if not pattern.fullmatch(text):
        yield _wrong(parameter, value, f"takes {what}", level_of(row.confidence))
        return
    limit = row.limit_for(version)
    if limit is None:
        return
    allowed = _allowed(limit)
    if allowed is not None and not _within(float(text), limit):
        level = level_of(limit.confidence) if sure or not limit.versions else Level.WARNING
        where = f" in version {version}" if limit.versions else ""
        yield _wrong(parameter, value, f"takes {allowed}{where}", level, "out-of-range")


def _check_ratio(
    parameter: Parameter, row: Row, value: Token, text: str, version: Version, *, sure: bool
) -> Iterator[Finding]:
    sides = read_ratio(text)
    if sides is None:
        fix = _whole_ratio(text)
        yield _wrong(parameter, value, "takes width:height in whole numbers", Level.ERROR, fix=fix)
        return
    limit = row.limit_for(version)
    if limit is None or limit.ratio is None:
        return
    if max(sides) > limit.ratio * min(sides):
        level = level_of(limit.confidence) if sure else Level.WARNING
        yield _wrong(
            parameter,
            value,
            f"takes at most {limit.ratio:g}:1 in version {version}",
            level,
            "out-of-range",
        )


def _within(number: float, limit: Limit) -> bool:
    if limit.values:
        return number in limit.values
    low = limit.least if limit.least is not None else number
    high = limit.most if limit.most is not None else number
    return low <= number <= high


def _allowed(limit: Limit) -> str | None:
    if limit.values:
        return _either([f"{value:g}" for value in limit.values])
    if limit.least is None or limit.most is None:
        return None
    return f"{_digits(limit.least)} to {_digits(limit.most)}"


def _digits(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"


def _either(items: list[str] | tuple[str, ...]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} or {items[-1]}"


def _whole_ratio(text: str) -> str | None:
    """Return a decimal ratio such as 1.39:1 in whole numbers, 139:100."""
    if not DECIMAL_RATIO.fullmatch(text):
        return None
    sides = text.split(":")
    places = max(len(side.partition(".")[2]) for side in sides)
    if places > 3:
        return None
    whole = [round(float(side) * 10**places) for side in sides]
    return f"{whole[0]}:{whole[1]}" if all(whole) else None


def _has_group(parameter: Parameter) -> bool:
    """A permutation in a value is many values, each of which only the service sees."""
    return any("{" in value.text and "}" in value.text for value in parameter.values)


def _missing(parameter: Parameter) -> Finding:
    return Finding(
        slug="missing-value",
        level=Level.ERROR,
        start=parameter.start,
        end=parameter.end,
        message=f"{parameter.written} needs a value",
    )


def _text_after(parameter: Parameter, rest: list[Token]) -> Finding:
    text = " ".join(token.text for token in rest)
    shown = text if len(text) <= 40 else text[:37] + "..."
    return Finding(
        slug="text-after-parameters",
        level=Level.ERROR,
        start=rest[0].start,
        end=rest[-1].end,
        message=f"{shown!r} stands after {parameter.written}: text must come before all parameters",
    )


def _glued(parameter: Parameter, value: Token, text: str) -> Finding:
    return Finding(
        slug="glued-punctuation",
        level=Level.WARNING,
        start=value.start,
        end=value.end,
        message=f"punctuation is glued to the value of {parameter.written}",
        fix=text,
    )


def _wrong(
    parameter: Parameter,
    value: Token,
    rule: str,
    level: Level,
    slug: str = "wrong-type",
    *,
    fix: str | None = None,
) -> Finding:
    shown = value.text if len(value.text) <= 40 else value.text[:37] + "..."
    return Finding(
        slug=slug,
        level=level,
        start=value.start,
        end=value.end,
        message=f"{parameter.written} {rule}, not {shown!r}",
        fix=fix,
    )

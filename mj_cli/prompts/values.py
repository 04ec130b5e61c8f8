"""Checks of one parameter's own values: how many, of which type, in which range."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mj_cli.prompts.findings import Finding, Level, found, level_of, quoted
from mj_cli.prompts.grammar import URL, Parameter, Token
from mj_cli.prompts.table import Limit, Row
from mj_cli.prompts.versions import Version, read_version

INTEGER = re.compile(r"-?[0-9]+")
NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)")
RATIO = re.compile(r"([0-9]{1,9}):([0-9]{1,9})")
LIKE_RATIO = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)[:x/\u00d7-]([0-9]{1,6}(?:\.[0-9]{1,3})?)")
CODE = re.compile(r"[0-9]+|random", re.IGNORECASE)
PROFILE = re.compile(r"[A-Za-z0-9_-]{1,64}")
DIGIT = re.compile(r"[0-9]")
GLUED = ",.;"
SEVERAL = frozenset({"urls", "refs", "profile"})
IMAGE_ENDINGS = (".png", ".gif", ".webp", ".jpg", ".jpeg")


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
    own, rest = _divided(parameter, row)
    if rest:
        yield _text_after(parameter, rest, row)
    if not own:
        yield from _check_bare(parameter, row)
    if row.at_most is not None and len(own) > row.at_most:
        most = "one image URL" if row.at_most == 1 else f"{row.at_most} image URLs at most"
        message = f"{parameter.written} takes {most}, not {len(own)}"
        yield found(parameter, "too-many-values", level_of(row.confidence), message)
    if row.kind == "words":
        return
    for value in own:
        text = bare(value)
        if text != value.text:
            message = f"punctuation is glued to the value of {parameter.written}"
            yield found(value, "glued-punctuation", Level.WARNING, message, fix=text)
        if not _is_group(text):
            yield from _check_one(parameter, row, value, version, sure=sure)


def read_ratio(text: str) -> tuple[int, int] | None:
    """Return width and height of a ratio in whole numbers; None for anything else."""
    match = RATIO.fullmatch(text)
    if match is None or not int(match[1]) or not int(match[2]):
        return None
    return int(match[1]), int(match[2])


def bare(value: Token) -> str:
    """Return a value without the punctuation that is glued to it."""
    return value.text.rstrip(GLUED)


def unweighted(text: str) -> str:
    """Return a reference without its `::weight`."""
    reference, colons, weight = text.rpartition("::")
    return reference if colons and (not weight or NUMBER.fullmatch(weight)) else text


def is_code(text: str) -> bool:
    """Tell whether a value of a style reference is a code or random, not a URL."""
    return CODE.fullmatch(unweighted(text)) is not None


def fits_several(row: Row, text: str) -> bool:
    """Tell whether a word is a further value of a parameter that takes several."""
    if _is_group(text):
        return True
    if row.kind == "profile":
        # A word of the text would look the same: ids have digits, or a weight.
        return _is_profile(text) and (DIGIT.search(text) is not None or "::" in text)
    return URL.fullmatch(text) is not None or (row.kind == "refs" and is_code(text))


def has_image_ending(url: str) -> bool:
    """Tell whether a URL's path ends as image files do."""
    path = unweighted(url).strip("<>").partition("?")[0].partition("#")[0]
    return path.lower().endswith(IMAGE_ENDINGS)


def image_type(url: Token) -> Finding:
    """Return the warning about a URL that does not look like an image."""
    message = f"an image URL should end in {', '.join(IMAGE_ENDINGS)}"
    return found(url, "image-type", Level.WARNING, message)


def _divided(parameter: Parameter, row: Row) -> tuple[tuple[Token, ...], tuple[Token, ...]]:
    """Divide what follows a name into its values and text that does not belong to it."""
    values = parameter.values
    if row.kind == "words":
        return values, ()
    if row.kind == "flag":
        return (), values
    # The first value is meant as one, whatever it looks like.
    count = 1
    if row.kind in SEVERAL:
        while count < len(values) and fits_several(row, bare(values[count])):
            count += 1
    return values[:count], values[count:]


def _check_bare(parameter: Parameter, row: Row) -> Iterator[Finding]:
    """Find a parameter that lacks its value."""
    if row.kind == "flag":
        return
    if not row.optional:
        message = f"{parameter.written} needs a value"
        yield found(parameter, "missing-value", level_of(row.confidence), message)
    elif row.confidence_of("bare") != "H":
        message = f"what {parameter.written} without a value means is not documented"
        yield found(parameter, "missing-value", Level.WARNING, message)


def _check_one(
    parameter: Parameter, row: Row, value: Token, version: Version, *, sure: bool
) -> Iterator[Finding]:
    text = bare(value)
    match row.kind:
        case "integer" | "number":
            yield from _check_number(parameter, row, value, version, sure=sure)
        case "ratio":
            yield from _check_ratio(parameter, row, value, version, sure=sure)
        case "choice":
            yield from _check_choice(parameter, row, value, version, sure=sure)
        case "version" if read_version(text, family="v") is None:
            example = "7" if row.name == "niji" else "7 or 8.1"
            rule = f"takes a version such as {example}"
            yield _wrong(parameter, value, rule, level_of(row.confidence), "bad-version")
        case "urls" if not URL.fullmatch(text):
            yield _wrong(parameter, value, "takes an image URL", level_of(row.confidence))
        case "refs" if not URL.fullmatch(text) and not is_code(text):
            rule = "takes an image URL, a code or random"
            yield _wrong(parameter, value, rule, level_of(row.confidence))
        case "profile" if not _is_profile(text):
            rule = "takes ids of profiles or moodboards"
            yield _wrong(parameter, value, rule, level_of(row.confidence))
        case "urls" | "refs" if URL.fullmatch(text) and not has_image_ending(text):
            yield image_type(value)
        case _:
            return


def _check_number(
    parameter: Parameter, row: Row, value: Token, version: Version, *, sure: bool
) -> Iterator[Finding]:
    text = bare(value)
    pattern, what = (INTEGER, "a whole number") if row.kind == "integer" else (NUMBER, "a number")
    if not pattern.fullmatch(text):
        yield _wrong(parameter, value, f"takes {what}", level_of(row.confidence))
        return
    limit = row.limit_for(version)
    if limit is not None and not _within(float(text), limit):
        yield _out_of_range(parameter, value, allowed(limit), limit, version, sure=sure)


def _check_choice(
    parameter: Parameter, row: Row, value: Token, version: Version, *, sure: bool
) -> Iterator[Finding]:
    limit = row.limit_for(version)
    if limit is not None and limit.choices and bare(value).lower() not in limit.choices:
        allowed = _either(limit.choices)
        yield _out_of_range(parameter, value, allowed, limit, version, sure=sure)


def _check_ratio(
    parameter: Parameter, row: Row, value: Token, version: Version, *, sure: bool
) -> Iterator[Finding]:
    text = bare(value)
    sides = read_ratio(text)
    if sides is None:
        rule = "takes width:height in whole numbers"
        yield _wrong(parameter, value, rule, level_of(row.confidence), fix=_whole_ratio(text))
        return
    limit = row.limit_for(version)
    if limit is None or limit.ratio is None:
        return
    if max(sides) > limit.ratio * min(sides):
        allowed = f"at most {limit.ratio:g}:1"
        yield _out_of_range(parameter, value, allowed, limit, version, sure=sure)


def _out_of_range(
    parameter: Parameter, value: Token, allowed: str, limit: Limit, version: Version, *, sure: bool
) -> Finding:
    level = level_of(limit.confidence) if sure or not limit.versions else Level.WARNING
    where = f" in version {version}" if limit.versions else ""
    return _wrong(parameter, value, f"takes {allowed}{where}", level, "out-of-range")


def _within(number: float, limit: Limit) -> bool:
    if limit.least is None or limit.most is None:
        return number in limit.values or not limit.values  # a rule without numbers allows any
    return limit.least <= number <= limit.most or number in limit.values


def allowed(limit: Limit) -> str:
    """Return the rule in words, as in "takes ..."; empty where anything goes."""
    if limit.ratio is not None:
        return f"at most {limit.ratio:g}:1"
    if limit.choices:
        return _either(limit.choices)
    values = [_digits(value) for value in limit.values]
    if limit.least is not None and limit.most is not None:
        values.insert(0, f"{_digits(limit.least)} to {_digits(limit.most)}")
    return _either(values)


def _digits(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"


def _either(items: list[str] | tuple[str, ...]) -> str:
    return f"{', '.join(items[:-1])} or {items[-1]}" if len(items) > 1 else "".join(items)


def _whole_ratio(text: str) -> str | None:
    """Return a ratio such as 1.39:1 or 16x9 in whole numbers, 139:100 and 16:9."""
    match = LIKE_RATIO.fullmatch(text)
    if match is None:
        return None
    places = max(len(side.partition(".")[2]) for side in match.groups())
    width, height = (round(float(side) * 10**places) for side in match.groups())
    return f"{width}:{height}" if width and height else None


def _is_group(text: str) -> bool:
    """A permutation in a value is many values, each of which only the service sees."""
    return "{" in text and "}" in text


def _is_profile(text: str) -> bool:
    return PROFILE.fullmatch(unweighted(text)) is not None


def _text_after(parameter: Parameter, rest: tuple[Token, ...], row: Row) -> Finding:
    shown = " ".join(token.text for token in rest[:10])
    # What an id of a profile looks like is not known well enough to refuse one.
    level = level_of(row.confidence) if row.kind == "profile" else Level.ERROR
    return Finding(
        slug="text-after-parameters",
        level=level,
        start=rest[0].start,
        end=rest[-1].end,
        message=f"{quoted(shown)} stands after {parameter.written}:"
        " text must come before all parameters",
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
    message = f"{parameter.written} {rule}, not {quoted(value.text)}"
    return found(value, slug, level, message, fix)

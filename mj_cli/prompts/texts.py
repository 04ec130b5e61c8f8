"""Checks of a prompt's text and leading images: slips, weights, and images that need words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mj_cli.models import MAX_PROMPT_BYTES
from mj_cli.prompts.findings import Finding, Level, found
from mj_cli.prompts.grammar import Prompt, Token
from mj_cli.prompts.table import VALUE, Row, Table
from mj_cli.prompts.values import has_image_ending, image_type
from mj_cli.prompts.versions import Version

APART = frozenset({"-", "--", "\u2014", "\u2013"})
DIVIDED = re.compile(r"(--|[\u2014\u2013])([A-Za-z][A-Za-z0-9_]*)")
SINGLE = re.compile(r"-([A-Za-z][A-Za-z0-9_]*)")
WEIGHT = re.compile(r"::(-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+))?")
PROSE = frozenset({"flag", "words", "choice"})
"""Kinds whose names are ordinary words, such as no, old and fast."""

FIRST_WITHOUT_WEIGHTS = 7
FIRST_WITH_QUOTES = 6


def check_text(prompt: Prompt, table: Table, version: Version, *, sure: bool) -> Iterator[Finding]:
    """Yield what is wrong with the text and the images.

    Args:
        prompt: the prompt.
        table: the parameters.
        version: the version that the prompt means.
        sure: False when the version is not in the table, so that its rules only warn.
    """
    if not prompt.words and not prompt.images:
        yield Finding(
            slug="no-text",
            level=Level.ERROR,
            start=0,
            end=len(prompt.source),
            message="the prompt has no text and no image",
        )
    size = len(prompt.source.encode("utf-8", "replace"))
    if size > MAX_PROMPT_BYTES:
        yield Finding(
            slug="too-long",
            level=Level.ERROR,
            start=0,
            end=len(prompt.source),
            message=f"the prompt has {size} bytes, and the service takes {MAX_PROMPT_BYTES}",
        )
    yield from _check_divided(prompt.words, table)
    yield from _check_single(prompt.words, table)
    yield from _check_glued(prompt.words, table)
    yield from _check_weights(prompt, version, sure=sure)
    yield from _check_quotes(prompt.words, version)
    if len(prompt.images) == 1 and not prompt.words:
        message = "one image alone needs text beside it"
        yield found(prompt.images[0], "image-alone", Level.WARNING, message)
    for image in prompt.images:
        if not has_image_ending(image.text):
            yield image_type(image)


def _check_divided(words: Sequence[Token], table: Table) -> Iterator[Finding]:
    """Find hyphens with a blank inside or after them, `- - ar` and `-- ar`."""
    for index, word in enumerate(words):
        if word.text not in APART:
            continue
        joined = word.text
        for last in range(index + 1, min(index + 3, len(words))):
            joined += words[last].text
            head = DIVIDED.fullmatch(joined)
            row = table.find(head[2]) if head else None
            if head is None or row is None:
                continue
            following = words[last + 1].text if last + 1 < len(words) else None
            yield Finding(
                slug="split-dashes",
                level=_level_of_divided(head[1], row, following),
                start=word.start,
                end=words[last].end,
                message=f"a blank divides the hyphens of --{head[2].lower()},"
                " which makes it part of the text",
                fix=f"--{head[2]}",
            )
            break


def _check_single(words: Sequence[Token], table: Table) -> Iterator[Finding]:
    """Find a parameter with one hyphen, `-ar 3:2`, which the service takes for text."""
    for index, word in enumerate(words):
        match = SINGLE.fullmatch(word.text)
        row = table.find(match[1]) if match else None
        if match is None or row is None:
            continue
        following = words[index + 1].text if index + 1 < len(words) else None
        yield found(
            word,
            "single-hyphen",
            _level_of_divided("--", row, following),
            f"{word.text} has one hyphen, which makes it part of the text",
            fix=f"--{match[1]}",
        )


def _level_of_divided(dashes: str, row: Row, following: str | None) -> Level:
    """A dash before an ordinary word may be meant; one before `ar 2:3` is not."""
    if dashes != "--" or row.kind in PROSE:
        return Level.WARNING
    return Level.ERROR if following is None or VALUE.match(following) else Level.WARNING


def _check_glued(words: Sequence[Token], table: Table) -> Iterator[Finding]:
    """Find a parameter that is glued to the word before it, `fox--ar`."""
    for word in words:
        if "--" not in word.text:
            continue
        before, dashes, name = word.text.partition("=")[0].rpartition("--")
        if before.strip("-") and table.find(name) is not None:
            message = f"a blank belongs before --{name}, else it is part of the text"
            start = word.start + len(before)
            end = start + len(dashes) + len(name)
            yield Finding(
                slug="glued-dashes",
                level=Level.WARNING,
                start=start,
                end=end,
                message=message,
                fix=f" --{name}",
            )


def _check_weights(prompt: Prompt, version: Version, *, sure: bool) -> Iterator[Finding]:
    weighted = next((word for word in prompt.words if "::" in word.text), None)
    if weighted is None:
        return
    if version.major >= FIRST_WITHOUT_WEIGHTS:
        does = "do nothing" if version.family == "v" else "are not known to work"
        message = f"weights in the text (::) {does} in version {version}"
        yield found(weighted, "weights", Level.WARNING, message)
        return
    if weighted.text.startswith("::"):
        message = "no blank belongs before the :: of a weight"
        yield found(weighted, "weights", Level.WARNING, message)
    if _sum_of_weights(prompt.text) <= 0:
        message = "the weights in the text must add up to more than 0"
        level = Level.ERROR if sure else Level.WARNING
        yield found(weighted, "weights-sum", level, message)


def _sum_of_weights(text: str) -> float:
    weights = list(WEIGHT.finditer(text))
    total = sum(float(match[1] or 1) for match in weights)
    return total + (1 if text[weights[-1].end() :].strip() else 0)


def _check_quotes(words: Sequence[Token], version: Version) -> Iterator[Finding]:
    if version.major >= FIRST_WITH_QUOTES or version.family == "niji":
        return
    quoted = next((word for word in words if word.text.startswith('"')), None)
    if quoted is not None and quoted.text.count('"') > 1:
        message = f"text in quotes is written into the image from version {FIRST_WITH_QUOTES} on"
        yield found(quoted, "quoted-text", Level.WARNING, message)

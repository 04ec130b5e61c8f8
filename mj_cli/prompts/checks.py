"""Checks of a whole prompt: names, versions, what goes together, and what would cost more."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mj_cli.models import Mode
from mj_cli.prompts.findings import Finding, Level, level_of
from mj_cli.prompts.grammar import Parameter, Prompt, Token, parse
from mj_cli.prompts.table import Row, Table, table
from mj_cli.prompts.values import bare, check_values, read_ratio
from mj_cli.prompts.versions import Version, read_version

WEIGHT = re.compile(r"::")
SPLIT_DASHES = frozenset({"--", "\u2014", "\u2013", "-"})
FIRST_WITHOUT_WEIGHTS = 7
HD_RATIO = 4
IMAGE_ENDINGS = (".png", ".gif", ".webp", ".jpg", ".jpeg")


@dataclass(frozen=True, slots=True)
class Known:
    """A parameter with its row of the table."""

    parameter: Parameter
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A prompt as it was understood.

    Attributes:
        prompt: its parts.
        findings: in the order of their places.
        version: the version that the checks assumed.
        version_given: whether the prompt names it.
        mode: the mode that the prompt's own words ask for, or None.
    """

    prompt: Prompt
    findings: tuple[Finding, ...]
    version: Version
    version_given: bool
    mode: Mode | None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What keeps the prompt from being sent."""
        return tuple(one for one in self.findings if one.level is Level.ERROR)


def check(
    text: str,
    *,
    mode: Mode | None = None,
    usual_mode: Mode = Mode.FAST,
    allow: Collection[str] = (),
) -> Checked:
    """Parse a prompt and find what is wrong with it.

    Args:
        text: the prompt.
        mode: the mode that the user chose for the request, which the prompt may not contradict.
        usual_mode: the mode when neither says anything.
        allow: slugs of findings that are allowed; they become warnings.
    """
    known_table = table()
    prompt = parse(text, is_known=known_table.by_name.__contains__)
    meant = _meant_version(prompt, known_table)
    version = meant.version
    known = [
        Known(parameter, row)
        for parameter in prompt.parameters
        if (row := known_table.find(parameter.name)) is not None
    ]
    findings = [
        *([meant.finding] if meant.finding else []),
        *_check_names(prompt, known_table),
        *_check_rows(known, version, sure=meant.sure),
        *_check_pairs(known, prompt, version),
        *_check_cost(known, prompt, mode),
        *_check_text(prompt, known_table, version),
        *_check_slips(known, mode=_mode_of(known) or mode or usual_mode),
    ]
    findings = [_allowed(one) if one.slug in allow else one for one in findings]
    findings.sort(key=lambda one: (one.start, one.end, one.slug))
    return Checked(
        prompt=prompt,
        findings=tuple(findings),
        version=version,
        version_given=meant.given,
        mode=_mode_of(known),
    )


@dataclass(frozen=True, slots=True)
class _Meant:
    """The version that a prompt means.

    Attributes:
        version: the version.
        given: whether the prompt says so itself.
        sure: whether the table knows it, so that its rules can be errors.
        finding: what is wrong with it.
    """

    version: Version
    given: bool = True
    sure: bool = True
    finding: Finding | None = None


def _meant_version(prompt: Prompt, known: Table) -> _Meant:
    """Return the version that a prompt means: the last one that it names, or today's."""
    default = read_version(known.default, family="v")
    assert default is not None
    named = [one for one in prompt.parameters if _row_name(known, one) in {"v", "niji"}]
    if not named:
        return _Meant(default, given=False)
    last = named[-1]
    family = _row_name(known, last)
    if last.values:
        return _read_meant(last, last.values[0], family, default, known)
    newest = read_version(max(known.niji, key=int), family="niji") if family == "niji" else None
    return _Meant(newest or default, sure=False)


def _read_meant(
    parameter: Parameter, value: Token, family: str, default: Version, known: Table
) -> _Meant:
    text = bare(value)
    version = read_version(text, family=family)
    if version is None:
        message = f"{parameter.written} takes a version such as 7 or 8.1, not {text[:40]!r}"
        finding = None if "{" in text else _at(value, "bad-version", Level.ERROR, message)
        return _Meant(default, given=False, sure=False, finding=finding)
    if family == "v" and text in known.withdrawn:
        message = f"version {text} was withdrawn on 2026-07-24"
        finding = _at(value, "version-withdrawn", Level.ERROR, message, fix=known.default)
        return _Meant(version, sure=False, finding=finding)
    if text not in (known.known if family == "v" else known.niji):
        message = f"version {version} is not known here, so rules of versions only warn"
        finding = _at(value, "unlisted-version", Level.WARNING, message)
        return _Meant(version, sure=False, finding=finding)
    return _Meant(version)


def _check_names(prompt: Prompt, known: Table) -> Iterator[Finding]:
    """Find unknown, dead and oddly written names."""
    for parameter in prompt.parameters:
        row = known.find(parameter.name)
        end = parameter.start + len(parameter.written)
        if row is None:
            close = known.close_to(parameter.name)
            hint = f", did you mean --{close}?" if close else ""
            yield Finding(
                slug="unknown-parameter",
                level=Level.ERROR,
                start=parameter.start,
                end=end,
                message=f"there is no parameter {parameter.written}{hint}",
                fix=f"--{close}" if close else None,
            )
            continue
        right = f"--{parameter.name}"
        if not parameter.written.startswith("--"):
            yield Finding(
                slug="long-dash",
                level=Level.WARNING,
                start=parameter.start,
                end=end,
                message=f"a long dash stands for the two hyphens of {right}",
                fix=right,
            )
        if parameter.junk:
            yield Finding(
                slug="glued-punctuation",
                level=Level.ERROR,
                start=end,
                end=end + len(parameter.junk),
                message=f"{parameter.junk[:20]!r} is glued to {right}: a blank belongs between",
                fix=_unglued(parameter),
            )
        if row.status == "dead":
            yield _dead(parameter, row, end)


def _check_rows(known: list[Known], version: Version, *, sure: bool) -> Iterator[Finding]:
    """Check each parameter by its own row."""
    for one in known:
        parameter, row = one.parameter, one.row
        yield from check_values(parameter, row, version, sure=sure)
        if row.is_valid_in(version) is False:
            level = level_of(row.confidence_of("versions")) if sure else Level.WARNING
            yield _of(
                parameter,
                "not-in-version",
                level,
                f"{parameter.written} is for version {', '.join(row.valid_text)},"
                f" and this prompt means {version}",
            )


def _check_pairs(known: list[Known], prompt: Prompt, version: Version) -> Iterator[Finding]:
    """Find what excludes each other, what lacks its partner, and what is said twice."""
    first: dict[str, Known] = {}
    for one in known:
        name = one.row.name
        before = first.setdefault(name, one)
        if before is not one and _values(before) != _values(one):
            yield _of(
                one.parameter,
                "given-twice",
                Level.WARNING,
                f"{one.parameter.written} is given twice with different values",
            )
    for one in first.values():
        yield from _check_conflicts(one, first)
        yield from _check_needs(one, first, prompt)
    yield from _check_special_pairs(first, version)


def _check_conflicts(one: Known, present: dict[str, Known]) -> Iterator[Finding]:
    for name in one.row.conflicts:
        other = present.get(name)
        # Both rows name each other: the later one in the text is told.
        if other is not None and other.parameter.start < one.parameter.start:
            yield _of(
                one.parameter,
                "excludes",
                level_of(one.row.confidence_of("conflicts")),
                f"{one.parameter.written} and {other.parameter.written} exclude each other",
            )
    if one.row.only_with:
        for name, other in present.items():
            if name != one.row.name and name not in one.row.only_with and not other.row.mode:
                yield _of(
                    other.parameter,
                    "excludes",
                    level_of(one.row.confidence_of("only_with")),
                    f"{other.parameter.written} does not go with {one.parameter.written}",
                )


def _check_needs(one: Known, present: dict[str, Known], prompt: Prompt) -> Iterator[Finding]:
    has = {"image": bool(prompt.images), "text": bool(prompt.words)}
    words = {"image": "an image URL at the start of the prompt", "text": "text"}
    for name in one.row.needs:
        if not has.get(name, name in present):
            yield _of(
                one.parameter,
                "needs-partner",
                level_of(one.row.confidence_of("needs")),
                f"{one.parameter.written} needs {words.get(name, '--' + name)}",
            )


def _check_special_pairs(present: dict[str, Known], version: Version) -> Iterator[Finding]:
    """Rules between values of two parameters."""
    quality, oref = present.get("quality"), present.get("oref")
    if quality and oref and _values(quality) == ("4",):
        message = f"{quality.parameter.written} 4 and --oref exclude each other"
        yield _of(quality.parameter, "excludes", Level.ERROR, message)
    ratio = present.get("ar")
    if ratio and "hd" in present and version.major >= 8:
        sides = read_ratio((_values(ratio) or ("",))[0])
        if sides is not None and max(sides) > HD_RATIO * min(sides):
            message = f"--hd takes at most {HD_RATIO}:1"
            yield _of(ratio.parameter, "excludes", Level.ERROR, message)
    weight, profile = present.get("sw"), present.get("profile")
    if weight and profile and any(value.startswith("m") for value in _values(profile)):
        message = "--sw does not go with a moodboard"
        yield _of(weight.parameter, "excludes", Level.WARNING, message)


def _check_cost(known: list[Known], prompt: Prompt, mode: Mode | None) -> Iterator[Finding]:
    """Find what multiplies the cost or fights the request's mode."""
    for one in known:
        if one.row.allow is not None:
            yield _of(
                one.parameter,
                one.row.allow,
                Level.ERROR,
                f"{one.parameter.written} may cost more than one job: {one.row.meaning}",
            )
        if one.row.mode is not None and mode is not None and one.row.mode != mode:
            yield _of(
                one.parameter,
                "mode-conflict",
                Level.ERROR,
                f"{one.parameter.written} contradicts --mode {mode}",
            )
    for start, end in prompt.groups:
        if "," in prompt.source[start:end]:
            yield Finding(
                slug="permutation",
                level=Level.ERROR,
                start=start,
                end=end,
                message="braces make one job of every combination, and each is paid for",
            )


def _check_text(prompt: Prompt, known: Table, version: Version) -> Iterator[Finding]:
    """Find slips in the text and what newer versions no longer understand."""
    for word, following in zip(prompt.words, prompt.words[1:], strict=False):
        name = following.text.split("=")[0].lower()
        if word.text in SPLIT_DASHES and word.text != "-" and name in known.by_name:
            yield Finding(
                slug="split-dashes",
                level=Level.ERROR,
                start=word.start,
                end=following.end,
                message=f"a blank divides the hyphens from {name}",
                fix=f"--{following.text}",
            )
    weighted = next((word for word in prompt.words if WEIGHT.search(word.text)), None)
    if weighted and (version.family, version.major) >= ("v", FIRST_WITHOUT_WEIGHTS):
        message = f"weights in the text (::) do nothing in version {version}"
        yield _at(weighted, "weights", Level.WARNING, message)
    if weighted and version.family == "niji" and version.major >= FIRST_WITHOUT_WEIGHTS:
        message = f"weights in the text (::) are not known to work in version {version}"
        yield _at(weighted, "weights", Level.WARNING, message)
    if len(prompt.images) == 1 and not prompt.words:
        message = "one image alone needs text beside it"
        yield _at(prompt.images[0], "image-alone", Level.WARNING, message)
    for image in prompt.images:
        path = image.text.strip("<>").partition("?")[0].lower()
        if not path.endswith(IMAGE_ENDINGS):
            message = f"an image URL should end in {', '.join(IMAGE_ENDINGS)}"
            yield _at(image, "image-type", Level.WARNING, message)


def _check_slips(known: list[Known], *, mode: Mode) -> Iterator[Finding]:
    """Find what is allowed and often not meant."""
    for one in known:
        parameter, name = one.parameter, one.row.name
        if name == "no":
            items = " ".join(value.text for value in parameter.values).split(",")
            if any(len(item.split()) > 1 for item in items):
                yield _of(
                    parameter,
                    "no-words",
                    Level.WARNING,
                    "moderation reads each word of --no alone, so say it in single words",
                )
        if name == "oref" and mode is Mode.FAST:
            message = "--oref does not work in fast mode; use --mode relaxed"
            yield _of(parameter, "oref-fast", Level.WARNING, message)
        if name == "profile":
            message = "profiles belong to an account, so they may do nothing through a gateway"
            yield _of(parameter, "profile", Level.WARNING, message)
        if name == "style" and _values(one) == ("raw",):
            message = "--style raw is --raw today"
            yield _of(parameter, "renamed-parameter", Level.WARNING, message, fix="--raw")


def _mode_of(known: list[Known]) -> Mode | None:
    modes = [one.row.mode for one in known if one.row.mode is not None]
    return Mode(modes[-1]) if modes else None


def _dead(parameter: Parameter, row: Row, end: int) -> Finding:
    today = f", today it is --{row.now}" if row.now else ""
    return Finding(
        slug="dead-parameter",
        level=Level.WARNING,
        start=parameter.start,
        end=end,
        message=f"{parameter.written} does nothing any more{today}",
        fix=f"--{row.now}" if row.now else None,
    )


def _unglued(parameter: Parameter) -> str | None:
    rest = parameter.junk.strip(",.;")
    return f" {rest}" if rest else ""


def _row_name(known: Table, parameter: Parameter) -> str:
    row = known.find(parameter.name)
    return row.name if row is not None else ""


def _values(one: Known) -> tuple[str, ...]:
    return tuple(bare(value) for value in one.parameter.values)


def _allowed(finding: Finding) -> Finding:
    return Finding(
        slug=finding.slug,
        level=Level.WARNING,
        start=finding.start,
        end=finding.end,
        message=f"{finding.message} (allowed)",
        fix=finding.fix,
    )


def _at(token: Token, slug: str, level: Level, message: str, fix: str | None = None) -> Finding:
    return Finding(
        slug=slug, level=level, start=token.start, end=token.end, message=message, fix=fix
    )


def _of(
    parameter: Parameter, slug: str, level: Level, message: str, fix: str | None = None
) -> Finding:
    return Finding(
        slug=slug, level=level, start=parameter.start, end=parameter.end, message=message, fix=fix
    )

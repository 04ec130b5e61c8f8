"""All checks of a prompt; here those of names, versions, and what would cost more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from mj_cli.models import Mode
from mj_cli.prompts.findings import Finding, Level, found, level_of, quoted
from mj_cli.prompts.grammar import Parameter, Prompt, Token, parse
from mj_cli.prompts.pairs import Known, check_pairs
from mj_cli.prompts.table import Row, Table, table
from mj_cli.prompts.texts import check_text
from mj_cli.prompts.values import GLUED, bare, check_values
from mj_cli.prompts.versions import Version, read_version

MOST_OF_A_KIND = 50
"""So many findings with one slug and level are told; more of them would help nobody."""

TEST_MODELS = frozenset({"test", "testp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A prompt as it was understood.

    Attributes:
        prompt: its parts.
        findings: in the order of their places, at most 50 with the same slug and level.
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
    prompt = parse(text, after_long_dash=known_table.reads_as_parameter)
    meant = _meant_version(prompt, known_table)
    known = [
        Known(parameter, row)
        for parameter in prompt.parameters
        if (row := known_table.find(parameter.name)) is not None
    ]
    own_mode = _mode_of(known)
    findings = [
        *_limited(meant.findings),
        *_limited(_check_names(prompt, known_table)),
        *_limited(_check_rows(known, meant)),
        *_limited(check_pairs(known, prompt, meant.version, sure=meant.sure)),
        *_limited(_check_cost(known, prompt, mode, own_mode or mode or usual_mode)),
        *_limited(check_text(prompt, known_table, meant.version, sure=meant.sure)),
        *_limited(_check_slips(known, own_mode or mode or usual_mode)),
    ]
    if allow:
        findings = [_allowed(one) if one.slug in allow else one for one in findings]
    findings.sort(key=lambda one: (one.start, one.end, one.slug))
    return Checked(
        prompt=prompt,
        findings=tuple(findings),
        version=meant.version,
        version_given=meant.given,
        mode=own_mode,
    )


@dataclass(frozen=True, slots=True)
class _Meant:
    """The version that a prompt means.

    Attributes:
        version: the version.
        given: whether the prompt says so itself.
        sure: whether the table knows it, so that its rules can be errors.
        findings: what is wrong with it.
    """

    version: Version
    given: bool = True
    sure: bool = True
    findings: tuple[Finding, ...] = ()


def _meant_version(prompt: Prompt, known: Table) -> _Meant:
    """Return the version that a prompt means: the last one that it names, or today's."""
    last = family = None
    is_test = False
    for parameter in prompt.parameters:
        row = known.find(parameter.name)
        if row is not None and row.kind == "version":
            last, family = parameter, row.name
        is_test = is_test or (row is not None and row.name in TEST_MODELS)
    if last is not None and family is not None and last.values:
        return _read_meant(last, family, known)
    if family == "niji":
        return _Meant(known.newest_niji, sure=False)
    if is_test:
        return _Meant(Version("test", 0, 0), sure=False)
    return _Meant(known.default_version, given=False, sure=last is None)


def _read_meant(parameter: Parameter, family: str, known: Table) -> _Meant:
    value = parameter.values[0]
    text = bare(value)
    version = read_version(text, family=family)
    if version is None:  # what is wrong with it is told with the other values
        return _Meant(known.default_version, given=False, sure=False)
    if version in known.withdrawn:
        message = f"version {version} was withdrawn on {known.withdrawn_on}"
        fix = known.default
        finding = found(value, "version-withdrawn", Level.ERROR, message, fix=fix)
        return _Meant(version, sure=False, findings=(finding,))
    if version not in known.known:
        message = (
            f"{parameter.written} {quoted(text)[1:-1]} is newer than mj's table or was never there,"
            " so rules about versions only warn"
        )
        finding = found(value, "unlisted-version", Level.WARNING, message)
        return _Meant(version, sure=False, findings=(finding,))
    return _Meant(version)


def _check_names(prompt: Prompt, known: Table) -> Iterator[Finding]:
    """Find unknown, dead and oddly written names."""
    unknown = 0
    for parameter in prompt.parameters:
        row = known.find(parameter.name)
        if row is not None:
            yield from _check_name(parameter, row)
            continue
        unknown += 1
        if unknown <= MOST_OF_A_KIND:
            yield _unknown(parameter, known)


def _check_name(parameter: Parameter, row: Row) -> Iterator[Finding]:
    right = f"--{parameter.name}"
    if not parameter.written.startswith("--"):
        message = f"a long dash stands for the two hyphens of {right}"
        yield found(_name(parameter), "long-dash", Level.WARNING, message, fix=right)
    if parameter.junk:
        end = _name(parameter).end
        rest = parameter.junk.strip(GLUED)
        yield Finding(
            slug="glued-punctuation",
            level=Level.ERROR if rest else Level.WARNING,
            start=end,
            end=end + len(parameter.junk),
            message=f"{quoted(parameter.junk)} is glued to {right}",
            fix=f" {rest}" if rest else "",
        )
    if row.status == "dead":
        today = f", today it is --{row.now}" if row.now else ""
        message = f"{parameter.written} does nothing any more{today}"
        yield found(_name(parameter), "dead-parameter", Level.WARNING, message)
    if row.status == "legacy":
        message = f"{parameter.written} was made for old models and may do nothing: {row.meaning}"
        yield found(_name(parameter), "legacy-parameter", Level.WARNING, message)


def _unknown(parameter: Parameter, known: Table) -> Finding:
    fix = hint = None
    first, glued, second = parameter.name.partition("--")
    if glued and known.find(first) and known.find(second):
        fix = f"--{first} --{second}"
        hint = f"a blank belongs before --{second}"
    elif base := known.lacks_blank(parameter.name):
        fix = f"--{base} {parameter.name[len(base) :]}"
        hint = f"a blank belongs between --{base} and its value"
    elif close := known.close_to(parameter.name):
        fix = f"--{close}"
        hint = f"did you mean --{close}?"
    message = f"there is no parameter {quoted(parameter.written)[1:-1]}"
    message = f"{message}, {hint}" if hint else message
    return found(_name(parameter), "unknown-parameter", Level.ERROR, message, fix)


def _name(parameter: Parameter) -> Token:
    """Return the parameter's name alone, as a place in the text."""
    end = parameter.start + len(parameter.written)
    return Token(parameter.written, parameter.start, end)


def _check_rows(known: list[Known], meant: _Meant) -> Iterator[Finding]:
    """Check each parameter by its own row."""
    for one in known:
        parameter, row = one.parameter, one.row
        findings = check_values(parameter, row, meant.version, sure=meant.sure)
        if parameter.written.startswith("--"):
            yield from findings
        else:  # how the provider reads a long dash is hearsay
            yield from (replace(finding, level=Level.WARNING) for finding in findings)
        if row.status != "dead":
            yield from _check_version(parameter, row, meant)


def _check_version(parameter: Parameter, row: Row, meant: _Meant) -> Iterator[Finding]:
    is_valid = row.is_valid_in(meant.version)
    if is_valid:
        return
    version = f"version {meant.version}" if meant.given else f"today's default, {meant.version}"
    if is_valid is False:
        level = level_of(row.confidence_of("versions")) if meant.sure else Level.WARNING
        valid = ", ".join(row.valid_text)
        message = f"{parameter.written} is for version {valid}; this prompt means {version}"
        yield found(parameter, "not-in-version", level, message)
    elif row.is_doubtful_in(meant.version):
        message = f"it is not certain that {parameter.written} works in {version}"
        yield found(parameter, "not-in-version", Level.WARNING, message)


def _check_cost(
    known: list[Known], prompt: Prompt, mode: Mode | None, meant_mode: Mode
) -> Iterator[Finding]:
    """Find what multiplies the cost or fights the request's mode."""
    for one in known:
        parameter, row = one.parameter, one.row
        if row.allow is not None:
            message = f"{parameter.written} means: {row.meaning}"
            yield found(parameter, row.allow, Level.ERROR, message)
        if row.mode is not None and mode is not None and row.mode != mode:
            message = f"{parameter.written} contradicts --mode {mode}"
            yield found(parameter, "mode-conflict", Level.ERROR, message)
        if row.name == "repeat" and meant_mode is Mode.RELAXED:
            message = f"{parameter.written} does not work in relaxed mode; use --mode fast"
            yield found(parameter, "needs-fast-mode", Level.WARNING, message)
    places = prompt.permutations
    for start, end in places:
        yield Finding(
            slug="permutation",
            level=Level.ERROR,
            start=start,
            end=end,
            message="braces make one job of every combination, and each is paid for",
        )
    if places and meant_mode is Mode.RELAXED:
        yield Finding(
            slug="needs-fast-mode",
            level=Level.WARNING,
            start=places[0][0],
            end=places[0][1],
            message="braces do not work in relaxed mode; use --mode fast",
        )


def _check_slips(known: list[Known], mode: Mode) -> Iterator[Finding]:
    """Find what is allowed and often not meant."""
    for one in known:
        parameter, name = one.parameter, one.row.name
        if name == "no" and _has_long_item(parameter):
            message = "moderation reads each word of --no alone, so say it in single words"
            yield found(parameter, "no-words", Level.WARNING, message)
        if name == "oref" and mode is Mode.FAST:
            message = f"{parameter.written} does not work in fast mode; use --mode relaxed"
            yield found(parameter, "oref-fast", Level.WARNING, message)
        if name == "profile":
            message = "profiles belong to an account, so they may do nothing through a gateway"
            yield found(parameter, "profile", Level.WARNING, message)
        if name == "style" and one.values == ("raw",):
            message = f"{parameter.written} raw is --raw today"
            yield found(parameter, "renamed-parameter", Level.WARNING, message, fix="--raw")


def _has_long_item(parameter: Parameter) -> bool:
    items = " ".join(value.text for value in parameter.values).split(",")
    return any(len(item.split(None, 1)) > 1 for item in items)


def _mode_of(known: list[Known]) -> Mode | None:
    modes = [one.row.mode for one in known if one.row.mode is not None]
    return Mode(modes[-1]) if modes else None


def _limited(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Leave out what is told often enough; no slug with an error loses its last one."""
    told: Counter[tuple[str, Level]] = Counter()
    for finding in findings:
        key = (finding.slug, finding.level)
        told[key] += 1
        if told[key] <= MOST_OF_A_KIND:
            yield finding


def _allowed(finding: Finding) -> Finding:
    return replace(finding, level=Level.WARNING, message=f"{finding.message} (allowed)")

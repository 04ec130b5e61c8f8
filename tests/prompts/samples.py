"""Prompts made from the table of parameters: for each row one that is right, and rules broken."""

from __future__ import annotations

from mj_cli.prompts.checks import Checked, check
from mj_cli.prompts.table import Limit, Row, table
from mj_cli.prompts.values import read_ratio
from mj_cli.prompts.versions import Version

URL = "https://example.com/a.png"
VALUE_SLUGS = {"wrong-type", "bad-version"}
"""What a value of the wrong type is called."""

OWN_SLUGS = {*VALUE_SLUGS, "out-of-range", "missing-value", "too-many-values", "not-in-version"} | {
    "text-after-parameters",
    "needs-partner",
    "unknown-parameter",
    "excludes",
}
"""What is said of a parameter that is wrong; the other warnings are about right ones as well."""


def known_versions() -> list[Version]:
    """The versions that the table lists, today's first."""
    return sorted(table().known, reverse=True)


def versions_of(row: Row, *, valid: bool) -> list[Version]:
    """The versions that take a row's parameter, or those that certainly do not."""
    return [version for version in known_versions() if row.is_valid_in(version) is valid]


def spelled(version: Version) -> str:
    """A version as a parameter."""
    return f"--niji {version.major}" if version.family == "niji" else f"--v {version}"


def good_value(row: Row, version: Version) -> str:
    """A value that the table takes."""
    limit = row.limit_for(version)
    match row.kind:
        case "flag":
            return ""
        case "ratio":
            return "3:2"
        case "version":
            return str(version.major)
        case "choice":
            return (limit.choices if limit and limit.choices else ("abc",))[0]
        case "urls":
            return URL
        case "refs":
            return f"{URL} 123::2 random"
        case "words":
            return "dogs, cats"
        case "profile":
            return "p1234 m5678::2"
        case _:
            return f"{some_number(limit):g}"


def some_number(limit: Limit | None) -> float:
    """A number that a rule takes."""
    if limit is None:
        return 1
    if limit.values:
        return limit.values[0]
    return 1 if limit.least is None else limit.least


def bad_value(row: Row) -> str:
    """What the parameter cannot take in any version."""
    match row.kind:
        case "flag":
            return "poppies"
        case "words":
            return ""
        case "profile":
            return "no/profile"
        case _:
            return "no-such-value"


def company_of(row: Row) -> tuple[str, str]:
    """What a parameter needs: what stands before the text, and what stands after it."""
    before = after = ""
    for name in row.needs:
        if name == "image":
            before = URL
        elif name != "text":
            partner = table().by_name[name]
            first, second = company_of(partner)
            before = before or first
            after = f"{after} {second} --{name} {good_value(partner, version_for(partner))}"
    return before, after


def version_for(row: Row) -> Version:
    """The newest version that takes a parameter."""
    return (versions_of(row, valid=True) or [Version("v", 8, 2)])[0]


def prompt_with(row: Row, value: str, version: Version, *, name: str | None = None) -> str:
    """A prompt with a parameter, its company, and a version."""
    before, after = company_of(row)
    is_default = str(version) == table().default
    said = "" if row.kind == "version" or is_default else spelled(version)
    return f"{before} a red fox{after} {said} --{name or row.name} {value}"


def good_prompt(row: Row, *, name: str | None = None) -> str:
    """A prompt in which a parameter is right."""
    version = version_for(row)
    if row.kind == "version":
        version = next(one for one in known_versions() if one.family == row.name)
        value = str(version).removeprefix("niji ")
    else:
        value = good_value(row, version)
    return prompt_with(row, value, version, name=name)


def slugs(checked: Checked) -> set[str]:
    """The slugs of what was found."""
    return {finding.slug for finding in checked.findings}


def slugs_of(text: str, **options: object) -> set[str]:
    """The slugs of what is found in a prompt."""
    return slugs(check(text, **options))  # type: ignore[arg-type]


def ratio_of(limit: Limit) -> tuple[str, str]:
    """The most oblong ratio that a rule takes, and one beyond it."""
    assert limit.ratio is not None
    widest = f"{limit.ratio * 2:g}:2"
    assert read_ratio(widest)
    return widest, f"{limit.ratio * 2 + 1:g}:2"

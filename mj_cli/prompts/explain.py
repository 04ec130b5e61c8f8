"""How a prompt was understood, as values that can be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mj_cli.models import Mode
from mj_cli.prompts.checks import Checked
from mj_cli.prompts.findings import Finding
from mj_cli.prompts.fingerprint import fingerprint, normalised
from mj_cli.prompts.grammar import Parameter
from mj_cli.prompts.table import Row, Table
from mj_cli.prompts.values import allowed
from mj_cli.prompts.versions import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedParameter:
    """One parameter; `name` and what follows are empty or None where the table has no row."""

    written: str
    values: tuple[str, ...]
    name: str
    meaning: str
    default: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A prompt as it was understood.

    Attributes:
        prompt: as it was given.
        images: leading image URLs.
        text: the words, white space folded.
        parameters: in the order in which they were written.
        version: the version that the checks assumed.
        version_given: whether the prompt names it.
        mode: the mode that its own words ask for, or None.
        findings: in the order of their places.
        normalised: the prompt as the fingerprint sees it.
        fingerprint: the same for every spelling of the prompt.
        file: where the prompt was read from, or None.
        line: its line there, counted from 1, or None.
    """

    prompt: str
    images: tuple[str, ...]
    text: str
    parameters: tuple[ExplainedParameter, ...]
    version: str
    version_given: bool
    mode: Mode | None
    findings: tuple[Finding, ...]
    normalised: str
    fingerprint: str
    file: str | None = None
    line: int | None = None


def explain(
    checked: Checked, table: Table, *, file: str | None = None, line: int | None = None
) -> Explanation:
    """Return how a prompt was understood."""
    prompt = checked.prompt
    return Explanation(
        prompt=prompt.source,
        images=tuple(image.text for image in prompt.images),
        text=prompt.text,
        parameters=tuple(
            _explained(one, table.find(one.name), checked.version) for one in prompt.parameters
        ),
        version=str(checked.version),
        version_given=checked.version_given,
        mode=checked.mode,
        findings=checked.findings,
        normalised=normalised(prompt, table),
        fingerprint=fingerprint(prompt, table),
        file=file,
        line=line,
    )


def facts_of(row: Row, table: Table) -> Mapping[str, object]:
    """Return a row of the table with its sources, name by name."""
    facts = {
        "name": f"--{row.name}",
        "aliases": [f"--{alias}" for alias in row.aliases],
        "meaning": row.meaning,
        "value": row.kind,
        "takes": _rules(row),
        "default": row.default,
        "versions": list(row.valid_text) or ["all"],
        "excludes": [f"--{name}" for name in row.conflicts],
        "needs": list(row.needs),
        "notes": row.notes,
        "status": row.status,
        "today": f"--{row.now}" if row.now else None,
        "needs --allow": row.allow,
        "confidence": row.confidence,
        "sources": [f"{one}: {table.sources.get(one, one)}" for one in row.source],
        "table of": table.date.isoformat(),
    }
    return {name: value for name, value in facts.items() if value not in (None, [], "")}


def _rules(row: Row) -> list[str]:
    """Return what a value may be, version by version."""
    rules = [
        f"{allowed(limit) or 'anything'} in {', '.join(map(str, limit.versions))}"
        for limit in row.limits
    ]
    general = row.general_limit
    if general is not None:
        rules.append(f"{allowed(general)}{' elsewhere' if rules else ''}")
    return rules


def _explained(parameter: Parameter, row: Row | None, version: Version) -> ExplainedParameter:
    return ExplainedParameter(
        written=parameter.written + parameter.junk,
        values=tuple(value.text for value in parameter.values),
        name=row.name if row else "",
        meaning=row.meaning if row else "",
        default=row.default_for(version) if row else None,
    )

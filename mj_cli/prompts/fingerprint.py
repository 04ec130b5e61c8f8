"""Fingerprints: two spellings of one prompt have the same, two prompts never do."""

from __future__ import annotations

import hashlib
import json

from mj_cli.prompts.grammar import Parameter, Prompt, format_parameter
from mj_cli.prompts.table import Table

VERSION = 1
"""Grows whenever the same prompt gets another fingerprint than before."""


def fingerprint(prompt: Prompt, table: Table) -> str:
    """Return a hash over the normalised prompt.

    Aliases are resolved, white space folded, parameters put in order of their names, those given
    twice with the same values taken once, mode words left out. Values, and the order of anything
    else, stay as they are: what is not known to be the same picture is another one.

    Returns:
        The version of the rules, a colon, and 32 hexadecimal digits.
    """
    content = [
        [token.text for token in prompt.images],
        [word.text for word in prompt.words],
        _parameters(prompt, table),
    ]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return f"{VERSION}:{digest[:32]}"


def normalised(prompt: Prompt, table: Table) -> str:
    """Return the prompt as the fingerprint sees it, as text that can be sent."""
    pieces = [token.text for token in (*prompt.images, *prompt.words)]
    for name, *values in _parameters(prompt, table):
        pieces.append(" ".join([f"--{name}", *values]))
    return " ".join(pieces)


def without_mode(prompt: Prompt, table: Table) -> str:
    """Return the prompt as it is sent: in its own order, without the words that set the mode."""
    pieces = [token.text for token in (*prompt.images, *prompt.words)]
    pieces += [
        format_parameter(parameter)
        for parameter in prompt.parameters
        if not _is_mode(parameter, table)
    ]
    return " ".join(pieces)


def _parameters(prompt: Prompt, table: Table) -> list[tuple[str, ...]]:
    """Return names with values in order of the names, each once unless its values differ."""
    by_name: dict[str, list[tuple[str, ...]]] = {}
    for parameter in prompt.parameters:
        if not _is_mode(parameter, table):
            name = _canonical(parameter, table)
            given = (name, *(value.text for value in parameter.values))
            by_name.setdefault(name, []).append(given)
    # Of `--v 6 --v 7 --v 6` the last may count, or the first: all of them stay, in their order.
    return [given for name in sorted(by_name) for given in _settled(by_name[name])]


def _settled(given: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return given[:1] if all(one == given[0] for one in given) else given


def _canonical(parameter: Parameter, table: Table) -> str:
    row = table.find(parameter.name)
    return (row.name if row else parameter.name) + parameter.junk


def _is_mode(parameter: Parameter, table: Table) -> bool:
    row = table.find(parameter.name)
    return row is not None and row.mode is not None and not parameter.values and not parameter.junk

"""What a check finds: a slug, a place, a sentence, and a fix where there is one."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from mj_cli.prompts.grammar import Parameter, Token

LONGEST_QUOTE = 40


class Level(enum.StrEnum):
    """An error keeps the prompt from being sent, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or may be.

    Attributes:
        slug: a stable word; `--allow SLUG` sends the prompt all the same.
        level: error or warning.
        start: where it starts in the prompt, in characters.
        end: where it ends.
        message: one sentence without a full stop.
        fix: text that would be right in that place, or None.
    """

    slug: str
    level: Level
    start: int
    end: int
    message: str
    fix: str | None = None


def level_of(confidence: str) -> Level:
    """Only what the official text says can be an error."""
    return Level.ERROR if confidence == "H" else Level.WARNING


def found(
    place: Token | Parameter,
    slug: str,
    level: Level,
    message: str,
    fix: str | None = None,
) -> Finding:
    """Return a finding about a whole token or parameter."""
    return Finding(
        slug=slug, level=level, start=place.start, end=place.end, message=message, fix=fix
    )


def quoted(text: str) -> str:
    """Return the user's own words as a sentence can show them."""
    return repr(text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 3]}...")

"""What a command may have shown, whoever reads it."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mj_cli.errors import MjError
from mj_cli.events import Event
from mj_cli.models import Job, UnknownTask
from mj_cli.prompts.explain import Explanation
from mj_cli.prompts.findings import Finding


class Shows(enum.Enum):
    """What a run puts on stdout for each job."""

    IDS = "ids"
    PATHS = "paths"
    URLS = "urls"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingLine:
    """One setting for `config list`."""

    name: str
    value: object
    source: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalLine:
    """What one month came to in one mode; `cost` is None while the price is not set."""

    month: str
    mode: str
    charged: int
    in_doubt: int
    cost: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLine:
    """A request that `--dry-run` shows instead of sending it; `cost` as in `TotalLine`."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Mapping[str, object]
    cost: float | None


class Output(Protocol):
    """Everything that mj prints goes through here: data to stdout, talk to stderr."""

    def start_run(self, shows: Shows) -> None:
        """Say what the coming events are to put on stdout."""
        ...

    def event(self, event: Event) -> None:
        """Show what the pipeline reports."""
        ...

    def jobs(self, jobs: Sequence[Job | UnknownTask]) -> None:
        """Show jobs as a list."""
        ...

    def job(self, attempts: Sequence[Job]) -> None:
        """Show one job with all its attempts."""
        ...

    def totals(self, totals: Sequence[TotalLine]) -> None:
        """Show what the months came to."""
        ...

    def settings(self, settings: Sequence[SettingLine]) -> None:
        """Show settings with their sources."""
        ...

    def request(self, request: RequestLine) -> None:
        """Show a request that is not sent."""
        ...

    def prompt(self, explanation: Explanation) -> None:
        """Show how a prompt was understood; one that was read from a file, by its findings."""
        ...

    def finding(self, finding: Finding, text: str) -> None:
        """Say on stderr what a check found in a prompt that is about to be sent."""
        ...

    def facts(self, kind: str, facts: Mapping[str, object]) -> None:
        """Show facts about one thing, name by name."""
        ...

    def value(self, text: str) -> None:
        """Show one value, such as a setting or a path, on stdout."""
        ...

    def note(self, text: str) -> None:
        """Say something on stderr that a script need not read."""
        ...

    def warn(self, text: str) -> None:
        """Say something on stderr that the user should act on."""
        ...

    def error(self, error: MjError) -> None:
        """Say what went wrong and what to do."""
        ...

    def close(self) -> None:
        """Take down what is on the screen."""
        ...

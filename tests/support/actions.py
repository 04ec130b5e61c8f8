"""What a scripted fault is: a step of a script, and the stage on which it plays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.support.wire import Response, Wire

Json = dict[str, Any] | list[Any] | str | int | float | bool | None
Row = dict[str, Any]


class Stage(Protocol):
    """One request (or one new connection) as an action sees it."""

    @property
    def wire(self) -> Wire: ...

    def accept(self, task_id: str | None) -> None:
        """Take the submitted job and charge it, unless that has happened."""

    def normal(self) -> Response:
        """The answer without a fault; on a submit this charges if it accepts."""

    def whole_image(self) -> Response:
        """The answer as if no range had been asked for."""

    def change_image(self, body: bytes | None) -> None:
        """Give the image a new ETag, and new bytes if any are given."""

    def proceed(self) -> None:
        """Go on as if there were no fault."""

    def reply(self, response: Response) -> None:
        """Send a whole response and keep the connection as the client wishes."""

    def hang(self) -> None:
        """Wait for `release()`; ends the connection when the service closes."""

    def pause(self, seconds: float) -> None:
        """Wait; ends the connection when the service closes."""


class Action(ABC):
    """Stands in for the answer to one request."""

    @abstractmethod
    def perform(self, stage: Stage) -> None: ...


class EarlyAction(Action):
    """Strikes before the body has been read, so it cannot be chosen by a prompt."""


class ImageAction(Action):
    """Makes sense for images only."""


class RowEdit(ABC):
    """Changes the rows of a job-status answer."""

    @abstractmethod
    def edit(self, rows: list[Row], own: Collection[str]) -> list[Row]:
        """The rows to send; `own` are the ids of the tasks for which the edit was scripted."""


Step = Action | RowEdit


@dataclass(frozen=True)
class Repeat:
    """A step taken several times; for ever when `count` is None."""

    step: Step
    count: int | None


def times(count: int, step: Step) -> Repeat:
    return Repeat(step, count)


def always(step: Step) -> Repeat:
    return Repeat(step, None)

"""Which fault strikes which request: queues of steps, chosen by endpoint and prompt."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tests.support.actions import Action, EarlyAction, ImageAction, Repeat, RowEdit, Step
from tests.support.faults import AcceptThen, Close, Hang, Normal, Raw, Reset

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["connection", "submit", "poll", "image", "other"]

ON_CONNECTION = (EarlyAction, Normal, Reset, Close, Hang, Raw)


@dataclass
class Script:
    """The steps still to come for requests of one kind whose prompt contains a text."""

    kind: Kind
    contains: str
    index: int | None
    steps: deque[Repeat] = field(default_factory=deque)

    def coming(self) -> Step | None:
        """The next step, which is not taken by looking at it."""
        while self.steps and self.steps[0].count == 0:
            self.steps.popleft()
        return self.steps[0].step if self.steps else None

    def consume(self) -> None:
        first = self.steps.popleft()
        if first.count is None or first.count > 1:
            left = None if first.count is None else first.count - 1
            self.steps.appendleft(Repeat(first.step, left))

    def matching(self, prompts: Mapping[str, str]) -> set[str] | None:
        """The ids of the tasks that it speaks of; None when it does not fit the request."""
        ids = {task for task, prompt in prompts.items() if self.contains in prompt}
        return ids if ids or not self.contains else None


class Scripts:
    """All scripts of a service, in the order in which they were given; needs the caller's lock."""

    def __init__(self) -> None:
        self._scripts: list[Script] = []

    def add(
        self, kind: Kind, contains: str, steps: tuple[Step | Repeat, ...], index: int | None = None
    ) -> None:
        repeats = [step if isinstance(step, Repeat) else Repeat(step, 1) for step in steps]
        for repeat in repeats:
            _check(kind, contains, repeat.step)
        self._scripts.append(Script(kind, contains, index, deque(repeats)))

    def take_early(self, kind: Kind) -> EarlyAction | None:
        """The action that strikes before the body is read, if it is the turn of one."""
        for script in self._scripts:
            if script.kind == kind and not script.contains:
                step = script.coming()
                if isinstance(step, EarlyAction):
                    script.consume()
                    return step
        return None

    def take(
        self, kind: Kind, prompts: Mapping[str, str], index: int | None = None
    ) -> tuple[Action | None, list[tuple[RowEdit, set[str]]]]:
        """The first action that fits, and every row edit that fits with the ids it speaks of."""
        action: Action | None = None
        edits: list[tuple[RowEdit, set[str]]] = []
        for script in self._scripts:
            own = script.matching(prompts)
            if script.kind != kind or own is None or script.index not in {None, index}:
                continue
            step = script.coming()
            if isinstance(step, RowEdit):
                edits.append((step, own))
                script.consume()
            elif isinstance(step, Action) and action is None:
                action = step
                script.consume()
        return action, edits


def _check(kind: Kind, contains: str, step: Step) -> None:
    """Refuse a step that could never do what it says."""
    name = type(step).__name__
    if kind == "connection" and not isinstance(step, ON_CONNECTION):
        raise TypeError(f"{name} needs a request: use on_submit, on_status or on_image")
    if isinstance(step, AcceptThen) and kind != "submit":
        raise TypeError(f"{name} is about submits: use on_submit")
    if isinstance(step, RowEdit) and kind != "poll":
        raise TypeError(f"{name} edits the rows of a status answer: use on_status")
    if isinstance(step, ImageAction) and kind != "image":
        raise TypeError(f"{name} is about images: use on_image")
    if isinstance(step, EarlyAction) and contains:
        raise ValueError(f"{name} strikes before the prompt is read: match '' or use on_connect")

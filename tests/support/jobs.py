"""The books of the service: tasks and their lives, slots, quota, and the bill."""

from __future__ import annotations

import itertools
import json
import secrets
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ImagesAs = Literal["strings", "objects", "grid-only", "duplicated", "none"]

RUNNING, COMPLETED, FAILED = 0, 1, 2
QUOTA_USED_UP, TOO_MANY_TASKS = 1001, 1002


@dataclass(frozen=True)
class Charge:
    """One line of the bill: a job that was accepted and has to be paid."""

    task_id: str
    prompt: str
    mode: str
    body: dict[str, Any]
    time: float


@dataclass(frozen=True)
class Plan:
    """What becomes of the tasks whose prompt contains a text; None means "as the service does"."""

    prompt_contains: str
    polls: int | None = None
    fails: str | None = None
    images_as: ImagesAs | None = None


@dataclass
class Task:
    """One accepted job; `status` is the service's own number for its state."""

    id: str
    prompt: str
    mode: str
    created: float
    started: float
    plan: Plan
    status: int = RUNNING
    polls: int = 0
    reason: str = ""
    versions: dict[int, int] = field(default_factory=dict)
    replaced: dict[int, bytes] = field(default_factory=dict)


class Jobs:
    """Everything that must change under one lock, `changed`, which also wakes who waits for it."""

    def __init__(
        self,
        *,
        slots: int = 10,
        quota: int | None = None,
        polls_to_finish: int | None = 2,
        finish_after: float | None = None,
        on_charge: Callable[[Charge], None] | None = None,
    ) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.slots = slots
        self.quota = quota
        self.polls_to_finish = polls_to_finish
        self.finish_after = finish_after
        self.bill: list[Charge] = []
        self.tasks: dict[str, Task] = {}
        self._plans: list[Plan] = []
        self._on_charge = on_charge
        self._numbers = itertools.count(1)

    def plan(self, plan: Plan) -> None:
        """Settle the fate of tasks accepted from now on; the latest plan that fits wins."""
        with self.changed:
            self._plans.insert(0, plan)

    def refusal(self) -> int | None:
        """The envelope code with which a submit has to be refused now."""
        with self.changed:
            if self.quota is not None and len(self.bill) >= self.quota:
                return QUOTA_USED_UP
            running = sum(self._settled(task).status == RUNNING for task in self.tasks.values())
            return TOO_MANY_TASKS if running >= self.slots else None

    def accept(self, body: dict[str, Any], task_id: str | None = None) -> Task:
        """Take the job and put it on the bill."""
        with self.changed:
            prompt, mode = str(body.get("prompt", "")), str(body.get("mode", "fast"))
            task = Task(
                id=task_id or f"t{next(self._numbers)}-{secrets.token_urlsafe(9)}",
                prompt=prompt,
                mode=mode,
                created=time.time(),
                started=time.monotonic(),
                plan=self._plan_for(prompt),
            )
            charge = Charge(task.id, prompt, mode, body, task.created)
            self.tasks[task.id] = task
            self.bill.append(charge)
            if self._on_charge:
                self._on_charge(charge)
            self.changed.notify_all()
            return task

    def known(self, task_ids: Iterable[str]) -> list[Task]:
        """The tasks of these ids, in their order; an unknown id is left out."""
        with self.changed:
            return [self._settled(self.tasks[one]) for one in task_ids if one in self.tasks]

    def poll(self, task_ids: Iterable[str]) -> None:
        """Count one job-status call that names these tasks."""
        with self.changed:
            for task in self.known(dict.fromkeys(task_ids)):
                task.polls += 1
                needed = self.polls_to_finish if task.plan.polls is None else task.plan.polls
                by_clock = self.finish_after is not None and task.plan.polls is None
                if needed is not None and task.polls >= needed and not by_clock:
                    self._end(task)

    def finish(self, task_id: str) -> None:
        with self.changed:
            self.tasks[task_id].status = COMPLETED
            self.tasks[task_id].reason = ""
            self.changed.notify_all()

    def fail(self, task_id: str, reason: str) -> None:
        with self.changed:
            self.tasks[task_id].status = FAILED
            self.tasks[task_id].reason = reason
            self.changed.notify_all()

    def _plan_for(self, prompt: str) -> Plan:
        fitting = (plan for plan in self._plans if plan.prompt_contains in prompt)
        return next(fitting, Plan(""))

    def _settled(self, task: Task) -> Task:
        """The task after the clock has had its say."""
        after = self.finish_after
        if (
            after is not None
            and task.plan.polls is None
            and time.monotonic() >= task.started + after
        ):
            self._end(task)
        return task

    def _end(self, task: Task) -> None:
        if task.status == RUNNING and task.plan.fails is None:
            self.finish(task.id)
        elif task.status == RUNNING:
            self.fail(task.id, task.plan.fails or "")


class BillFile:
    """The bill as JSON lines, on disk before the answer to the submit is."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def append(self, charge: Charge) -> None:
        self._file.write(json.dumps(asdict(charge)) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_bill(path: Path) -> list[Charge]:
    """The charges in a bill file; none when there is no file yet."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Charge(**json.loads(line)) for line in lines]

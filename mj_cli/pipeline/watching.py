"""Which tasks to ask about and when; what a missing row means. Pure bookkeeping, no calls."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

USUAL_SECONDS = 40.0
ENOUGH_SAMPLES = 5
UNKNOWN_AFTER_ANSWERS = 3
UNKNOWN_AFTER_SECONDS = 60.0
LONGEST_INTERVAL_SECONDS = 2.5
CALLS_PER_JOB = 16


@dataclass(slots=True)
class _Misses:
    """Answers in a row that did not contain a task."""

    count: int
    since: float


class Watch:
    """The tasks that are open, and the misses of each.

    Args:
        poll_min_seconds: never ask more often than this.
    """

    def __init__(self, *, poll_min_seconds: float) -> None:
        self._poll_min = poll_min_seconds
        self._misses: dict[str, _Misses] = {}
        self._seen_running: dict[str, float] = {}

    def found(self, task_id: str, *, running: bool, now: float) -> bool:
        """Note that an answer contained the task.

        Returns:
            True when the task was seen running so recently that its end was watched.
        """
        self._misses.pop(task_id, None)
        before = self._seen_running.pop(task_id, None)
        if running:
            self._seen_running[task_id] = now
        return before is not None and now - before <= 4 * self._longest

    def missed(self, task_id: str, *, now: float) -> bool:
        """Note that an answer did not contain the task; True when it counts as unknown."""
        misses = self._misses.setdefault(task_id, _Misses(0, now))
        misses.count += 1
        return misses.count >= UNKNOWN_AFTER_ANSWERS and now - misses.since >= UNKNOWN_AFTER_SECONDS

    def interval(self, *, open_tasks: int, usual_seconds: float) -> float:
        """Return seconds until the next call: shorter the sooner some task should end."""
        wanted = usual_seconds / CALLS_PER_JOB / max(open_tasks, 1)
        return min(max(wanted, self._poll_min), self._longest)

    @property
    def _longest(self) -> float:
        return max(LONGEST_INTERVAL_SECONDS, self._poll_min)


def usual_seconds(durations: Sequence[float]) -> float:
    """Return within how many seconds three of four jobs were done, or the field's usual 40."""
    if len(durations) < ENOUGH_SAMPLES:
        return USUAL_SECONDS
    return statistics.quantiles(durations, n=4)[2]


def chunks(task_ids: Sequence[str], size: int) -> list[Sequence[str]]:
    """Split ids into calls of at most `size` ids."""
    return [task_ids[start : start + size] for start in range(0, len(task_ids), size)]

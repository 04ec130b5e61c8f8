"""Time for tests: waiting costs nothing, and every wait moves the clock by what was asked."""

from __future__ import annotations

import queue
import time
from typing import TypeVar

from mj_cli.clock import Clock

T = TypeVar("T")
GRACE_SECONDS = 0.03
IDLE_SECONDS = 600.0


class FakeClock(Clock):
    """A clock that jumps when the program waits, after giving workers a moment to report."""

    def __init__(self) -> None:
        self._start = time.time()
        self.passed = 0.0

    def time(self) -> float:
        return self._start + self.passed

    def monotonic(self) -> float:
        return self.passed

    def receive(self, inbox: queue.SimpleQueue[T], seconds: float) -> T | None:
        is_idle = seconds > IDLE_SECONDS  # only a worker can end this wait
        try:
            return inbox.get(timeout=20.0 if is_idle else min(seconds, GRACE_SECONDS))
        except queue.Empty:
            self.passed += seconds
            return None

    def sleep(self, seconds: float) -> None:
        self.passed += seconds

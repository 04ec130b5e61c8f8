"""Time as the program sees it: one object that a test can replace."""

from __future__ import annotations

import queue
import time
from typing import TypeVar

T = TypeVar("T")


class Clock:
    """The machine's own clock."""

    def time(self) -> float:
        """Return the wall clock in Unix seconds; it can jump."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that only ever grow, for durations."""
        return time.monotonic()

    def receive(self, inbox: queue.SimpleQueue[T], seconds: float) -> T | None:
        """Wait for the next message, at most `seconds`; None when the time is over."""
        try:
            return inbox.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            return None

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

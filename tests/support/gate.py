"""Waiting that a test, or the end of the service, can cut short."""

from __future__ import annotations

import threading


class Gate:
    """Holds hanging requests until the next `release()`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._releases = 0
        self._closed = False

    def mark(self) -> int:
        """The present, for `hang`: a release after it counts, even before the hanging began."""
        return self._releases

    def release(self) -> None:
        with self._changed:
            self._releases += 1
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def hang(self, mark: int) -> None:
        """Wait for a release after `mark`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._releases > mark)
        self._check()

    def pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)
        self._check()

    def _check(self) -> None:
        if self._closed:
            raise ConnectionAbortedError("the server is closing")

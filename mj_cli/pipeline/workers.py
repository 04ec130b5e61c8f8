"""Threads that do one blocking thing each, and the inbox through which they report.

All decisions are made in one thread, which reads the inbox; workers only wait for the network and
the disk. They are daemons: none of them can keep the program from ending.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
Message = Callable[[], None]


class Result(Generic[T]):
    """What a worker came to: a value or an exception."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._error: BaseException | None = None
        try:
            self._value = work()
        except BaseException as error:  # noqa: BLE001 - raised again by whoever reads it
            self._error = error

    def get(self) -> T:
        """Return the value, or raise what the worker raised."""
        if self._error is not None:
            raise self._error
        return self._value


class Workers:
    """Starts workers; `inbox` holds what is to be done in the deciding thread."""

    def __init__(self) -> None:
        # A signal handler may put into a SimpleQueue, whatever the thread was doing.
        self.inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def start(self, work: Callable[[], T], then: Callable[[Result[T]], None]) -> threading.Thread:
        """Do `work` in a thread, and `then` with its result in the deciding thread."""

        def run() -> None:
            result = Result(work)
            self.inbox.put(lambda: then(result))

        thread = threading.Thread(target=run, daemon=True, name="mj-worker")
        thread.start()
        return thread

    def post(self, message: Message) -> None:
        """Have something done in the deciding thread, from any thread or signal handler."""
        self.inbox.put(message)

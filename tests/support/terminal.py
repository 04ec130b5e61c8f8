"""The installed program at a terminal of its own, as a person sees it."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Self

PIECE = re.compile(r"\x1b\[(?P<number>[0-9;?]*)(?P<command>[A-Za-z])|(?P<one>[\s\S])")


def screen_of(text: str) -> list[str]:
    """Play text on a screen that knows line ends, cursor up, and the erasing of a line."""
    lines, row, column = [""], 0, 0
    for piece in PIECE.finditer(text):
        if piece["command"] == "A":
            row = max(row - int(piece["number"] or 1), 0)
        elif piece["command"] == "K":
            lines[row] = "" if piece["number"] == "2" else lines[row][:column]
        elif piece["one"] == "\r":
            column = 0
        elif piece["one"] == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece["one"]:
            lines[row] = lines[row][:column].ljust(column) + piece["one"] + lines[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines if line.strip()]


class Terminal:
    """Runs `mj ARGV` as the leader of a session whose terminal is a pty; a context manager.

    Args:
        argv: the program's arguments.
        env: variables on top of the present ones.
    """

    def __init__(self, *argv: str, env: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "mj_cli", *argv]
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", **(env or {})}
        self.text = ""
        self._pid, self._fd = pty.fork()
        if self._pid == 0:  # pragma: no cover - the child becomes the program
            os.execve(command[0], command, environment)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._fd)

    def read_until(self, words: str, timeout: float = 20) -> None:
        """Read what is shown until it contains these words."""
        deadline = time.monotonic() + timeout
        while words not in self.text:
            if not self._read(deadline):
                raise TimeoutError(f"no {words!r} in {self.text!r}")

    def read_while(self, holds: Callable[[], bool], timeout: float = 20) -> None:
        """Read as long as something holds: a program whose terminal nobody reads stands still."""
        deadline = time.monotonic() + timeout
        while holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"it still holds; shown so far: {self.text!r}")
            if select.select([self._fd], [], [], 0.02)[0]:
                self._read(deadline)

    @property
    def screen(self) -> list[str]:
        """The lines that are on the screen now, as far as the program's own cursor moves go."""
        return screen_of(self.text)

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def end(self, timeout: float = 30) -> int:
        """Read to the end and return the exit code."""
        deadline = time.monotonic() + timeout
        while self._read(deadline):
            pass
        _, status = os.waitpid(self._pid, 0)
        return os.waitstatus_to_exitcode(status)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._fd], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            raise TimeoutError(f"it still runs; shown so far: {self.text!r}")
        try:
            chunk = os.read(self._fd, 65536)
        except OSError:  # Linux says EIO when the last process has gone
            chunk = b""
        self.text += chunk.decode("utf-8", "replace")
        return bool(chunk)

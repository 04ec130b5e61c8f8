"""The two streams of the process: a reader that went away is no error, a full disk is one."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from mj_cli.errors import LocalError


class Streams:
    """Writes whole lines to stdout and stderr.

    When stdout is a pipe whose reader has gone (`| head -1`), further data goes nowhere: what was
    paid for is still brought to its end.
    """

    def __init__(self) -> None:
        self._closed: set[int] = set()
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:  # a terminal without UTF-8 must not break the output
                reconfigure(errors="backslashreplace")

    def out(self, text: str) -> None:
        """Write a line of data.

        Raises:
            LocalError: when stdout cannot take it, for another reason than a reader that left.
        """
        try:
            self._write(sys.stdout, text)
        except OSError as error:
            raise LocalError(
                f"cannot write to standard output: {error.strerror or error}",
                hint="what was paid for is in the ledger; see: mj jobs",
                slug="stdout",
            ) from error

    def err(self, text: str) -> None:
        """Write a line of talk; when stderr is broken there is nobody to tell."""
        try:
            self._write(sys.stderr, text)
        except OSError:
            self._closed.add(2)

    def _write(self, stream: TextIO, text: str) -> None:
        number = 2 if stream is sys.stderr else 1
        if number in self._closed:
            return
        try:
            stream.write(text + "\n")
            stream.flush()
        except BrokenPipeError:
            self._closed.add(number)
            _send_nowhere(stream)


def _send_nowhere(stream: TextIO) -> None:
    """Point a broken stream at nothing, so that the flush at exit cannot fail either."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return

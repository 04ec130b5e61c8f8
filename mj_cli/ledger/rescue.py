"""The rescue file: room on disk, taken beforehand, for task ids that the ledger could not take.

When the disk is full a commit fails after the money is spent. So each process that submits keeps a
small file whose blocks exist already, and writes into them in place. The next start reads it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RECORD_BYTES = 512
RECORDS = 64
FILE_BYTES = RECORD_BYTES * RECORDS


@dataclass(frozen=True, slots=True)
class Rescued:
    """A task id that belongs to an attempt."""

    attempt_id: int
    nonce: str
    task_id: str


class RescueFile:
    """The rescue file of this process; made before the first submit, removed when unused.

    Args:
        directory: where rescue files live.
        owner: the owner id, which is also the file's name.

    Raises:
        OSError: when there is no room for it.
    """

    def __init__(self, directory: Path, owner: str) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = directory / f"{owner}.rescue"
        self._lock = threading.Lock()
        self._next = 0
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if os.write(self._fd, b" " * FILE_BYTES) < FILE_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._fd)
        except OSError:
            self.close()
            raise

    def write(self, record: Rescued) -> None:
        """Store one record in place; best effort, since the id is on stderr as well."""
        line = json.dumps([record.attempt_id, record.nonce, record.task_id]).encode()
        with self._lock, contextlib.suppress(OSError):
            os.lseek(self._fd, (self._next % RECORDS) * RECORD_BYTES, os.SEEK_SET)
            os.write(self._fd, (line + b"\n").ljust(RECORD_BYTES))
            os.fsync(self._fd)
            self._next += 1

    def close(self) -> None:
        """Remove the file unless it holds something."""
        os.close(self._fd)
        if self._next == 0:
            with contextlib.suppress(OSError):
                self._path.unlink()


def left_behind(directory: Path) -> Iterator[tuple[str, Path]]:
    """Yield owner id and path of every rescue file."""
    for path in sorted(directory.glob("*.rescue")):
        yield path.stem, path


def read_rescued(path: Path) -> list[Rescued]:
    """Return the records of a rescue file; what is not one is passed over."""
    found = []
    for line in path.read_bytes().splitlines():
        try:
            attempt_id, nonce, task_id = json.loads(line)
        except (ValueError, TypeError):
            continue
        if isinstance(attempt_id, int) and isinstance(nonce, str) and isinstance(task_id, str):
            found.append(Rescued(attempt_id, nonce, task_id))
    return found

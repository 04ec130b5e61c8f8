"""Owner files: an operating-system lock that proves that a process lives.

A process holds a lock on a small file of its own for as long as it runs. The file is locked under
a temporary name and only then renamed, so nobody can find it unlocked while its process lives. It
is `flock`, never `lockf`: the latter is lost when the process closes any other handle of the file.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path

from mj_cli.errors import LedgerError

STALE_TEMPORARY_SECONDS = 3600.0


class Owner:
    """This process as the owner of attempts and claims.

    Args:
        directory: where owner files live, one for each living process.

    Raises:
        LedgerError: when the file cannot be made or locked.
    """

    def __init__(self, directory: Path) -> None:
        self.id = secrets.token_hex(8)
        self._directory = directory
        self._path = directory / f"{self.id}.lock"
        temporary = directory / f".{self.id}.new"
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            _lock(self._fd, shared=False)  # nobody else knows the temporary name
            temporary.rename(self._path)
        except OSError as error:
            raise LedgerError(
                f"cannot make a lock file in {directory}: {error.strerror or error}",
                hint="set MJ_STATE_DIR to a directory on a local disk that you may write to",
            ) from error

    def alive(self, owner: str) -> bool:
        """Tell whether another owner lives; a dead one's file is removed on the way."""
        return owner == self.id or _is_locked(self._directory / f"{owner}.lock")

    def sweep(self, *, now: float) -> None:
        """Remove what dead processes left: their locks, and temporary files older than an hour."""
        for path in self._directory.glob("*.lock"):
            if path != self._path:
                _is_locked(path)
        for path in self._directory.glob(".*.new"):
            with contextlib.suppress(OSError):
                if now - path.stat().st_mtime > STALE_TEMPORARY_SECONDS:
                    _is_locked(path)

    def close(self) -> None:
        """Remove the file while its lock is held, then let go."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        with contextlib.suppress(OSError):
            os.close(self._fd)
        self._fd = -1  # its number may soon be somebody else's file


def _is_locked(path: Path) -> bool:
    """Probe a lock file that is not our own; an unlocked one is removed under its lock."""
    try:
        # Shared probes do not take each other for a living owner.
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # what cannot be read cannot be called dead
    try:
        if not _lock(fd, shared=True):
            return True
        with contextlib.suppress(OSError):
            path.unlink()
        return False
    finally:
        os.close(fd)


if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int, *, shared: bool) -> bool:
        """Try to lock the first byte; Windows knows exclusive locks only."""
        del shared
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _lock(fd: int, *, shared: bool) -> bool:
        """Try to lock the whole file without waiting."""
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

"""One SQLite file: opened with care, migrated, and spoken to in short transactions."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from mj_cli.errors import LedgerError
from mj_cli.ledger.schema import APPLICATION_ID, MIGRATIONS

MINIMUM_SQLITE = (3, 37, 0)  # STRICT tables
BUSY_SECONDS = 30.0
CLOSE_SECONDS = 0.5
BUSY_STEP_SECONDS = 0.2  # no signal is answered while SQLite itself waits
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "glusterfs", "9p"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.davfs2", "davfs"}
)


class Database:
    """The connection to the ledger file, shared by the threads of this process.

    Args:
        path: the file; it and its directory are made, readable by their owner alone.

    Raises:
        LedgerError: naming the file, for anything that keeps it from being used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        if sqlite3.sqlite_version_info < MINIMUM_SQLITE:
            raise LedgerError(
                f"the ledger needs SQLite 3.37 or newer, and Python has {sqlite3.sqlite_version}",
                hint="use a Python that was built with a newer SQLite",
            )
        _make_private(path)
        _refuse_network_file_system(path.parent)
        with self._explained():
            self._connection = sqlite3.connect(
                path, timeout=BUSY_STEP_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its start; committed at the end.

        Raises:
            LedgerError: when it cannot be begun or committed; then nothing was changed.
        """
        with self._lock, self._explained():
            self._patiently("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A consistent view for several questions."""
        with self._lock, self._explained():
            self._connection.execute("BEGIN")
            try:
                self._patiently("SELECT count(*) FROM sqlite_schema")  # BEGIN alone locks nothing
                yield self._connection
            finally:
                if self._connection.in_transaction:  # some errors end it, and must not be hidden
                    self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file, unless a thread still waits for it: then the end of the process does."""
        if self._lock.acquire(timeout=CLOSE_SECONDS):
            try:
                self._connection.close()
            finally:
                self._lock.release()

    def _prepare(self) -> None:
        connection = self._connection
        with self.read():
            self._checked_version()  # before anything is written to what may not be ours
        # SQLite does not wait here while another process opens the file for the first time.
        self._patiently("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        with self.read():
            version = self._version()
        if version != len(MIGRATIONS):
            self._migrate()

    def _patiently(self, statement: str) -> None:
        """Execute a statement that needs a lock, waiting for others in small steps."""
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._connection.execute(statement)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def _checked_version(self) -> int:
        """Return the schema's version, if the file is an mj ledger or empty, and not a newer one.

        Needs a transaction, since another process may be filling the file.
        """
        application = self._connection.execute("PRAGMA application_id").fetchone()[0]
        tables = self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if application != APPLICATION_ID and tables:
            raise LedgerError(
                f"{self.path} is an SQLite file of another program",
                hint="move it away, or set MJ_STATE_DIR to another directory",
            )
        version = self._version()
        if version > len(MIGRATIONS):
            raise LedgerError(
                f"the ledger {self.path} was written by a newer mj (schema {version}, "
                f"this mj knows {len(MIGRATIONS)})",
                hint="upgrade mj; nothing was changed",
            )
        return version

    def _migrate(self) -> None:
        with self.write() as connection:
            version = self._checked_version()
            for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _explain(self.path, error) from error


def _statements(script: str) -> Iterator[str]:
    """Split a script into its statements; `executescript` would commit before it starts."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _make_private(path: Path) -> None:
    """Make directory and file, so that no one else can ever read the prompts in it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise LedgerError(
            f"the ledger {path} cannot be opened: {error.strerror or error}",
            hint="make the directory writable, or set MJ_STATE_DIR to another one",
        ) from error


def _refuse_network_file_system(directory: Path) -> None:
    kind = file_system_of(directory)
    if kind in NETWORK_FILE_SYSTEMS:
        raise LedgerError(
            f"the ledger's directory {directory} is on a network file system ({kind}), "
            "where locks and commits cannot be relied on",
            hint="set MJ_STATE_DIR to a directory on a local disk",
        )


def file_system_of(directory: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str | None:
    """Return the type of the file system that holds a directory; None where Linux cannot tell."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    resolved = directory.resolve()
    best: tuple[int, str | None] = (-1, None)
    for line in lines:
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        mount = Path(fields[4].replace("\\040", " ").replace("\\011", "\t"))
        if resolved.is_relative_to(mount) and len(mount.parts) >= best[0]:
            best = (len(mount.parts), right.split(" ")[0])
    return best[1]


def _explain(path: Path, error: sqlite3.Error) -> LedgerError:
    """Say what SQLite's error means for the user."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return LedgerError(
            f"the ledger {path} is damaged ({error})",
            hint="nothing was sent or overwritten; keep a copy of the file, then move it away",
            slug="ledger_damaged",
        )
    if primary == sqlite3.SQLITE_FULL:
        return LedgerError(
            f"the ledger {path} could not be written: the disk is full",
            hint="free some space, then run the same command again",
        )
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return LedgerError(
            f"the ledger {path} was locked by another process for {BUSY_SECONDS:.0f} s",
            hint="see which process holds it, then run the same command again",
        )
    return LedgerError(
        f"the ledger {path} cannot be used ({error})",
        hint="see that the file and its directory are writable",
    )

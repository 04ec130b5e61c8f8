"""The sandbox's memory: accepted jobs and what they cost, in one SQLite file."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Self

from mj_cli.sandbox.jobs import Job, Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from mj_cli.sandbox.jobs import Fate

_VERSION = 1
_SCHEMA = """
CREATE TABLE job (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id TEXT NOT NULL UNIQUE,
    job_id TEXT NOT NULL UNIQUE,
    prompt TEXT NOT NULL,
    mode TEXT NOT NULL,
    hook_url TEXT NOT NULL,
    timeout INTEGER NOT NULL,
    pixels INTEGER NOT NULL,
    created_at REAL NOT NULL,
    ends_at REAL NOT NULL,
    failure TEXT NOT NULL,
    cost INTEGER NOT NULL
)
"""
_COLUMNS = "task_id, job_id, prompt, mode, hook_url, timeout, pixels, created_at, ends_at, failure"


class StateError(Exception):
    """The state file cannot be opened, read or written, or another version made it."""


class Refusal(Enum):
    """Why a job found no place."""

    QUOTA = auto()
    SLOTS = auto()


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of the bill: what a job was charged, and when (Unix seconds)."""

    task_id: str
    prompt: str
    mode: str
    cost: int
    charged_at: float


class Store:
    """The state of one sandbox, shared by any number of threads and processes.

    The file is created for its owner only, and its directory along with it.

    Raises:
        StateError: From every method, when the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # SQLite would create the file with the umask's permissions.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(
                path, timeout=10, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise StateError(f"cannot open {path}: {error}") from error
        try:
            self._prepare()
        except StateError:
            self._connection.close()
            raise
        except sqlite3.Error as error:
            self._connection.close()
            raise StateError(f"cannot use {path}: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; the store cannot be used afterwards."""
        with self._lock:
            self._connection.close()

    def submit(
        self,
        wish: Wish,
        *,
        now: float,
        pixels: int,
        cost: int,
        slots: int,
        quota: int,
        decide: Callable[[int], Fate],
    ) -> Job | Refusal:
        """Charges and records a job if there is quota and a free slot, all in one transaction.

        Args:
            wish: What was asked for.
            now: The time in Unix seconds.
            pixels: Length of the longer side of the job's images.
            cost: What the job is charged.
            slots: How many jobs may be unfinished at `now`, this one included.
            quota: How much may be charged in all, this one included.
            decide: Gives the fate of the job from its ordinal number, which counts from 1.
        """
        with self._transaction() as connection:
            ordinal, spent, unfinished = connection.execute(
                "SELECT COALESCE(MAX(ordinal), 0) + 1, COALESCE(SUM(cost), 0),"
                " COUNT(*) FILTER (WHERE ends_at > ?) FROM job",
                (now,),
            ).fetchone()
            if spent + cost > quota:
                return Refusal.QUOTA
            if unfinished >= slots:
                return Refusal.SLOTS
            fate = decide(ordinal)
            job = Job(
                task_id=f"sbx_{secrets.token_urlsafe(16)[:21]}",
                job_id=str(uuid.uuid4()),
                wish=wish,
                pixels=pixels,
                created_at=now,
                ends_at=now + fate.seconds,
                failure=fate.failure,
            )
            self._insert(connection, job, cost)
            return job

    def find(self, task_ids: Sequence[str]) -> list[Job]:
        """Returns the jobs with these ids, in this order, each once; unknown ids are left out."""
        wanted = list(dict.fromkeys(task_ids))
        marks = ", ".join("?" * len(wanted))
        with self._transaction() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM job WHERE task_id IN ({marks})",  # noqa: S608
                wanted,
            ).fetchall()
        jobs = {job.task_id: job for job in map(_job, rows)}
        return [jobs[task_id] for task_id in wanted if task_id in jobs]

    def bill(self) -> list[Charge]:
        """Returns every charge, oldest first."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT task_id, prompt, mode, cost, created_at FROM job ORDER BY ordinal"
            ).fetchall()
        return [Charge(*row) for row in rows]

    def _prepare(self) -> None:
        # A killed process loses nothing without it, and a power cut may cost a sandbox its jobs.
        self._connection.execute("PRAGMA synchronous = OFF")
        with self._transaction() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                connection.execute(_SCHEMA)
                connection.execute(f"PRAGMA user_version = {_VERSION}")
            elif version != _VERSION:
                raise StateError(f"{self.path} was made by another version, please delete it")

    @staticmethod
    def _insert(connection: sqlite3.Connection, job: Job, cost: int) -> None:
        wish = job.wish
        connection.execute(
            f"INSERT INTO job ({_COLUMNS}, cost) VALUES (?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608
            (
                *(job.task_id, job.job_id),
                *(wish.prompt, wish.mode, wish.hook_url, wish.timeout),
                *(job.pixels, job.created_at, job.ends_at, job.failure, cost),
            ),
        )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Holds the file for one caller: other threads wait on the lock, processes on SQLite."""
        with self._lock:
            try:
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    yield self._connection
            except sqlite3.Error as error:
                raise StateError(f"cannot use {self.path}: {error}") from error


def _job(row: tuple[str, str, str, str, str, int, int, float, float, str]) -> Job:
    task_id, job_id, prompt, mode, hook_url, timeout, pixels, created_at, ends_at, failure = row
    wish = Wish(prompt, "relaxed" if mode == "relaxed" else "fast", hook_url, timeout)
    return Job(task_id, job_id, wish, pixels, created_at, ends_at, failure)

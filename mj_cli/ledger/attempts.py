"""The submit protocol in SQLite: each change of state is one compare-and-set transaction."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from mj_cli.errors import LedgerError
from mj_cli.ledger.database import Database
from mj_cli.ledger.interface import Recovery, SlotsFull, SlotTaken, SubmitPaused
from mj_cli.ledger.owners import Owner
from mj_cli.ledger.rescue import Rescued, RescueFile, left_behind, read_rescued
from mj_cli.ledger.rows import one_job
from mj_cli.models import (
    DEFAULT_TIMEOUT,
    TIMEOUT_RANGE,
    Attempt,
    Destination,
    Job,
    JobRequest,
    JobState,
)

SLOT_GRACE_SECONDS = 120
MAX_PAUSE_SECONDS = 300.0
JOB_ID_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"

LONGEST_SLOT_SECONDS = TIMEOUT_RANGE.stop - 1 + SLOT_GRACE_SECONDS

# A slot that ends later than any can was taken before the clock was set back.
HOLDERS = (
    "account = :account AND slot_until > :now AND slot_until <= :now + :longest"
    " AND state IN ('queued', 'sending', 'running', 'in_doubt')"
)


class SqliteAttempts:
    """Attempts of this process, and what became of those of dead ones."""

    def __init__(
        self,
        database: Database,
        *,
        owner: Callable[[], Owner],
        rescue_directory: Path,
        now: Callable[[], float],
    ) -> None:
        self._database = database
        self._owner = owner
        self._rescue_directory = rescue_directory
        self._rescue: RescueFile | None = None
        self._rescue_lock = threading.Lock()
        self._now = now

    def add(self, *, account: str, request: JobRequest, destination: Destination | None) -> Job:
        """See `interface.Attempts`."""
        now = self._now()
        with self._database.write() as connection:
            number = connection.execute(
                "INSERT INTO jobs (id, account, prompt, mode, timeout, hook_url, name, out,"
                " template, images, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    new_job_id(),
                    account,
                    request.prompt,
                    request.mode,
                    request.timeout,
                    request.hook_url,
                    request.name,
                    destination.out if destination else None,
                    destination.template if destination else None,
                    destination.images if destination else None,
                    now,
                ),
            ).lastrowid
            attempt = insert_attempt(
                connection, job=number, account=account, owner=self._owner().id, now=now
            )
            return one_job(connection, attempt)

    def take_slot(self, attempt: Attempt, *, slots: int) -> SlotTaken | SlotsFull | SubmitPaused:
        """See `interface.Attempts`."""
        self._prepare_rescue()
        now = self._now()
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT c.hash, c.paused_until, c.pause_reason, j.timeout FROM attempts a"
                " JOIN accounts c ON c.hash = a.account JOIN jobs j ON j.number = a.job"
                " WHERE a.id = ? AND a.owner = ? AND a.state = 'queued'",
                (attempt.id, attempt.owner),
            ).fetchone()
            if row is None:
                raise LedgerError(
                    f"job {attempt.job_id} was changed by another process before it was sent",
                    hint=f"nothing was sent; see mj jobs show {attempt.job_id}",
                )
            refusal = _refusal(connection, row, attempt=attempt.id, slots=slots, now=now)
            if refusal is not None:
                return refusal
            until = slot_end(row["timeout"], now=now)
            connection.execute(
                "UPDATE attempts SET slot_until = ? WHERE id = ?", (until, attempt.id)
            )
        return SlotTaken()

    def release_slot(self, attempt: Attempt) -> None:
        """See `interface.Attempts`."""
        self._move(attempt, ("queued",), state="queued", slot_until=None)

    def begin_sending(self, attempt: Attempt) -> bool:
        """See `interface.Attempts`."""
        return self._move(attempt, ("queued",), state="sending", sending_at=self._now())

    def accepted(self, attempt: Attempt, task_id: str) -> bool:
        """See `interface.Attempts`."""
        now = self._now()
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT a.account, j.mode, j.timeout FROM attempts a"
                " JOIN jobs j ON j.number = a.job WHERE a.id = ? AND a.owner = ? AND"
                " (a.state IN ('sending', 'in_doubt') OR a.verdict = 'not_charged')"
                " AND a.task_id IS NULL",
                (attempt.id, attempt.owner),
            ).fetchone()
            if row is None or not bind_task(connection, attempt.id, task_id, row=row, now=now):
                return False
            # A pause stays: it was asked for after this request had left.
            connection.execute(
                "UPDATE accounts SET busy_streak = 0 WHERE hash = ?", (row["account"],)
            )
        return True

    def refused(self, attempt: Attempt, *, slug: str, reason: str) -> bool:
        """See `interface.Attempts`."""
        return self._fail(attempt, ("sending", "in_doubt"), slug=slug, reason=reason)

    def doubted(self, attempt: Attempt, *, reason: str) -> bool:
        """See `interface.Attempts`."""
        return self._move(
            attempt,
            ("sending",),
            state="in_doubt",
            finished_at=self._now(),
            fail_slug="in_doubt",
            fail_reason=reason,
        )

    def not_sent(self, attempt: Attempt, *, reason: str) -> bool:
        """See `interface.Attempts`."""
        return self._fail(attempt, ("queued",), slug="not_sent", reason=reason)

    def busy(
        self, attempt: Attempt, *, pause_seconds: float, reason: str, concurrency: bool
    ) -> Attempt | None:
        """See `interface.Attempts`."""
        now = self._now()
        with self._database.write() as connection:
            row = connection.execute(
                "UPDATE attempts SET state = 'failed', fail_slug = 'busy', fail_reason = ?,"
                " finished_at = ?, slot_until = NULL, current = 0 WHERE id = ? AND owner = ?"
                " AND state IN ('sending', 'in_doubt') RETURNING job, account, verdict",
                (reason, now, attempt.id, attempt.owner),
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE accounts SET paused_until = max(paused_until, ?), pause_reason = ?,"
                " pause_ends_with_task = ?, busy_streak = busy_streak + 1 WHERE hash = ?",
                (now + pause_seconds, reason, concurrency, row["account"]),
            )
            if row["verdict"] is not None:
                return None  # the user had it resubmitted: another attempt has its place
            following = insert_attempt(
                connection, job=row["job"], account=row["account"], owner=attempt.owner, now=now
            )
            return one_job(connection, following).attempt

    def busy_streak(self, account: str) -> int:
        """See `interface.Attempts`."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT busy_streak FROM accounts WHERE hash = ?", (account,)
            ).fetchone()
        return int(row[0]) if row else 0

    def recover(self) -> Recovery:
        """See `interface.Attempts`."""
        rescued = self._read_rescue_files()
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT a.id, a.owner, a.state, j.id AS job_id FROM attempts a"
                " JOIN jobs j ON j.number = a.job WHERE a.state IN ('queued', 'sending')"
            ).fetchall()
        if not rows:
            return Recovery(rescued=rescued)
        owner = self._owner()
        dead = {name for name in {row["owner"] for row in rows} if not owner.alive(name)}
        not_sent, in_doubt = [], []
        for row in rows:
            if row["owner"] not in dead:
                continue
            if row["state"] == JobState.QUEUED and self._recover_queued(row):
                not_sent.append(row["job_id"])
            if row["state"] == JobState.SENDING and self._recover_sending(row):
                in_doubt.append(row["job_id"])
        return Recovery(tuple(not_sent), tuple(in_doubt), rescued)

    def rescue(self, attempt: Attempt, task_id: str) -> None:
        """See `interface.Attempts`."""
        if self._rescue is not None:
            self._rescue.write(Rescued(attempt.id, attempt.nonce, task_id))

    def close(self) -> None:
        """Remove the rescue file unless it is needed."""
        if self._rescue is not None:
            self._rescue.close()
            self._rescue = None

    def _prepare_rescue(self) -> None:
        with self._rescue_lock:
            if self._rescue is not None:
                return
            try:
                self._rescue = RescueFile(self._rescue_directory, self._owner().id)
            except OSError as error:
                raise LedgerError(
                    f"no room for the rescue file in {self._rescue_directory}:"
                    f" {error.strerror or error}; nothing was sent",
                    hint="free some space on that disk",
                ) from error

    def _read_rescue_files(self) -> tuple[str, ...]:
        jobs: list[str] = []
        for name, path in left_behind(self._rescue_directory):
            if self._owner().alive(name):
                continue
            with contextlib.suppress(FileNotFoundError):  # another start was faster
                for record in read_rescued(path):
                    jobs.extend(self._bind_rescued(record))
                path.unlink()
        return tuple(jobs)

    def _bind_rescued(self, record: Rescued) -> list[str]:
        now = self._now()
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT a.account, j.id, j.mode, j.timeout FROM attempts a"
                " JOIN jobs j ON j.number = a.job"
                " WHERE a.id = ? AND a.nonce = ? AND a.task_id IS NULL",
                (record.attempt_id, record.nonce),
            ).fetchone()
            if row is None or not bind_task(
                connection, record.attempt_id, record.task_id, row=row, now=now
            ):
                return []
            return [row["id"]]

    def _recover_queued(self, row: sqlite3.Row) -> bool:
        with self._database.write() as connection:
            return fail_attempt(
                connection,
                row["id"],
                row["owner"],
                ("queued",),
                slug="not_sent",
                reason="mj ended before it was sent",
                now=self._now(),
            )

    def _recover_sending(self, row: sqlite3.Row) -> bool:
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE attempts SET state = 'in_doubt', finished_at = ?, fail_slug = 'in_doubt',"
                " fail_reason = 'mj ended before the service answered'"
                " WHERE id = ? AND owner = ? AND state = 'sending'",
                (self._now(), row["id"], row["owner"]),
            )
            return changed.rowcount == 1

    def _fail(self, attempt: Attempt, states: tuple[str, ...], *, slug: str, reason: str) -> bool:
        with self._database.write() as connection:
            return fail_attempt(
                connection,
                attempt.id,
                attempt.owner,
                states,
                slug=slug,
                reason=reason,
                now=self._now(),
            )

    def _move(self, attempt: Attempt, states: tuple[str, ...], **columns: object) -> bool:
        """Set columns of the attempt if owner and state are as expected."""
        assignments = ", ".join(f"{name} = ?" for name in columns)
        marks = ",".join("?" * len(states))
        with self._database.write() as connection:
            changed = connection.execute(
                f"UPDATE attempts SET {assignments}"
                f" WHERE id = ? AND owner = ? AND state IN ({marks})",
                (*columns.values(), attempt.id, attempt.owner, *states),
            )
            return changed.rowcount == 1


def new_job_id() -> str:
    """Return a short id that is easy to read aloud: `j` and nine letters or digits."""
    return "j" + "".join(secrets.choice(JOB_ID_ALPHABET) for _ in range(9))


def slot_end(timeout: int | None, *, now: float) -> float:
    """Return when a slot taken now is given up, whatever has become of its task."""
    return now + (timeout or DEFAULT_TIMEOUT) + SLOT_GRACE_SECONDS


def insert_attempt(
    connection: sqlite3.Connection, *, job: int | None, account: str, owner: str, now: float
) -> int:
    """Insert a `queued` attempt as the current one of a job; return its number."""
    cursor = connection.execute(
        "INSERT INTO attempts (job, account, nonce, owner, state, queued_at)"
        " VALUES (?, ?, ?, ?, 'queued', ?)",
        (job, account, secrets.token_urlsafe(16), owner, now),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def fail_attempt(
    connection: sqlite3.Connection,
    attempt_id: int,
    owner: str,
    states: tuple[str, ...],
    *,
    slug: str,
    reason: str,
    now: float,
) -> bool:
    """End an attempt that was certainly not charged, and free its slot.

    Where it was to take the place of an attempt in doubt, that one has its place again: the user's
    word for a resubmit settles nothing when nothing was submitted.
    """
    marks = ",".join("?" * len(states))
    changed = connection.execute(
        "UPDATE attempts SET state = 'failed', finished_at = ?, slot_until = NULL,"
        f" fail_slug = ?, fail_reason = ? WHERE id = ? AND owner = ? AND state IN ({marks})",
        (now, slug, reason, attempt_id, owner, *states),
    )
    if changed.rowcount == 1:
        _put_doubt_back(connection, attempt_id)
    return changed.rowcount == 1


def _put_doubt_back(connection: sqlite3.Connection, attempt_id: int) -> None:
    doubtful = connection.execute(
        "SELECT max(older.id) FROM attempts a JOIN attempts older ON older.job = a.job"
        " WHERE a.id = ? AND a.current = 1 AND older.id < a.id"
        " AND older.state = 'in_doubt' AND older.verdict = 'resubmitted'",
        (attempt_id,),
    ).fetchone()[0]
    if doubtful is not None:
        connection.execute("UPDATE attempts SET current = 0 WHERE id = ?", (attempt_id,))
        connection.execute(
            "UPDATE attempts SET current = 1, verdict = NULL WHERE id = ?", (doubtful,)
        )


def bind_task(
    connection: sqlite3.Connection,
    attempt_id: int,
    task_id: str,
    *,
    row: sqlite3.Row,
    now: float,
) -> bool:
    """Bind a task to an attempt and count the charge; False when another attempt has the task.

    A task that was taken for another program's gives way, and what is known of it is kept.

    Args:
        connection: in a transaction.
        attempt_id: the attempt.
        task_id: the task.
        row: account, mode and timeout of the attempt.
        now: Unix seconds.
    """
    other = connection.execute(
        "SELECT id, job, adopted, state, finished_at, delivered_at, fail_slug, fail_reason"
        " FROM attempts WHERE account = ? AND task_id = ?",
        (row["account"], task_id),
    ).fetchone()
    if other is not None:
        if not other["adopted"]:
            return False
        connection.execute(
            "UPDATE images SET attempt = ? WHERE attempt = ?", (attempt_id, other["id"])
        )
        connection.execute("DELETE FROM jobs WHERE number = ?", (other["job"],))
    connection.execute(
        "UPDATE attempts SET state = 'running', task_id = ?, submitted_at = ?, finished_at = NULL,"
        " slot_until = ?, verdict = NULL, fail_slug = NULL, fail_reason = NULL WHERE id = ?",
        (task_id, now, slot_end(row["timeout"], now=now), attempt_id),
    )
    if other is not None and JobState(other["state"]).is_final:
        connection.execute(
            "UPDATE attempts SET state = ?, finished_at = ?, delivered_at = ?, fail_slug = ?,"
            " fail_reason = ?, slot_until = NULL WHERE id = ?",
            (
                other["state"],
                other["finished_at"],
                other["delivered_at"],
                other["fail_slug"],
                other["fail_reason"],
                attempt_id,
            ),
        )
    connection.execute(
        "INSERT INTO charges (account, month, mode, jobs)"
        " VALUES (?, strftime('%Y-%m', ?, 'unixepoch'), ?, 1)"
        " ON CONFLICT DO UPDATE SET jobs = jobs + 1",
        (row["account"], now, row["mode"]),
    )
    return True


def _refusal(
    connection: sqlite3.Connection, row: sqlite3.Row, *, attempt: int, slots: int, now: float
) -> SlotsFull | SubmitPaused | None:
    """Return why no slot can be had now; None when one can."""
    holders = connection.execute(
        f"SELECT state, task_id FROM attempts WHERE {HOLDERS} AND id <> :attempt",
        {
            "account": row["hash"],
            "now": now,
            "longest": LONGEST_SLOT_SECONDS,
            "attempt": attempt,
        },
    ).fetchall()
    tasks = tuple(holder["task_id"] for holder in holders if holder["state"] == JobState.RUNNING)
    pause = row["paused_until"] - now
    # A longer one was asked for before the clock was set back.
    if 0 < pause <= MAX_PAUSE_SECONDS:
        return SubmitPaused(pause, row["pause_reason"], tasks)
    if len(holders) < slots:
        return None
    states = [holder["state"] for holder in holders]
    doubtful = states.count(JobState.IN_DOUBT)
    on_the_way = states.count(JobState.QUEUED) + states.count(JobState.SENDING)
    if doubtful >= slots and not on_the_way:
        return None  # doubt alone must not block the account: one submit at a time probes
    return SlotsFull(slots, doubtful, tasks)

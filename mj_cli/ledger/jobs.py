"""Jobs in SQLite: what is known of them, what the service reports, what the user decides."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from mj_cli.ledger.attempts import (
    bind_task,
    insert_attempt,
    new_job_id,
    slot_end,
)
from mj_cli.ledger.database import Database
from mj_cli.ledger.interface import JobFilter, MonthTotal
from mj_cli.ledger.owners import Owner
from mj_cli.ledger.rows import JOB_COLUMNS, JOB_TABLES, jobs_of, one_job
from mj_cli.models import Destination, Job, Mode, TaskReport, TaskState

WAITS_FOR_VERDICT = "a.state = 'in_doubt' AND a.verdict IS NULL"
OF_PROFILE = "a.account IN (SELECT hash FROM accounts WHERE profile = ?)"


class SqliteJobs:
    """The jobs of every account in one ledger file."""

    def __init__(
        self, database: Database, *, owner: Callable[[], Owner], now: Callable[[], float]
    ) -> None:
        self._database = database
        self._owner = owner
        self._now = now

    def find(self, name: str) -> list[Job]:
        """See `interface.Jobs`."""
        found = self._select("j.id = ? AND a.current = 1", (name,))
        return found or self._select("a.task_id = ?", (name,))

    def attempts(self, job_id: str) -> list[Job]:
        """See `interface.Jobs`."""
        return self._select("j.id = ?", (job_id,))

    def unfinished(self, account: str) -> list[Job]:
        """See `interface.Jobs`."""
        return self._select(
            "a.account = ? AND (a.state IN ('queued', 'sending', 'running')"
            f" OR {WAITS_FOR_VERDICT})",
            (account,),
        )

    def undelivered(self, account: str) -> list[Job]:
        """See `interface.Jobs`."""
        # In one look: a task may end between two.
        return self._select(
            "a.account = ? AND (a.state = 'running'"
            " OR (a.state = 'succeeded' AND a.delivered_at IS NULL))",
            (account,),
        )

    def in_doubt(self, profile: str) -> int:
        """See `interface.Jobs`."""
        return self._count(f"{OF_PROFILE} AND {WAITS_FOR_VERDICT}", (profile,))

    def foreign_unfinished(self, account: str, profile: str) -> int:
        """See `interface.Jobs`."""
        return self._count(
            f"{OF_PROFILE} AND a.account <> ? AND a.state = 'running'", (profile, account)
        )

    def listed(self, which: JobFilter) -> list[Job]:
        """See `interface.Jobs`."""
        conditions, values = [OF_PROFILE, "a.current = 1"], [which.profile]
        parameters: list[object] = list(values)
        if which.state is not None:
            conditions.append("a.state = ?")
            parameters.append(which.state)
        if which.since is not None:
            conditions.append("j.created_at >= ?")
            parameters.append(which.since)
        parameters.append(-1 if which.limit is None else which.limit)
        return self._select(" AND ".join(conditions), parameters, order="j.number DESC LIMIT ?")

    def totals(self, profile: str) -> list[MonthTotal]:
        """See `interface.Jobs`."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT month, mode, sum(charged) AS charged, sum(doubtful) AS doubtful FROM ("
                " SELECT month, mode, jobs AS charged, 0 AS doubtful FROM charges"
                "  WHERE account IN (SELECT hash FROM accounts WHERE profile = :profile)"
                " UNION ALL"
                " SELECT strftime('%Y-%m', a.queued_at, 'unixepoch'), j.mode, 0, 1"
                "  FROM attempts a JOIN jobs j ON j.number = a.job WHERE a.state = 'in_doubt'"
                "   AND a.account IN (SELECT hash FROM accounts WHERE profile = :profile)"
                ") GROUP BY month, mode ORDER BY month DESC, mode",
                {"profile": profile},
            ).fetchall()
        return [
            MonthTotal(
                month=row["month"],
                mode=Mode(row["mode"]),
                charged=row["charged"],
                in_doubt=row["doubtful"],
            )
            for row in rows
        ]

    def durations(self, account: str, mode: Mode, *, limit: int = 50) -> list[float]:
        """See `interface.Jobs`."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT a.took FROM attempts a JOIN jobs j ON j.number = a.job"
                " WHERE a.account = ? AND a.took IS NOT NULL AND j.mode = ?"
                " ORDER BY a.finished_at DESC LIMIT ?",
                (account, mode, limit),
            ).fetchall()
        return [row["took"] for row in rows]

    def record(self, account: str, report: TaskReport, *, watched: bool = False) -> Job | None:
        """See `interface.Jobs`."""
        found = self._select("a.account = ? AND a.task_id = ?", (account, report.task_id))
        if not found or not _tells_something_new(found[0], report):
            return found[0] if found else None
        now = self._now()
        with self._database.write() as connection:
            attempt = found[0].attempt
            if report.state is TaskState.FAILED:
                connection.execute(
                    "UPDATE attempts SET state = 'failed', finished_at = ?, slot_until = NULL,"
                    " delivered_at = ?, fail_slug = 'task_failed', fail_reason = ?"
                    " WHERE id = ? AND state = 'running'",
                    (now, now, report.fail_reason or "the service gave no reason", attempt.id),
                )
            else:
                connection.execute(
                    "UPDATE attempts SET state = 'succeeded', finished_at = ?, took = ?,"
                    " slot_until = NULL, delivered_at = NULL, fail_slug = NULL, fail_reason = NULL"
                    " WHERE id = ? AND (state = 'running' OR fail_slug = 'task_failed')",
                    (now, _took(attempt.submitted_at, now) if watched else None, attempt.id),
                )
                _store_images(connection, attempt.id, report)
            connection.execute(
                "UPDATE accounts SET paused_until = 0 WHERE hash = ? AND pause_ends_with_task = 1",
                (account,),
            )
            return one_job(connection, attempt.id)

    def adopt(self, account: str, report: TaskReport) -> Job:
        """See `interface.Jobs`."""
        now = self._now()
        with self._database.write() as connection:
            known = connection.execute(
                "SELECT id FROM attempts WHERE account = ? AND task_id = ?",
                (account, report.task_id),
            ).fetchone()
            if known is None:
                attempt = self._insert_adopted(connection, account, report, now)
            else:
                attempt = known["id"]  # another process adopted it a moment ago
            adopted = one_job(connection, attempt)
        return self.record(account, report) or adopted

    def _insert_adopted(
        self, connection: sqlite3.Connection, account: str, report: TaskReport, now: float
    ) -> int:
        number = connection.execute(
            "INSERT INTO jobs (id, account, prompt, mode, created_at) VALUES (?, ?, ?, 'fast', ?)",
            (new_job_id(), account, report.prompt or "", report.created_at or now),
        ).lastrowid
        attempt = insert_attempt(
            connection, job=number, account=account, owner=self._owner().id, now=now
        )
        connection.execute(
            "UPDATE attempts SET state = 'running', adopted = 1, task_id = ?,"
            " submitted_at = ?, slot_until = ? WHERE id = ?",
            (report.task_id, report.created_at or now, slot_end(None, now=now), attempt),
        )
        return attempt

    def delivered(self, job: Job) -> None:
        """See `interface.Jobs`."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE attempts SET delivered_at = ? WHERE id = ? AND state = 'succeeded'",
                (self._now(), job.attempt.id),
            )

    def send_to(self, job: Job, destination: Destination) -> None:
        """See `interface.Jobs`."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE jobs SET out = ?, template = ?, images = ? WHERE id = ?",
                (destination.out, destination.template, destination.images, job.id),
            )

    def resolve_task(self, job: Job, task_id: str) -> bool:
        """See `interface.Jobs`."""
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT a.account, j.mode, j.timeout FROM attempts a"
                " JOIN jobs j ON j.number = a.job WHERE a.id = ?"
                " AND (a.state = 'in_doubt' OR a.verdict = 'not_charged')",
                (job.attempt.id,),
            ).fetchone()
            return row is not None and bind_task(
                connection, job.attempt.id, task_id, row=row, now=self._now()
            )

    def resolve_not_charged(self, job: Job) -> bool:
        """See `interface.Jobs`."""
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE attempts SET state = 'failed', verdict = 'not_charged', slot_until = NULL,"
                " fail_slug = 'not_charged', fail_reason = 'you said that it was not charged'"
                " WHERE id = ? AND state = 'in_doubt'",
                (job.attempt.id,),
            )
            return changed.rowcount == 1

    def resolve_resubmit(self, job: Job) -> Job | None:
        """See `interface.Jobs`."""
        with self._database.write() as connection:
            row = connection.execute(
                "UPDATE attempts SET verdict = 'resubmitted', current = 0"
                " WHERE id = ? AND state = 'in_doubt' AND verdict IS NULL RETURNING job, account",
                (job.attempt.id,),
            ).fetchone()
            if row is None:
                return None
            following = insert_attempt(
                connection,
                job=row["job"],
                account=row["account"],
                owner=self._owner().id,
                now=self._now(),
            )
            return one_job(connection, following)

    def forget(self, job: Job) -> bool:
        """See `interface.Jobs`."""
        owner = self._owner()
        with self._database.write() as connection:
            busy = connection.execute(
                "SELECT a.owner FROM attempts a JOIN jobs j ON j.number = a.job"
                " WHERE j.id = ? AND a.state IN ('queued', 'sending')",
                (job.id,),
            ).fetchall()
            if any(owner.alive(row["owner"]) for row in busy):
                return False
            connection.execute("DELETE FROM jobs WHERE id = ?", (job.id,))
        return True

    def prune(self, profile: str, *, before: float) -> int:
        """See `interface.Jobs`."""
        with self._database.write() as connection:
            return connection.execute(
                "DELETE FROM jobs WHERE created_at < ?"
                " AND account IN (SELECT hash FROM accounts WHERE profile = ?)"
                " AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.job = jobs.number AND"
                " (a.state IN ('queued', 'sending', 'running', 'in_doubt')"
                " OR (a.state = 'succeeded' AND a.delivered_at IS NULL)))",
                (before, profile),
            ).rowcount

    def _select(
        self, condition: str, values: Sequence[object], *, order: str = "a.id"
    ) -> list[Job]:
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT {JOB_COLUMNS} FROM {JOB_TABLES} WHERE {condition} ORDER BY {order}",
                tuple(values),
            )
            return jobs_of(connection, rows)

    def _count(self, condition: str, values: Sequence[object]) -> int:
        with self._database.read() as connection:
            row = connection.execute(
                f"SELECT count(*) FROM attempts a WHERE {condition}", tuple(values)
            ).fetchone()
            return int(row[0])


def _tells_something_new(job: Job, report: TaskReport) -> bool:
    """A final state is never taken back; only new images of a finished task count."""
    match report.state:
        case TaskState.RUNNING:
            return False
        case TaskState.FAILED:
            return not job.state.is_final
        case TaskState.COMPLETED:
            known = tuple((image.index, image.url) for image in job.images)
            return not job.state.is_final or bool(report.images and report.images != known)


def _took(submitted_at: float | None, now: float) -> float | None:
    """Return the seconds a task took; None when the clock was set back meanwhile."""
    return now - submitted_at if submitted_at is not None and now >= submitted_at else None


def _store_images(connection: sqlite3.Connection, attempt_id: int, report: TaskReport) -> None:
    """Store image URLs; a later answer may bring fresh ones."""
    connection.executemany(
        "INSERT INTO images (attempt, position, url) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET url = excluded.url",
        [(attempt_id, index, url) for index, url in report.images],
    )

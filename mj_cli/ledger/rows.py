"""Rows of the SQLite ledger turned into values, and the statements that both sides share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from mj_cli.models import Attempt, Destination, Image, Job, JobRequest, JobState, Mode

JOB_COLUMNS = """
  a.id AS attempt_id, a.nonce, a.owner, a.state, a.task_id, a.queued_at, a.submitted_at,
  a.finished_at, a.delivered_at, a.verdict, a.fail_slug, a.fail_reason, a.current, a.adopted,
  j.id AS job_id, j.account, j.prompt, j.mode, j.timeout, j.hook_url, j.name, j.out, j.template,
  j.images, j.created_at, c.profile
"""
JOB_TABLES = "attempts a JOIN jobs j ON j.number = a.job JOIN accounts c ON c.hash = a.account"


def jobs_of(connection: sqlite3.Connection, rows: Iterable[sqlite3.Row]) -> list[Job]:
    """Build jobs from rows of `JOB_COLUMNS`, with their images."""
    found = list(rows)
    images = _images_of(connection, [row["attempt_id"] for row in found])
    return [_job_of(row, images.get(row["attempt_id"], ())) for row in found]


def one_job(connection: sqlite3.Connection, attempt_id: int) -> Job:
    """Return the job of an attempt that is known to exist."""
    rows = connection.execute(
        f"SELECT {JOB_COLUMNS} FROM {JOB_TABLES} WHERE a.id = ?", (attempt_id,)
    )
    return jobs_of(connection, rows)[0]


def _job_of(row: sqlite3.Row, images: Sequence[Image]) -> Job:
    destination = None
    if row["out"] is not None:
        destination = Destination(out=row["out"], template=row["template"], images=row["images"])
    return Job(
        id=row["job_id"],
        account=row["account"],
        profile=row["profile"],
        request=JobRequest(
            prompt=row["prompt"],
            mode=Mode(row["mode"]),
            timeout=row["timeout"],
            hook_url=row["hook_url"],
            name=row["name"],
        ),
        created_at=row["created_at"],
        attempt=Attempt(
            id=row["attempt_id"],
            job_id=row["job_id"],
            nonce=row["nonce"],
            owner=row["owner"],
            state=JobState(row["state"]),
            task_id=row["task_id"],
            queued_at=row["queued_at"],
            submitted_at=row["submitted_at"],
            finished_at=row["finished_at"],
            delivered_at=row["delivered_at"],
            verdict=row["verdict"],
            fail_slug=row["fail_slug"],
            fail_reason=row["fail_reason"],
            current=bool(row["current"]),
            adopted=bool(row["adopted"]),
        ),
        destination=destination,
        images=tuple(images),
    )


def _images_of(
    connection: sqlite3.Connection, attempts: Sequence[int]
) -> dict[int, tuple[Image, ...]]:
    """Return the images of attempts, each with the file it was saved to last."""
    found: dict[int, dict[int, Image]] = {}
    for start in range(0, len(attempts), 500):
        chunk = attempts[start : start + 500]
        marks = ",".join("?" * len(chunk))
        rows = connection.execute(
            "SELECT i.attempt, i.position, i.url, f.path, f.bytes, f.sha256, f.width, f.height"
            " FROM images i LEFT JOIN files f ON f.image = i.id AND f.state = 'saved'"
            f" WHERE i.attempt IN ({marks}) ORDER BY i.attempt, i.position, f.changed_at, f.id",
            chunk,
        )
        for row in rows:  # a later file of the same image replaces the earlier one
            found.setdefault(row["attempt"], {})[row["position"]] = Image(
                index=row["position"],
                url=row["url"],
                path=row["path"],
                bytes=row["bytes"],
                sha256=row["sha256"],
                width=row["width"],
                height=row["height"],
            )
    return {attempt: tuple(images.values()) for attempt, images in found.items()}

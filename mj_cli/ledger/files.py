"""Claims on files in SQLite: two waiters never fetch one image twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from mj_cli.errors import LocalError
from mj_cli.ledger.database import Database
from mj_cli.ledger.interface import Claimed, FileConflict, SavedFile, TakenByOther
from mj_cli.ledger.owners import Owner
from mj_cli.models import Image, Job


class SqliteFiles:
    """Files that are being fetched, expected or saved."""

    def __init__(
        self, database: Database, *, owner: Callable[[], Owner], now: Callable[[], float]
    ) -> None:
        self._database = database
        self._owner = owner
        self._now = now

    def claim(self, job: Job, image: Image, path: str) -> Claimed | TakenByOther | FileConflict:
        """See `interface.Files`."""
        owner = self._owner()
        with self._database.write() as connection:
            found = connection.execute(
                "SELECT id FROM images WHERE attempt = ? AND position = ?",
                (job.attempt.id, image.index),
            ).fetchone()
            if found is None:
                raise LocalError(
                    f"job {job.id} was removed from the ledger meanwhile", slug="forgotten"
                )
            image_id = found["id"]
            rows = connection.execute(
                "SELECT image, path, owner, state, etag FROM files WHERE path = ? OR image = ?",
                (path, image_id),
            ).fetchall()
            own = None
            for row in rows:
                lives = row["state"] != "saved" and owner.alive(row["owner"])
                if row["image"] == image_id:
                    own = row if row["path"] == path else own
                    # Wherever the other one puts it: from there it can be copied.
                    if lives and row["owner"] != owner.id:
                        return TakenByOther()
                elif lives:
                    return FileConflict()
            return self._take(connection, image_id, path, own)

    def _take(
        self, connection: sqlite3.Connection, image_id: int, path: str, own: sqlite3.Row | None
    ) -> Claimed:
        owner = self._owner().id
        row = connection.execute(
            "INSERT INTO files (image, path, state, owner, changed_at)"
            " VALUES (?, ?, 'claimed', ?, ?) ON CONFLICT DO UPDATE SET state = 'claimed',"
            " owner = excluded.owner, changed_at = excluded.changed_at RETURNING id",
            (image_id, path, owner, self._now()),
        ).fetchone()
        former, etag = (own["owner"], own["etag"]) if own is not None else (None, None)
        return Claimed(row["id"], owner, former, etag)

    def resumable(self, claim: Claimed, *, etag: str) -> None:
        """See `interface.Files`."""
        self._update(claim, "etag = ?", etag)

    def expect(self, claim: Claimed, file: SavedFile) -> None:
        """See `interface.Files`."""
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM files WHERE path = ? AND id <> ?"
                " AND image = (SELECT image FROM files WHERE id = ?)",
                (file.path, claim.id, claim.id),
            )
            connection.execute(
                "UPDATE files SET state = 'expected', path = ?, bytes = ?, sha256 = ?, width = ?,"
                " height = ?, changed_at = ? WHERE id = ? AND owner = ?",
                (
                    file.path,
                    file.bytes,
                    file.sha256,
                    file.width,
                    file.height,
                    self._now(),
                    claim.id,
                    claim.owner,
                ),
            )

    def saved(self, claim: Claimed) -> None:
        """See `interface.Files`."""
        self._update(claim, "state = 'saved', etag = NULL")

    def confirm(self, job: Job, image: Image, file: SavedFile) -> str | None:
        """See `interface.Files`."""
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT f.id, f.owner, f.state FROM files f JOIN images i ON i.id = f.image"
                " WHERE i.attempt = ? AND i.position = ? AND f.path = ? AND f.sha256 = ?",
                (job.attempt.id, image.index, file.path, file.sha256),
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE files SET state = 'saved', etag = NULL, changed_at = ? WHERE id = ?",
                (self._now(), row["id"]),
            )
        return str(row["owner"]) if row["state"] != "saved" else None

    def drop(self, claim: Claimed) -> None:
        """See `interface.Files`."""
        with self._database.write() as connection:
            connection.execute(
                # An expected file may have its final name already: its row is the proof.
                "DELETE FROM files WHERE id = ? AND owner = ? AND state = 'claimed'",
                (claim.id, claim.owner),
            )

    def of_image(self, job: Job, index: int) -> list[SavedFile]:
        """See `interface.Files`."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT f.path, f.bytes, f.sha256, f.width, f.height FROM files f"
                " JOIN images i ON i.id = f.image WHERE i.attempt = ? AND i.position = ?"
                " AND f.state IN ('expected', 'saved') ORDER BY f.changed_at DESC, f.id DESC",
                (job.attempt.id, index),
            ).fetchall()
        return [SavedFile(**dict(row)) for row in rows]

    def _update(self, claim: Claimed, assignments: str, *values: object) -> None:
        with self._database.write() as connection:
            connection.execute(
                f"UPDATE files SET {assignments}, changed_at = ? WHERE id = ? AND owner = ?",
                (*values, self._now(), claim.id, claim.owner),
            )

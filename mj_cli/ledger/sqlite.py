"""The ledger in one SQLite file of the user's state directory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from mj_cli.ledger.attempts import SqliteAttempts
from mj_cli.ledger.database import Database
from mj_cli.ledger.files import SqliteFiles
from mj_cli.ledger.jobs import SqliteJobs
from mj_cli.ledger.owners import Owner


class SqliteLedger:
    """See `interface.Ledger`.

    Args:
        directory: the state directory; made, readable by its owner alone.
        now: returns the time in Unix seconds.

    Raises:
        LedgerError: when the file cannot be used.
    """

    def __init__(self, directory: Path, *, now: Callable[[], float]) -> None:
        self._directory = directory
        self._now = now
        self._owner: Owner | None = None
        self._owner_lock = threading.Lock()
        self._database = Database(directory / "ledger.db")
        self.attempts = SqliteAttempts(
            self._database,
            owner=self._own,
            rescue_directory=directory / "rescue",
            now=now,
        )
        self.jobs = SqliteJobs(self._database, owner=self._own, now=now)
        self.files = SqliteFiles(self._database, owner=self._own, now=now)

    def now(self) -> float:
        """See `interface.Ledger`."""
        return self._now()

    def use_account(self, account: str, *, profile: str, base_url: str) -> None:
        """See `interface.Ledger`."""
        with self._database.read() as connection:
            known = connection.execute(
                "SELECT 1 FROM accounts WHERE hash = ? AND profile = ?", (account, profile)
            ).fetchone()
        if known:
            return
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO accounts (hash, profile, base_url, created_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET profile = excluded.profile",
                (account, profile, base_url, self._now()),
            )

    def owner_alive(self, owner: str) -> bool:
        """See `interface.Ledger`."""
        return self._own().alive(owner)

    def close(self) -> None:
        """See `interface.Ledger`."""
        self.attempts.close()
        self._database.close()
        if self._owner is not None:
            self._owner.close()

    def _own(self) -> Owner:
        """Become an owner at the first need: commands that only look leave no file behind."""
        with self._owner_lock:
            if self._owner is None:
                self._owner = Owner(self._directory / "owners")
                self._owner.sweep(now=self._now())
            return self._owner

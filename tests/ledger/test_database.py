"""The ledger's file: made with care, never overwritten, and named whenever it cannot be used."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from mj_cli.errors import LedgerError
from mj_cli.ledger import database
from mj_cli.ledger.database import Database, file_system_of
from mj_cli.ledger.schema import APPLICATION_ID, MIGRATIONS
from tests.conftest import Mj
from tests.support.service import Service

COMMANDS = [("submit", "a fox"), ("jobs",), ("status",), ("wait",)]


@pytest.fixture
def path(home: Path) -> Path:
    state = home / "state"
    state.mkdir()
    return state / "ledger.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Database]:
    with closing(Database(path)) as opened:
        yield opened


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


def newer(path: Path) -> None:
    with closing(Database(path)) as fresh, fresh.write() as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")


def noise(path: Path) -> None:
    path.write_bytes(b"no ledger, but somebody's only copy\n" * 200)


def torn(path: Path) -> None:
    """A ledger whose pages were overwritten, all but the first."""
    Database(path).close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


# --- What it cannot use ---


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (noise, "is damaged"),
        (torn, "is damaged"),
        (foreign, "is an SQLite file of another program"),
        (newer, "was written by a newer mj"),
    ],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_ledger_is_named_and_left_alone(
    mj: Mj,
    service: Service,
    path: Path,
    spoil: Callable[[Path], None],
    words: str,
    command: tuple[str, ...],
) -> None:
    spoil(path)
    before = path.read_bytes()
    ran = mj(*command)
    assert ran.code == 9
    assert words in ran.err
    assert str(path) in ran.err
    assert path.read_bytes() == before
    assert not service.requests


def test_a_damaged_ledger_has_a_slug_of_its_own(mj: Mj, path: Path) -> None:
    noise(path)
    assert mj("jobs", "--json").error["slug"] == "ledger_damaged"


def test_a_ledger_that_stays_locked_is_given_up(
    mj: Mj, service: Service, path: Path, opened: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.0)
    monkeypatch.setattr(database, "BUSY_STEP_SECONDS", 0.0)
    with opened.write():
        ran = mj("submit", "a fox")
    assert ran.code == 9
    assert f"{path} was locked by another process" in ran.err
    assert not service.requests
    assert mj("submit", "a fox").code == 0


@pytest.mark.parametrize("is_fresh", [True, False])
def test_a_lock_that_is_let_go_is_waited_for(
    mj: Mj, service: Service, path: Path, monkeypatch: pytest.MonkeyPatch, is_fresh: bool
) -> None:
    if not is_fresh:
        Database(path).close()
    monkeypatch.setattr(database, "BUSY_STEP_SECONDS", 0.0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr("mj_cli.ledger.database.time.sleep", lambda _: other.rollback())
        assert mj("submit", "a fox").code == 0


@pytest.mark.parametrize("in_the_way", ["state", "state/ledger.db"])
def test_what_stands_in_the_way_is_named(
    mj: Mj, service: Service, home: Path, in_the_way: str
) -> None:
    if in_the_way == "state":
        (home / "state").touch()
    else:
        (home / "state" / "ledger.db").mkdir(parents=True)
    ran = mj("submit", "a fox")
    assert ran.code == 9
    assert str(home / "state" / "ledger.db") in ran.err
    assert "MJ_STATE_DIR" in ran.err
    assert not service.requests


def test_an_old_sqlite_is_named(
    mj: Mj, service: Service, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    ran = mj("submit", "a fox")
    assert ran.code == 9
    assert "needs SQLite 3.37 or newer" in ran.err
    assert not (home / "state").exists()


def test_a_full_disk_changes_nothing(opened: Database) -> None:
    with opened.read() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LedgerError, match="the disk is full"), opened.write() as connection:
        connection.execute("CREATE TABLE large AS SELECT zeroblob(1000000)")
    with opened.read() as connection:
        assert not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'large'").fetchall()


def test_any_other_failure_is_explained_as_far_as_it_can_be(opened: Database, path: Path) -> None:
    with pytest.raises(LedgerError, match=f"{path} cannot be used"), opened.write() as connection:
        connection.execute("no statement at all")


def test_an_error_inside_a_transaction_undoes_it(opened: Database) -> None:
    with contextlib.suppress(ZeroDivisionError), opened.write() as connection:
        connection.execute("CREATE TABLE half (a)")
        raise ZeroDivisionError
    with opened.read() as connection:
        assert not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'half'").fetchall()


# --- Network file systems ---

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
31 22 0:5 / /home rw,nosuid - nfs4 server:/export rw
32 31 0:6 / /home/me/fast rw - xfs /dev/sdb1 rw
33 22 0:7 / /mnt/two\\040words rw - fuse.sshfs host: rw
34 22 0:8 / /auto rw - autofs systemd-1 rw
35 34 0:9 / /auto rw - cifs //host/share rw
a line of another kind
36 22 0:10 / /short
"""


@pytest.fixture
def mounts(home: Path) -> Path:
    path = home / "mountinfo"
    path.write_text(MOUNTS)
    return path


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        ("/var/lib", "ext4"),
        ("/home/me", "nfs4"),
        ("/home/me/fast/state", "xfs"),
        ("/homeless", "ext4"),
        ("/mnt/two words/x", "fuse.sshfs"),
        ("/auto/x", "cifs"),
        ("/short", "ext4"),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads what Linux tells")
def test_the_innermost_mount_decides(mounts: Path, directory: str, kind: str) -> None:
    assert file_system_of(Path(directory), mounts) == kind


def test_where_nothing_is_told_nothing_is_refused(
    home: Path, mounts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert file_system_of(home, home / "nowhere") is None
    monkeypatch.setattr(sys, "platform", "darwin")
    assert file_system_of(home, mounts) is None


def test_a_network_file_system_is_refused(
    mj: Mj, service: Service, home: Path, mounts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts.write_text(f"22 1 8:1 / {home} rw - nfs server:/export rw\n")
    monkeypatch.setattr(
        database, "file_system_of", lambda directory: file_system_of(directory, mounts)
    )
    ran = mj("submit", "a fox")
    assert ran.code == 9
    assert f"{home / 'state'} is on a network file system (nfs)" in ran.err
    assert not service.requests


# --- A fresh one ---


def test_a_fresh_ledger_has_every_migration(opened: Database) -> None:
    with opened.read() as connection:
        pragmas = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("user_version", "application_id", "journal_mode", "synchronous")
        ]
        assert pragmas == [len(MIGRATIONS), APPLICATION_ID, "wal", 2]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_later_migrations_are_applied_on_top(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Database(path).close()
    more = "-- a comment; with a semicolon\nCREATE TABLE b (c);\nINSERT INTO b\nVALUES (';');\n"
    monkeypatch.setattr(database, "MIGRATIONS", (*MIGRATIONS, more))
    for _ in range(2):
        with closing(Database(path)) as migrated, migrated.read() as connection:
            assert connection.execute("SELECT c FROM b").fetchall()[0][0] == ";"
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            assert version == len(MIGRATIONS) + 1


def test_a_migration_that_fails_leaves_the_former_schema(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Database(path).close()
    monkeypatch.setattr(database, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE b (c);\nNONSENSE;\n"))
    with pytest.raises(LedgerError, match="cannot be used"):
        Database(path)
    monkeypatch.undo()
    with closing(Database(path)) as former, former.read() as connection:
        assert not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'b'").fetchall()


def test_only_its_owner_may_read_it(mj: Mj, home: Path) -> None:
    former = os.umask(0)
    try:
        mj("jobs")
    finally:
        os.umask(former)
    assert (home / "state").stat().st_mode & 0o777 == 0o700
    assert (home / "state" / "ledger.db").stat().st_mode & 0o777 == 0o600


def test_many_may_open_a_fresh_ledger_at_once(path: Path) -> None:
    start = threading.Barrier(8)

    def open_and_write(number: int) -> None:
        start.wait()
        with closing(Database(path)) as opened, opened.write() as connection:
            connection.execute(
                "INSERT INTO accounts (hash, profile, base_url, created_at)"
                " VALUES (?, 'default', 'https://api.test', 0)",
                (str(number),),
            )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_and_write, range(8)))
    with closing(Database(path)) as opened, opened.read() as connection:
        assert connection.execute("SELECT count(*) FROM accounts").fetchone()[0] == 8

"""Owner files: a process lives as long as it holds the lock of its file."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mj_cli.errors import LedgerError
from mj_cli.ledger.owners import Owner


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "owners"


def lock_of(directory: Path, owner: Owner) -> Path:
    return directory / f"{owner.id}.lock"


def test_two_living_owners_see_each_other_and_themselves(directory: Path) -> None:
    first, second = Owner(directory), Owner(directory)
    assert first.alive(second.id)
    assert second.alive(first.id)
    assert first.alive(first.id)
    first.close()
    second.close()


def test_a_closed_owner_is_dead_and_leaves_no_file(directory: Path) -> None:
    gone, watcher = Owner(directory), Owner(directory)
    gone.close()
    assert not watcher.alive(gone.id)
    assert list(directory.iterdir()) == [lock_of(directory, watcher)]
    watcher.close()


def test_an_owner_whose_process_was_killed_is_dead_and_its_file_goes(directory: Path) -> None:
    code = (
        "import os, pathlib, sys; from mj_cli.ledger.owners import Owner;"
        "print(Owner(pathlib.Path(sys.argv[1])).id, flush=True); os.kill(os.getpid(), 9)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, directory], capture_output=True, text=True, check=False
    )
    name = process.stdout.strip()
    assert (directory / f"{name}.lock").exists()
    watcher = Owner(directory)
    assert not watcher.alive(name)
    assert not (directory / f"{name}.lock").exists()
    watcher.close()


def test_looking_does_not_make_an_owner_look_dead(directory: Path) -> None:
    living, watchers = Owner(directory), [Owner(directory) for _ in range(3)]
    assert all(watcher.alive(living.id) for watcher in watchers * 2)
    assert lock_of(directory, living).exists()
    for owner in (living, *watchers):
        owner.close()


def test_two_that_look_at_once_do_not_take_each_other_for_the_owner(directory: Path) -> None:
    watcher = Owner(directory)
    with (directory / "dead.lock").open("wb") as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        assert not watcher.alive("dead")
    watcher.close()


def test_what_cannot_be_opened_cannot_be_called_dead(directory: Path) -> None:
    watcher = Owner(directory)
    (directory / "odd.lock").mkdir()
    assert watcher.alive("odd")
    watcher.close()


def test_a_sweep_removes_what_the_dead_left_and_nothing_of_the_living(directory: Path) -> None:
    living, sweeper = Owner(directory), Owner(directory)
    (directory / "dead.lock").touch()
    old, young = directory / ".old.new", directory / ".young.new"
    for path, changed in ((old, 1_000), (young, 9_000)):
        path.touch()
        os.utime(path, (changed, changed))
    sweeper.sweep(now=10_000)
    kept = {lock_of(directory, living), lock_of(directory, sweeper), young}
    assert set(directory.iterdir()) == kept
    living.close()
    sweeper.close()


def test_closing_twice_closes_nobody_elses_file(directory: Path) -> None:
    owner = Owner(directory)
    owner.close()
    reused = os.open(directory, os.O_RDONLY)
    owner.close()
    os.close(reused)  # would fail if it had been closed


def test_a_directory_that_cannot_be_made_is_a_clear_error(directory: Path) -> None:
    directory.write_bytes(b"in the way")
    with pytest.raises(LedgerError, match="lock file"):
        Owner(directory)


def test_an_owner_file_is_nobody_elses_to_read(directory: Path) -> None:
    owner = Owner(directory)
    assert lock_of(directory, owner).stat().st_mode & 0o077 == 0
    assert directory.stat().st_mode & 0o077 == 0
    owner.close()

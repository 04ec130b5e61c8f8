from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mj_cli.sandbox.jobs import Fate, Wish
from mj_cli.sandbox.state import StateError, Store
from tests.sandbox.kit import Client, contract

CROWD = """
import sys
from pathlib import Path
from tests.sandbox.kit import Client
with Client(Path(sys.argv[1])) as client:
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum(client.submit()["status"] == 0 for _ in range(6)))
"""


def test_twenty_threads_get_ten_slots(client: Client) -> None:
    barrier, answers = threading.Barrier(20), list[int]()

    def run() -> None:
        barrier.wait()
        answers.append(client.submit()["status"])

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [0] * 10 + [1002] * 10
    assert len(client.store.bill()) == 10


def test_many_processes_get_ten_slots(client: Client) -> None:
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", CROWD, str(client.store.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in crowd:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in crowd:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    accepted = sum(int(process.communicate()[0]) for process in crowd)
    assert accepted == 10 == len(client.store.bill())
    assert client.submit() == contract("submit-concurrency")


def test_many_openers_make_one_file(tmp_path: Path) -> None:
    path, barrier, failures = tmp_path / "new" / "sandbox.db", threading.Barrier(8), list[str]()

    def run() -> None:
        barrier.wait()
        try:
            Store(path).close()
        except StateError as error:
            failures.append(str(error))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_jobs_survive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with Client(path) as client:
        task_id = client.accepted("a red fox", hookUrl="https://example.com/h", timeout=900)
        before = client.store.find([task_id])
    with Store(path) as store:
        assert store.find([task_id]) == before
        assert before[0].wish == Wish("a red fox", "fast", "https://example.com/h", 900)
        assert len(store.bill()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no such permissions")
def test_the_file_is_for_its_owner_only(client: Client) -> None:
    assert stat.S_IMODE(client.store.path.stat().st_mode) == 0o600


def test_a_refused_job_leaves_nothing(client: Client) -> None:
    def fail(_: int) -> Fate:
        raise ZeroDivisionError

    wish = Wish("x", "fast", "", 600)
    with pytest.raises(ZeroDivisionError):
        client.store.submit(wish, now=0, pixels=8, cost=1, slots=1, quota=1, decide=fail)
    assert client.store.bill() == []
    client.accepted()


def test_a_path_that_cannot_be_a_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot open"):
        Store(tmp_path)


def test_a_file_of_another_version_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StateError, match="another version"):
        Store(path)


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "sandbox.db")
    store.close()
    with pytest.raises(StateError, match="closed"):
        store.bill()


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    path.write_text("not a database at all, but long enough to be looked at")
    with pytest.raises(StateError, match="not a database"):
        Store(path)
    assert path.read_text().startswith("not a database")

"""Ways to lose a charge or a result that were found once, each of them kept shut."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mj_cli.errors import LedgerError
from mj_cli.ledger import Claimed, SavedFile, SlotTaken, TakenByOther
from mj_cli.ledger.sqlite import SqliteLedger
from mj_cli.models import Job, JobRequest, JobState, TaskReport, TaskState
from tests.clock import FakeClock
from tests.conftest import Mj, Ran
from tests.processes import ended, started
from tests.support.faults import AcceptThen, Hang, Reset
from tests.support.service import Service

DAY = 86_400.0
Open = Callable[[], SqliteLedger]


@pytest.fixture
def open_ledger(tmp_path: Path, clock: FakeClock) -> Iterator[Open]:
    """Opens ledgers on the test's own state; each is another owner."""
    with contextlib.ExitStack() as stack:

        def open_one() -> SqliteLedger:
            ledger = SqliteLedger(tmp_path / "state", now=clock.time)
            stack.callback(ledger.close)
            ledger.use_account("account", profile="default", base_url="https://example.com")
            return ledger

        yield open_one


def queued(ledger: SqliteLedger, prompt: str = "fox") -> Job:
    request = JobRequest(prompt=prompt)
    return ledger.attempts.add(account="account", request=request, destination=None)


def report(task_id: str, state: TaskState) -> TaskReport:
    return TaskReport(task_id=task_id, state=state, images=((1, "https://example.com/1.png"),))


def lost(mj: Mj, service: Service, prompt: str) -> tuple[str, str]:
    """A job in doubt and the task that it became all the same."""
    service.on_submit(prompt, AcceptThen(Reset()))
    ran = mj("submit", prompt, "--json")
    assert ran.code == 6
    return str(ran.records[0]["id"]), service.bill[-1].task_id


def resolve(mj: Mj, job_id: str, *how: str) -> Ran:
    return mj("jobs", "resolve", job_id, *how, "--yes")


def test_a_resubmit_that_never_left_leaves_the_doubt_as_it_was(
    mj: Mj, service: Service, clock: FakeClock
) -> None:
    job, task = lost(mj, service, "a fox")
    service.close()
    ran = resolve(mj, job, "--resubmit")
    assert ran.code == 7
    assert "still in doubt" in ran.err
    assert mj("jobs", "list", "--state", "in_doubt", "--quiet").lines == [job]
    assert "1 job is in doubt" in mj("jobs").err
    clock.passed += 100 * DAY
    assert mj("jobs", "prune", "--older-than", "1d", "--yes").err.endswith("0 jobs forgotten\n")
    assert resolve(mj, job, "--task", task).code == 0
    assert mj("jobs", "show", job, "--json").records[0]["task_id"] == task


def test_after_a_resubmit_the_earlier_attempt_can_still_be_named(mj: Mj, service: Service) -> None:
    job, first = lost(mj, service, "a fox")
    assert resolve(mj, job, "--resubmit").code == 0
    assert resolve(mj, job, "--task", first).code == 0
    tasks = [record["task_id"] for record in mj("jobs", "show", job, "--json").records]
    assert tasks == [charge.task_id for charge in service.bill]
    assert mj("wait").code == 0
    assert len(list(Path.cwd().glob("*.png"))) == 8


def test_a_job_that_is_being_sent_cannot_be_forgotten(mj: Mj, service: Service) -> None:
    service.on_submit("a fox", Hang())
    with started("submit", "a fox") as process:
        service.wait_for("submit")
        (job,) = mj("jobs", "--json", "--state", "sending").records
        ran = mj("jobs", "forget", str(job["id"]), "--yes")
        service.release()
        assert ended(process).code == 0
    assert (ran.code, "being submitted right now" in ran.err) == (2, True)
    assert mj("jobs", "--quiet").lines == [service.bill[0].task_id]


def test_an_answer_that_finds_no_attempt_is_told_with_its_task_id(
    mj: Mj, service: Service, home: Path
) -> None:
    service.on_submit("a fox", Hang())
    with started("submit", "a fox") as process:
        service.wait_for("submit")
        with contextlib.closing(sqlite3.connect(home / "state" / "ledger.db")) as other, other:
            other.execute("PRAGMA foreign_keys = ON")
            other.execute("DELETE FROM jobs")
        service.release()
        ran = ended(process)
    assert ran.code == 9
    assert service.bill[0].task_id in ran.err


def test_an_attempt_s_id_is_never_used_again(open_ledger: Open) -> None:
    ledger = open_ledger()
    first = queued(ledger)
    assert ledger.attempts.not_sent(first.attempt, reason="stopped")
    assert ledger.jobs.forget(first)
    assert queued(ledger).attempt.id != first.attempt.id


def test_a_file_with_its_final_name_keeps_its_row_when_the_last_commit_fails(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise LedgerError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("mj_cli.ledger.files.SqliteFiles.saved", fail)
        assert mj("submit", "a fox", "--wait").code == 9
    there = {path.name for path in Path.cwd().glob("*.png")}
    assert there
    asked = len(service.image_requests)
    ran = mj("wait")
    assert (ran.code, len(ran.lines)) == (0, 4)
    assert len(service.image_requests) - asked == 4 - len(there)
    assert {path.name for path in Path.cwd().iterdir()} == set(ran.lines)


def test_an_image_is_claimed_once_under_whatever_name(open_ledger: Open) -> None:
    ours, other = open_ledger(), open_ledger()
    job = ours.jobs.adopt("account", report("t1", TaskState.COMPLETED))
    (image,) = job.images
    claim = ours.files.claim(job, image, "/out/x.png")
    assert isinstance(claim, Claimed)
    ours.files.expect(claim, SavedFile(path="/out/x.gif", bytes=1, sha256="00"))
    assert other.files.claim(job, image, "/out/x.png") == TakenByOther()
    assert other.files.claim(job, image, "/elsewhere/x.png") == TakenByOther()
    ours.close()
    assert isinstance(other.files.claim(job, image, "/out/x.png"), Claimed)


def test_a_task_that_two_adopt_is_final_for_both(open_ledger: Open) -> None:
    ours, other = open_ledger(), open_ledger()
    ours.jobs.adopt("account", report("t1", TaskState.RUNNING))
    job = other.jobs.adopt("account", report("t1", TaskState.COMPLETED))
    assert job.state is JobState.SUCCEEDED
    assert len(other.jobs.find("t1")) == 1


def test_a_waiter_notices_that_the_holder_of_its_slot_died(
    mj: Mj, service: Service, home: Path, clock: FakeClock
) -> None:
    assert mj("config", "set", "slots", "1").code == 0
    assert mj("submit", "first").code == 0
    holder = SqliteLedger(home / "state", now=clock.time)
    account = holder.jobs.find(service.bill[0].task_id)[0].account
    service.finish(service.bill[0].task_id)
    assert mj("status").code == 0
    job = holder.attempts.add(
        account=account, request=JobRequest(prompt="second"), destination=None
    )
    assert holder.attempts.take_slot(job.attempt, slots=1) == SlotTaken()
    assert holder.attempts.begin_sending(job.attempt)
    with started("submit", "third", env={"MJ_POLL_MIN_SECONDS": "0.05"}) as process:
        assert process.stderr is not None
        assert "waiting for one" in process.stderr.readline()
        holder.close()
        assert ended(process).code == 0
    assert [charge.prompt for charge in service.bill] == ["first", "third"]


def test_a_task_that_was_waited_for_already_keeps_its_success(mj: Mj, service: Service) -> None:
    job, task = lost(mj, service, "a fox")
    paths = mj("wait", task).lines
    assert len(paths) == 4
    assert resolve(mj, job, "--task", task).code == 0
    (record,) = mj("jobs", "show", job, "--json").records
    assert (record["state"], record["task_id"]) == ("succeeded", task)
    assert mj("wait", job).lines == paths
    assert mj("jobs", "--quiet").lines == [task]


def test_a_second_ctrl_c_leaves_at_once_while_the_ledger_is_locked(
    mj: Mj, service: Service, home: Path
) -> None:
    service.on_submit("a fox", Hang())
    with started("submit", "a fox") as process:
        service.wait_for("submit")
        with contextlib.closing(
            sqlite3.connect(home / "state" / "ledger.db", isolation_level=None)
        ) as other:
            other.execute("BEGIN IMMEDIATE")
            os.kill(process.pid, signal.SIGINT)
            time.sleep(0.3)  # nothing can be seen of a process that waits for a lock
            began = time.monotonic()
            os.kill(process.pid, signal.SIGINT)
            code = ended(process).code
            other.execute("ROLLBACK")
    assert code == 130
    assert time.monotonic() - began < 5
    assert mj("jobs", "--state", "in_doubt", "--quiet").lines != []


def test_the_time_limit_is_told_once(mj: Mj, service: Service) -> None:
    service.plan("", polls=1000)
    mj("submit", "a fox")
    ran = mj("wait", "--for", "10")
    assert ran.code == 8
    assert ran.err.count("not finished after 10 s") == 1

"""The submit protocol in the ledger: every change is a compare-and-set, and no id gets lost."""

from __future__ import annotations

import concurrent.futures
import contextlib
import resource
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mj_cli.api.service import Endpoint
from mj_cli.api.service import Service as ApiService
from mj_cli.errors import LedgerError
from mj_cli.ledger import Recovery, SlotsFull, SlotTaken, SubmitPaused
from mj_cli.ledger.rescue import RescueFile
from mj_cli.ledger.sqlite import SqliteLedger
from mj_cli.models import Attempt, Job, JobRequest, JobState, TaskReport, TaskState
from mj_cli.pipeline.sending import Answered, send_once
from tests.clock import FakeClock
from tests.conftest import Mj
from tests.support.actions import Action, Stage
from tests.support.service import Service

ACCOUNT = "account"
SLOTS = 10

Open = Callable[[], SqliteLedger]


@pytest.fixture
def open_ledger(tmp_path: Path, clock: FakeClock) -> Iterator[Open]:
    """Opens ledgers on one directory; each is a process of its own as far as ledgers can tell."""
    with contextlib.ExitStack() as stack:

        def open_one() -> SqliteLedger:
            ledger = SqliteLedger(tmp_path / "state", now=clock.time)
            stack.callback(ledger.close)
            ledger.use_account(ACCOUNT, profile="default", base_url="https://example.com")
            return ledger

        yield open_one


@pytest.fixture
def ours(open_ledger: Open) -> SqliteLedger:
    return open_ledger()


@pytest.fixture
def other(open_ledger: Open) -> SqliteLedger:
    return open_ledger()


def queued(ledger: SqliteLedger, account: str = ACCOUNT, timeout: int | None = None) -> Job:
    request = JobRequest(prompt="fox", timeout=timeout)
    return ledger.attempts.add(account=account, request=request, destination=None)


def sending(ledger: SqliteLedger) -> Job:
    """A job on the wire, whatever the slots are."""
    job = queued(ledger)
    assert ledger.attempts.take_slot(job.attempt, slots=1000) == SlotTaken()
    assert ledger.attempts.begin_sending(job.attempt)
    return job


def in_doubt(ledger: SqliteLedger) -> Job:
    job = sending(ledger)
    assert ledger.attempts.doubted(job.attempt, reason="lost")
    return job


def running(ledger: SqliteLedger, task_id: str) -> Job:
    job = sending(ledger)
    assert ledger.attempts.accepted(job.attempt, task_id)
    return job


def take(ledger: SqliteLedger, slots: int = SLOTS) -> SlotTaken | SlotsFull | SubmitPaused:
    return ledger.attempts.take_slot(queued(ledger).attempt, slots=slots)


def now_of(ledger: SqliteLedger, job: Job) -> Attempt:
    return ledger.jobs.attempts(job.id)[0].attempt


def busy(ledger: SqliteLedger, job: Job, seconds: float, *, slot: bool = False) -> Attempt | None:
    return ledger.attempts.busy(
        job.attempt, pause_seconds=seconds, reason="slow down", concurrency=slot
    )


def call_dead(job: Job, tmp_path: Path) -> None:
    """Make the owner of a job look dead although it goes on, as a cleaned directory would."""
    (tmp_path / "state" / "owners" / f"{job.attempt.owner}.lock").unlink()


# --- What dead processes leave ---


def test_what_a_dead_process_had_queued_was_not_sent(
    open_ledger: Open, other: SqliteLedger
) -> None:
    dying = open_ledger()
    job = queued(dying)
    dying.close()
    assert other.attempts.recover() == Recovery(not_sent=(job.id,))
    found = now_of(other, job)
    assert (found.state, found.fail_slug) == (JobState.FAILED, "not_sent")


def test_what_a_dead_process_was_sending_is_in_doubt(
    open_ledger: Open, other: SqliteLedger
) -> None:
    dying = open_ledger()
    job = sending(dying)
    dying.close()
    assert other.attempts.recover() == Recovery(in_doubt=(job.id,))
    assert now_of(other, job).state is JobState.IN_DOUBT


def test_what_a_living_process_has_is_left_alone(ours: SqliteLedger, other: SqliteLedger) -> None:
    jobs = [queued(ours), sending(ours)]
    assert other.attempts.recover() == Recovery()
    assert [now_of(other, job).state for job in jobs] == [JobState.QUEUED, JobState.SENDING]


@dataclass(frozen=True)
class Reply:
    """What the service answers at last, and what it must leave behind."""

    commit: Callable[[SqliteLedger, Job], object]
    state: JobState
    slug: str | None


OWN_ANSWERS = {
    "accepted": Reply(
        lambda to, job: to.attempts.accepted(job.attempt, "t1"), JobState.RUNNING, None
    ),
    "refused": Reply(
        lambda to, job: to.attempts.refused(job.attempt, slug="quota", reason="no"),
        JobState.FAILED,
        "quota",
    ),
    "busy": Reply(lambda to, job: busy(to, job, 5), JobState.FAILED, "busy"),
}


@pytest.mark.parametrize("name", OWN_ANSWERS)
def test_an_attempts_own_answer_beats_a_doubt_that_another_process_set(
    name: str, ours: SqliteLedger, other: SqliteLedger, tmp_path: Path
) -> None:
    job, reply = sending(ours), OWN_ANSWERS[name]
    call_dead(job, tmp_path)
    assert other.attempts.recover().in_doubt == (job.id,)
    assert reply.commit(ours, job)
    found = now_of(other, job)
    assert (found.state, found.fail_slug) == (reply.state, reply.slug)


def test_an_attempt_that_was_called_not_sent_is_not_sent(
    ours: SqliteLedger, other: SqliteLedger, tmp_path: Path, service: Service
) -> None:
    job = queued(ours)
    call_dead(job, tmp_path)
    other.attempts.recover()
    api = ApiService(
        Endpoint(base_url=service.url, key="test-key", answer_seconds=5), now=lambda: 0.0
    )
    assert send_once(job, ledger=ours, service=api) == Answered()
    service.wait_for(lambda seen: [wire.closed for wire in seen.connections] == [True])
    assert [wire.bytes_read for wire in service.connections] == [0]
    assert now_of(ours, job).fail_slug == "not_sent"


def test_only_the_owner_can_change_an_attempt(ours: SqliteLedger, other: SqliteLedger) -> None:
    queued(other)
    waiting, sent = queued(ours).attempt, sending(ours).attempt
    stolen = [
        Attempt(
            id=one.id,
            job_id=one.job_id,
            nonce=one.nonce,
            owner="somebody else",
            state=one.state,
            queued_at=one.queued_at,
        )
        for one in (waiting, sent)
    ]
    attempts = other.attempts
    assert not attempts.begin_sending(stolen[0])
    assert not attempts.not_sent(stolen[0], reason="")
    assert not attempts.accepted(stolen[1], "t1")
    assert not attempts.refused(stolen[1], slug="quota", reason="")
    assert not attempts.doubted(stolen[1], reason="")
    assert attempts.busy(stolen[1], pause_seconds=1, reason="", concurrency=False) is None


STATES: dict[str, Callable[[SqliteLedger], Job]] = {
    "queued": queued,
    "running": lambda ledger: running(ledger, "t0"),
    "in_doubt": in_doubt,
}


@pytest.mark.parametrize("state", STATES)
def test_a_change_from_another_state_changes_nothing(state: str, ours: SqliteLedger) -> None:
    job = STATES[state](ours)
    before, attempts = ours.jobs.attempts(job.id), ours.attempts
    assert not attempts.doubted(job.attempt, reason="")
    if state != "in_doubt":
        assert not attempts.accepted(job.attempt, "t1")
        assert not attempts.refused(job.attempt, slug="quota", reason="")
        assert busy(ours, job, 5) is None
    if state != "queued":
        assert not attempts.begin_sending(job.attempt)
        assert not attempts.not_sent(job.attempt, reason="")
        with pytest.raises(LedgerError, match="changed by another process"):
            attempts.take_slot(job.attempt, slots=SLOTS)
    assert ours.jobs.attempts(job.id) == before


# --- A task belongs to one attempt ---


def test_a_task_id_is_bound_once(ours: SqliteLedger) -> None:
    running(ours, "t1")
    second = sending(ours)
    assert not ours.attempts.accepted(second.attempt, "t1")
    assert now_of(ours, second).state is JobState.SENDING


def test_an_attempt_has_one_task(ours: SqliteLedger) -> None:
    job = running(ours, "t1")
    assert not ours.attempts.accepted(job.attempt, "t2")
    assert now_of(ours, job).task_id == "t1"


def test_another_account_may_have_a_task_of_the_same_name(ours: SqliteLedger) -> None:
    running(ours, "t1")
    ours.use_account("second", profile="second", base_url="https://example.com")
    job = queued(ours, "second")
    ours.attempts.take_slot(job.attempt, slots=1)
    ours.attempts.begin_sending(job.attempt)
    assert ours.attempts.accepted(job.attempt, "t1")


def test_a_task_taken_for_another_programs_gives_way_to_its_own_job(ours: SqliteLedger) -> None:
    job = sending(ours)
    urls = ((1, "https://e.example/1.png"),)
    report = TaskReport(task_id="t1", state=TaskState.COMPLETED, images=urls)
    adopted = ours.jobs.adopt(ACCOUNT, report)
    assert ours.attempts.accepted(job.attempt, "t1")
    assert ours.jobs.attempts(adopted.id) == []
    (found,) = ours.jobs.find("t1")
    assert (found.id, [image.url for image in found.images]) == (job.id, [urls[0][1]])


# --- The user's verdict, and what turns up later ---


def test_proof_beats_the_verdict_not_charged(ours: SqliteLedger) -> None:
    job = in_doubt(ours)
    ours.jobs.resolve_not_charged(job)
    assert ours.attempts.accepted(job.attempt, "t1")
    found = now_of(ours, job)
    assert (found.state, found.verdict, found.task_id) == (JobState.RUNNING, None, "t1")


def test_after_a_resubmit_both_attempts_are_kept(ours: SqliteLedger) -> None:
    job = in_doubt(ours)
    again = ours.jobs.resolve_resubmit(job)
    assert again is not None
    ours.attempts.begin_sending(again.attempt)
    assert ours.attempts.accepted(again.attempt, "t2")
    assert ours.attempts.accepted(job.attempt, "t1")
    assert [one.task_id for one in ours.jobs.attempts(job.id)] == ["t1", "t2"]


def test_a_busy_service_queues_no_third_attempt_beside_a_resubmit(ours: SqliteLedger) -> None:
    job = in_doubt(ours)
    again = ours.jobs.resolve_resubmit(job)
    assert again is not None
    assert busy(ours, job, 5) is None
    states = [one.state for one in ours.jobs.attempts(job.id)]
    assert states == [JobState.FAILED, JobState.QUEUED]


# --- Slots ---


def test_a_slot_is_held_until_its_attempt_ends(ours: SqliteLedger) -> None:
    holders = [queued(ours), sending(ours), in_doubt(ours), running(ours, "t1")]
    ours.attempts.take_slot(holders[0].attempt, slots=SLOTS)
    assert take(ours, slots=4) == SlotsFull(4, 1, ("t1",))
    assert take(ours, slots=5) == SlotTaken()


@pytest.mark.parametrize("end", ["released", "not sent", "refused", "finished", "not charged"])
def test_an_end_frees_the_slot_at_once(end: str, ours: SqliteLedger) -> None:
    attempts, jobs = ours.attempts, ours.jobs
    first = queued(ours)
    attempts.take_slot(first.attempt, slots=1)
    assert isinstance(take(ours, slots=1), SlotsFull)
    if end not in {"released", "not sent"}:
        attempts.begin_sending(first.attempt)
    if end == "finished":
        attempts.accepted(first.attempt, "t1")
    if end == "not charged":
        attempts.doubted(first.attempt, reason="lost")
    report = TaskReport(task_id="t1", state=TaskState.FAILED)
    ends: dict[str, Callable[[], object]] = {
        "released": lambda: attempts.release_slot(first.attempt),
        "not sent": lambda: attempts.not_sent(first.attempt, reason=""),
        "refused": lambda: attempts.refused(first.attempt, slug="quota", reason=""),
        "finished": lambda: jobs.record(ACCOUNT, report),
        "not charged": lambda: jobs.resolve_not_charged(first),
    }
    ends[end]()
    assert take(ours, slots=1) == SlotTaken()


@pytest.mark.parametrize(("timeout", "seconds"), [(None, 720), (300, 420), (1200, 1320)])
def test_a_slot_ends_two_minutes_after_the_tasks_own_limit(
    timeout: int | None, seconds: int, ours: SqliteLedger, clock: FakeClock
) -> None:
    job = queued(ours, timeout=timeout)
    ours.attempts.take_slot(job.attempt, slots=1)
    ours.attempts.begin_sending(job.attempt)
    ours.attempts.accepted(job.attempt, "t1")
    clock.passed += seconds - 1
    assert isinstance(take(ours, slots=1), SlotsFull)
    clock.passed += 2
    assert take(ours, slots=1) == SlotTaken()


def test_slots_are_those_of_one_account(ours: SqliteLedger) -> None:
    sending(ours)
    ours.use_account("second", profile="second", base_url="https://example.com")
    assert ours.attempts.take_slot(queued(ours, "second").attempt, slots=1) == SlotTaken()


def test_twenty_threads_of_two_processes_never_take_more_than_the_slots(
    ours: SqliteLedger, other: SqliteLedger
) -> None:
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(take, [ours, other] * 20))
    assert answers.count(SlotTaken()) == SLOTS


def test_when_doubt_holds_every_slot_one_submit_at_a_time_probes(
    ours: SqliteLedger, other: SqliteLedger
) -> None:
    for _ in range(SLOTS):
        in_doubt(ours)
    probe = queued(ours)
    assert ours.attempts.take_slot(probe.attempt, slots=SLOTS) == SlotTaken()
    assert take(other) == SlotsFull(SLOTS, SLOTS, ())
    ours.attempts.begin_sending(probe.attempt)
    assert take(other) == SlotsFull(SLOTS, SLOTS, ())
    ours.attempts.accepted(probe.attempt, "t1")
    assert take(other) == SlotTaken()


def test_nothing_probes_while_one_slot_is_not_in_doubt(ours: SqliteLedger) -> None:
    for _ in range(SLOTS - 1):
        in_doubt(ours)
    running(ours, "t1")
    assert take(ours) == SlotsFull(SLOTS, SLOTS - 1, ("t1",))


# --- The account's pause ---


def test_a_busy_service_pauses_the_whole_account(
    ours: SqliteLedger, other: SqliteLedger, clock: FakeClock
) -> None:
    following = busy(ours, sending(ours), 30)
    assert following is not None
    assert (following.state, ours.attempts.busy_streak(ACCOUNT)) == (JobState.QUEUED, 1)
    paused = take(other)
    assert isinstance(paused, SubmitPaused)
    assert paused.seconds == pytest.approx(30)
    assert paused.reason == "slow down"
    clock.passed += 31
    assert take(other) == SlotTaken()


def test_a_shorter_pause_does_not_end_a_longer_one(ours: SqliteLedger, clock: FakeClock) -> None:
    first, second = sending(ours), sending(ours)
    busy(ours, first, 30)
    busy(ours, second, 1)
    clock.passed += 20
    assert isinstance(take(ours), SubmitPaused)


def test_an_acceptance_that_was_under_way_does_not_end_a_pause(ours: SqliteLedger) -> None:
    first, second = sending(ours), sending(ours)
    busy(ours, first, 30)
    ours.attempts.accepted(second.attempt, "t1")
    assert isinstance(take(ours), SubmitPaused)
    assert ours.attempts.busy_streak(ACCOUNT) == 0


@pytest.mark.parametrize("slot", [True, False])
def test_the_end_of_a_task_ends_a_pause_that_was_for_a_slot(ours: SqliteLedger, slot: bool) -> None:
    running(ours, "t1")
    busy(ours, sending(ours), 30, slot=slot)
    ours.jobs.record(ACCOUNT, TaskReport(task_id="t1", state=TaskState.COMPLETED))
    assert isinstance(take(ours), SlotTaken if slot else SubmitPaused)


def test_a_clock_that_was_set_back_leaves_no_pause(ours: SqliteLedger, clock: FakeClock) -> None:
    clock.passed += 86400
    busy(ours, sending(ours), 30)
    assert isinstance(take(ours), SubmitPaused)
    clock.passed -= 86400
    assert take(ours) == SlotTaken()


def test_a_clock_that_was_set_back_leaves_no_slot_taken(
    ours: SqliteLedger, clock: FakeClock
) -> None:
    clock.passed += 86400
    sending(ours)
    assert isinstance(take(ours, slots=1), SlotsFull)
    clock.passed -= 86400
    assert take(ours, slots=1) == SlotTaken()


def test_an_unknown_account_was_never_busy(ours: SqliteLedger) -> None:
    assert ours.attempts.busy_streak("nobody") == 0


# --- The rescue file ---


class LockLedger(Action):
    """Accepts the job while something holds the ledger so that nobody can write to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = contextlib.ExitStack()

    def perform(self, stage: Stage) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self.lock.callback(connection.close)
        connection.execute("BEGIN IMMEDIATE")
        stage.proceed()


@pytest.fixture
def unrecorded(
    mj: Mj, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """A submit that was accepted while the ledger could not be written: exit code and stderr."""
    monkeypatch.setattr("mj_cli.ledger.database.BUSY_SECONDS", 0.1)
    action = LockLedger(tmp_path / "state" / "ledger.db")
    service.on_submit("fox", action)
    with action.lock:
        ran = mj("submit", "fox")
    return ran.code, ran.err


def test_an_id_that_the_ledger_cannot_take_is_told(
    unrecorded: tuple[int, str], service: Service
) -> None:
    code, err = unrecorded
    assert code == 9
    assert service.bill[0].task_id in err
    assert "paid" in err


def test_the_next_start_binds_an_id_that_the_ledger_could_not_take(
    mj: Mj, unrecorded: tuple[int, str], service: Service, tmp_path: Path
) -> None:
    assert unrecorded[0] == 9
    ran = mj("jobs", "--json")
    job = ran.records[0]
    assert (job["state"], job["task_id"]) == ("running", service.bill[0].task_id)
    assert "rescue file" in ran.err
    assert list((tmp_path / "state" / "rescue").iterdir()) == []
    assert mj("jobs").err.count("rescue file") == 0


def test_a_rescued_id_counts_as_one_charge(mj: Mj, unrecorded: tuple[int, str]) -> None:
    assert unrecorded[0] == 9
    (total,) = [line for line in mj("jobs", "--json").records if line["type"] == "total"]
    assert (total["charged"], total["in_doubt"]) == (1, 0)


def test_a_damaged_rescue_file_harms_nobody_and_what_can_be_read_is_kept(
    open_ledger: Open, other: SqliteLedger, tmp_path: Path
) -> None:
    dying = open_ledger()
    job = sending(dying)
    dying.attempts.rescue(job.attempt, "t1")
    dying.close()
    (path,) = (tmp_path / "state" / "rescue").iterdir()
    junk = b'\0\0\n\xff\n7\nnull\n{}\n"abc"\n[1]\n[1, "nonce", 2]\n[99, "none", "t9"]\n[[[\n'
    path.write_bytes(junk + path.read_bytes())
    assert other.attempts.recover() == Recovery(rescued=(job.id,))
    assert now_of(other, job).task_id == "t1"
    assert not path.exists()


def test_a_rescue_file_of_a_living_process_is_left_alone(
    ours: SqliteLedger, other: SqliteLedger, tmp_path: Path
) -> None:
    job = sending(ours)
    ours.attempts.rescue(job.attempt, "t1")
    assert other.attempts.recover() == Recovery()
    assert len(list((tmp_path / "state" / "rescue").iterdir())) == 1


def test_an_id_rescued_for_nothing_is_bound_once(open_ledger: Open, other: SqliteLedger) -> None:
    dying = open_ledger()
    job = running(dying, "t1")
    dying.attempts.rescue(job.attempt, "t1")
    dying.close()
    assert other.attempts.recover() == Recovery()
    assert [total.charged for total in other.jobs.totals("default")] == [1]


def test_an_unused_rescue_file_goes_with_its_process(open_ledger: Open, tmp_path: Path) -> None:
    ledger = open_ledger()
    running(ledger, "t1")
    assert len(list((tmp_path / "state" / "rescue").iterdir())) == 1
    ledger.close()
    assert list((tmp_path / "state" / "rescue").iterdir()) == []


def test_without_room_for_a_rescue_file_nothing_is_sent(
    mj: Mj, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "rescue").write_bytes(b"in the way")
    ran = mj("submit", "fox")
    assert (ran.code, service.connections) == (9, [])
    assert "rescue file" in ran.err


def test_a_rescue_file_that_was_cut_short_is_no_rescue_file(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # a disk with 1000 bytes left
    try:
        with pytest.raises(OSError, match="No space left"):
            RescueFile(tmp_path, "owner")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.glob("*.rescue")) == []

"""`mj status`: one look at tasks, in as few calls as possible, and what it makes of bad answers."""

from __future__ import annotations

import email.utils
import json
from pathlib import Path

import pytest

from tests.clock import FakeClock
from tests.conftest import Mj, Ran
from tests.support.actions import Step
from tests.support.faults import (
    ABSENT,
    Answer,
    CorruptJson,
    DoubledRows,
    ForeignRows,
    Html,
    MissingRows,
    Refuse,
    Reset,
    RowPatch,
    TooMany,
    always,
    times,
)
from tests.support.service import Service


def submit(mj: Mj, prompt: str = "a red fox", *options: str) -> str:
    """Submit without waiting; the task id."""
    ran = mj("submit", prompt, *options)
    assert ran.code == 0
    return ran.lines[0]


def running(service: Service, *task_ids: str) -> list[str]:
    """Tasks that another program submitted and that do not end by themselves."""
    service.plan("foreign", polls=1000)
    for task_id in task_ids:
        service.jobs.accept({"prompt": f"foreign {task_id}"}, task_id)
    return list(task_ids)


def asked(service: Service) -> list[list[str]]:
    """The ids of each job-status call."""
    return [seen.json["taskIds"] for seen in service.polls]


def states(ran: Ran) -> dict[str, str]:
    jobs = [record for record in ran.records if record["type"] == "job"]
    return {job["task_id"]: job["state"] for job in jobs}


# --- Whom it asks about ---


def test_without_ids_it_asks_about_every_unfinished_job_in_one_call(
    mj: Mj, service: Service
) -> None:
    tasks = [submit(mj, f"fox {number}") for number in range(3)]
    ran = mj("status", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert asked(service) == [tasks]
    assert states(ran) == dict.fromkeys(tasks, "running")


def test_with_nothing_unfinished_it_makes_no_call(mj: Mj, service: Service) -> None:
    ran = mj("status")
    assert (ran.code, ran.out) == (0, "")
    assert "no jobs" in ran.err
    assert not service.connections


def test_a_job_can_be_named_by_job_id_and_task_id_and_is_shown_once(
    mj: Mj, service: Service
) -> None:
    task = submit(mj)
    (record,) = mj("status", "--json").records
    again = mj("status", record["id"], task, task, "--json")
    assert [one["task_id"] for one in again.records] == [task]
    assert asked(service)[-1] == [task]


@pytest.mark.parametrize(("count", "sizes"), [(50, [50]), (51, [50, 1])])
def test_fifty_ids_go_into_one_call(mj: Mj, service: Service, count: int, sizes: list[int]) -> None:
    ids = running(service, *(f"foreign-{number}" for number in range(count)))
    ran = mj("status", *ids, "--quiet")
    assert ran.code == 0
    assert ran.lines == ids
    assert [len(call) for call in asked(service)] == sizes


@pytest.mark.parametrize(
    "task_id", ["-xY3abcDEFghiJKLmno12", "--Y3abcDEFghiJKLmno12", "-1", "-_-_"]
)
@pytest.mark.parametrize("command", ["status", "wait"])
def test_an_id_may_begin_with_a_hyphen(
    mj: Mj, service: Service, command: str, task_id: str
) -> None:
    service.jobs.accept({"prompt": "a fox"}, task_id)
    ran = mj(command, task_id, "--json")
    assert ran.code == 0
    assert ran.records[0]["task_id"] == task_id


@pytest.mark.parametrize("command", ["status", "wait"])
@pytest.mark.parametrize("option", ["--jsn", "-q", "--quite", "-"])
def test_a_misspelt_option_is_no_id(mj: Mj, service: Service, command: str, option: str) -> None:
    ran = mj(command, option)
    assert ran.code == 2
    assert f"no such option: {option}" in ran.err
    assert not service.connections


@pytest.mark.parametrize("text", ["a/b", "a b", "käse", "x" * 257, ""])
def test_what_can_be_no_id_is_refused_before_any_call(mj: Mj, service: Service, text: str) -> None:
    ran = mj("status", text)
    assert ran.code == 2
    assert "is no job or task id" in ran.err
    assert not service.connections


def test_a_final_job_needs_no_call(mj: Mj, service: Service) -> None:
    service.plan("fox", fails="too dark")
    task = submit(mj)
    mj("wait", task)
    calls = len(service.polls)
    ran = mj("status", task, "--json")
    assert ran.code == 0
    assert states(ran) == {task: "failed"}
    assert len(service.polls) == calls


def test_a_job_of_the_sandbox_needs_the_option_for_it(mj: Mj, service: Service) -> None:
    task = submit(mj, "a fox", "--sandbox")
    ran = mj("status", task)
    assert ran.code == 2
    assert f"{task} is a job of the sandbox" in ran.err
    assert "--sandbox" in ran.err
    assert not service.connections


def test_a_real_job_is_not_asked_for_in_the_sandbox(mj: Mj, service: Service) -> None:
    task = submit(mj)
    ran = mj("status", task, "--sandbox")
    assert ran.code == 2
    assert "leave out --sandbox" in ran.err


@pytest.mark.parametrize(
    ("of", "options", "hint"),
    [
        ("work", (), "--profile work"),
        ("work", ("--profile", "play"), "--profile work"),
        ("work", ("--sandbox",), "--profile work instead of --sandbox"),
        ("default", ("--profile", "work"), "add --profile default"),
    ],
)
def test_a_job_of_another_profile_names_that_profile(
    mj: Mj,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    of: str,
    options: tuple[str, ...],
    hint: str,
) -> None:
    task = submit(mj, "a fox", "--profile", of)
    monkeypatch.setenv("MJ_BASE_URL", service.url.replace("127.0.0.1", "localhost"))
    ran = mj("status", task, *options)
    assert ran.code == 2
    assert f"under the profile '{of}'" in ran.err
    assert hint in ran.err


# --- What it makes of the answers ---


@pytest.mark.parametrize("known", [True, False])
def test_a_task_that_the_service_does_not_know_is_unknown_not_failed(
    mj: Mj, service: Service, known: bool
) -> None:
    task = submit(mj) if known else "nobody-knows-me"
    service.on_status("fox", always(MissingRows()))
    ran = mj("status", task, "--json")
    assert ran.code == 0
    assert states(ran) == {task: "unknown"}
    if known:
        assert states(mj("jobs", "--json")) == {task: "running"}


def test_an_unknown_task_is_shown_to_people_too(mj: Mj, service: Service) -> None:
    ran = mj("status", "nobody-knows-me")
    assert ran.code == 0
    assert ran.lines[0].split("\t")[:2] == ["nobody-knows-me", "unknown"]


def test_answers_come_in_the_order_of_the_jobs_whatever_the_rows_do(
    mj: Mj, service: Service
) -> None:
    first, second = submit(mj, "fox"), submit(mj, "owl")
    service.on_status("fox", DoubledRows())
    service.on_status("owl", ForeignRows(3))
    ran = mj("status", "--json", second, first)
    assert [one["task_id"] for one in ran.records] == [second, first]


@pytest.mark.parametrize(
    "patch",
    [{"status": "1"}, {"status": True}, {"status": 7}, {"status": ABSENT}, {"taskId": 5}],
)
def test_a_row_with_wrong_types_counts_as_missing(
    mj: Mj, service: Service, patch: dict[str, object]
) -> None:
    task = submit(mj)
    service.on_status("fox", RowPatch(patch))
    assert states(mj("status", "--json")) == {task: "unknown"}


def test_the_end_of_a_task_is_recorded_and_frees_its_slot(mj: Mj, service: Service) -> None:
    service.plan("fox", polls=1)
    for number in range(10):
        submit(mj, f"fox {number}")
    assert set(states(mj("status", "--json")).values()) == {"succeeded"}
    assert mj("submit", "an owl", "--no-queue").code == 0


def test_a_failed_task_is_shown_with_its_reason_and_ends_zero(mj: Mj, service: Service) -> None:
    service.plan("fox", polls=1, fails="banned \x1b[31mword\u202e")
    task = submit(mj)
    ran = mj("status", task, "--json")
    assert ran.code == 0
    assert ran.records[0]["state"] == "failed"
    assert ran.records[0]["fail_reason"] == "banned \x1b[31mword\u202e"
    assert "\x1b" not in ran.out


def test_a_task_of_another_program_is_taken_into_the_ledger(mj: Mj, service: Service) -> None:
    (task,) = running(service, "foreign-1")
    assert states(mj("status", task, "--json")) == {task: "running"}
    assert states(mj("jobs", "--json")) == {task: "running"}


def test_a_job_in_doubt_is_listed_without_a_call(mj: Mj, service: Service) -> None:
    service.on_submit("fox", Reset())
    assert mj("submit", "a fox").code == 6
    ran = mj("status", "--json")
    assert ran.code == 0
    assert [one["state"] for one in ran.records] == ["in_doubt"]
    assert not service.polls


# --- Bad days ---


@pytest.mark.parametrize(
    "fault",
    [
        Answer(500),
        Answer(503, headers={"Retry-After": "3"}),
        TooMany("3"),
        CorruptJson(),
        CorruptJson(b"[" * 100_000),
        Html(),
        Answer(200, {"status": 0, "data": {"not": "a list"}}),
        Refuse(1003, "come back later"),
        Reset(),
    ],
)
def test_a_passing_fault_is_tried_again(mj: Mj, service: Service, fault: Step) -> None:
    service.plan("fox", polls=2)
    task = submit(mj)
    service.on_status("", fault)
    ran = mj("status", "--json")
    assert ran.code == 0
    (note,) = [json.loads(line) for line in ran.err.splitlines()]
    assert (note["type"], "asking again" in note["message"]) == ("note", True)
    assert states(ran) == {task: "succeeded"}


@pytest.mark.parametrize("header", ["17", " 17 ", "date"])
def test_retry_after_is_honoured(mj: Mj, service: Service, clock: FakeClock, header: str) -> None:
    submit(mj)
    if header == "date":
        header = email.utils.formatdate(clock.time() + 18, usegmt=True)
    service.on_status("", TooMany(header))
    assert mj("status").code == 0
    assert 16 <= clock.passed <= 18


def test_a_retry_after_beyond_our_patience_ends_it_at_once(
    mj: Mj, service: Service, clock: FakeClock
) -> None:
    submit(mj)
    service.on_status("", TooMany("31"))
    assert mj("status").code == 7
    assert (len(service.polls), clock.passed) == (1, 0)


@pytest.mark.parametrize("fault", [Answer(500), Html(), Reset(), Answer(408)])
def test_after_thirty_seconds_of_failure_it_gives_up(
    mj: Mj, service: Service, clock: FakeClock, fault: Step
) -> None:
    submit(mj)
    service.on_status("", always(fault))
    ran = mj("status", "--json")
    assert (ran.code, ran.error["slug"]) == (7, "service")
    assert 15 < clock.passed <= 30
    assert 3 <= len(service.polls) <= 12


@pytest.mark.parametrize(("status", "code"), [(401, 4), (403, 4), (404, 7), (301, 7)])
def test_a_definite_no_is_not_repeated(
    mj: Mj, service: Service, clock: FakeClock, status: int, code: int
) -> None:
    submit(mj)
    service.on_status("", always(Answer(status, {"status": status, "message": "go \x07away"})))
    ran = mj("status", "--json")
    assert ran.code == code
    assert len(service.polls) == 1
    assert clock.passed == 0


def test_a_service_that_is_not_there_is_tried_for_thirty_seconds(
    mj: Mj, service: Service, clock: FakeClock
) -> None:
    submit(mj)
    service.close()
    ran = mj("status")
    assert ran.code == 7
    assert "cannot be reached" in ran.err
    assert 15 < clock.passed <= 30


def test_a_fault_in_the_second_call_does_not_repeat_the_first(mj: Mj, service: Service) -> None:
    ids = running(service, *(f"foreign-{number}" for number in range(51)))
    service.on_status("foreign-50", times(2, Answer(500)))
    assert mj("status", *ids, "--quiet").code == 0
    assert [len(call) for call in asked(service)] == [50, 1, 1, 1]


def test_nothing_of_the_key_is_said_when_it_is_refused(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MJ_API_KEY", "wrong-and-secret")
    ran = mj("status", "some-task", "--verbose")
    assert ran.code == 4
    assert "wrong-and-secret" not in ran.out + ran.err


def test_the_sandbox_answers_without_a_key(mj: Mj, clock: FakeClock, home: Path) -> None:
    task = submit(mj, "a fox", "--sandbox")
    assert states(mj("status", "--sandbox", "--json")) == {task: "running"}
    clock.passed += 60
    assert states(mj("status", task, "--sandbox", "--json")) == {task: "succeeded"}

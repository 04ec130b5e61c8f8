"""What the ledger shows of jobs, and what the user decides about those in doubt."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mj_cli.errors import UsageError
from mj_cli.ledger.sqlite import SqliteLedger
from mj_cli.models import Job
from mj_cli.pipeline import settling
from tests.clock import FakeClock
from tests.conftest import Mj, Ran
from tests.support.faults import AcceptThen, Refuse, Reset
from tests.support.service import Service
from tests.support.terminal import Terminal

DAY = 86_400.0


@pytest.fixture
def doubtful(mj: Mj, service: Service) -> str:
    """The id of a job whose answer was lost after it was charged."""
    return lost(mj, service, "a lost fox")


def lost(mj: Mj, service: Service, prompt: str) -> str:
    service.on_submit(prompt, AcceptThen(Reset()))
    ran = mj("submit", prompt, "--json")
    assert ran.code == 6
    return str(ran.records[0]["id"])


def jobs(mj: Mj, *options: str) -> list[dict[str, Any]]:
    ran = mj("jobs", "list", "--json", *options)
    assert ran.code == 0, ran.err
    return [record for record in ran.records if record["type"] == "job"]


def totals(mj: Mj) -> list[dict[str, Any]]:
    return [record for record in mj("jobs", "--json").records if record["type"] == "total"]


def attempts(mj: Mj, job_id: str) -> list[dict[str, Any]]:
    return mj("jobs", "show", job_id, "--json").records


def states(mj: Mj, job_id: str) -> list[str]:
    return [record["state"] for record in attempts(mj, job_id)]


def resolve(mj: Mj, job_id: str, *how: str) -> Ran:
    return mj("jobs", "resolve", job_id, *how, "--yes")


# --- list ---


def test_jobs_are_listed_newest_first(mj: Mj, service: Service) -> None:
    first, second = (mj("submit", prompt).out.strip() for prompt in ("one", "two"))
    ran = mj("jobs")
    assert [line.split("\t")[0] for line in ran.lines] == [second, first]
    assert ran.lines[0].split("\t")[1:3] == ["running", "fast"]
    assert mj("jobs", "list", "--quiet").lines == [second, first]


def test_an_empty_ledger_says_so(mj: Mj) -> None:
    ran = mj("jobs")
    assert (ran.code, ran.out, ran.err) == (0, "", "mj: no jobs\n")


def test_jobs_are_listed_by_state(mj: Mj, service: Service, doubtful: str) -> None:
    service.on_submit("bad", Refuse(2001, "a banned word"))
    mj("submit", "good")
    mj("submit", "bad")
    assert [job["prompt"] for job in jobs(mj, "--state", "running")] == ["good"]
    assert [job["prompt"] for job in jobs(mj, "--state", "failed")] == ["bad"]
    assert [job["id"] for job in jobs(mj, "--state", "in_doubt")] == [doubtful]


def test_jobs_are_listed_by_age(mj: Mj, service: Service, clock: FakeClock) -> None:
    mj("submit", "old")
    clock.passed += 3 * DAY
    mj("submit", "new")
    assert [job["prompt"] for job in jobs(mj, "--since", "2d")] == ["new"]
    assert [job["prompt"] for job in jobs(mj, "--since", "1w")] == ["new", "old"]
    day = dt.datetime.fromtimestamp(clock.time(), dt.UTC).date().isoformat()
    assert [job["prompt"] for job in jobs(mj, "--since", f"{day}T00:00:00Z")] == ["new"]


def test_at_most_so_many_jobs_are_listed(mj: Mj, service: Service) -> None:
    for prompt in ("one", "two", "three"):
        mj("submit", prompt)
    assert [job["prompt"] for job in jobs(mj, "--limit", "2")] == ["three", "two"]


@pytest.mark.parametrize(
    "options",
    [
        ("--state", "done"),
        ("--since", "yesterday"),
        ("--since", "99999999999999d"),
        ("--since", "0001-01-01"),
        ("--limit", "0"),
        ("--limit", "x"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_named(mj: Mj, options: tuple[str, str]) -> None:
    ran = mj("jobs", *options)
    assert ran.code == 2
    assert options[0] in ran.err


def test_a_profile_sees_its_own_jobs(mj: Mj, service: Service) -> None:
    mj("submit", "mine")
    assert jobs(mj, "--profile", "work") == []
    assert totals(mj)
    assert mj("jobs", "--json", "--profile", "work").out == ""


# --- totals ---


def test_totals_count_what_was_charged_by_month_and_mode(
    mj: Mj, service: Service, doubtful: str, clock: FakeClock
) -> None:
    service.on_submit("bad", Refuse(2001))
    mj("submit", "bad")
    mj("submit", "good")
    mj("submit", "good", "--mode", "relaxed")
    month = dt.datetime.fromtimestamp(clock.time(), dt.UTC).strftime("%Y-%m")
    keys = ("month", "mode", "charged", "in_doubt", "cost")
    assert [tuple(total[key] for key in keys) for total in totals(mj)] == [
        (month, "fast", 1, 1, None),
        (month, "relaxed", 1, 0, None),
    ]
    said = mj("jobs").err
    assert f"{month} fast: 1 charged, 1 in doubt, cost unknown (set cost_fast)" in said


def test_totals_have_a_cost_once_it_is_set(mj: Mj, service: Service) -> None:
    mj("config", "set", "cost_fast", "2.5")
    mj("submit", "one")
    mj("submit", "two")
    assert [total["cost"] for total in totals(mj)] == [5.0]
    assert "2 charged, cost 5 quota" in mj("jobs").err


def test_each_month_has_its_own_totals(mj: Mj, service: Service, clock: FakeClock) -> None:
    mj("submit", "one")
    clock.passed += 40 * DAY
    mj("submit", "two")
    found = totals(mj)
    assert [total["charged"] for total in found] == [1, 1]
    assert found[0]["month"] > found[1]["month"]


def test_totals_outlive_the_jobs(mj: Mj, service: Service, clock: FakeClock) -> None:
    mj("submit", "a fox", "--wait")
    task_id = mj("submit", "another").out.strip()
    clock.passed += DAY
    assert mj("jobs", "prune", "--older-than", "12h", "--yes").err == "mj: 1 job forgotten\n"
    mj("jobs", "forget", task_id, "--yes")
    assert jobs(mj) == []
    assert [total["charged"] for total in totals(mj)] == [2]


# --- show ---


def test_a_job_in_doubt_is_shown_with_its_ways_out(mj: Mj, doubtful: str) -> None:
    shown = mj("jobs", "show", doubtful).out
    assert "attempt 1: in_doubt" in shown
    assert f"mj jobs resolve {doubtful} --task TASK_ID" in shown
    assert f"mj jobs resolve {doubtful} --not-charged" in shown
    assert f"mj jobs resolve {doubtful} --resubmit" in shown
    assert mj("jobs", "show", doubtful, "--quiet").out == f"{doubtful}\n"


def test_a_finished_job_is_shown_with_its_files(mj: Mj, service: Service) -> None:
    paths = mj("submit", "a fox", "--wait", "--images", "1", "--name", "reynard").lines
    shown = mj("jobs", "show", service.bill[0].task_id).out
    assert "name:      reynard" in shown
    assert f"image 1:   {paths[0]}" in shown
    assert "image 2:   not saved (http" in shown
    assert "resolve" not in shown


def test_a_job_can_be_named_by_either_id(mj: Mj, service: Service) -> None:
    task_id = mj("submit", "a fox").out.strip()
    (by_task,) = attempts(mj, task_id)
    assert attempts(mj, by_task["id"]) == [by_task]


@pytest.mark.parametrize("command", [("show",), ("resolve", "--not-charged"), ("forget",)])
def test_an_unknown_job_is_said_to_be_unknown(mj: Mj, command: tuple[str, ...]) -> None:
    ran = mj("jobs", command[0], "jnowhere99", *command[1:], "--json")
    assert (ran.code, ran.error["slug"]) == (2, "unknown_job")


def test_an_id_that_begins_with_a_hyphen_is_an_id(mj: Mj, service: Service) -> None:
    service.on_submit("fox", AcceptThen(Reset(), task_id="-Kx9_2"))
    mj("submit", "fox")
    mj("wait", "-Kx9_2")
    assert "task:      -Kx9_2" in mj("jobs", "show", "-Kx9_2").out
    assert "no such option" in mj("jobs", "show", "--jsn").err


# --- resolve ---


def test_a_job_can_be_bound_to_its_task(mj: Mj, service: Service, doubtful: str) -> None:
    task_id = service.bill[0].task_id
    ran = resolve(mj, doubtful, "--task", task_id)
    assert ran.code == 0
    assert f"mj wait {doubtful}" in ran.err
    assert mj("wait", doubtful).code == 0
    assert len(list(Path.cwd().iterdir())) == 4
    assert [total["charged"] for total in totals(mj)] == [1]
    assert len(service.submits) == 1


def test_a_task_that_was_waited_for_before_becomes_the_jobs_own(
    mj: Mj, service: Service, doubtful: str
) -> None:
    task_id = service.bill[0].task_id
    paths = mj("wait", task_id).lines
    assert len(jobs(mj)) == 2
    assert resolve(mj, doubtful, "--task", task_id).code == 0
    assert [job["id"] for job in jobs(mj)] == [doubtful]
    assert mj("wait", doubtful).lines == paths
    assert len(service.image_requests) == 4


def test_a_job_that_was_called_not_charged_is_kept_when_it_turns_up(
    mj: Mj, service: Service, doubtful: str
) -> None:
    assert resolve(mj, doubtful, "--not-charged").code == 0
    assert states(mj, doubtful) == ["failed"]
    assert totals(mj) == []
    assert resolve(mj, doubtful, "--task", service.bill[0].task_id).code == 0
    assert states(mj, doubtful) == ["running"]
    assert [total["charged"] for total in totals(mj)] == [1]


def test_a_job_that_was_not_charged_holds_no_slot(mj: Mj, service: Service, doubtful: str) -> None:
    mj("config", "set", "slots", "2")
    mj("submit", "a running fox")
    assert mj("submit", "a third fox", "--no-queue").code == 7
    assert resolve(mj, doubtful, "--not-charged").code == 0
    assert mj("submit", "a third fox", "--no-queue").code == 0


def test_a_resubmit_sends_once_more_and_keeps_both_attempts(
    mj: Mj, service: Service, doubtful: str
) -> None:
    ran = resolve(mj, doubtful, "--resubmit")
    assert ran.code == 0
    assert ran.lines == [service.bill[1].task_id]
    assert len(service.submits) == 2
    found = attempts(mj, doubtful)
    assert [(one["state"], one["task_id"]) for one in found] == [
        ("in_doubt", None),
        ("running", service.bill[1].task_id),
    ]
    shown = mj("jobs", "show", doubtful).out
    assert "verdict:   resubmitted" in shown
    assert "mj jobs resolve" not in shown


def test_after_a_resubmit_the_first_attempt_can_turn_up_too(
    mj: Mj, service: Service, doubtful: str
) -> None:
    resolve(mj, doubtful, "--resubmit")
    first, second = (charge.task_id for charge in service.bill)
    assert resolve(mj, doubtful, "--task", first).code == 0
    assert {one["task_id"] for one in attempts(mj, doubtful)} == {first, second}
    assert [total["charged"] for total in totals(mj)] == [2]
    assert len(mj("wait", first, second).lines) == 8


def test_a_resubmit_whose_answer_is_lost_is_in_doubt_again(
    mj: Mj, service: Service, doubtful: str
) -> None:
    service.on_submit("a lost fox", Reset())
    assert resolve(mj, doubtful, "--resubmit").code == 6
    assert states(mj, doubtful) == ["in_doubt", "in_doubt"]
    assert resolve(mj, doubtful, "--resubmit").code == 0
    assert len(service.submits) == 3


def test_a_resubmit_under_another_key_is_refused(
    mj: Mj, service: Service, doubtful: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MJ_API_KEY", "other-key")
    ran = resolve(mj, doubtful, "--resubmit")
    assert ran.code == 2
    assert "another key" in ran.err
    assert states(mj, doubtful) == ["in_doubt"]
    assert len(service.submits) == 1


def test_a_resubmit_without_a_key_changes_nothing(
    mj: Mj, service: Service, doubtful: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MJ_API_KEY")
    assert resolve(mj, doubtful, "--resubmit").code == 4
    assert states(mj, doubtful) == ["in_doubt"]


HOW = [("--task", "some-task"), ("--not-charged",), ("--resubmit",)]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("outcome", ["running", "succeeded", "failed"])
def test_only_what_is_in_doubt_can_be_resolved(
    mj: Mj, service: Service, outcome: str, how: tuple[str, ...]
) -> None:
    service.plan("fox", fails="moderated" if outcome == "failed" else None)
    task_id = mj("submit", "fox").out.strip()
    if outcome != "running":
        mj("wait", task_id)
    ran = mj("jobs", "resolve", task_id, *how, "--yes", "--json")
    assert (ran.code, ran.error["slug"]) == (2, "not_in_doubt")
    assert outcome in ran.error["message"]
    assert states(mj, task_id) == [outcome]
    assert len(service.submits) == 1


def test_a_task_of_another_job_is_refused(mj: Mj, service: Service, doubtful: str) -> None:
    task_id = mj("submit", "a good fox").out.strip()
    ran = mj("jobs", "resolve", doubtful, "--task", task_id, "--yes", "--json")
    assert (ran.code, ran.error["slug"]) == (2, "task_taken")
    assert states(mj, doubtful) == ["in_doubt"]


@pytest.mark.parametrize(
    "how",
    [
        (),
        ("--not-charged", "--resubmit"),
        ("--task", "t", "--not-charged"),
        ("--task", "not a task"),
        ("--task", ""),
        ("--tsak", "t"),
    ],
)
def test_a_verdict_must_be_clear(mj: Mj, doubtful: str, how: tuple[str, ...]) -> None:
    assert resolve(mj, doubtful, *how).code == 2
    assert states(mj, doubtful) == ["in_doubt"]


@pytest.mark.parametrize("how", HOW)
def test_a_verdict_needs_a_yes_where_nobody_can_be_asked(
    mj: Mj, service: Service, doubtful: str, how: tuple[str, ...]
) -> None:
    ran = mj("jobs", "resolve", doubtful, *how, "--json", stdin="y\n")
    assert (ran.code, ran.error["slug"]) == (2, "needs_yes")
    assert states(mj, doubtful) == ["in_doubt"]
    assert len(service.submits) == 1


@pytest.mark.parametrize("command", [("forget",), ("prune", "--older-than", "0s")])
def test_nothing_is_forgotten_without_a_yes(
    mj: Mj, service: Service, command: tuple[str, ...]
) -> None:
    task_id = mj("submit", "a fox").out.strip()
    ids = [task_id] if command == ("forget",) else []
    assert mj("jobs", *command, *ids, stdin="y\n").code == 2
    assert len(jobs(mj)) == 1


@pytest.mark.parametrize(("answer", "code", "state"), [("y", 0, "failed"), ("n", 130, "in_doubt")])
def test_a_terminal_is_asked(mj: Mj, doubtful: str, answer: str, code: int, state: str) -> None:
    with Terminal("jobs", "resolve", doubtful, "--not-charged") as screen:
        screen.read_until("Go on? [y/N]:")
        assert "will count as failed; if it shows up after all, it is kept" in screen.text
        screen.type(f"{answer}\n")
        assert screen.end() == code
    assert states(mj, doubtful) == [state]


@pytest.fixture
def ledger(home: Path, clock: FakeClock) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger(home / "state", now=clock.time)) as opened:
        yield opened


def seen_by(ledger: SqliteLedger, job_id: str) -> Job:
    return settling.find(ledger, job_id, profile="default")


def test_a_verdict_comes_too_late_when_another_was_faster(
    mj: Mj, service: Service, doubtful: str, ledger: SqliteLedger
) -> None:
    job = seen_by(ledger, doubtful)
    resolve(mj, doubtful, "--task", service.bill[0].task_id)
    with pytest.raises(UsageError, match="settled meanwhile"):
        settling.call_not_charged(ledger, job)
    with pytest.raises(UsageError, match="settled meanwhile"):
        settling.resubmitted(ledger, job, account=job.account)
    with pytest.raises(UsageError, match="settled meanwhile"):
        settling.bind_task(ledger, job, "another-task")
    assert states(mj, doubtful) == ["running"]


# --- forget and prune ---


def test_a_forgotten_job_leaves_its_files(mj: Mj, service: Service) -> None:
    (path, *_) = mj("submit", "a fox", "--wait").lines
    task_id = service.bill[0].task_id
    assert mj("jobs", "forget", task_id, "--yes").code == 0
    assert Path(path).exists()
    assert mj("jobs", "show", task_id).code == 2


def test_forgetting_an_open_job_says_what_it_means(mj: Mj, service: Service) -> None:
    task_id = mj("submit", "a fox").out.strip()
    with Terminal("jobs", "forget", task_id) as screen:
        screen.read_until("mj could not find it again")
        screen.read_until("[y/N]: ")
        screen.type("y\n")
        assert screen.end() == 0
    assert jobs(mj) == []


def test_prune_keeps_what_is_not_settled(
    mj: Mj, service: Service, doubtful: str, clock: FakeClock
) -> None:
    service.plan("moderated", fails="moderated")
    service.plan("unfetched", polls=1)
    service.plan("endless", polls=10_000)
    for prompt in ("a fetched fox", "moderated"):
        mj("submit", prompt, "--wait")
    for prompt in ("unfetched", "endless"):
        mj("submit", prompt)
    mj("status")
    clock.passed += 100 * DAY
    mj("submit", "young", "--wait")
    assert mj("jobs", "prune", "--older-than", "90d", "--yes").err.endswith("2 jobs forgotten\n")
    assert [job["prompt"] for job in jobs(mj)] == ["young", "endless", "unfetched", "a lost fox"]


def test_prune_leaves_other_profiles_alone(mj: Mj, service: Service, clock: FakeClock) -> None:
    mj("submit", "a fox", "--wait")
    clock.passed += DAY
    ran = mj("jobs", "prune", "--older-than", "0s", "--yes", "--profile", "work")
    assert ran.err == "mj: 0 jobs forgotten\n"
    assert len(jobs(mj)) == 1


@pytest.mark.parametrize("age", ["", "90", "90x", "-1d", "forever"])
def test_prune_takes_an_age(mj: Mj, age: str) -> None:
    ran = mj("jobs", "prune", f"--older-than={age}", "--yes")
    assert ran.code == 2
    assert "--older-than takes an age such as 90d" in ran.err


def test_prune_never_guesses_an_age(mj: Mj) -> None:
    assert mj("jobs", "prune", "--yes").code == 2


# --- What other commands say of older jobs ---


@pytest.mark.parametrize("command", [("submit", "a good fox"), ("jobs",), ("status",)])
def test_later_commands_speak_of_doubt_in_one_line(
    mj: Mj, service: Service, doubtful: str, command: tuple[str, ...]
) -> None:
    ran = mj(*command)
    assert ran.code == 0
    assert ran.err.count("1 job is in doubt and may have been charged") == 1
    assert "mj jobs list --state in_doubt" in ran.err
    assert mj(*command, "--quiet").err == ""


def test_a_settled_job_is_no_longer_spoken_of(mj: Mj, service: Service, doubtful: str) -> None:
    lost(mj, service, "a second fox")
    assert "2 jobs are in doubt" in mj("jobs").err
    resolve(mj, doubtful, "--not-charged")
    assert "1 job is in doubt" in mj("jobs").err


def test_the_sandbox_speaks_of_its_own_doubt_only(mj: Mj, doubtful: str) -> None:
    assert "in doubt" not in mj("jobs", "--sandbox").err


def test_jobs_under_another_key_are_mentioned(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    mj("submit", "one")
    service.api.key = "new-key"
    monkeypatch.setenv("MJ_API_KEY", "new-key")
    said = "1 unfinished job runs under another key or base URL of the profile 'default'"
    assert said in mj("status").err
    mj("submit", "two")
    monkeypatch.setenv("MJ_API_KEY", "test-key")
    service.api.key = "test-key"
    mj("submit", "three")
    monkeypatch.setenv("MJ_API_KEY", "new-key")
    assert "2 unfinished jobs run under another key" in mj("status").err


def test_the_ledger_never_holds_the_key(mj: Mj, service: Service, home: Path) -> None:
    mj("submit", "a fox")
    with closing(sqlite3.connect(home / "state" / "ledger.db")) as connection:
        assert "test-key" not in "\n".join(connection.iterdump())

"""`mj submit` on good and bad days: what is sent, what is paid, and how it ends."""

from __future__ import annotations

import io
import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clock import FakeClock
from tests.conftest import Mj, Ran
from tests.support.actions import Action
from tests.support.blackhole import Blackhole
from tests.support.faults import (
    AcceptThen,
    Answer,
    BusyEnvelope,
    Close,
    CorruptJson,
    Drip,
    GzipBomb,
    HalfAnswer,
    Hang,
    Html,
    Normal,
    Oversize,
    Quota,
    Raw,
    Redirect,
    Refuse,
    Reset,
    TooMany,
    WrongLength,
    times,
)
from tests.support.service import Service


@pytest.fixture
def one_slot(service: Service) -> None:
    """One slot for the account, as this machine sees it."""
    Path("mj.toml").write_text("slots = 1\n")


def jobs(mj: Mj) -> list[dict[str, Any]]:
    """What the ledger says of every job, newest first."""
    return [line for line in mj("jobs", "--json").records if line["type"] == "job"]


def charged(mj: Mj) -> int:
    """How many jobs the ledger counts as paid for."""
    totals = [line for line in mj("jobs", "--json").records if line["type"] == "total"]
    return sum(line["charged"] for line in totals)


def sent(service: Service) -> list[str]:
    """The prompts that were submitted, in their order."""
    return [seen.json["prompt"] for seen in service.submits]


def carry_on(mj: Mj) -> None:
    """Everything that somebody may run after a bad day."""
    for argv in (["status"], ["wait"], ["jobs"], ["submit", "an owl"], ["wait"]):
        mj(*argv)


# --- What is sent ---


def test_the_request_is_the_one_of_the_contract(mj: Mj, service: Service) -> None:
    wanted = json.loads((Path(__file__).parent / "contract" / "submit-request.json").read_text())
    options = ["--mode", "fast", "--timeout", "600", "--hook-url", wanted["hookUrl"]]
    assert mj("submit", wanted["prompt"], *options).code == 0
    (seen,) = service.submits
    assert (seen.method, seen.path, seen.json) == ("POST", "/midjourney/v1/submit-jobs", wanted)
    assert (seen.headers["api-key"], seen.headers["content-type"]) == (
        "test-key",
        "application/json",
    )


def test_options_stand_in_the_body(mj: Mj, service: Service) -> None:
    hook = "https://example.com/hook?x=1"
    mj("submit", "fox", "--mode", "relaxed", "--timeout", "1200", "--hook-url", hook)
    assert service.submits[0].json == {
        "prompt": "fox",
        "mode": "relaxed",
        "timeout": 1200,
        "hookUrl": hook,
    }


def test_words_make_one_prompt_with_its_parameters(mj: Mj, service: Service) -> None:
    mj("submit", "a red fox", "in the snow --ar 3:2 --no text, logo")
    assert sent(service) == ["a red fox in the snow --ar 3:2 --no text, logo"]


def test_a_hyphen_reads_the_prompt_from_stdin(mj: Mj, service: Service) -> None:
    assert mj("submit", "-", stdin="  a füchsin 🦊\nin the snow\n").code == 0
    assert sent(service) == ["a füchsin 🦊 in the snow"]


def test_stdin_that_is_no_text_is_refused(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), "utf-8"))
    assert mj("submit", "-").code == 2
    assert not service.connections


def test_ten_thousand_bytes_are_not_too_many(mj: Mj, service: Service) -> None:
    assert mj("submit", "ü" * 5000).code == 0
    assert sent(service) == ["ü" * 5000]


@pytest.mark.parametrize(
    "argv",
    [
        [""],
        [" \n\t"],
        ["x" * 10_001],
        ["ü" * 5_001],
        ["a\0b"],
        ["a\udcffb"],
        ["fox", "--mode", "turbo"],
        ["fox", "--mode", "relax"],
        ["fox", "--timeout", "299"],
        ["fox", "--timeout", "1201"],
        ["fox", "--timeout", "6e2"],
        ["fox", "--timeout", ""],
        ["fox", "--hook-url", "ftp://example.com"],
        ["fox", "--hook-url", "example.com"],
        ["fox", "--hook-url", "http://["],
    ],
    ids=lambda argv: " ".join(argv)[:30].encode("ascii", "backslashreplace").decode(),
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(
    mj: Mj, service: Service, argv: list[str]
) -> None:
    ran = mj("submit", *argv, "--json")
    assert (ran.code, ran.error["exit_code"], ran.out) == (2, 2, "")
    assert not service.connections
    assert jobs(mj) == []


def test_a_dry_run_shows_the_request_and_needs_no_key(mj: Mj) -> None:
    ran = mj("submit", "fox", "--mode", "relaxed", "--dry-run", "--json")
    (shown,) = ran.records
    assert ran.code == 0
    assert shown["body"] == {"prompt": "fox", "mode": "relaxed"}
    assert shown["url"] == "https://api.midjourney-api.com/midjourney/v1/submit-jobs"
    assert jobs(mj) == []


@pytest.mark.parametrize("style", [[], ["--json"], ["--quiet"]])
def test_a_dry_run_sends_nothing_and_hides_the_key(
    mj: Mj, service: Service, style: list[str]
) -> None:
    ran = mj("submit", "fox", "--dry-run", *style)
    assert (ran.code, service.connections) == (0, [])
    assert "test-key" not in ran.out + ran.err


# --- A definite no ---


def test_without_a_key_it_says_how_to_get_on(mj: Mj) -> None:
    ran = mj("submit", "fox")
    assert (ran.code, ran.out) == (4, "")
    assert "mj config login" in ran.err
    assert "--sandbox" in ran.err


@pytest.mark.parametrize("http", [401, 403])
def test_a_refused_key_is_told_and_nothing_counts_as_paid(
    mj: Mj, service: Service, http: int
) -> None:
    service.on_submit("fox", Answer(http, {"status": http, "message": "no such key"}))
    ran = mj("submit", "fox", "--json")
    assert (ran.code, ran.error["slug"]) == (4, "key_refused")
    assert "no such key" in ran.error["message"]
    assert (jobs(mj)[0]["state"], charged(mj), len(service.submits)) == ("failed", 0, 1)


def test_an_exhausted_quota_is_told_and_nothing_counts_as_paid(mj: Mj, service: Service) -> None:
    service.on_submit("fox", Quota())
    ran = mj("submit", "fox", "--json")
    assert (ran.code, ran.error["slug"]) == (5, "quota")
    assert "quota not enough" in ran.error["message"]
    assert (jobs(mj)[0]["state"], charged(mj), len(service.submits)) == ("failed", 0, 1)


def test_a_refusal_is_told_in_the_services_words(mj: Mj, service: Service) -> None:
    service.on_submit("fox", Refuse(1003, "banned word: \x1b[2Jfox"))
    ran = mj("submit", "fox")
    assert (ran.code, ran.out, len(service.submits)) == (3, "", 1)
    assert "banned word" in ran.err
    assert "\x1b" not in ran.err


@pytest.mark.parametrize("no", [Quota(), Refuse(1003, "banned"), Answer(401), Answer(422)])
def test_a_refusal_frees_its_slot_at_once(
    mj: Mj, service: Service, one_slot: None, no: Action
) -> None:
    service.on_submit("fox", no)
    assert mj("submit", "fox").code in {3, 4, 5}
    assert mj("submit", "an owl", "--no-queue").code == 0


# --- Busy ---


@pytest.mark.parametrize("busy", [BusyEnvelope(), TooMany(), Answer(429, b"<html>")])
def test_a_busy_service_is_waited_for(
    mj: Mj, service: Service, clock: FakeClock, busy: Action
) -> None:
    service.on_submit("fox", times(2, busy))
    ran = mj("submit", "fox")
    assert (ran.code, ran.lines) == (0, [service.bill[0].task_id])
    assert sent(service) == ["fox"] * 3
    assert clock.passed >= 1 + 2
    assert charged(mj) == len(service.bill) == 1


def test_each_submit_has_a_connection_of_its_own(mj: Mj, service: Service) -> None:
    service.on_submit("fox", BusyEnvelope(), BusyEnvelope())
    mj("submit", "fox")
    assert [seen.connection for seen in service.submits] == [1, 2, 3]


@pytest.mark.parametrize("no", [TooMany("7"), Answer(200, {"status": 1002}, {"Retry-After": "7"})])
def test_retry_after_is_honoured(mj: Mj, service: Service, clock: FakeClock, no: Action) -> None:
    service.on_submit("fox", no)
    assert mj("submit", "fox").code == 0
    assert 7 <= clock.passed < 10


@pytest.mark.parametrize("busy", [BusyEnvelope("no room"), TooMany()])
def test_with_no_queue_a_busy_service_ends_it(mj: Mj, service: Service, busy: Action) -> None:
    service.on_submit("fox", busy)
    ran = mj("submit", "fox", "--no-queue", "--json")
    assert (ran.code, ran.error["slug"]) == (7, "not_sent")
    assert ("no room" in ran.error["message"]) == isinstance(busy, BusyEnvelope)
    assert (jobs(mj)[0]["state"], charged(mj), len(service.submits)) == ("failed", 0, 1)
    carry_on(mj)
    assert sent(service).count("fox") == 1


def test_a_pause_holds_for_the_next_run_too(mj: Mj, service: Service, clock: FakeClock) -> None:
    service.on_submit("fox", TooMany("60"))
    mj("submit", "fox", "--no-queue")
    ran = mj("submit", "an owl", "--no-queue")
    assert (ran.code, sent(service)) == (7, ["fox"])
    clock.passed += 61
    assert mj("submit", "an owl", "--no-queue").code == 0


def test_a_pause_of_another_run_is_waited_for(mj: Mj, service: Service, clock: FakeClock) -> None:
    service.on_submit("fox", TooMany("4"))
    mj("submit", "fox", "--no-queue")
    ran = mj("submit", "an owl")
    assert (ran.code, sent(service)) == (0, ["fox", "an owl"])
    assert "429" in ran.err
    assert clock.passed >= 4


def test_no_service_can_ask_for_a_pause_of_a_day(
    mj: Mj, service: Service, clock: FakeClock
) -> None:
    service.on_submit("fox", TooMany("86400"))
    mj("submit", "fox", "--no-queue")
    clock.passed += 121
    assert mj("submit", "an owl", "--no-queue").code == 0


# --- Slots ---


def test_with_no_queue_taken_slots_end_it(mj: Mj, service: Service, one_slot: None) -> None:
    mj("submit", "fox")
    ran = mj("submit", "an owl", "--no-queue")
    assert (ran.code, ran.out) == (7, "")
    assert "slot" in ran.err
    carry_on(mj)
    assert sent(service).count("an owl") == 1  # the one of carry_on


def test_waiting_for_a_slot_polls_its_holder_and_gets_through(
    mj: Mj, service: Service, one_slot: None
) -> None:
    first = mj("submit", "fox").lines
    ran = mj("submit", "an owl")
    assert (ran.code, sent(service)) == (0, ["fox", "an owl"])
    assert "slot" in ran.err
    assert [seen.json["taskIds"] for seen in service.polls] == [first, first]


def test_doubt_alone_does_not_block_the_account(mj: Mj, service: Service, one_slot: None) -> None:
    service.on_submit("fox", Reset())
    assert mj("submit", "fox").code == 6
    assert mj("submit", "an owl", "--no-queue").code == 0


# --- The answer is lost ---

ACCEPTED = {"status": 0, "data": {"taskId": "x1"}}
LOST: dict[str, Action] = {
    "reset": Reset(),
    "reset after the charge": AcceptThen(Reset()),
    "closed": AcceptThen(Close()),
    "half an answer": HalfAnswer(20),
    "head alone": HalfAnswer(0),
    "cut by its length": WrongLength(-5),
    "silence": AcceptThen(Hang()),
    "dripped": Drip(0.05),
    "dripped head": Drip(0.05, head=True),
    "not HTTP": Raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "500": Answer(500, {"status": 1001, "message": "quota not enough"}),
    "502": AcceptThen(Html(502)),
    "408": Answer(408),
    "302": Redirect("https://elsewhere.example/"),
    "307": Redirect("http://127.0.0.1:9/", 307),
    "a portal's page": AcceptThen(Html()),
    "no JSON": AcceptThen(CorruptJson()),
    "an empty 200": AcceptThen(Answer(200)),
    "no task id": AcceptThen(Answer(200, {"status": 0, "message": "success"})),
    "a false task id": AcceptThen(Answer(200, {"status": 0, "data": {"taskId": "a/b"}})),
    "true for 1": AcceptThen(Answer(200, {"status": False, "data": {"taskId": "x1"}})),
    "yes and no": AcceptThen(Answer(429, ACCEPTED)),
    "a bomb": GzipBomb(4 << 20),
    "without end": AcceptThen(Oversize(content_type="application/json")),
}


@pytest.mark.parametrize("how", LOST)
def test_a_lost_answer_leaves_a_doubt_and_is_never_sent_again(
    mj: Mj, service: Service, how: str
) -> None:
    mj("config", "set", "answer_seconds", "0.4")
    service.on_submit("fox", LOST[how])
    ran = mj("submit", "fox", "--json")
    assert (ran.code, ran.error["slug"], ran.records[0]["state"]) == (6, "in_doubt", "in_doubt")
    assert ran.error["hint"].startswith("see what to do with: mj jobs show ")
    service.release()
    carry_on(mj)
    assert sent(service) == ["fox", "an owl"]
    assert jobs(mj)[-1]["state"] == "in_doubt"


def test_a_task_id_that_another_job_has_is_in_doubt(mj: Mj, service: Service) -> None:
    service.on_submit("", times(2, AcceptThen(Normal(), task_id="same")))
    assert mj("submit", "fox").lines == ["same"]
    ran = mj("submit", "an owl")
    assert (ran.code, ran.out) == (6, "")
    assert "same" in ran.err
    assert [job["state"] for job in jobs(mj)] == ["in_doubt", "running"]


# --- Nothing could be sent ---


def unreachable(mj: Mj) -> Ran:
    """Submit to where nobody answers, and look at what is left of it."""
    ran = mj("submit", "fox", "--json")
    assert (ran.code, ran.error["slug"]) == (7, "not_sent")
    (job,) = jobs(mj)
    assert (job["state"], job["submitted_at"]) == ("failed", None)
    return ran


def test_an_unreachable_service_is_tried_for_half_a_minute_and_nothing_sends_it_later(
    mj: Mj, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("MJ_API_KEY", "test-key")
    monkeypatch.setenv("MJ_BASE_URL", f"http://127.0.0.1:{port}")
    ran = unreachable(mj)
    assert "refused" in ran.error["message"]
    assert 20 <= clock.passed <= 30
    with Service(port=port) as service:
        carry_on(mj)
        assert sent(service) == ["an owl"]


def test_a_connection_that_never_stands_is_nothing_sent(
    mj: Mj, monkeypatch: pytest.MonkeyPatch
) -> None:
    mj("config", "set", "answer_seconds", "0.1")
    mj("config", "set", "connect_give_up_seconds", "2")
    with Blackhole() as nowhere:
        monkeypatch.setenv("MJ_API_KEY", "test-key")
        monkeypatch.setenv("MJ_BASE_URL", nowhere.url)
        assert "tried for 2 s" in unreachable(mj).error["message"]


def test_a_service_that_comes_back_gets_the_job_once(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, failures = socket.create_connection, [OSError("no route"), OSError("no route")]

    def sometimes(*args: Any, **options: Any) -> socket.socket:
        if failures:
            raise failures.pop()
        return connect(*args, **options)

    monkeypatch.setattr(socket, "create_connection", sometimes)
    ran = mj("submit", "fox")
    assert (ran.code, sent(service), charged(mj)) == (0, ["fox"], 1)
    assert "no route" in ran.err


def test_a_ledger_that_cannot_be_opened_lets_nothing_be_sent(
    mj: Mj, service: Service, home: Path
) -> None:
    (home / "state").write_bytes(b"in the way")
    assert mj("submit", "fox").code == 9
    assert not service.connections

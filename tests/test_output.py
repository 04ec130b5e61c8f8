"""What is shown: stdout is data, stderr is talk, and no text of a server moves the cursor."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tests.clock import FakeClock
from tests.conftest import Mj, Ran, run_process, spawn
from tests.support.actions import Step
from tests.support.faults import (
    AcceptThen,
    Answer,
    BusyEnvelope,
    Hang,
    Refuse,
    Reset,
    TruncateImage,
)
from tests.support.service import Service
from tests.support.terminal import Terminal

MODES: list[tuple[str, ...]] = [(), ("--json",), ("--quiet",), ("--json", "--quiet")]

# --- What scripts rely on ---

JOB = [
    "schema",
    "type",
    "id",
    "task_id",
    "state",
    "prompt",
    "mode",
    "profile",
    "name",
    "fail_reason",
    "submitted_at",
    "finished_at",
    "images",
]
IMAGE = ["index", "url", "path", "bytes", "sha256", "width", "height"]
ERROR = ["schema", "type", "slug", "message", "hint", "exit_code"]
SETTING = ["schema", "type", "name", "value", "source", "meaning"]
TOTAL = ["schema", "type", "month", "mode", "charged", "in_doubt", "cost"]
REQUEST = ["schema", "type", "method", "url", "headers", "body", "cost"]
VALUE = ["schema", "type", "value"]
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_the_line_of_a_job_is_pinned(mj: Mj, service: Service) -> None:
    (job,) = mj("submit", "a fox", "--wait", "--name", "reynard", "--json").records
    assert list(job) == JOB
    assert [list(image) for image in job["images"]] == [IMAGE] * 5
    assert (job["schema"], job["type"], job["state"]) == (1, "job", "succeeded")
    assert (job["prompt"], job["mode"], job["name"]) == ("a fox", "fast", "reynard")
    assert (job["profile"], job["fail_reason"]) == ("default", None)
    assert ISO.fullmatch(job["submitted_at"])
    assert ISO.fullmatch(job["finished_at"])
    single = next(image for image in job["images"] if image["index"] == 1)
    assert Path(single["path"]).is_absolute()
    assert None not in single.values()


def test_what_is_not_known_of_a_job_is_null(mj: Mj, service: Service) -> None:
    (job,) = mj("submit", "a fox", "--json").records
    assert (job["finished_at"], job["name"], job["images"]) == (None, None, [])
    (unknown,) = mj("status", "nobody-knows", "--json").records
    assert list(unknown) == JOB
    assert {key: value for key, value in unknown.items() if value} == {
        "schema": 1,
        "type": "job",
        "task_id": "nobody-knows",
        "state": "unknown",
    }


def test_jobs_have_the_same_line_everywhere(mj: Mj, service: Service) -> None:
    task_id = mj("submit", "a fox").out.strip()
    for command in (("status",), ("jobs",), ("jobs", "show", task_id), ("wait", "--no-download")):
        line = mj(*command, "--json").records[0]
        assert list(line) == JOB, command
        assert line["task_id"] == task_id


def test_the_other_lines_are_pinned(mj: Mj, service: Service) -> None:
    mj("submit", "a fox")
    error = mj("jobs", "show", "jnowhere99", "--json").error
    assert list(error) == ERROR
    assert (error["schema"], error["type"], error["exit_code"]) == (1, "error", 2)
    total = mj("jobs", "--json").records[-1]
    assert (list(total), total["type"]) == (TOTAL, "total")
    request = mj("submit", "a fox", "--dry-run", "--json").records[0]
    assert (list(request), request["type"]) == (REQUEST, "request")
    value = mj("config", "path", "--json").records[0]
    assert (list(value), value["type"]) == (VALUE, "value")
    settings = mj("config", "list", "--json").records
    assert [list(line) for line in settings] == [SETTING] * len(settings)
    assert {line["type"] for line in settings} == {"setting"}


def test_a_dry_run_shows_the_request_and_not_the_key(mj: Mj, service: Service) -> None:
    mj("config", "set", "cost_fast", "2")
    (request,) = mj("submit", "a fox", "--timeout", "600", "--dry-run", "--json").records
    assert request["url"] == f"{service.url}/midjourney/v1/submit-jobs"
    assert request["body"] == {"prompt": "a fox", "mode": "fast", "timeout": 600}
    assert (request["headers"]["API-KEY"], request["cost"]) == ("$MJ_API_KEY", 2)
    shown = mj("submit", "a fox", "--dry-run")
    assert shown.lines[0] == f"POST {request['url']}"
    assert '{"prompt": "a fox", "mode": "fast"}' in shown.lines
    assert "nothing was sent; it would cost 2 quota" in shown.err
    assert mj("submit", "a fox", "--dry-run", "--quiet").lines == [shown.lines[0]]
    assert not service.requests


# --- One run in every mode ---


@pytest.mark.parametrize("mode", MODES)
def test_a_submit_in_every_mode(mj: Mj, service: Service, mode: tuple[str, ...]) -> None:
    ran = mj("submit", "a fox", *mode)
    task_id = service.bill[0].task_id
    assert (ran.code, ran.err) == (0, "")
    if "--json" in mode:
        assert [record["task_id"] for record in ran.records] == [task_id]
    else:
        assert ran.lines == [task_id]


@pytest.mark.parametrize("mode", MODES)
def test_a_wait_in_every_mode(mj: Mj, service: Service, mode: tuple[str, ...]) -> None:
    ran = mj("submit", "a fox", "--wait", *mode)
    task_id = service.bill[0].task_id
    paths = sorted(path.name for path in Path.cwd().iterdir())
    assert ran.code == 0
    if "--json" in mode:
        (job,) = ran.records
        assert [i["path"] for i in job["images"] if i["path"]] == [
            str(Path(p).absolute()) for p in paths
        ]
    else:
        assert ran.lines == paths
    assert ran.err == ("" if mode else f"mj: submitted {task_id}\n")


@pytest.mark.parametrize("mode", MODES)
def test_urls_in_every_mode(mj: Mj, service: Service, mode: tuple[str, ...]) -> None:
    task_id = mj("submit", "a fox").out.strip()
    ran = mj("wait", task_id, "--no-download", *mode)
    assert ran.err == ""
    if "--json" in mode:
        ran = Ran(ran.code, "\n".join(image["url"] for image in ran.records[0]["images"]), "")
    assert [url.removeprefix(f"{service.url}/images/{task_id}/") for url in ran.lines] == [
        "grid.png",
        *(f"{index}.png" for index in range(1, 5)),
    ]
    assert not service.image_requests


@pytest.mark.parametrize("mode", MODES)
def test_an_error_in_every_mode(mj: Mj, service: Service, mode: tuple[str, ...]) -> None:
    service.on_submit("fox", Refuse(2001, "a banned word"))
    ran = mj("submit", "fox", *mode)
    assert ran.code == 3
    assert "a banned word" in ran.err
    if "--json" in mode:
        assert ran.error["slug"] == "job_refused"
        assert ran.records[0]["fail_reason"] == "a banned word"
    else:
        assert ran.out == ""
        assert ran.err.startswith("mj: the service refused job ")


@pytest.mark.parametrize("mode", MODES)
def test_an_unknown_task_in_every_mode(mj: Mj, service: Service, mode: tuple[str, ...]) -> None:
    ran = mj("status", "nobody-knows", *mode)
    assert (ran.code, ran.err) == (0, "")
    if "--json" in mode:
        assert ran.records[0]["state"] == "unknown"
    else:
        assert ran.lines == ["nobody-knows" if mode else "nobody-knows\tunknown\t-\t-\t"]


TALK: list[tuple[str, Step, str]] = [
    ("submit", BusyEnvelope(), "the service is busy (concurrency limit, max 10); trying again in"),
    ("status", Answer(503), "503; asking again in"),
    ("image", TruncateImage(40), "trying again in"),
]


@pytest.mark.parametrize(("kind", "fault", "words"), TALK)
@pytest.mark.parametrize("mode", [(), ("--quiet",)])
def test_what_goes_on_is_told_unless_quiet(
    mj: Mj, service: Service, kind: str, fault: Step, words: str, mode: tuple[str, ...]
) -> None:
    getattr(service, f"on_{kind}")("fox", fault)
    ran = mj("submit", "fox", "--wait", *mode)
    assert ran.code == 0
    assert (words in ran.err) is not bool(mode)
    assert len(ran.lines) == 4


def test_a_wait_for_a_slot_is_told(mj: Mj, service: Service) -> None:
    mj("config", "set", "slots", "1")
    mj("submit", "first")
    ran = mj("submit", "second")
    assert ran.code == 0
    assert "all 1 slots are taken; waiting for one (--no-queue fails instead)" in ran.err


def test_a_service_that_is_not_there_is_told(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("MJ_BASE_URL", f"http://127.0.0.1:{port}")
    ran = mj("submit", "a fox")
    assert ran.code == 7
    assert "not sent yet (" in ran.err


def test_plain_lines_come_at_most_once_a_minute(mj: Mj, service: Service, clock: FakeClock) -> None:
    mj("config", "set", "poll_min_seconds", "25")
    service.plan("fox", polls=12)
    ran = mj("submit", "a fox", "--wait")
    signs = [line for line in ran.err.splitlines() if "still waiting" in line]
    assert set(signs) == {"mj: still waiting for 1 job"}
    assert clock.passed / 60 - 2 < len(signs) <= clock.passed / 60
    assert len(signs) > 2
    assert "\x1b" not in ran.err + ran.out


# --- Text that came from elsewhere ---

EVIL = (
    "\x1b[2J\x1b[H"  # clears the screen
    "\x1b]52;c;cm0gLXJmIH4=\x07"  # fills the clipboard
    "\x1b]8;;https://evil.test\x1b\\here\x1b]8;;\x1b\\"  # links elsewhere
    "\x9b31m\x85"  # the same in C1
    "\u202egnp.exe\u2066\u2069"  # turns the line around
    "a\u200bb\ufeffc\u00ad"  # hides
    "\r\nmj: all is well\u2028mj: really\v\x08\x7f"  # speaks for mj
    "[red]x[/red] :smile:"  # means something to rich
)


def hostile(ran: Ran) -> list[str]:
    """Characters that a terminal obeys, where nothing but text was to be shown."""
    bad = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    text = (ran.out + ran.err).translate({10: None, 9: None})
    return [one for one in text if unicodedata.category(one) in bad]


@pytest.mark.parametrize("mode", MODES)
def test_a_services_words_are_only_words(mj: Mj, service: Service, mode: tuple[str, ...]) -> None:
    service.plan("failing", fails=EVIL)
    service.on_submit("refused", Refuse(2001, EVIL))
    failed = mj("submit", "failing", "--wait", "--verbose", *mode)
    refused = mj("submit", "refused", "--verbose", *mode)
    assert (failed.code, refused.code) == (3, 3)
    shown = mj("jobs", "show", service.bill[0].task_id, *mode)
    assert hostile(failed) == hostile(refused) == hostile(shown) == []
    assert "mj: all is well" not in failed.err.splitlines() + shown.lines


@pytest.mark.parametrize("mode", MODES)
def test_a_prompt_is_only_words(mj: Mj, service: Service, mode: tuple[str, ...]) -> None:
    submit = ("submit", f"fox {EVIL}", "--name", EVIL)
    for command in ((*submit, "--dry-run"), submit, ("jobs",), ("status",)):
        ran = mj(*command, *mode)
        assert ran.code == 0, ran.err
        assert hostile(ran) == []
    assert hostile(mj("jobs", "show", service.bill[0].task_id, *mode)) == []


@pytest.mark.parametrize("mode", MODES)
def test_a_traceback_is_only_words(mj: Mj, service: Service, mode: tuple[str, ...]) -> None:
    mj("config", "set", "connect_give_up_seconds", "0")
    service.on_status("", Answer(200, {"status": 7, "message": EVIL}))
    ran = mj("status", "some-task", "--verbose", *mode)
    assert ran.code == 7
    assert "Traceback" in ran.err
    assert hostile(ran) == []


def test_what_the_user_typed_wrong_is_only_words(mj: Mj) -> None:
    for argv in (["sub\x1b[2Jmit"], ["status", "\x1b[2J"], ["config", "get", "\u202ex"]):
        ran = mj(*argv)
        assert ran.code == 2
        assert hostile(ran) == []


def test_a_tab_moves_nothing(mj: Mj, service: Service) -> None:
    service.on_submit("fox", Refuse(2001, "a\tb"))
    mj("submit", "fox")
    job_id = mj("jobs", "--quiet").out.strip()
    assert "reason:    a\\tb" in mj("jobs", "show", job_id).out


def test_emoji_and_other_scripts_are_shown_as_they_are(mj: Mj, service: Service) -> None:
    prompt = "👩\u200d👩\u200d👧 fährt nach 東京"
    mj("submit", prompt)
    assert prompt in mj("jobs").out


def test_a_long_prompt_is_shortened_in_lists(mj: Mj, service: Service) -> None:
    mj("submit", "fox " * 100)
    assert mj("jobs").lines[0].split("\t")[-1] == "fox " * 14 + "f..."


# --- Streams that are not what they should be ---


def without_reader(*argv: str, stream: str) -> Ran:
    """Run the program with a stream that nobody reads any more, as behind `| head -1`."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as nobody:
        streams: dict[str, Any] = {stream: nobody}
        process = spawn(*argv, **streams)
    out, err = process.communicate(timeout=60)
    return Ran(process.returncode, out or "", err or "")


@pytest.fixture
def submitted(mj: Mj, service: Service) -> str:
    """A task that is done when it is asked about, so that no test has to wait for it."""
    service.plan("", polls=1)
    return mj("submit", "a fox [red]x[/red]").out.strip()


def test_a_reader_that_left_costs_no_file(submitted: str) -> None:
    ran = without_reader("wait", submitted, stream="stdout")
    assert (ran.code, ran.err) == (0, "")
    assert len(list(Path.cwd().iterdir())) == 4


def test_a_reader_of_stderr_that_left_costs_nothing(service: Service, submitted: str) -> None:
    service.on_status("fox", Answer(503))
    ran = without_reader("wait", submitted, stream="stderr")
    assert (ran.code, len(ran.lines)) == (0, 4)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_talk_that_cannot_be_written_costs_nothing(service: Service, submitted: str) -> None:
    service.on_status("fox", Answer(503))
    with Path("/dev/full").open("w") as full:
        process = spawn("wait", submitted, stderr=full)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, len(out.splitlines())) == (0, 4)


def test_help_ends_quietly_too() -> None:
    ran = without_reader("--help", stream="stdout")
    assert (ran.code, ran.err) == (0, "")


def on_a_full_disk(*argv: str) -> Ran:
    with Path("/dev/full").open("w") as full:
        process = spawn(*argv, stdout=full)
    _, err = process.communicate(timeout=60)
    return Ran(process.returncode, "", err)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("argv", [("config", "path"), ("--help",), ("--version",)])
def test_a_full_disk_behind_stdout_is_an_error(argv: tuple[str, ...]) -> None:
    ran = on_a_full_disk(*argv)
    assert ran.code == 9
    assert "No space left on device" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_what_could_not_be_printed_can_be_fetched_later(mj: Mj, service: Service) -> None:
    assert on_a_full_disk("submit", "a fox").code == 9
    assert len(mj("wait").lines) == 4
    assert len(service.submits) == 1


def test_closed_streams_are_no_matter(submitted: str) -> None:
    closing = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-m", "mj_cli"]
    assert subprocess.run([*closing, "wait", submitted], check=False, timeout=60).returncode == 0
    assert len(list(Path.cwd().iterdir())) == 4


def test_a_locale_without_umlauts_breaks_nothing(service: Service) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    ran = run_process("submit", "Füchse", "--dry-run", env=ascii_only)
    assert ran.code == 0
    assert "F\\xfcchse" in ran.out


# --- At a terminal ---

COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|9[0-7])(?:;[0-9]+)*m")


def test_a_bar_is_honest_and_leaves_a_clean_screen(service: Service, submitted: str) -> None:
    service.on_status("fox", Hang())
    service.on_image("fox", Hang(), index=1)
    with Terminal("wait", submitted) as screen:
        screen.read_until("(estimate)")
        assert re.search(r"a fox \[red\]x\[/red\] .* 0:0\d of about 0:40 \(estimate\)", screen.text)
        screen.read_while(lambda: not service.polls)
        service.release()
        screen.read_until(" MB")
        screen.read_while(lambda: len(service.image_requests) < 4)
        service.release()
        assert screen.end() == 0
    assert screen.screen == sorted(path.name for path in Path.cwd().iterdir())
    assert COLOUR.search(screen.text)
    assert screen.text.rindex("\x1b[?25h") > screen.text.rindex("\x1b[?25l")


def test_talk_goes_above_the_bar(service: Service, submitted: str) -> None:
    service.on_status("fox", Answer(503))
    with Terminal("wait", submitted) as screen:
        screen.read_until("(estimate)")
        assert screen.end() == 0
    talk, *paths = screen.screen
    assert re.fullmatch(r"mj: .*503; asking again in .* s", talk)
    assert len(paths) == 4


def test_ten_bars_are_shown_and_the_others_take_their_turn(
    mj: Mj, service: Service, submitted: str
) -> None:
    service.jobs.slots = 20
    mj("config", "set", "slots", "20")
    for number in range(11):
        mj("submit", f"bird {number}")
    service.plan("", polls=1)
    service.on_status("fox", Hang())
    with Terminal("wait") as screen:
        screen.read_until("bird 8")
        screen.read_while(lambda: not service.polls)
        assert "bird 9" not in screen.text
        service.on_image("bird 10", Hang())
        service.release()
        screen.read_until("bird 10")
        screen.read_while(lambda: len(service.image_requests) < 48)
        service.release()
        assert screen.end() == 0
    assert len(screen.screen) == 48


def test_ctrl_c_at_a_bar_says_how_to_go_on(service: Service, submitted: str) -> None:
    service.on_status("fox", Hang())
    with Terminal("wait", submitted) as screen:
        screen.read_until("(estimate)")
        screen.type("\x03")
        assert screen.end() == 130
    assert "estimate" not in "\n".join(screen.screen)
    assert "go on with: mj wait" in screen.screen[-1]


def test_a_log_is_not_painted_over(submitted: str) -> None:
    with Terminal("wait", submitted, "--verbose") as screen:
        assert screen.end() == 0
    assert "estimate" not in screen.text
    assert len([line for line in screen.screen if "HTTP/1.1 200 OK" in line]) == 5


def test_colour_can_be_refused(submitted: str) -> None:
    with Terminal("wait", submitted, env={"NO_COLOR": "1"}) as screen:
        assert screen.end() == 0
    assert "estimate" in screen.text
    assert not COLOUR.search(screen.text)


def test_a_list_at_a_terminal_has_headings_and_fits(mj: Mj, service: Service) -> None:
    mj("submit", "a very long prompt \x1b[2J " * 10)
    with Terminal("jobs") as screen:
        assert screen.end() == 0
    headings, row, *_ = screen.screen
    assert re.match(r"ID +STATE +MODE +SUBMITTED +PROMPT", headings)
    assert re.match(rf"{service.bill[0].task_id} +running +fast ", row)
    assert max(map(len, screen.screen)) <= 100
    assert "\x1b[2J" not in screen.text


def test_a_lost_answer_is_told_with_its_way_out(mj: Mj, service: Service) -> None:
    service.on_submit("fox", AcceptThen(Reset()))
    ran = mj("submit", "a fox")
    assert ran.code == 6
    job_id = mj("jobs", "--quiet").out.strip()
    assert f"mj jobs show {job_id}" in ran.err

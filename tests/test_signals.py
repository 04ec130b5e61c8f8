"""Ctrl-C, SIGTERM and SIGSTOP: what is on the wire gets its answer, nothing else is begun."""

from __future__ import annotations

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mj_cli.__main__ import script
from tests.clock import FakeClock
from tests.conftest import Mj
from tests.processes import (
    Stall,
    connecting,
    ended,
    jobs,
    parts,
    pictures,
    read_until,
    started,
    states,
    until,
    whole_pictures,
)
from tests.support.faults import Hang
from tests.support.service import Blackhole, Service

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


def test_ctrl_c_lets_the_submit_on_the_wire_be_answered_and_recorded(
    mj: Mj, service: Service
) -> None:
    service.on_submit("a fox", Hang())
    with started("submit", "a fox", "--wait") as process:
        service.wait_for("submit")
        process.send_signal(signal.SIGINT)
        read_until(process, "10 s")
        service.release()
        ran = ended(process)
    assert ran.code == 130
    assert jobs(mj)["a fox"]["task_id"] == service.bill[0].task_id
    assert states(mj) == {"a fox": "running"}
    assert len(service.submits) == 1


def test_ctrl_c_of_a_plain_submit_prints_the_task_id_that_came_after_it(service: Service) -> None:
    service.on_submit("a fox", Hang())
    with started("submit", "a fox") as process:
        service.wait_for("submit")
        process.send_signal(signal.SIGINT)
        read_until(process, "10 s")
        service.release()
        ran = ended(process)
    assert ran.lines == [service.bill[0].task_id]


def test_after_ctrl_c_an_answer_is_waited_for_ten_seconds_and_no_longer(
    mj: Mj, service: Service, clock: FakeClock
) -> None:
    service.on_submit("a fox", Hang())

    def interrupt() -> None:
        service.wait_for("submit")
        os.kill(os.getpid(), signal.SIGINT)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(interrupt)
        ran = mj("submit", "a fox")
    assert ran.code == 130
    assert 10 <= clock.passed <= 12
    assert states(mj) == {"a fox": "in_doubt"}


def test_a_second_ctrl_c_leaves_at_once_and_leaves_a_doubt(mj: Mj, service: Service) -> None:
    service.on_submit("a fox", Hang())
    with started("submit", "a fox") as process:
        service.wait_for("submit")
        process.send_signal(signal.SIGINT)
        read_until(process, "10 s")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        ran = ended(process)
    assert ran.code == 130
    assert time.monotonic() - began < 5
    assert states(mj) == {"a fox": "in_doubt"}


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_while_a_job_runs_says_how_to_go_on_and_wait_goes_on(
    mj: Mj, service: Service, number: signal.Signals, code: int
) -> None:
    service.plan("", polls=1000)
    mj("submit", "a fox")
    with started("wait") as process:
        service.wait_for("poll")
        process.send_signal(number)
        ran = ended(process)
    assert ran.code == code
    assert "mj wait" in ran.err
    assert states(mj) == {"a fox": "running"}
    service.finish(service.bill[0].task_id)
    assert mj("wait").code == 0
    assert set(pictures().values()) == whole_pictures(service)


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_while_waiting_for_a_slot_leaves_a_job_that_was_not_sent(
    mj: Mj, service: Service, number: signal.Signals, code: int
) -> None:
    Path("mj.toml").write_text("slots = 1\n")
    service.plan("", polls=1000)
    mj("submit", "an owl")
    with started("submit", "a fox") as process:
        read_until(process, "all 1 slots are taken")
        process.send_signal(number)
        ran = ended(process)
    assert (ran.code, ran.out) == (code, "")
    assert "not sent" in ran.err
    assert states(mj)["a fox"] == "failed"
    assert len(service.submits) == 1


def test_ctrl_c_while_it_connects_leaves_at_once_and_nothing_is_sent(mj: Mj) -> None:
    with Blackhole() as hole:
        env = {"MJ_API_KEY": "test-key", "MJ_BASE_URL": hole.url}
        with started("submit", "a fox", env=env) as process:
            before = connecting(hole.port)
            until(lambda: connecting(hole.port) > before)
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            ran = ended(process)
    assert ran.code == 130
    assert time.monotonic() - began < 5
    assert "1 not sent" in ran.err
    assert states(mj) == {"a fox": "failed"}


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_during_a_download_leaves_no_partial_file_and_wait_finishes(
    mj: Mj, service: Service, number: signal.Signals, code: int
) -> None:
    service.plan("", polls=1)
    service.on_image("a fox", Stall(20), index=3)
    mj("submit", "a fox")
    with started("wait") as process:
        service.wait_for("image", 4)
        until(lambda: len(pictures()) == 3)
        process.send_signal(number)
        ran = ended(process)
    assert ran.code == code
    assert "mj wait" in ran.err
    assert len(pictures()) == 3
    assert set(pictures().values()) < whole_pictures(service)
    assert mj("wait").code == 0
    assert set(pictures().values()) == whole_pictures(service)
    assert parts() == []


def test_ctrl_c_before_there_is_anything_to_end_is_no_traceback(home: Path) -> None:
    (home / "config").mkdir()
    os.mkfifo(home / "config" / "config.toml")  # whoever reads the settings waits here
    with started("status") as process, (home / "config" / "config.toml").open("w"):
        process.send_signal(signal.SIGINT)
        ran = ended(process)
    assert (ran.code, ran.out, ran.err) == (130, "", "mj: stopped\n")


def test_ctrl_c_while_modules_are_loaded_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("mj_cli.__main__.main", interrupted)
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit, match="130"):
        script()


def test_a_signal_that_the_caller_ignores_stays_ignored(service: Service) -> None:
    service.on_submit("a fox", Hang())
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for `mj ... &`
    try:
        with started("submit", "a fox") as process:
            service.wait_for("submit")
            process.send_signal(signal.SIGINT)
            service.release()
            ran = ended(process)
    finally:
        signal.signal(signal.SIGINT, former)
    assert (ran.code, ran.err) == (0, "")


def test_a_stopped_process_is_not_taken_for_a_dead_one(mj: Mj, service: Service) -> None:
    service.on_submit("a fox", Hang())
    with started("submit", "a fox") as process:
        service.wait_for("submit")
        process.send_signal(signal.SIGSTOP)
        assert states(mj) == {"a fox": "sending"}
        service.release()
        process.send_signal(signal.SIGCONT)
        ran = ended(process)
    assert (ran.code, ran.lines) == (0, [service.bill[0].task_id])
    assert states(mj) == {"a fox": "running"}


def test_a_stop_during_a_download_does_no_harm(mj: Mj, service: Service) -> None:
    service.plan("", polls=1)
    service.on_image("a fox", Stall(20), index=3)
    mj("submit", "a fox")
    with started("wait") as process:
        service.wait_for("image", 4)
        process.send_signal(signal.SIGSTOP)
        service.release()
        process.send_signal(signal.SIGCONT)
        ran = ended(process)
    assert (ran.code, len(ran.lines)) == (0, 4)
    assert set(pictures().values()) == whole_pictures(service)

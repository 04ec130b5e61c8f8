"""`kill -9` at every step: nothing is paid twice, nothing that was paid for gets lost."""

from __future__ import annotations

import contextlib
import functools
import itertools
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mj_cli.__main__ import main
from mj_cli.ledger.database import Database
from tests.clock import FakeClock
from tests.conftest import Mj
from tests.processes import (
    LIMIT_SECONDS,
    UNMEASURED,
    Stall,
    connecting,
    jobs,
    killed,
    large_image,
    parts,
    pictures,
    read_until,
    started,
    states,
    until,
    whole_pictures,
)
from tests.support.faults import AcceptThen, BusyEnvelope, Hang, Reset, always
from tests.support.service import Blackhole, Service
from tests.support.tls import Authority

doomed = functools.partial(started, measured=False)


@pytest.fixture
def doubtful(mj: Mj, service: Service) -> Service:
    """A service that was sent "a fox" by a process that died before the answer came."""
    service.on_submit("a fox", Hang())
    with doomed("submit", "a fox") as process:
        service.wait_for("submit")
        killed(process)
    service.release()
    service.wait_for("charge")
    return service


def test_a_kill_before_the_answer_leaves_a_doubt_of_which_the_next_command_speaks(
    mj: Mj, doubtful: Service
) -> None:
    ran = mj("jobs")
    assert "1 job is in doubt and may have been charged" in ran.err
    assert states(mj) == {"a fox": "in_doubt"}


def test_nothing_sends_a_job_in_doubt_again(mj: Mj, doubtful: Service) -> None:
    for command in (["status"], ["wait"], ["jobs"], ["submit", "an owl", "--wait"]):
        assert mj(*command).code == 0
    assert [seen.json["prompt"] for seen in doubtful.submits] == ["a fox", "an owl"]
    assert states(mj)["a fox"] == "in_doubt"


def test_a_kill_while_it_connects_leaves_a_job_that_nothing_sends(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Blackhole() as hole, doomed("submit", "a fox", env={"MJ_BASE_URL": hole.url}) as process:
        before = connecting(hole.port)
        until(lambda: connecting(hole.port) > before)
        killed(process)
    job = jobs(mj)["a fox"]
    assert (job["state"], job["fail_reason"]) == ("failed", "mj ended before it was sent")
    for command in (["status"], ["wait"], ["submit", "an owl", "--wait"]):
        assert mj(*command).code == 0
    assert [seen.json["prompt"] for seen in service.submits] == ["an owl"]


def test_a_kill_in_the_tls_handshake_leaves_a_job_that_was_not_sent(
    mj: Mj, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    with Service(tls=authority.server_context()) as service:
        monkeypatch.setenv("MJ_API_KEY", "test-key")
        monkeypatch.setenv("MJ_BASE_URL", service.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
        service.on_connect(Hang())
        with doomed("submit", "a fox") as process:
            service.wait_for("connection")
            killed(process)
        assert states(mj) == {"a fox": "failed"}
        assert service.requests == []


def test_a_kill_while_waiting_for_a_slot_leaves_a_job_that_was_not_sent(
    mj: Mj, service: Service
) -> None:
    Path("mj.toml").write_text("slots = 1\n")
    service.plan("", polls=1000)
    mj("submit", "an owl")
    with doomed("submit", "a fox") as process:
        read_until(process, "all 1 slots are taken")
        killed(process)
    assert states(mj) == {"an owl": "running", "a fox": "failed"}
    service.finish(service.bill[0].task_id)
    assert mj("wait").code == 0
    assert len(service.submits) == 1


def test_after_a_kill_right_after_the_answer_wait_fetches_the_images(
    mj: Mj, service: Service
) -> None:
    with doomed("submit", "a fox", "--wait") as process:
        read_until(process, "submitted")
        killed(process)
    assert states(mj) == {"a fox": "running"}
    assert mj("wait").code == 0
    assert set(pictures().values()) == whole_pictures(service)
    assert len(service.submits) == 1


def test_a_kill_during_a_download_leaves_no_partial_file_and_wait_finishes(
    mj: Mj, service: Service
) -> None:
    service.plan("", polls=1)
    service.on_image("a fox", Stall(20), index=3)
    mj("submit", "a fox")
    with doomed("wait") as process:
        service.wait_for("image", 4)
        until(lambda: len(pictures()) == 3)
        killed(process)
    assert len(pictures()) == 3
    assert set(pictures().values()) < whole_pictures(service)
    ran = mj("wait")
    assert (ran.code, len(ran.lines)) == (0, 4)
    assert set(pictures().values()) == whole_pictures(service)
    assert parts() == []
    assert len(service.image_requests) == 5


def test_a_large_download_goes_on_where_the_kill_ended_it(mj: Mj, service: Service) -> None:
    service.api.image_bytes = large_image
    service.plan("", polls=1)
    service.on_image("a fox", Stall(700_000), index=1)
    mj("submit", "a fox")
    with doomed("wait", "--images", "1") as process:
        until(lambda: any(part.stat().st_size > 500_000 for part in parts()))
        killed(process)
    assert pictures() == {}
    assert mj("wait").code == 0
    (content,) = pictures().values()
    assert content == large_image(service.bill[0].task_id, 1)
    assert "range" in service.image_requests[-1].headers
    assert parts() == []


@pytest.mark.parametrize("moment", ["before", "after"])
def test_death_at_any_transaction_neither_pays_twice_nor_loses_anything(
    mj: Mj, service: Service, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, nothing in UNMEASURED.items():
        monkeypatch.setenv(name, nothing)  # for the process from which the victims are forked
    environ = {**os.environ, "PWD": str(Path.cwd())}
    for step in itertools.count(1):
        argv = ["submit", f"plain {step}", "--wait", "--images", "1"]
        victim = FORKED.Process(target=die_at, args=(step, moment, argv, environ))
        victim.start()
        victim.join(LIMIT_SECONDS)
        hold_the_ledger_against_the_bill(mj, service)
        assert set(pictures().values()) <= whole_pictures(service)
        if victim.exitcode == 0:
            break
        assert victim.exitcode == -signal.SIGKILL
    assert step > 9  # account, job, slot, sending, running, end, claim, expected, saved, delivered
    assert mj("wait").code == 0
    assert len(pictures()) == list(states(mj).values()).count("succeeded")
    assert len(pictures()) >= len(service.bill) - 1  # one died between sending and its answer
    assert parts() == []


FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["mj_cli.app", "mj_cli.pipeline.engine", "mj_cli.ledger.sqlite"])


def die_at(step: int, moment: str, argv: list[str], environ: dict[str, str]) -> None:
    """Run the program in this process, and die when the nth transaction is, or was, committed."""
    os.environ.update(environ)
    os.chdir(environ["PWD"])
    numbers = itertools.count(1)
    write = Database.write

    @contextlib.contextmanager
    def fatal_write(database: Database) -> Iterator[sqlite3.Connection]:
        number = next(numbers)
        with write(database) as connection:
            yield connection
            if number == step and moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
        if number == step and moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(Database, "write", fatal_write)  # noqa: B010 - mypy would want the very same type
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        sys.exit(main(argv, clock=FakeClock()))


def test_twenty_processes_that_die_at_random_never_pay_twice(mj: Mj, service: Service) -> None:
    live_and_die(mj, service, starts=20)


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(5))
def test_two_hundred_processes_that_die_at_random_never_pay_twice(
    mj: Mj, service: Service, turn: int
) -> None:
    live_and_die(mj, service, starts=40)


def live_and_die(mj: Mj, service: Service, *, starts: int) -> None:
    """Kill processes at random moments, then hold the ledger against the bill."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    dice = random.Random(seed)
    Path("mj.toml").write_text("slots = 100\n")
    service.jobs.slots = 100
    service.on_submit("slow", always(Hang()))
    service.on_submit("lost", always(AcceptThen(Reset())))
    service.on_submit("busy", BusyEnvelope())
    usual = min(seconds_of_life(["submit", "first"], limit=LIMIT_SECONDS), 0.6)
    lives = [(life_of(number, dice), usual * dice.uniform(0.3, 2)) for number in range(starts)]
    with ThreadPoolExecutor(3) as pool:
        for life in [pool.submit(seconds_of_life, argv, limit=limit) for argv, limit in lives]:
            life.result()
    service.release()
    service.wait_for(lambda now: charges(now).keys() >= slow_submits(now))
    assert mj("wait").code == 0
    hold_the_ledger_against_the_bill(mj, service)
    assert "running" not in states(mj).values()
    assert set(pictures().values()) <= whole_pictures(service)
    assert len(pictures()) == 4 * list(states(mj).values()).count("succeeded")


def life_of(number: int, dice: random.Random) -> list[str]:
    kind = dice.choice(["plain", "plain", "slow", "lost", "busy", "wait"])
    more = dice.choice([[], ["--wait"]])
    return ["wait"] if kind == "wait" else ["submit", f"{kind} {number}", *more]


def seconds_of_life(argv: list[str], *, limit: float) -> float:
    """Run a process, kill it at the limit if it lives so long, and return how long it lived."""
    began = time.monotonic()
    with doomed(*argv, env={"MJ_POLL_MIN_SECONDS": "0.05"}) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=limit)
        killed(process)
    return time.monotonic() - began


def charges(service: Service) -> dict[str, str]:
    """The task id by prompt of all that was charged, nothing of it twice."""
    bill = service.bill
    by_prompt = {charge.prompt: charge.task_id for charge in bill}
    assert len(by_prompt) == len(bill), "two charges for one job"
    return by_prompt


def slow_submits(service: Service) -> set[str]:
    return {seen.json["prompt"] for seen in service.submits if "slow" in seen.json["prompt"]}


def hold_the_ledger_against_the_bill(mj: Mj, service: Service) -> None:
    known = jobs(mj)
    charged = charges(service)
    for prompt, task_id in charged.items():
        job = known[prompt]
        assert job["task_id"] == (None if job["state"] == "in_doubt" else task_id)
        assert job["state"] in {"running", "succeeded", "in_doubt"}
    for prompt in known.keys() - charged.keys():
        assert known[prompt]["state"] in {"failed", "in_doubt"}
    sent = Counter(seen.json["prompt"] for seen in service.submits)
    twice = [prompt for prompt, times in sent.items() if times > 1]
    assert len(twice) <= 1  # one answer was "busy", and only that may be repeated

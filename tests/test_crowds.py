"""Many processes at once: they share the slots of the account, and each job is sent once."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.conftest import Mj, Ran
from tests.processes import ended, jobs, started
from tests.support.service import Service

FAST_POLLS = {"MJ_POLL_MIN_SECONDS": "0.05"}


def crowd(prompts: list[str]) -> list[Ran]:
    """Submit all prompts at once, each from a process of its own, and wait for none of the jobs."""
    with contextlib.ExitStack() as stack:
        submit = [
            stack.enter_context(started("submit", prompt, env=FAST_POLLS, measured=False))
            for prompt in prompts
        ]
        return [ended(process) for process in submit]


def test_thirty_submits_at_once_get_through_ten_slots_none_twice(mj: Mj, service: Service) -> None:
    prompts = [f"fox {number}" for number in range(30)]
    results = crowd(prompts)
    assert {ran.code for ran in results} == {0}
    assert sorted(charge.prompt for charge in service.bill) == sorted(prompts)
    assert sorted(ran.out.strip() for ran in results) == sorted(service.tasks)
    # A refused submit would have been sent again: the ledger's slots kept the 1002 away.
    assert len(service.submits) == 30
    assert {job["task_id"] for job in jobs(mj).values()} == set(service.tasks)


def test_two_ledgers_on_one_account_get_through_because_1002_is_the_truth(
    mj: Mj, service: Service, tmp_path: Path
) -> None:
    service.jobs.slots = 2
    service.plan("owl", polls=1000)
    mj("submit", "owl 1")
    mj("submit", "owl 2")
    prompts = [f"fox {number}" for number in range(4)]
    with contextlib.ExitStack() as stack:
        env = {**FAST_POLLS, "MJ_STATE_DIR": str(tmp_path / "another machine")}
        submit = [
            stack.enter_context(started("submit", one, env=env, measured=False)) for one in prompts
        ]
        service.wait_for("submit", 3)
        for task_id in service.tasks:
            service.finish(task_id)
        results = [ended(process) for process in submit]
    assert {ran.code for ran in results} == {0}
    assert sorted(charge.prompt for charge in service.bill[2:]) == prompts
    assert len(service.submits) > 6

"""One look at tasks: job-status once for all of them, retried until it answers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

from mj_cli.api.service import Service
from mj_cli.clock import Clock
from mj_cli.errors import ServiceError
from mj_cli.events import Event, PollFailed
from mj_cli.ledger import Ledger
from mj_cli.models import Job, JobState, TaskReport, UnknownTask
from mj_cli.pipeline.run import Plan
from mj_cli.pipeline.watching import chunks
from mj_cli.retry import Patience, TemporaryError

T = TypeVar("T")


def ask(
    jobs: Sequence[Job],
    foreign: Sequence[str],
    *,
    ledger: Ledger,
    service: Service,
    account: str,
    plan: Plan,
    clock: Clock,
    emit: Callable[[Event], None],
) -> list[Job | UnknownTask]:
    """Return jobs and foreign tasks as the service sees them now, in the order given.

    Only tasks that may have changed are asked about: final jobs need no call.

    Raises:
        ServiceError: when the service does not answer within `plan.connect_give_up_seconds`.
    """
    open_ids = [job.task_id for job in jobs if job.state is JobState.RUNNING and job.task_id]
    reports: dict[str, TaskReport] = {}
    for ids in chunks([*open_ids, *foreign], plan.ids_per_call):
        reports.update(
            patiently(
                functools.partial(service.status, ids),
                seconds=plan.connect_give_up_seconds,
                clock=clock,
                emit=emit,
            )
        )
    found: list[Job | UnknownTask] = []
    for job in jobs:
        report = reports.get(job.task_id or "")
        if report is not None:
            found.append(ledger.jobs.record(job.account, report) or job)
        elif job.task_id in open_ids:
            found.append(UnknownTask(task_id=job.label, job=job))
        else:
            found.append(job)
    for task_id in foreign:
        if task_id in reports:
            found.append(ledger.jobs.adopt(account, reports[task_id]))
        else:
            found.append(UnknownTask(task_id=task_id))
    return found


def patiently(
    call: Callable[[], T], *, seconds: float, clock: Clock, emit: Callable[[Event], None]
) -> T:
    """Make a call that costs nothing again and again until it answers.

    Raises:
        ServiceError: when it did not within `seconds`.
    """
    patience = Patience(seconds, longest=8.0)
    patience.begin(now=clock.monotonic())
    while True:
        try:
            return call()
        except TemporaryError as error:
            delay = patience.failed(now=clock.monotonic(), retry_after=error.retry_after)
            if delay is None:
                raise ServiceError(
                    f"{error.reason} (tried for {seconds:g} s)",
                    hint="nothing was changed; try again later",
                ) from error
            emit(PollFailed(error.reason, delay))
            clock.sleep(delay)

"""What the parts of one run share: the plan, the means, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mj_cli.api.service import Service
from mj_cli.clock import Clock
from mj_cli.downloads import Downloader
from mj_cli.errors import (
    InDoubtError,
    JobFailedError,
    KeyRefusedError,
    MjError,
    QuotaError,
    ServiceError,
)
from mj_cli.events import Event
from mj_cli.ledger import Ledger
from mj_cli.models import Destination, Job, JobState, Mode
from mj_cli.pipeline.watching import usual_seconds
from mj_cli.pipeline.workers import Workers

DOWNLOADS_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a run goes about its jobs.

    Attributes:
        slots: unfinished jobs of the account at a time.
        queue: wait for a free slot; otherwise a job that finds none fails.
        follow: wait until submitted jobs are final.
        fetch: bring the images of finished jobs to disk.
        destination: where images go for jobs that do not say so themselves.
        remember_destination: keep it for the tasks of other programs that are adopted.
        for_seconds: leave after this time, or None.
        poll_min_seconds: never ask job-status more often.
        ids_per_call: task ids in one call.
        connect_give_up_seconds: how long to try to reach the service for a submit.
        give_up_seconds: unbroken failure of job-status that ends the run.
    """

    slots: int
    queue: bool = True
    follow: bool = True
    fetch: bool = True
    destination: Destination
    remember_destination: bool = False
    for_seconds: float | None = None
    poll_min_seconds: float
    ids_per_call: int
    connect_give_up_seconds: float
    give_up_seconds: float


@dataclass(slots=True)
class Report:
    """What a run came to.

    Attributes:
        finished: jobs that are final, or only submitted where that was all that was asked.
        errors: everything that went wrong, in the order in which it did.
    """

    finished: list[Job] = field(default_factory=list)
    errors: list[MjError] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Run:
    """The means of one run.

    Attributes:
        account: the account that pays.
        open_downloader: makes a downloader for one thread.
        emit: takes every event, in the deciding thread.
    """

    ledger: Ledger
    service: Service
    account: str
    plan: Plan
    clock: Clock
    emit: Callable[[Event], None]
    open_downloader: Callable[[], Downloader]
    workers: Workers = field(default_factory=Workers)
    report: Report = field(default_factory=Report)
    _usual: dict[Mode, float] = field(default_factory=dict)

    def usual_seconds(self, mode: Mode) -> float:
        """Return how long jobs of this mode usually take, from the ledger's own history."""
        if mode not in self._usual:
            self._usual[mode] = usual_seconds(self.ledger.jobs.durations(self.account, mode))
        return self._usual[mode]

    def fail(self, error: MjError) -> None:
        """Note an error of the run; the same one, such as a full disk, is told once."""
        if all(error.message != known.message for known in self.report.errors):
            self.report.errors.append(error)


def error_of(job: Job) -> MjError | None:
    """Return the error that a job's final state amounts to; None when it went well."""
    reason = job.attempt.fail_reason or "no reason is known"
    if job.state is JobState.IN_DOUBT:
        return InDoubtError(
            f"job {job.id} is in doubt, it may have been charged: {reason}",
            hint=f"see what to do with: mj jobs show {job.id}",
        )
    if job.state is not JobState.FAILED:
        return None
    return _error_of_failure(job, job.attempt.fail_slug or "task_failed", reason)


def _error_of_failure(job: Job, slug: str, reason: str) -> MjError:
    if slug == "quota":
        message = f"job {job.id} was refused, nothing was charged: {reason}"
        return QuotaError(message, hint="buy quota at the provider, then submit again")
    if slug == "key_refused":
        message = f"the service refused the key, nothing was charged: {reason}"
        hint = "check MJ_API_KEY, or log in again with: mj config login"
        return KeyRefusedError(message, hint=hint, slug=slug)
    if slug == "not_sent":
        if not job.attempt.current:  # a resubmit that never left: the doubt is as it was
            message = f"job {job.id} was not sent again and is still in doubt: {reason}"
            return ServiceError(message, hint=f"see: mj jobs show {job.id}", slug=slug)
        message = f"job {job.id} was not sent, nothing was charged: {reason}"
        return ServiceError(message, hint="nothing sends it later; submit again", slug=slug)
    if slug == "refused":
        return JobFailedError(f"the service refused job {job.id}: {reason}", slug="job_refused")
    return JobFailedError(f"job {job.label} failed: {reason}", slug=slug)

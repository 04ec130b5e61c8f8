"""What the user decides about a job in doubt, checked against what the ledger knows."""

from __future__ import annotations

from mj_cli.errors import UsageError
from mj_cli.ledger import Ledger
from mj_cli.models import Job, JobState


def find(ledger: Ledger, name: str, *, profile: str) -> Job:
    """Return the job that a job id or task id means.

    Raises:
        UsageError: when the ledger does not know it.
    """
    found = ledger.jobs.find(name)
    if not found:
        raise UsageError(
            f"the ledger has no job or task {name!r}",
            hint="see the list with: mj jobs",
            slug="unknown_job",
        )
    return next((job for job in found if job.profile == profile), found[0])


def find_in_doubt(ledger: Ledger, name: str, *, profile: str) -> Job:
    """Return a job with the attempt that a verdict is about.

    That is the current one, unless it is settled and an earlier one, which a resubmit took the
    place of, is still in doubt: both may have been charged.

    Raises:
        UsageError: when the ledger does not know the job.
    """
    job = find(ledger, name, profile=profile)
    if job.state is JobState.IN_DOUBT or job.attempt.verdict == "not_charged":
        return job
    earlier = [one for one in ledger.jobs.attempts(job.id) if one.state is JobState.IN_DOUBT]
    return earlier[-1] if earlier else job


def check_in_doubt(job: Job) -> None:
    """Make sure that a job waits for a verdict.

    Raises:
        UsageError: saying what state it is in instead.
    """
    if job.state is not JobState.IN_DOUBT:
        raise UsageError(
            f"job {job.id} is not in doubt, it is {job.state}",
            hint=f"see what is known with: mj jobs show {job.id}",
            slug="not_in_doubt",
        )


def check_task(ledger: Ledger, job: Job, task_id: str) -> None:
    """Make sure that a job can be bound to a task.

    Raises:
        UsageError: when the job has another outcome already, or the task another job.
    """
    if job.attempt.verdict != "not_charged":  # proof beats a verdict
        check_in_doubt(job)
    for other in ledger.jobs.find(task_id):
        if other.account == job.account and not other.attempt.adopted:
            raise UsageError(
                f"task {task_id} belongs to job {other.id} already",
                hint="look at the provider's dashboard for a task that no job has",
                slug="task_taken",
            )


def bind_task(ledger: Ledger, job: Job, task_id: str) -> None:
    """Follow a task as this job from now on.

    Raises:
        UsageError: when another process settled the job meanwhile.
    """
    if not ledger.jobs.resolve_task(job, task_id):
        raise _changed(job)


def call_not_charged(ledger: Ledger, job: Job) -> None:
    """Count a job as failed; what turns up of it later is kept all the same.

    Raises:
        UsageError: when another process settled the job meanwhile.
    """
    if not ledger.jobs.resolve_not_charged(job):
        raise _changed(job)


def resubmitted(ledger: Ledger, job: Job, *, account: str) -> Job:
    """Return the job with a further attempt, queued for this process.

    Raises:
        UsageError: when the job is another account's, or was settled meanwhile.
    """
    if job.account != account:
        raise UsageError(
            f"job {job.id} was submitted under another key, profile or base URL",
            hint=f"it belongs to the profile {job.profile!r}",
        )
    queued = ledger.jobs.resolve_resubmit(job)
    if queued is None:
        raise _changed(job)
    return queued


def forget(ledger: Ledger, job: Job) -> None:
    """Remove a job from the ledger.

    Raises:
        UsageError: while another process submits it.
    """
    if not ledger.jobs.forget(job):
        raise UsageError(
            f"job {job.id} is being submitted right now, so it is kept",
            hint=f"try again when it has its answer; see: mj jobs show {job.id}",
            slug="being_submitted",
        )


def _changed(job: Job) -> UsageError:
    return UsageError(
        f"job {job.id} was settled meanwhile, nothing was changed",
        hint=f"see what is known with: mj jobs show {job.id}",
        slug="not_in_doubt",
    )

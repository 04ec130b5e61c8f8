"""One attempt sent once: the steps between a taken slot and a recorded answer.

Nothing here repeats a request. `sending` is committed when the connection stands and before the
first byte of the request leaves; if that commit fails or finds another state, nothing leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

from mj_cli.api.outcomes import Accepted, Busy, Doubtful, Refused
from mj_cli.api.service import NotSentError, Service
from mj_cli.errors import LedgerError, LocalError
from mj_cli.ledger import Ledger
from mj_cli.models import Attempt, Job
from mj_cli.retry import backoff

BUSY_FIRST_SECONDS = 2.0
BUSY_LONGEST_SECONDS = 30.0


class AttemptLostError(Exception):
    """The attempt is no longer ours to send: its state was changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """No byte left; the attempt is still queued."""

    reason: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The ledger has the answer: running, refused or in doubt."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """The service was busy; `following` is the queued attempt that comes next."""

    following: Attempt
    seconds: float
    reason: str


SendResult = Unsent | Answered | Postponed


def send_once(job: Job, *, ledger: Ledger, service: Service) -> SendResult:
    """Send the job's attempt, which holds a slot, and commit what the service answered.

    Raises:
        LedgerError: when the ledger cannot be written; before the request, nothing was sent;
            after it, the message carries the task id.
    """
    attempt = job.attempt

    def begin() -> None:
        if not ledger.attempts.begin_sending(attempt):
            raise AttemptLostError

    try:
        outcome = service.submit(job.request, before_sending=begin)
    except NotSentError as error:
        return Unsent(str(error))
    except AttemptLostError:
        return Answered()
    match outcome:
        case Accepted(task_id):
            _commit_task(job, task_id, ledger)
        case Busy():
            return _postpone(job, outcome, ledger)
        case Refused(slug, reason):
            ledger.attempts.refused(attempt, slug=slug, reason=reason)
        case Doubtful(reason):
            ledger.attempts.doubted(attempt, reason=reason)
    return Answered()


def _commit_task(job: Job, task_id: str, ledger: Ledger) -> None:
    """Bind the task; when the ledger cannot, the id must not be lost with it."""
    try:
        bound = ledger.attempts.accepted(job.attempt, task_id)
        if bound or ledger.attempts.doubted(
            job.attempt,
            reason=f"the service named task {task_id}, which belongs to another job",
        ):
            return
        why = "another process changed the job meanwhile"
    except LedgerError as error:
        ledger.attempts.rescue(job.attempt, task_id)
        why = error.message
    raise LocalError(
        f"the service accepted job {job.id} as task {task_id},"
        f" and this could not be recorded: {why}",
        hint=f"it is paid for; keep the id, then: mj wait {task_id}",
        slug="unrecorded",
    )


def _postpone(job: Job, outcome: Busy, ledger: Ledger) -> SendResult:
    streak = ledger.attempts.busy_streak(job.account)
    pause = backoff(streak + 1, first=BUSY_FIRST_SECONDS, longest=BUSY_LONGEST_SECONDS)
    seconds = max(pause, outcome.retry_after or 0.0)
    following = ledger.attempts.busy(
        job.attempt,
        pause_seconds=seconds,
        reason=outcome.reason,
        concurrency=outcome.concurrency,
    )
    return Answered() if following is None else Postponed(following, seconds, outcome.reason)

"""The submit desk: takes slots for queued jobs, sends each once, and waits where it must."""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections.abc import Callable, Iterable, Iterator

from mj_cli.errors import LedgerError, MjError
from mj_cli.events import JobSubmitted, ServiceBusy, SlotsTaken, SubmitRetried
from mj_cli.ledger import SlotsFull, SlotTaken, SubmitPaused
from mj_cli.models import Job, JobState
from mj_cli.pipeline.run import Run
from mj_cli.pipeline.sending import Answered, Postponed, SendResult, Unsent, send_once
from mj_cli.pipeline.workers import Result
from mj_cli.retry import Patience

SLOT_CHECK_SECONDS = 0.5
RECOVER_SECONDS = 5.0
SUBMITS_AT_ONCE = 10
ENDS_SUBMITTING = frozenset({"quota", "key_refused"})


class _Waiting:
    """A queued job, when to try it next, and how long it has failed to leave."""

    def __init__(self, job: Job, patience: Patience) -> None:
        self.job = job
        self.not_before = 0.0
        self.patience = patience
        self.told_full = False


class SubmitDesk:
    """Sends jobs within the slots of the account.

    Args:
        run: the run.
        jobs: queued jobs of this process; taken from only as slots become free.
        accepted: called with each job that runs at the service.
        ended: called with each job that is final without having run.
    """

    def __init__(
        self,
        run: Run,
        jobs: Iterable[Job],
        *,
        accepted: Callable[[Job], None],
        ended: Callable[[Job], None],
    ) -> None:
        self._run = run
        self._coming: Iterator[Job] = iter(jobs)
        self._accepted = accepted
        self._ended = ended
        self._waiting: list[_Waiting] = []
        self._on_wire: dict[int, Job] = {}
        self._exhausted = False
        self._stopped = False
        self._slot_check_at = 0.0
        self._recover_at = 0.0
        self._holders: tuple[str, ...] = ()

    @property
    def on_wire(self) -> int:
        """How many submits wait for their answer."""
        return len(self._on_wire)

    @property
    def waiting(self) -> int:
        """How many jobs wait for a slot or another try."""
        return len(self._waiting)

    @property
    def holders(self) -> tuple[str, ...]:
        """Tasks that hold the slots that a job here waits for."""
        return self._holders if self._waiting else ()

    def is_done(self) -> bool:
        """True when every job was sent or has ended."""
        return self._exhausted and not self._waiting and not self._on_wire

    def due(self) -> float | None:
        """Return the monotonic time of the next try; None when nothing waits."""
        if not self._waiting or len(self._on_wire) >= SUBMITS_AT_ONCE:
            return None
        return max(self._slot_check_at, min(item.not_before for item in self._waiting))

    def slot_freed(self) -> None:
        """A task ended: look for its slot at once."""
        self._slot_check_at = 0.0

    def start(self) -> None:
        """Send what can be sent now."""
        now = self._run.clock.monotonic()
        while len(self._on_wire) < SUBMITS_AT_ONCE and now >= self._slot_check_at:
            item = self._next(now)
            if item is None:
                return
            if self._take_slot(item, now):
                self._waiting.remove(item)
                self._send(item)

    def stop(self, reason: str) -> None:
        """Submit nothing more; what waits or still connects was not sent."""
        self._exhausted = self._stopped = True
        for item in self._waiting:
            self._give_up(item.job, reason)
        self._waiting.clear()
        for job in list(self._on_wire.values()):
            # Its worker will find the attempt changed, and send nothing.
            if self._run.ledger.attempts.not_sent(job.attempt, reason=reason):
                del self._on_wire[job.attempt.id]
                self._end(job)

    def abandon(self) -> None:
        """Leave what is on the wire: whatever answer comes is lost to this process."""
        for job in list(self._on_wire.values()):
            attempts = self._run.ledger.attempts
            with contextlib.suppress(LedgerError):
                if not attempts.not_sent(job.attempt, reason="mj was stopped before it was sent"):
                    attempts.doubted(job.attempt, reason="mj was stopped before the answer came")
                self._end(job)
        self._on_wire.clear()

    def _next(self, now: float) -> _Waiting | None:
        """Return the job to try now; a new one is taken up only when none waits."""
        if not self._waiting and not self._exhausted:
            job = next(self._coming, None)
            if job is None:
                self._exhausted = True
                return None
            self._waiting.append(
                _Waiting(
                    job, Patience(self._run.plan.connect_give_up_seconds, first=0.5, longest=8)
                )
            )
        return next((item for item in self._waiting if item.not_before <= now), None)

    def _take_slot(self, item: _Waiting, now: float) -> bool:
        answer = self._run.ledger.attempts.take_slot(item.job.attempt, slots=self._run.plan.slots)
        match answer:
            case SlotTaken():
                return True
            case SlotsFull(slots, in_doubt, task_ids):
                reason = f"all {slots} slots are taken by unfinished jobs"
                if self._run.plan.queue and not item.told_full:
                    self._run.emit(SlotsTaken(item.job, slots, in_doubt))
            case SubmitPaused(seconds, words, task_ids):
                reason = f"the service asked to wait {seconds:.0f} s: {words}"
                if self._run.plan.queue and not item.told_full:
                    self._run.emit(ServiceBusy(item.job, seconds, words))
        if not self._run.plan.queue:
            self._waiting.remove(item)
            self._give_up(item.job, reason)
            return False
        item.told_full = True
        self._holders = task_ids
        if now >= self._recover_at:  # who holds the slots may have died
            self._recover_at = now + RECOVER_SECONDS
            self._run.ledger.attempts.recover()
        # Many processes may wait for one slot: they must not look all at the same moment.
        self._slot_check_at = now + SLOT_CHECK_SECONDS * random.uniform(0.6, 1.4)  # noqa: S311
        return False

    def _send(self, item: _Waiting) -> None:
        job = item.job
        item.patience.begin(now=self._run.clock.monotonic())
        self._on_wire[job.attempt.id] = job
        run = self._run
        run.workers.start(
            lambda: send_once(job, ledger=run.ledger, service=run.service),
            lambda result: self._sent(item, result),
        )

    def _sent(self, item: _Waiting, result: Result[SendResult]) -> None:
        job = item.job
        if self._on_wire.pop(job.attempt.id, None) is None:
            return  # abandoned meanwhile
        try:
            outcome = result.get()
        except MjError as error:
            self._run.fail(error)
            self.stop("the ledger could not be written")
            return
        match outcome:
            case Answered():
                self._answered(job)
            case Unsent(reason):
                self._retry_unsent(item, reason)
            case Postponed(following, seconds, reason):
                item.job = dataclasses.replace(job, attempt=following)
                self._postpone(item, seconds, reason)

    def _answered(self, job: Job) -> None:
        fresh = self._reload(job)
        if fresh.state.is_final:
            self._ended(fresh)
            if fresh.attempt.fail_slug in ENDS_SUBMITTING:
                self.stop("the account cannot submit any more")
            return
        if fresh.state is JobState.RUNNING:
            self._run.emit(JobSubmitted(fresh))
            self._accepted(fresh)
            return
        self._run.fail(
            LedgerError(
                f"job {job.id} was changed by another process while it was sent",
                hint=f"see what is known with: mj jobs show {job.id}",
            )
        )

    def _retry_unsent(self, item: _Waiting, reason: str) -> None:
        """Nothing left: give the slot to others and try again, for a while."""
        now = self._run.clock.monotonic()
        delay = item.patience.failed(now=now)
        if delay is None or self._stopped:
            limit = self._run.plan.connect_give_up_seconds
            self._give_up(
                item.job, f"the service cannot be reached, tried for {limit:g} s: {reason}"
            )
            return
        self._run.ledger.attempts.release_slot(item.job.attempt)
        item.not_before = now + delay
        self._waiting.append(item)
        self._run.emit(SubmitRetried(item.job, delay, reason))

    def _postpone(self, item: _Waiting, seconds: float, reason: str) -> None:
        if not self._run.plan.queue or self._stopped:
            self._give_up(item.job, reason)
            return
        item.told_full = True
        self._waiting.append(item)
        self._run.emit(ServiceBusy(item.job, seconds, reason))

    def _give_up(self, job: Job, reason: str) -> None:
        self._run.ledger.attempts.not_sent(job.attempt, reason=reason)
        self._end(job)

    def _end(self, job: Job) -> None:
        self._ended(self._reload(job))

    def _reload(self, job: Job) -> Job:
        known = self._run.ledger.jobs.attempts(job.id)
        return next((one for one in known if one.attempt.id == job.attempt.id), job)

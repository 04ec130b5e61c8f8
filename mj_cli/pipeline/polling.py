"""The poll desk: asks about all open tasks in one call per tick and records what it hears."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from mj_cli.errors import MjError, ServiceError
from mj_cli.events import JobWatched, PollFailed, StillWaiting
from mj_cli.models import Job, JobState, TaskReport, TaskState, UnknownTask
from mj_cli.pipeline.run import Run
from mj_cli.pipeline.watching import UNKNOWN_AFTER_ANSWERS, Watch, chunks
from mj_cli.pipeline.workers import Result
from mj_cli.retry import Patience, TemporaryError

HOLDERS_INTERVAL_FACTOR = 4.0  # whoever only waits for a slot asks less often than whoever waits

Answer = tuple[list[str], dict[str, TaskReport]]


class PollDesk:
    """Follows tasks to their end.

    Args:
        run: the run.
        finished: called with each job whose task ended.
        missing: called with each task that the service does not know.
        freed: called when any task of the account ended, and with it a slot.
        failed: called when asking is given up.
    """

    def __init__(
        self,
        run: Run,
        *,
        finished: Callable[[Job], None],
        missing: Callable[[UnknownTask], None],
        freed: Callable[[], None],
        failed: Callable[[MjError], None],
    ) -> None:
        self._run = run
        self._finished = finished
        self._missing = missing
        self._freed = freed
        self._failed = failed
        self._open: dict[str, Job | None] = {}
        self._again: dict[str, int] = {}
        self._holders: tuple[str, ...] = ()
        self._watch = Watch(poll_min_seconds=run.plan.poll_min_seconds)
        self._patience = Patience(run.plan.give_up_seconds)
        self._next_at = 0.0
        self._asking = False

    @property
    def open(self) -> list[Job]:
        """Jobs whose tasks have not ended yet, as far as is known."""
        return [job for job in self._open.values() if job is not None]

    @property
    def open_ids(self) -> list[str]:
        """Task ids that are asked about, known to the ledger or not."""
        return list(self._open)

    def is_done(self) -> bool:
        """True when no task is open."""
        return not self._open

    def due(self) -> float | None:
        """Return the monotonic time of the next call; None while one is made or none is needed."""
        return None if self._asking or not (self._open or self._holders) else self._next_at

    def watch(self, job: Job) -> None:
        """Follow a job that was submitted in this run or before."""
        if job.task_id is None:
            return
        self._open[job.task_id] = job
        usual = self._run.usual_seconds(job.request.mode)
        if job.state is JobState.RUNNING:
            started = job.attempt.submitted_at or job.created_at
            self._run.emit(JobWatched(job, started, usual))
        self._reschedule(usual)

    def watch_foreign(self, task_ids: Iterable[str]) -> None:
        """Follow tasks that the ledger does not know yet."""
        self._open.update(dict.fromkeys(task_ids))

    def ask_now(self) -> None:
        """Make the next call at once."""
        self._next_at = 0.0

    def help_slots(self, holders: tuple[str, ...]) -> None:
        """Also ask about the tasks that hold the slots somebody waits for."""
        if holders and not self._holders and not self._open:
            interval = self._run.plan.poll_min_seconds
            self._next_at = max(self._next_at, self._run.clock.monotonic() + interval)
        self._holders = holders

    def start(self) -> None:
        """Make the call that is due."""
        due = self.due()
        if due is None or due > self._run.clock.monotonic():
            return
        run = self._run
        asked = list(dict.fromkeys([*self._open, *self._holders]))
        self._asking = True

        def ask() -> Answer:
            reports: dict[str, TaskReport] = {}
            for ids in chunks(asked, run.plan.ids_per_call):
                reports.update(run.service.status(ids))
            return asked, reports

        run.workers.start(ask, self._answered)

    def stop(self) -> None:
        """Ask no more."""
        self._open.clear()
        self._holders = ()

    def _answered(self, result: Result[Answer]) -> None:
        self._asking = False
        now = self._run.clock.monotonic()
        try:
            asked, reports = result.get()
        except TemporaryError as error:
            self._postpone(error, now)
            return
        except MjError as error:
            self._failed(error)
            return
        self._patience.succeeded()
        for task_id in asked:
            if task_id in reports:
                self._take(reports[task_id], now)
            elif task_id in self._open and self._watch.missed(task_id, now=now):
                self._missing_task(task_id)
        self._next_at = now + self._interval()
        if self._open:
            self._run.emit(StillWaiting(len(self._open)))

    def _take(self, report: TaskReport, now: float) -> None:
        """Record one row and pass the job on when it is final."""
        task_id, running = report.task_id, report.state is TaskState.RUNNING
        watched = self._watch.found(task_id, running=running, now=now)
        jobs = self._run.ledger.jobs
        known = self._open.get(task_id)
        account = known.account if known is not None else self._run.account
        job = jobs.record(account, report, watched=watched)
        if not running:
            self._freed()
        if task_id not in self._open:
            return
        if job is None:
            job = self._adopt(report)
            if running:
                self.watch(job)
        self._open[task_id] = job
        if running or self._lacks_images(job):
            return
        del self._open[task_id]
        self._finished(job)

    def _adopt(self, report: TaskReport) -> Job:
        """Take a task of another program into the ledger."""
        run = self._run
        job = run.ledger.jobs.adopt(run.account, report)
        if not run.plan.remember_destination:
            return job
        run.ledger.jobs.send_to(job, run.plan.destination)
        return dataclasses.replace(job, destination=run.plan.destination)

    def _lacks_images(self, job: Job) -> bool:
        """A finished task that names no images yet is asked about a few times more."""
        if job.state is not JobState.SUCCEEDED or job.images:
            return False
        label = job.label
        self._again[label] = self._again.get(label, 0) + 1
        return self._again[label] < UNKNOWN_AFTER_ANSWERS

    def _missing_task(self, task_id: str) -> None:
        self._missing(UnknownTask(task_id=task_id, job=self._open.pop(task_id)))

    def _postpone(self, error: TemporaryError, now: float) -> None:
        delay = self._patience.failed(now=now, retry_after=error.retry_after)
        if delay is None:
            limit = self._run.plan.give_up_seconds
            self._failed(
                ServiceError(
                    f"job-status failed for {limit:g} s: {error.reason}",
                    hint="the jobs go on at the service; go on with: mj wait",
                )
            )
            return
        self._next_at = now + delay
        self._run.emit(PollFailed(error.reason, delay))

    def _interval(self) -> float:
        if not self._open:
            return HOLDERS_INTERVAL_FACTOR * self._run.plan.poll_min_seconds
        usual = [self._run.usual_seconds(job.request.mode) for job in self.open]
        return self._watch.interval(
            open_tasks=len(self._open), usual_seconds=min(usual, default=0.0)
        )

    def _reschedule(self, usual: float) -> None:
        """A new task may be worth an earlier call than the one that was planned."""
        now = self._run.clock.monotonic()
        interval = self._watch.interval(open_tasks=len(self._open), usual_seconds=usual)
        if self._next_at < now:
            self._next_at = now + interval
        self._next_at = min(self._next_at, now + interval)

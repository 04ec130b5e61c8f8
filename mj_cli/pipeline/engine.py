"""One run: jobs go from desk to desk until all are where the plan wants them.

A single thread decides; workers wait. The loop launches what is due at each desk, then sleeps until
a worker reports, a signal arrives, or the next thing is due.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from types import FrameType

from mj_cli.errors import (
    ExitCode,
    JobFailedError,
    MjError,
    PendingError,
    ServiceError,
    StoppedError,
)
from mj_cli.events import JobFinished, Stopping, TaskMissing
from mj_cli.models import Job, JobState, UnknownTask
from mj_cli.pipeline.fetching import FetchDesk
from mj_cli.pipeline.polling import PollDesk
from mj_cli.pipeline.run import Report, Run, error_of
from mj_cli.pipeline.submitting import SubmitDesk

ANSWER_SECONDS_AFTER_STOP = 10.0
RECORD_SECONDS_AFTER_CUT = 1.0
RECORD_SECONDS_AT_ONCE = 0.5
IDLE_SECONDS = 3600.0
STOPPING = [
    number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))
]


class Engine:
    """Brings jobs to their end.

    Args:
        run: the means.
        new: queued jobs of this process, taken from as slots become free.
        known: jobs of the ledger to follow and fetch.
        foreign: task ids that the ledger does not know.
    """

    def __init__(
        self,
        run: Run,
        *,
        new: Iterable[Job] = (),
        known: Iterable[Job] = (),
        foreign: Iterable[str] = (),
    ) -> None:
        self._run = run
        self._polls = PollDesk(
            run,
            finished=self._finished,
            missing=self._missing,
            freed=self._freed,
            failed=self._abort,
        )
        self._submits = SubmitDesk(run, new, accepted=self._accepted, ended=self._done)
        self._fetches = FetchDesk(run, done=self._done, ask_again=self._ask_again)
        self._leave_at: float | None = None
        self._cut = False
        self._stop_signal: int | None = None
        self._leave_now = False
        self._known = list(known)
        self._foreign = list(foreign)

    def run(self) -> Report:
        """Run to the end; everything that went wrong is in the report.

        Raises:
            LedgerError: when the ledger fails; submits on the wire were still recorded.
        """
        run = self._run
        for_seconds = run.plan.for_seconds
        ends_at = None if for_seconds is None else run.clock.monotonic() + for_seconds
        with stop_signals(self._on_signal):
            try:
                self._begin()
                while not self._is_over(ends_at):
                    self._launch()
                    if not self._is_over(ends_at):
                        self._receive(ends_at)
            except KeyboardInterrupt:
                self._leave_at_once()
            except BaseException:
                self._drain()
                raise
            finally:
                self._fetches.close()
                run.service.close()
        return run.report

    def _begin(self) -> None:
        for job in self._known:
            match job.state:
                case JobState.RUNNING:
                    self._polls.watch(job)
                case JobState.SUCCEEDED if job.images:
                    self._finished(job)
                case JobState.SUCCEEDED:
                    self._polls.watch(job)
                case JobState.QUEUED | JobState.SENDING:
                    self._run.fail(
                        PendingError(
                            f"job {job.id} is being submitted by another process right now",
                            hint=f"try again in a moment: mj wait {job.id}",
                        )
                    )
                case JobState.FAILED | JobState.IN_DOUBT:
                    self._done(job)
        self._polls.watch_foreign(self._foreign)
        self._polls.ask_now()

    def _launch(self) -> None:
        self._submits.start()
        self._polls.help_slots(self._submits.holders)
        self._polls.start()
        self._fetches.start()

    def _receive(self, ends_at: float | None) -> None:
        """Wait for the next message or the next thing that is due."""
        now = self._run.clock.monotonic()
        times = [
            time
            for time in (
                self._submits.due(),
                self._polls.due(),
                self._fetches.due(),
                self._leave_at,
                ends_at,
            )
            if time is not None
        ]
        wait = max(min(times, default=now + IDLE_SECONDS) - now, 0.0)
        message = self._run.clock.receive(self._run.workers.inbox, wait)
        if message is not None:
            message()

    def _is_over(self, ends_at: float | None) -> bool:
        if self._leave_now:
            return True
        if self._leave_at is not None:
            return self._submits.on_wire == 0 or self._must_leave()
        if self._submits.is_done() and self._polls.is_done() and self._fetches.is_done():
            return True
        if ends_at is not None and self._run.clock.monotonic() >= ends_at:
            self._run.fail(
                PendingError(
                    f"{_jobs(self._left())} not finished after {self._run.plan.for_seconds:g} s",
                    hint="they go on at the service; go on with: mj wait",
                )
            )
            self._fetches.stop()
            self._leave_now = True
            return True
        return False

    def _left(self) -> int:
        return len(self._polls.open_ids) + self._fetches.open

    def _must_leave(self) -> bool:
        """After a stop: cut what still has no answer, and give its outcome time to be recorded."""
        now = self._run.clock.monotonic()
        if self._leave_at is None or now < self._leave_at:
            return False
        if not self._cut:
            self._cut = True
            self._leave_at = now + RECORD_SECONDS_AFTER_CUT
            self._run.service.cut_submits()
            return False
        self._submits.abandon()
        return True

    def _on_signal(self, number: int) -> None:
        """Answer a signal, in its handler: the first one asks to stop, the second one leaves.

        Raises:
            KeyboardInterrupt: at the second, whatever this thread is waiting for.
        """
        if self._stop_signal is None:
            self._stop_signal = number
            self._run.workers.post(lambda: self._signalled(number))
            return
        signal.signal(number, signal.SIG_DFL)  # the third one needs nobody's help
        raise KeyboardInterrupt

    def _leave_at_once(self) -> None:
        """Record what still has no answer if that is quick; the next start does it otherwise."""
        self._run.service.cut_submits()
        recording = threading.Thread(target=self._submits.abandon, daemon=True)
        recording.start()
        recording.join(RECORD_SECONDS_AT_ONCE)
        if not any(isinstance(error, StoppedError) for error in self._run.report.errors):
            self._run.fail(_stopped(self._stop_signal or signal.SIGINT, left=0, unsent=0))

    def _signalled(self, number: int) -> None:
        left, submits = self._left(), self._submits.on_wire + self._submits.waiting
        self._stop_desks("mj was stopped before it was sent")
        on_wire = self._submits.on_wire
        self._run.emit(Stopping(on_wire, ANSWER_SECONDS_AFTER_STOP))
        self._run.fail(_stopped(number, left=left + on_wire, unsent=submits - on_wire))

    def _abort(self, error: MjError) -> None:
        """Asking is no longer possible: end the run, but let submits on the wire answer."""
        self._run.fail(error)
        self._stop_desks("the run ended before it was sent")

    def _stop_desks(self, reason: str) -> None:
        self._leave_at = self._run.clock.monotonic() + ANSWER_SECONDS_AFTER_STOP
        self._submits.stop(reason)
        self._polls.stop()
        self._fetches.stop()

    def _drain(self) -> None:
        """After a failure of our own: let submits on the wire be answered and recorded."""
        with contextlib.suppress(MjError):
            self._stop_desks("mj failed before it was sent")
        while not self._is_over(None):
            with contextlib.suppress(MjError):
                self._receive(None)

    def _accepted(self, job: Job) -> None:
        if not self._run.plan.follow:
            self._hand_over(job)
        elif self._leave_at is None:
            self._polls.watch(job)

    def _freed(self) -> None:
        self._submits.slot_freed()

    def _finished(self, job: Job) -> None:
        """A task ended: fetch its images, or hand it over as it is."""
        if job.state is not JobState.SUCCEEDED:
            self._done(job)
        elif not job.images:
            self._run.fail(
                ServiceError(
                    f"task {job.label} is done, but the service names no images of it",
                    hint=f"ask again later with: mj wait {job.label}",
                    slug="no_images",
                )
            )
            self._done(job)
        elif self._run.plan.fetch:
            self._fetches.add(job)
        else:
            self._run.ledger.jobs.delivered(job)
            self._done(job)

    def _ask_again(self, job: Job) -> None:
        self._polls.watch(job)
        self._polls.ask_now()

    def _missing(self, task: UnknownTask) -> None:
        if task.job is not None and self._fetches.give_up_asking(task.job):
            return
        self._run.emit(TaskMissing(task))
        self._run.fail(
            JobFailedError(
                f"the service does not know task {task.task_id}",
                hint="check the id, and that the profile is the one it was submitted with",
                slug="unknown_task",
            )
        )

    def _done(self, job: Job) -> None:
        """Nothing more happens to the job in this run."""
        known = self._run.ledger.jobs.attempts(job.id)
        fresh = next((one for one in known if one.attempt.id == job.attempt.id), job)
        error = error_of(fresh)
        if error is not None and not self._stopped_before_sending(fresh):
            self._run.fail(error)
        self._hand_over(fresh)

    def _hand_over(self, job: Job) -> None:
        self._run.report.finished.append(job)
        self._run.emit(JobFinished(job))

    def _stopped_before_sending(self, job: Job) -> bool:
        """The user's own Ctrl-C is no failure of the service."""
        return self._stop_signal is not None and job.attempt.fail_slug == "not_sent"


@contextlib.contextmanager
def stop_signals(handle: Callable[[int], None]) -> Iterator[None]:
    """Have SIGINT, SIGTERM and SIGHUP handled in the block; only possible in the main thread.

    A signal that the caller had ignored, as shells do for what runs in the background, stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handler(number: int, frame: FrameType | None) -> None:
        del frame
        handle(number)

    former = {
        number: signal.signal(number, handler)
        for number in STOPPING
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, action in former.items():
            signal.signal(number, action)


def _stopped(number: int, *, left: int, unsent: int) -> StoppedError:
    parts = ["stopped"]
    if unsent:
        parts.append(f"{unsent} not sent")
    if left:
        parts.append(f"{_jobs(left)} not finished")
    error = StoppedError(
        "; ".join(parts),
        hint="see them with: mj status; go on with: mj wait" if left else None,
    )
    if number != signal.SIGINT:
        error.exit_code = ExitCode.TERMINATED
    return error


def _jobs(count: int) -> str:
    return "1 job is" if count == 1 else f"{count} jobs are"

"""What the rest of mj may ask of a ledger, whatever stores it.

Every change of state is a compare-and-set: it names the attempt, its owner and the state that it
expects, and returns False when it found another state and changed nothing. Times are Unix seconds
of the ledger's own clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mj_cli.models import Attempt, Destination, Image, Job, JobRequest, JobState, Mode, TaskReport


@dataclass(frozen=True, slots=True)
class SlotTaken:
    """The attempt holds a slot from now on."""


@dataclass(frozen=True, slots=True)
class SlotsFull:
    """No slot is free.

    Attributes:
        slots: how many there are.
        in_doubt: how many of them are held by attempts in doubt.
        task_ids: running tasks that hold slots; whoever waits polls them.
    """

    slots: int
    in_doubt: int
    task_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SubmitPaused:
    """The service asked the account to wait `seconds` longer; `task_ids` as in `SlotsFull`."""

    seconds: float
    reason: str
    task_ids: tuple[str, ...]


SlotAnswer = SlotTaken | SlotsFull | SubmitPaused


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found of processes that died: job ids by what became of them."""

    not_sent: tuple[str, ...] = ()
    in_doubt: tuple[str, ...] = ()
    rescued: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs to list: newest first, at most `limit`, None meaning any."""

    profile: str
    state: JobState | None = None
    since: float | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthTotal:
    """What one calendar month (UTC, `YYYY-MM`) came to, by mode."""

    month: str
    mode: Mode
    charged: int
    in_doubt: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """This process may fetch the file.

    Attributes:
        id: the claim, to be named in what follows.
        owner: the id of this process, for the name of the part file.
        former_owner: who began to fetch it before (a dead process, or this one), or None.
        etag: the entity tag of what was begun, or None when it cannot be resumed.
    """

    id: int
    owner: str
    former_owner: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class TakenByOther:
    """A living process is fetching this file."""


@dataclass(frozen=True, slots=True)
class FileConflict:
    """Another image of the ledger is being written to this very path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFile:
    """A file that the ledger expects at a path."""

    path: str
    bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None


class Attempts(Protocol):
    """The submit protocol: one attempt from `queued` to its answer."""

    def add(self, *, account: str, request: JobRequest, destination: Destination | None) -> Job:
        """Record a job with its first attempt, `queued` and without a slot."""
        ...

    def take_slot(self, attempt: Attempt, *, slots: int) -> SlotAnswer:
        """Take one of `slots` slots of the attempt's account, in one transaction."""
        ...

    def release_slot(self, attempt: Attempt) -> None:
        """Give the slot back while the attempt is still `queued`."""
        ...

    def begin_sending(self, attempt: Attempt) -> bool:
        """`queued` to `sending`; until this returned True, no byte of the request may leave."""
        ...

    def accepted(self, attempt: Attempt, task_id: str) -> bool:
        """`sending` (or `in_doubt`, whoever set that) to `running`; binds the task id, once."""
        ...

    def refused(self, attempt: Attempt, *, slug: str, reason: str) -> bool:
        """`sending` or `in_doubt` to `failed`, on a definite no."""
        ...

    def doubted(self, attempt: Attempt, *, reason: str) -> bool:
        """`sending` to `in_doubt`."""
        ...

    def not_sent(self, attempt: Attempt, *, reason: str) -> bool:
        """`queued` to `failed`, reason `not_sent`."""
        ...

    def busy(
        self, attempt: Attempt, *, pause_seconds: float, reason: str, concurrency: bool
    ) -> Attempt | None:
        """`sending` or `in_doubt` to `failed`, pause the account, queue the job's next attempt.

        Args:
            attempt: the attempt that was answered.
            pause_seconds: how long nobody of this account submits.
            reason: the service's words.
            concurrency: True when the pause may end as soon as a task of the account ends.

        Returns:
            The next attempt, or None when the state was another or the user had it resubmitted.
        """
        ...

    def busy_streak(self, account: str) -> int:
        """How many times in a row the service asked the account to wait."""
        ...

    def recover(self) -> Recovery:
        """Settle what dead processes left: `queued` was not sent, `sending` is in doubt."""
        ...

    def rescue(self, attempt: Attempt, task_id: str) -> None:
        """Keep a task id that could not be committed, for the next start. Never raises."""
        ...


class Jobs(Protocol):
    """What the ledger knows of jobs, and what the user decides about them."""

    def find(self, name: str) -> list[Job]:
        """Return the attempts that a job id or task id names; a job id gives the current one."""
        ...

    def attempts(self, job_id: str) -> list[Job]:
        """Return every attempt of a job, oldest first."""
        ...

    def unfinished(self, account: str) -> list[Job]:
        """Return attempts that are queued, sending, running, or in doubt without a verdict."""
        ...

    def undelivered(self, account: str) -> list[Job]:
        """Return attempts of the account that are running, or succeeded and not handed over."""
        ...

    def in_doubt(self, profile: str) -> int:
        """Count the attempts in doubt that wait for a verdict."""
        ...

    def foreign_unfinished(self, account: str, profile: str) -> int:
        """Count running attempts of the profile under another key or base URL."""
        ...

    def listed(self, which: JobFilter) -> list[Job]:
        """Return jobs, each with its current attempt, newest first."""
        ...

    def totals(self, profile: str) -> list[MonthTotal]:
        """Return what each month came to, newest first."""
        ...

    def durations(self, account: str, mode: Mode, *, limit: int = 50) -> list[float]:
        """Return the last observed seconds from submit to end of succeeded jobs."""
        ...

    def record(self, account: str, report: TaskReport, *, watched: bool = False) -> Job | None:
        """Take over what the service says of a task; None when the ledger has no such task.

        A final state is never taken back, but a task that failed and now has images is kept.
        `watched` says that the end was seen as it came, so that the duration means something.
        """
        ...

    def adopt(self, account: str, report: TaskReport) -> Job:
        """Record a task that another program submitted."""
        ...

    def delivered(self, job: Job) -> None:
        """Note that the result of the attempt was handed over."""
        ...

    def send_to(self, job: Job, destination: Destination) -> None:
        """Remember where the files of the job go."""
        ...

    def resolve_task(self, job: Job, task_id: str) -> bool:
        """In doubt (or called not charged) to `running`, as the task that the user names."""
        ...

    def resolve_not_charged(self, job: Job) -> bool:
        """In doubt to `failed`: the user says that nothing was charged."""
        ...

    def resolve_resubmit(self, job: Job) -> Job | None:
        """Queue a further attempt of a job in doubt; None when it is no longer in doubt."""
        ...

    def forget(self, job: Job) -> bool:
        """Remove the job with all that belongs to it; its files stay on disk.

        False while a living process submits it: its answer would find no place.
        """
        ...

    def prune(self, profile: str, *, before: float) -> int:
        """Forget finished jobs created before a time; return how many.

        What is in doubt, whatever was decided about it, and what was never fetched is kept.
        """
        ...


class Files(Protocol):
    """Who fetches which image to which path, and what must be found there."""

    def claim(self, job: Job, image: Image, path: str) -> Claimed | TakenByOther | FileConflict:
        """Claim the fetching of one image to one path for this process.

        Raises:
            LocalError: when the job was forgotten meanwhile.
        """
        ...

    def resumable(self, claim: Claimed, *, etag: str) -> None:
        """Note under which entity tag the part file grows, so that it can be gone on with."""
        ...

    def expect(self, claim: Claimed, file: SavedFile) -> None:
        """Note final path and hash, before the rename."""
        ...

    def saved(self, claim: Claimed) -> None:
        """Note that the rename is durable."""
        ...

    def confirm(self, job: Job, image: Image, file: SavedFile) -> str | None:
        """Note that a file is in place as expected, whoever put it there.

        Returns:
            The owner who had not come to note it, or None.
        """
        ...

    def drop(self, claim: Claimed) -> None:
        """Give the claim back; nothing was left behind."""
        ...

    def of_image(self, job: Job, index: int) -> list[SavedFile]:
        """Return the files that an image was, or was about to be, saved to; newest first."""
        ...


class Ledger(Protocol):
    """The whole ledger; one object a process, safe for its threads."""

    @property
    def attempts(self) -> Attempts:
        """The submit protocol."""
        ...

    @property
    def jobs(self) -> Jobs:
        """Jobs and verdicts."""
        ...

    @property
    def files(self) -> Files:
        """Claims on files."""
        ...

    def now(self) -> float:
        """Return the ledger's time in Unix seconds."""
        ...

    def use_account(self, account: str, *, profile: str, base_url: str) -> None:
        """Make an account known; `account` is a hash of key and base URL, never the key."""
        ...

    def owner_alive(self, owner: str) -> bool:
        """Tell whether the process with this owner id still lives."""
        ...

    def close(self) -> None:
        """Release everything; the owner counts as dead from here on."""
        ...

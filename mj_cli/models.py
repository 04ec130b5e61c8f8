"""The values that every part of mj speaks of: jobs, attempts, images and where they go."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field

TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""The shape of a task id; match with `fullmatch`."""

MAX_PROMPT_BYTES = 10_000
TIMEOUT_RANGE = range(300, 1201)
DEFAULT_TIMEOUT = 600


class Mode(enum.StrEnum):
    """The speed that is paid for."""

    FAST = "fast"
    RELAXED = "relaxed"


class JobState(enum.StrEnum):
    """How far an attempt, and with it its job, has come."""

    QUEUED = "queued"
    SENDING = "sending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"

    @property
    def is_final(self) -> bool:
        """True when only the user or new proof can change the state."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.IN_DOUBT}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """What the user wishes for.

    Attributes:
        prompt: prompt text with its `--parameters`.
        mode: the speed that is paid for.
        timeout: the task's own limit at the provider in seconds, None for the provider's default.
        hook_url: where the provider posts the result, or None.
        name: the user's own name for the job, or None.
    """

    prompt: str
    mode: Mode = Mode.FAST
    timeout: int | None = None
    hook_url: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where the files of a job go.

    Attributes:
        out: absolute path of the output directory.
        template: name template (see `mj_cli.naming`).
        images: which images: `all`, `grid`, or indexes such as `1,3`.
    """

    out: str
    template: str
    images: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One picture of a finished task; the last five fields are known once it is saved.

    Attributes:
        index: 0 for the grid, 1 to n for the single images.
        url: where the service keeps it.
        path: absolute path of the file, or None.
        bytes: size of the file in bytes.
        sha256: hash of the file, 64 hexadecimal digits.
        width: pixels.
        height: pixels.
    """

    index: int
    url: str
    path: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One sending of a job; times are Unix seconds of the ledger's clock.

    Attributes:
        id: the ledger's number of the attempt.
        job_id: the job that it sends.
        nonce: a secret that only this attempt carries, for its webhook.
        owner: the process that sends it.
        state: how far it has come.
        task_id: the provider's id, once it answered.
        queued_at: when it was recorded.
        submitted_at: when the provider accepted it.
        finished_at: when it was seen to end.
        delivered_at: when its result was handed over: files saved, or reported without files.
        verdict: what the user decided while it was in doubt: `not_charged` or `resubmitted`.
        fail_slug: why it failed, as a stable word.
        fail_reason: why it failed or is in doubt, as a sentence.
        current: False once another attempt of the same job has taken its place.
        adopted: True when another program submitted the task.
    """

    id: int
    job_id: str
    nonce: str
    owner: str
    state: JobState
    task_id: str | None = None
    queued_at: float
    submitted_at: float | None = None
    finished_at: float | None = None
    delivered_at: float | None = None
    verdict: str | None = None
    fail_slug: str | None = None
    fail_reason: str | None = None
    current: bool = True
    adopted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A wish with one of its attempts: the current one unless said otherwise."""

    id: str
    account: str
    profile: str
    request: JobRequest
    created_at: float
    attempt: Attempt
    destination: Destination | None = None
    images: tuple[Image, ...] = field(default=())

    @property
    def state(self) -> JobState:
        """The state of the attempt."""
        return self.attempt.state

    @property
    def task_id(self) -> str | None:
        """The provider's id of the attempt."""
        return self.attempt.task_id

    @property
    def label(self) -> str:
        """The shortest text by which a user can name the job on the command line."""
        return self.attempt.task_id or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownTask:
    """A task id that the service does not know; the job is what the ledger has of it."""

    task_id: str
    job: Job | None = None


class TaskState(enum.Enum):
    """What the service says of a task."""

    RUNNING = 0
    COMPLETED = 1
    FAILED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """One row of a job-status answer, after decoding.

    Attributes:
        task_id: the provider's id.
        state: running, completed or failed.
        prompt: the prompt as the service gives it, or None.
        fail_reason: the service's own words, or None.
        created_at: Unix seconds by the service's clock, or None.
        images: (index, url) pairs: 0 is the grid, 1 to n the single images.
    """

    task_id: str
    state: TaskState
    prompt: str | None = None
    fail_reason: str | None = None
    created_at: float | None = None
    images: tuple[tuple[int, str], ...] = ()

"""What the pipeline reports while it works; a renderer must answer to every one of them."""

from __future__ import annotations

from dataclasses import dataclass

from mj_cli.models import Image, Job, UnknownTask


@dataclass(frozen=True, slots=True)
class SlotsTaken:
    """A job waits because every slot of the account is taken.

    Attributes:
        job: the job that waits.
        slots: how many slots there are.
        in_doubt: how many of them are held by jobs in doubt.
    """

    job: Job
    slots: int
    in_doubt: int


@dataclass(frozen=True, slots=True)
class ServiceBusy:
    """The service asked for a pause; submits of the whole account wait `seconds`."""

    job: Job
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class SubmitRetried:
    """Nothing was sent because the service could not be reached; tried again in `seconds`."""

    job: Job
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class JobSubmitted:
    """The service accepted the job: from here on it is paid for."""

    job: Job


@dataclass(frozen=True, slots=True)
class JobWatched:
    """The job is waited for.

    Attributes:
        job: the job.
        started_at: when it was submitted, Unix seconds.
        usual_seconds: how long jobs of its mode usually take, an estimate.
    """

    job: Job
    started_at: float
    usual_seconds: float


@dataclass(frozen=True, slots=True)
class PollFailed:
    """A job-status call failed; the next one is made in `seconds`."""

    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StillWaiting:
    """A sign of life after each tick: how many jobs are open."""

    jobs: int


@dataclass(frozen=True, slots=True)
class DownloadAdvanced:
    """`received` bytes of one image are there; `total` is None where the server does not say."""

    job: Job
    index: int
    received: int
    total: int | None


@dataclass(frozen=True, slots=True)
class DownloadRetried:
    """One image is tried again in `seconds`."""

    job: Job
    index: int
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ImageSaved:
    """One image is on disk under its final name; `fresh` is False when it was there before."""

    job: Job
    image: Image
    fresh: bool


@dataclass(frozen=True, slots=True)
class ImageFailed:
    """One image could not be saved; what was paid for stays in the ledger."""

    job: Job
    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class JobFinished:
    """Nothing more will happen to the job in this run: it is final, with its files where wanted."""

    job: Job


@dataclass(frozen=True, slots=True)
class TaskMissing:
    """The service does not know the task."""

    task: UnknownTask


@dataclass(frozen=True, slots=True)
class Stopping:
    """The user asked to stop; `on_wire` submits get up to `seconds` to answer."""

    on_wire: int
    seconds: float


Event = (
    SlotsTaken
    | ServiceBusy
    | SubmitRetried
    | JobSubmitted
    | JobWatched
    | PollFailed
    | StillWaiting
    | DownloadAdvanced
    | DownloadRetried
    | ImageSaved
    | ImageFailed
    | JobFinished
    | TaskMissing
    | Stopping
)

"""The fetch desk: brings the images of finished jobs to disk, eight at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from mj_cli.downloads import Downloader, GoneError, RefusedError, TakenError, Target
from mj_cli.errors import LedgerError, LocalError
from mj_cli.events import DownloadAdvanced, DownloadRetried, ImageFailed, ImageSaved
from mj_cli.models import Destination, Image, Job
from mj_cli.pipeline.run import DOWNLOADS_AT_ONCE, Run
from mj_cli.pipeline.targets import target_for, wanted
from mj_cli.pipeline.workers import Result
from mj_cli.retry import TemporaryError, backoff

TRIES = 4
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 8.0
TAKEN_DELAY_SECONDS = 0.5
PROGRESS_BYTES = 128 * 1024
CLEAN_UP_SECONDS = 1.0


@dataclass(slots=True)
class _Fetch:
    """One image on its way to disk."""

    job: Job
    image: Image
    target: Target
    tries: int = 0
    not_before: float = 0.0


@dataclass(slots=True)
class _Open:
    """A job whose images are being fetched."""

    left: int
    failed: int = 0


class FetchDesk:
    """Downloads images and hands jobs on when all of theirs are there.

    Args:
        run: the run.
        done: called with each job when nothing of it is left to fetch.
        ask_again: called with a job whose URLs no longer serve its images.
    """

    def __init__(
        self, run: Run, *, done: Callable[[Job], None], ask_again: Callable[[Job], None]
    ) -> None:
        self._run = run
        self._done = done
        self._ask_again = ask_again
        self._queue: list[_Fetch] = []
        self._jobs: dict[int, _Open] = {}
        self._refreshed: dict[int, dict[int, str]] = {}
        self._stale: dict[int, list[_Fetch]] = {}
        self._idle: list[Downloader] = []
        self._busy: dict[Downloader, threading.Thread] = {}
        self._stopped = False

    def is_done(self) -> bool:
        """True when nothing is left to fetch."""
        return not self._jobs

    @property
    def open(self) -> int:
        """How many jobs have images on the way, and wait for no fresh URL."""
        return len(self._jobs.keys() - self._stale.keys())

    def due(self) -> float | None:
        """Return the monotonic time at which the next download can start."""
        if not self._queue or len(self._busy) >= DOWNLOADS_AT_ONCE:
            return None
        return min(item.not_before for item in self._queue)

    def add(self, job: Job) -> None:
        """Fetch the wanted images of a finished job, or go on with fresh URLs for them."""
        if job.attempt.id in self._stale:
            self._resume(job, self._stale.pop(job.attempt.id))
            return
        if job.attempt.id in self._jobs:
            return
        destination = job.destination or self._run.plan.destination
        images, absent = wanted(job.images, destination.images)
        self._jobs[job.attempt.id] = _Open(left=len(images))
        for index in absent:
            self._report_absence(job, index)
        self._queue += [self._fetch_of(job, image, destination) for image in images]
        if not images:
            self._close(job)

    def give_up_asking(self, job: Job) -> bool:
        """The service does not know the task any more, so there are no fresh URLs.

        Returns:
            False when no image waited for one.
        """
        items = self._stale.pop(job.attempt.id, [])
        for item in items:
            self._fail(item, self._refreshed[job.attempt.id][item.image.index])
        return bool(items)

    def start(self) -> None:
        """Start the downloads that are due."""
        now = self._run.clock.monotonic()
        for item in list(self._queue):
            if len(self._busy) >= DOWNLOADS_AT_ONCE:
                return
            if item.not_before <= now and not self._stopped:
                self._queue.remove(item)
                self._launch(item)

    def stop(self) -> None:
        """End all downloads; what is there stays, the rest can be fetched later."""
        self._stopped = True
        self._queue.clear()
        self._jobs.clear()
        for downloader in [*self._busy, *self._idle]:
            downloader.stop()

    def close(self) -> None:
        """Give downloads that were cut a moment to clean up, and close the connections."""
        ends_at = time.monotonic() + CLEAN_UP_SECONDS
        for downloader, thread in self._busy.items():
            thread.join(max(ends_at - time.monotonic(), 0.0))
            if not thread.is_alive():
                self._idle.append(downloader)
        for downloader in self._idle:
            downloader.close()

    def _fetch_of(self, job: Job, image: Image, destination: Destination) -> _Fetch:
        return _Fetch(job, image, target_for(job, image, destination))

    def _launch(self, item: _Fetch) -> None:
        downloader = self._idle.pop() if self._idle else self._run.open_downloader()
        item.tries += 1
        last = item.tries >= TRIES
        self._busy[downloader] = self._run.workers.start(
            lambda: downloader.save(
                item.job, item.image, item.target, progress=self._progress_of(item), last=last
            ),
            lambda result: self._landed(item, downloader, result),
        )

    def _progress_of(self, item: _Fetch) -> Callable[[int, int | None], None]:
        told = 0

        def progress(received: int, total: int | None) -> None:
            nonlocal told
            if received - told >= PROGRESS_BYTES or received == total:
                told = received
                event = DownloadAdvanced(item.job, item.image.index, received, total)
                self._run.workers.post(lambda: self._run.emit(event))

        return progress

    def _landed(
        self, item: _Fetch, downloader: Downloader, result: Result[tuple[Image, bool]]
    ) -> None:
        del self._busy[downloader]
        self._idle.append(downloader)
        if self._stopped:
            return
        try:
            image, fresh = result.get()
        except TakenError:
            item.tries -= 1
            self._retry(item, TAKEN_DELAY_SECONDS)
        except TemporaryError as error:
            self._retry_or_refresh(item, error)
        except GoneError as error:
            self._refresh(item, str(error))
        except RefusedError as error:
            self._fail(item, str(error))
        except LedgerError:
            raise
        except LocalError as error:
            self._run.fail(error)
            self._fail(item, error.message, told=True)
        else:
            self._run.emit(ImageSaved(item.job, image, fresh))
            self._settle(item.job)

    def _retry(self, item: _Fetch, delay: float) -> None:
        item.not_before = self._run.clock.monotonic() + delay
        self._queue.append(item)

    def _retry_or_refresh(self, item: _Fetch, error: TemporaryError) -> None:
        if item.tries >= TRIES:
            self._refresh(item, error.reason)
            return
        delay = backoff(item.tries, first=FIRST_DELAY_SECONDS, longest=LONGEST_DELAY_SECONDS)
        delay = max(delay, error.retry_after or 0.0)
        self._run.emit(DownloadRetried(item.job, item.image.index, error.reason, delay))
        self._retry(item, delay)

    def _refresh(self, item: _Fetch, reason: str) -> None:
        """Ask the service for the URL again, once; a URL that stays the same is given up."""
        attempt = item.job.attempt.id
        tried = self._refreshed.setdefault(attempt, {})
        if item.image.index in tried:
            self._fail(item, reason)
            return
        tried[item.image.index] = reason
        first = attempt not in self._stale
        self._stale.setdefault(attempt, []).append(item)
        if first:
            self._ask_again(item.job)

    def _resume(self, job: Job, items: list[_Fetch]) -> None:
        """Go on with the URLs that job-status just gave."""
        by_index = {image.index: image for image in job.images}
        for item in items:
            image = by_index.get(item.image.index)
            if image is None or image.url == item.image.url:
                self._fail(item, self._refreshed[job.attempt.id][item.image.index])
                continue
            item.job, item.image, item.tries = job, image, 0
            self._retry(item, 0.0)

    def _fail(self, item: _Fetch, reason: str, *, told: bool = False) -> None:
        self._jobs[item.job.attempt.id].failed += 1
        self._report_failure(item.job, item.image.index, reason, told=told)
        self._settle(item.job)

    def _report_failure(self, job: Job, index: int, reason: str, *, told: bool = False) -> None:
        self._run.emit(ImageFailed(job, index, reason))
        if not told:
            self._run.fail(
                LocalError(
                    f"image {index} of task {job.label} could not be saved: {reason}",
                    hint=f"nothing paid for is lost; try again with: mj wait {job.label}",
                    slug="image",
                )
            )

    def _report_absence(self, job: Job, index: int) -> None:
        reason = "the task has no such image"
        self._run.emit(ImageFailed(job, index, reason))
        self._run.fail(
            LocalError(
                f"image {index} of task {job.label} could not be saved: {reason}",
                hint=f"choose others with: mj wait {job.label} --images all",
                slug="image",
            )
        )

    def _settle(self, job: Job) -> None:
        self._jobs[job.attempt.id].left -= 1
        if self._jobs[job.attempt.id].left == 0:
            self._close(job)

    def _close(self, job: Job) -> None:
        state = self._jobs.pop(job.attempt.id)
        if not state.failed:
            self._run.ledger.jobs.delivered(job)
        self._done(job)

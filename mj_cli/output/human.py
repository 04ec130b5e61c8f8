"""For people: paths and tables on stdout, bars or plain lines on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

from mj_cli import events
from mj_cli.errors import MjError
from mj_cli.models import Job, JobState, UnknownTask
from mj_cli.output.findings import described, editor_lines, marked
from mj_cli.output.interface import RequestLine, SettingLine, Shows, TotalLine
from mj_cli.output.progress import Bars
from mj_cli.output.saved import SavedPaths
from mj_cli.output.streams import Streams
from mj_cli.output.talk import Told, told
from mj_cli.output.text import cost_text, iso, local_time, near, setting_text, shortened, visible
from mj_cli.prompts.explain import Explanation
from mj_cli.prompts.findings import Finding

HEARTBEAT_SECONDS = 60.0
PROMPT_WIDTH = 60


class Human:
    """See `interface.Output`."""

    def __init__(self, streams: Streams, *, bars: bool, monotonic: Callable[[], float]) -> None:
        self._streams = streams
        self._shows = Shows.IDS
        self._saved = SavedPaths()
        self._bars = Bars() if bars and sys.stderr.isatty() else None
        self._monotonic = monotonic
        self._last_talk = monotonic()

    def start_run(self, shows: Shows) -> None:
        """See `interface.Output`."""
        self._shows = shows
        self._last_talk = self._monotonic()

    def event(self, event: events.Event) -> None:  # noqa: C901, PLR0912 - one line an event
        """Show an event where it tells the user something."""
        match event:
            case (
                events.SlotsTaken()
                | events.ServiceBusy()
                | events.SubmitRetried()
                | events.PollFailed()
                | events.DownloadRetried()
                | events.Stopping()
            ):
                self._tell(event)
            case events.JobSubmitted(job):
                if self._shows is not Shows.IDS:
                    self.note(f"submitted {job.task_id}")
            case events.JobWatched(job, started_at, usual_seconds):
                self._watch(job, started_at, usual_seconds)
            case events.StillWaiting(jobs):
                self._heartbeat(jobs)
            case events.DownloadAdvanced(job, index, received, total):
                if self._bars:
                    self._bars.downloading(job, index, received, total)
            case events.ImageSaved(job, image, _):
                self._saved.add(job, image)
            case events.ImageFailed():
                pass  # an error says so at the end
            case events.JobFinished(job):
                self._finished(job)
            case events.TaskMissing(task):
                if self._bars and task.job:
                    self._bars.done(task.job)
            case _:
                assert_never(event)

    def jobs(self, jobs: Sequence[Job | UnknownTask]) -> None:
        """See `interface.Output`."""
        if not jobs:
            self.note("no jobs")
            return
        self._table(("ID", "STATE", "MODE", "SUBMITTED", "PROMPT"), [_row(job) for job in jobs])

    def job(self, attempts: Sequence[Job]) -> None:
        """See `interface.Output`."""
        for line in _details(attempts):
            self._data(line)

    def totals(self, totals: Sequence[TotalLine]) -> None:
        """See `interface.Output`; talk, since it follows a list on stdout."""
        for total in totals:
            doubt = f", {total.in_doubt} in doubt" if total.in_doubt else ""
            self.note(
                f"{total.month} {total.mode}: {total.charged} charged{doubt},"
                f" cost {cost_text(total.cost, total.mode)}"
            )

    def settings(self, settings: Sequence[SettingLine]) -> None:
        """See `interface.Output`."""
        rows = [
            (one.name, setting_text(one.value) or "-", one.source, one.meaning) for one in settings
        ]
        self._table(("SETTING", "VALUE", "SOURCE", "MEANING"), rows)

    def request(self, request: RequestLine) -> None:
        """See `interface.Output`."""
        self._data(f"{request.method} {request.url}")
        for name, value in request.headers.items():
            self._data(f"{name}: {value}")
        self._data("")
        self._data(json.dumps(request.body, ensure_ascii=False))
        self.note(
            f"nothing was sent; it would cost {cost_text(request.cost, str(request.body['mode']))}"
        )

    def prompt(self, explanation: Explanation) -> None:
        """See `interface.Output`."""
        lines = described(explanation) if explanation.file is None else editor_lines(explanation)
        for line in lines:
            self._data(line)

    def finding(self, finding: Finding, text: str) -> None:
        """See `interface.Output`."""
        for number, line in enumerate(marked(finding, text)):
            self._streams.err(visible(line if number else f"mj: {line}"))

    def facts(self, kind: str, facts: Mapping[str, object]) -> None:
        """See `interface.Output`."""
        del kind
        width = max(map(len, facts), default=0)
        for name, value in facts.items():
            texts = value if isinstance(value, list) else [value]
            for number, text in enumerate(texts):
                self._data(f"{'' if number else name:<{width}}  {text}")

    def value(self, text: str) -> None:
        """See `interface.Output`."""
        self._data(text)

    def note(self, text: str) -> None:
        """See `interface.Output`."""
        self._last_talk = self._monotonic()
        line = f"mj: {visible(text)}"
        if self._bars is None or not self._bars.print_above(line):
            self._streams.err(line)

    def warn(self, text: str) -> None:
        """See `interface.Output`."""
        self.note(text)

    def error(self, error: MjError) -> None:
        """See `interface.Output`."""
        self.note(error.message)
        if error.hint:
            self._streams.err(f"    {visible(error.hint)}")

    def close(self) -> None:
        """See `interface.Output`."""
        for path in self._saved.rest():
            self._data(path)
        if self._bars is not None:
            self._bars.close()

    def _data(self, text: str) -> None:
        """Write a line to stdout; above the bars where both are on one screen."""
        shown = visible(text)
        on_screen = self._bars is not None and sys.stdout.isatty()
        if not (on_screen and self._bars is not None and self._bars.print_above(shown)):
            self._streams.out(shown)

    def _table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table at a terminal; tabs and no headings in a pipe, as programs like it."""
        if sys.stdout.isatty():
            from mj_cli.output.progress import table_text  # noqa: PLC0415 - rich, at a screen only

            self._streams.out(table_text(headings, rows))
            return
        for row in rows:
            self._streams.out("\t".join(visible(cell) for cell in row))

    def _watch(self, job: Job, started_at: float, usual_seconds: float) -> None:
        if self._bars is not None:
            self._bars.running(job, started_at, usual_seconds)

    def _finished(self, job: Job) -> None:
        if self._bars is not None:
            self._bars.done(job)
        for path in self._saved.of(job):
            self._data(path)
        if self._shows is Shows.IDS and job.task_id is not None:
            self._data(job.task_id)
        if self._shows is Shows.URLS and job.state is JobState.SUCCEEDED:
            for image in job.images:
                self._data(image.url)

    def _heartbeat(self, jobs: int) -> None:
        now = self._monotonic()
        if self._bars is None and now - self._last_talk >= HEARTBEAT_SECONDS:
            self.note(f"still waiting for {jobs} {'job' if jobs == 1 else 'jobs'}")

    def _tell(self, event: Told) -> None:
        if self._bars is not None and isinstance(event, events.Stopping):
            self._bars.close()
        text = told(event)
        if text is not None:
            self.note(text)


def _row(item: Job | UnknownTask) -> tuple[str, ...]:
    if isinstance(item, UnknownTask):
        prompt = item.job.request.prompt if item.job else ""
        return (item.task_id, "unknown", "-", "-", shortened(prompt, PROMPT_WIDTH))
    return (
        item.label,
        str(item.state),
        str(item.request.mode),
        local_time(item.attempt.submitted_at or item.created_at),
        shortened(item.request.prompt, PROMPT_WIDTH),
    )


def _details(attempts: Sequence[Job]) -> list[str]:
    """Return what is known of a job, and what to do when it is in doubt."""
    job = attempts[-1]
    lines = [
        f"id:        {job.id}",
        f"prompt:    {job.request.prompt}",
        f"mode:      {job.request.mode}",
        f"profile:   {job.profile}",
        f"recorded:  {iso(job.created_at)}",
    ]
    if job.request.name:
        lines.insert(1, f"name:      {job.request.name}")
    for number, one in enumerate(attempts, start=1):
        lines += ["", *_attempt_lines(number, one)]
    if job.state is JobState.IN_DOUBT:
        lines += ["", *_ways_out(job)]
    return lines


def _attempt_lines(number: int, job: Job) -> list[str]:
    attempt = job.attempt
    lines = [f"attempt {number}: {attempt.state}"]
    facts = (
        ("task", attempt.task_id),
        ("submitted", iso(attempt.submitted_at)),
        ("finished", iso(attempt.finished_at)),
        ("reason", attempt.fail_reason),
        ("verdict", attempt.verdict),
    )
    lines += [f"  {name + ':':<10} {value}" for name, value in facts if value]
    for image in job.images:
        place = near(image.path) if image.path else f"not saved ({image.url})"
        lines.append(f"  {f'image {image.index}:':<10} {place}")
    return lines


def _ways_out(job: Job) -> list[str]:
    return [
        "The answer to this submit was lost, so it may or may not have been charged. Look at the",
        "provider's dashboard, then say what you found:",
        f"  mj jobs resolve {job.id} --task TASK_ID   it is there: mj follows it from now on",
        f"  mj jobs resolve {job.id} --not-charged    it is not there: the job counts as failed",
        f"  mj jobs resolve {job.id} --resubmit       send it again, even if that pays twice",
    ]

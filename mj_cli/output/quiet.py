"""For scripts: bare ids, paths or values on stdout, and stderr silent unless something failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from mj_cli import events
from mj_cli.errors import MjError
from mj_cli.models import Job, JobState, UnknownTask
from mj_cli.output.findings import editor_lines, marked
from mj_cli.output.interface import RequestLine, SettingLine, Shows, TotalLine
from mj_cli.output.saved import SavedPaths
from mj_cli.output.streams import Streams
from mj_cli.output.text import setting_text, visible
from mj_cli.prompts.explain import Explanation
from mj_cli.prompts.findings import Finding, Level


class Quiet:
    """See `interface.Output`."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._shows = Shows.IDS
        self._saved = SavedPaths()

    def start_run(self, shows: Shows) -> None:
        """See `interface.Output`."""
        self._shows = shows

    def event(self, event: events.Event) -> None:
        """Print what the run is asked to show, and nothing else."""
        match event:
            case events.JobFinished(job):
                self._finished(job)
            case events.ImageSaved(job, image):
                self._saved.add(job, image)
            case (
                events.SlotsTaken()
                | events.ServiceBusy()
                | events.SubmitRetried()
                | events.JobSubmitted()
                | events.JobWatched()
                | events.PollFailed()
                | events.StillWaiting()
                | events.DownloadAdvanced()
                | events.DownloadRetried()
                | events.ImageFailed()
                | events.TaskMissing()
                | events.Stopping()
            ):
                pass
            case _:
                assert_never(event)

    def jobs(self, jobs: Sequence[Job | UnknownTask]) -> None:
        """See `interface.Output`."""
        for job in jobs:
            self._streams.out(job.task_id if isinstance(job, UnknownTask) else job.label)

    def job(self, attempts: Sequence[Job]) -> None:
        """See `interface.Output`."""
        self.jobs(attempts)

    def totals(self, totals: Sequence[TotalLine]) -> None:
        """See `interface.Output`; a script that lists ids wants no totals."""

    def settings(self, settings: Sequence[SettingLine]) -> None:
        """See `interface.Output`."""
        for setting in settings:
            self._streams.out(visible(f"{setting.name}={setting_text(setting.value)}"))

    def request(self, request: RequestLine) -> None:
        """See `interface.Output`."""
        self._streams.out(visible(f"{request.method} {request.url}"))

    def prompt(self, explanation: Explanation) -> None:
        """See `interface.Output`; the normalised form, or the findings of a line of a file."""
        if explanation.file is None:
            self._streams.out(visible(explanation.normalised))
            return
        for line in editor_lines(explanation):
            self._streams.out(line)

    def finding(self, finding: Finding, text: str) -> None:
        """See `interface.Output`."""
        if finding.level is Level.ERROR:
            for line in marked(finding, text):
                self._streams.err(visible(line))

    def facts(self, kind: str, facts: Mapping[str, object]) -> None:
        """See `interface.Output`."""
        del kind
        for name, value in facts.items():
            self._streams.out(visible(f"{name}={value}"))

    def value(self, text: str) -> None:
        """See `interface.Output`."""
        self._streams.out(visible(text))

    def note(self, text: str) -> None:
        """See `interface.Output`."""

    def warn(self, text: str) -> None:
        """See `interface.Output`."""

    def error(self, error: MjError) -> None:
        """See `interface.Output`."""
        self._streams.err(f"mj: {visible(error.message)}")
        if error.hint:
            self._streams.err(f"    {visible(error.hint)}")

    def close(self) -> None:
        """See `interface.Output`."""
        for path in self._saved.rest():
            self._streams.out(visible(path))

    def _finished(self, job: Job) -> None:
        for path in self._saved.of(job):
            self._streams.out(visible(path))
        if self._shows is Shows.IDS and job.task_id is not None:
            self._streams.out(job.task_id)
        if self._shows is Shows.URLS and job.state is JobState.SUCCEEDED:
            for image in job.images:
                self._streams.out(visible(image.url))

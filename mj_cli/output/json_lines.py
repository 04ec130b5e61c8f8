"""For programs: one JSON object a line on stdout, errors as one JSON object each on stderr."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import assert_never

from mj_cli import events
from mj_cli.errors import MjError
from mj_cli.models import Job, UnknownTask
from mj_cli.output.interface import RequestLine, SettingLine, Shows, TotalLine
from mj_cli.output.records import SCHEMA, error_record, finding_record, job_record, prompt_record
from mj_cli.output.streams import Streams
from mj_cli.output.talk import told
from mj_cli.prompts.explain import Explanation
from mj_cli.prompts.findings import Finding, Level


class JsonLines:
    """See `interface.Output`. Talk goes to stderr as objects of type `note`, unless `quiet`."""

    def __init__(self, streams: Streams, *, quiet: bool) -> None:
        self._streams = streams
        self._quiet = quiet

    def start_run(self, shows: Shows) -> None:
        """See `interface.Output`; a job's line says everything in any case."""

    def event(self, event: events.Event) -> None:
        """A job's line comes when it is final; everything else is talk."""
        match event:
            case events.JobFinished(job):
                self._line(job_record(job))
            case events.TaskMissing(task):
                self._line(job_record(task))
            case (
                events.JobSubmitted()
                | events.JobWatched()
                | events.StillWaiting()
                | events.DownloadAdvanced()
                | events.ImageSaved()
                | events.ImageFailed()
            ):
                pass
            case (
                events.SlotsTaken()
                | events.ServiceBusy()
                | events.SubmitRetried()
                | events.PollFailed()
                | events.DownloadRetried()
                | events.Stopping()
            ):
                text = told(event)
                if text is not None:
                    self.note(text)
            case _:
                assert_never(event)

    def jobs(self, jobs: Sequence[Job | UnknownTask]) -> None:
        """See `interface.Output`."""
        for job in jobs:
            self._line(job_record(job))

    def job(self, attempts: Sequence[Job]) -> None:
        """See `interface.Output`; one line an attempt, the current one last."""
        self.jobs(attempts)

    def totals(self, totals: Sequence[TotalLine]) -> None:
        """See `interface.Output`."""
        for total in totals:
            self._record(
                "total",
                month=total.month,
                mode=total.mode,
                charged=total.charged,
                in_doubt=total.in_doubt,
                cost=total.cost,
            )

    def settings(self, settings: Sequence[SettingLine]) -> None:
        """See `interface.Output`."""
        for setting in settings:
            self._record(
                "setting",
                name=setting.name,
                value=setting.value,
                source=setting.source,
                meaning=setting.meaning,
            )

    def request(self, request: RequestLine) -> None:
        """See `interface.Output`."""
        self._record(
            "request",
            method=request.method,
            url=request.url,
            headers=dict(request.headers),
            body=dict(request.body),
            cost=request.cost,
        )

    def prompt(self, explanation: Explanation) -> None:
        """See `interface.Output`."""
        self._line(prompt_record(explanation))

    def finding(self, finding: Finding, text: str) -> None:
        """See `interface.Output`."""
        del text
        if not self._quiet or finding.level is Level.ERROR:
            record = {"schema": SCHEMA, "type": "finding", **finding_record(finding)}
            self._streams.err(json.dumps(record))

    def facts(self, kind: str, facts: Mapping[str, object]) -> None:
        """See `interface.Output`."""
        self._record(kind, **{name.replace(" ", "_"): value for name, value in facts.items()})

    def value(self, text: str) -> None:
        """See `interface.Output`."""
        self._record("value", value=text)

    def note(self, text: str) -> None:
        """See `interface.Output`."""
        if not self._quiet:
            self._streams.err(json.dumps({"schema": SCHEMA, "type": "note", "message": text}))

    def warn(self, text: str) -> None:
        """See `interface.Output`."""
        self.note(text)

    def error(self, error: MjError) -> None:
        """See `interface.Output`."""
        self._streams.err(json.dumps(error_record(error)))

    def close(self) -> None:
        """See `interface.Output`."""

    def _record(self, kind: str, **fields: object) -> None:
        self._line({"schema": SCHEMA, "type": kind, **fields})

    def _line(self, record: Mapping[str, object]) -> None:
        # ASCII, so that no character of a server's text can reach a terminal as it is.
        self._streams.out(json.dumps(record))

"""The faults: everything that a network, a proxy or a service does to a client, as one-line values.

An action that replaces the answer charges nothing, unless it stands in `AcceptThen`. An action that
distorts the normal answer (`HalfAnswer`, `Drip`, `WrongLength`, `TruncateImage`, `ThenClose`) first
lets it happen: on a submit, the job is accepted and charged; `of=` gives another answer to distort.
"""

from __future__ import annotations

import itertools
import json
import zlib
from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from tests.support.actions import (
    Action,
    EarlyAction,
    ImageAction,
    Json,
    Repeat,
    Row,
    RowEdit,
    Stage,
    always,
    times,
)
from tests.support.wire import Response

__all__ = [
    "ABSENT",
    "AcceptThen",
    "Answer",
    "BusyEnvelope",
    "Close",
    "CorruptJson",
    "DoubledRows",
    "Drip",
    "ForeignRows",
    "GzipBomb",
    "HalfAnswer",
    "Hang",
    "Html",
    "IgnoreRange",
    "MissingRows",
    "NewETag",
    "Normal",
    "Oversize",
    "Quota",
    "Raw",
    "Redirect",
    "Refuse",
    "Repeat",
    "Replacement",
    "Reset",
    "ResetBeforeReading",
    "ResetWhileReading",
    "RowPatch",
    "ThenClose",
    "TooMany",
    "TruncateImage",
    "WrongLength",
    "always",
    "times",
]

JSON_TYPE = {"Content-Type": "application/json"}
CHUNK = 64 * 1024


@dataclass(frozen=True)
class Normal(Action):
    """No fault: what a script says between two faults."""

    def perform(self, stage: Stage) -> None:
        stage.proceed()


@dataclass(frozen=True)
class AcceptThen(Action):
    """Charges first and remembers the task (under a task id of the test's choice), then acts."""

    action: Action
    task_id: str | None = None

    def perform(self, stage: Stage) -> None:
        stage.accept(self.task_id)
        self.action.perform(stage)


# --- Another answer ---


class Replacement(Action):
    """An answer that depends on nothing."""

    @abstractmethod
    def response(self) -> Response: ...

    def perform(self, stage: Stage) -> None:
        stage.reply(self.response())


@dataclass(frozen=True)
class Answer(Replacement):
    """Any status with any body: bytes as they are, anything else as JSON."""

    status: int
    body: bytes | Json = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        if isinstance(self.body, bytes):
            return Response(self.status, self.body, self.headers)
        return Response(self.status, json.dumps(self.body).encode(), {**JSON_TYPE, **self.headers})


@dataclass(frozen=True)
class CorruptJson(Replacement):
    """A success whose body calls itself JSON."""

    body: bytes = b'{"status": 0, "data": {"taskId": "'

    def response(self) -> Response:
        return Response(200, self.body, JSON_TYPE)


@dataclass(frozen=True)
class Html(Replacement):
    """A page for people, as captive portals and gateways send it."""

    status: int = 200
    page: str = "<!doctype html><html><body><h1>Please sign in</h1></body></html>"

    def response(self) -> Response:
        return Response(self.status, self.page.encode(), {"Content-Type": "text/html"})


@dataclass(frozen=True)
class Redirect(Replacement):
    """Sends the client elsewhere."""

    location: str
    status: int = 302

    def response(self) -> Response:
        return Response(self.status, b"", {"Location": self.location})


@dataclass(frozen=True)
class Refuse(Replacement):
    """A well-formed envelope that says no."""

    code: int
    message: str = "refused"
    http: int = 200

    def response(self) -> Response:
        envelope = {"status": self.code, "message": self.message}
        return Response(self.http, json.dumps(envelope).encode(), JSON_TYPE)


@dataclass(frozen=True)
class BusyEnvelope(Replacement):
    """Too many unfinished tasks."""

    message: str = "concurrency limit, max 10"

    def response(self) -> Response:
        return Refuse(1002, self.message).response()


@dataclass(frozen=True)
class Quota(Replacement):
    """Nothing left to pay with."""

    message: str = "quota not enough"

    def response(self) -> Response:
        return Refuse(1001, self.message).response()


@dataclass(frozen=True)
class TooMany(Replacement):
    """HTTP 429, with any Retry-After."""

    retry_after: str | None = None

    def response(self) -> Response:
        headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
        return Response(429, b'{"message": "too many requests"}', {**JSON_TYPE, **headers})


@dataclass(frozen=True)
class GzipBomb(Replacement):
    """A small answer that unpacks to a bit more than `size` bytes of valid JSON."""

    size: int
    content_type: str = "application/json"

    def response(self) -> Response:
        headers = {"Content-Type": self.content_type, "Content-Encoding": "gzip"}
        return Response(200, _bomb(self.size), headers)


@lru_cache(maxsize=4)
def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(level=6, wbits=31)
    parts = [packer.compress(b'{"status": 0, "message": "')]
    parts += [packer.compress(b"A" * CHUNK) for _ in range(size // CHUNK)]
    parts += [packer.compress(b"A" * (size % CHUNK) + b'"}'), packer.flush()]
    return b"".join(parts)


@dataclass(frozen=True)
class Oversize(Action):
    """A stream of `size` bytes, or without end, that never said how long it would be."""

    size: int | None = None
    content_type: str = "image/png"
    start: bytes = b"\x89PNG\r\n\x1a\n"

    def perform(self, stage: Stage) -> None:
        headers = {"Content-Type": self.content_type, "Connection": "close"}
        stage.wire.send(Response(200, b"", headers).head(framed=False))
        data = self.start + bytes(CHUNK - len(self.start))
        left = self.size
        while left is None or left > 0:
            part = data if left is None else data[:left]
            stage.wire.send(part)
            left = None if left is None else left - len(part)
            data = bytes(CHUNK)
        stage.wire.finish()


@dataclass(frozen=True)
class Raw(Action):
    """These bytes, whatever they mean, and then FIN."""

    data: bytes

    def perform(self, stage: Stage) -> None:
        stage.wire.send(self.data)
        stage.wire.close()


# --- No answer ---


@dataclass(frozen=True)
class Reset(Action):
    """RST after the whole request was read."""

    def perform(self, stage: Stage) -> None:
        stage.wire.reset()


@dataclass(frozen=True)
class ResetBeforeReading(EarlyAction):
    """RST before anything (on a connection), or before the body (on a request), was read."""

    def perform(self, stage: Stage) -> None:
        stage.wire.reset()


@dataclass(frozen=True)
class ResetWhileReading(EarlyAction):
    """RST after this many bytes of the connection, or of the request's body."""

    after: int

    def perform(self, stage: Stage) -> None:
        stage.wire.read(self.after)
        stage.wire.reset()


@dataclass(frozen=True)
class Close(Action):
    """FIN without a byte."""

    def perform(self, stage: Stage) -> None:
        stage.wire.close()


@dataclass(frozen=True)
class Hang(Action):
    """Silence until `service.release()`; then whatever `then` says, by default the usual."""

    then: Action = field(default_factory=Normal)

    def perform(self, stage: Stage) -> None:
        stage.hang()
        self.then.perform(stage)


# --- The normal answer, distorted ---


@dataclass(frozen=True)
class HalfAnswer(Action):
    """The head, which promises everything, `size` bytes of the body, and FIN."""

    size: int
    of: Replacement | None = None

    def perform(self, stage: Stage) -> None:
        response = self.of.response() if self.of else stage.normal()
        stage.wire.send(response.head() + response.body[: self.size])
        stage.wire.close()


@dataclass(frozen=True)
class Drip(Action):
    """The head at once (unless `head` drips too), the rest byte by byte."""

    seconds: float
    of: Replacement | None = None
    head: bool = False

    def perform(self, stage: Stage) -> None:
        response = self.of.response() if self.of else stage.normal()
        raw = response.head() + response.body
        at_once = 0 if self.head else len(raw) - len(response.body)
        stage.wire.send(raw[:at_once])
        for position in range(at_once, len(raw)):
            stage.pause(self.seconds)
            stage.wire.send(raw[position : position + 1])


@dataclass(frozen=True)
class WrongLength(Action):
    """A Content-Length that is wrong by `delta`, the whole body, and FIN."""

    delta: int
    of: Replacement | None = None

    def perform(self, stage: Stage) -> None:
        response = self.of.response() if self.of else stage.normal()
        length = max(0, len(response.body) + self.delta)
        stage.wire.send(response.head(length=length) + response.body)
        stage.wire.close()


@dataclass(frozen=True)
class ThenClose(Action):
    """The normal answer, then FIN without having announced it: a stale connection to reuse."""

    of: Replacement | None = None

    def perform(self, stage: Stage) -> None:
        response = self.of.response() if self.of else stage.normal()
        stage.wire.send(response.head() + response.body)
        stage.wire.close()


# --- Images ---


@dataclass(frozen=True)
class TruncateImage(ImageAction):
    """Only the first `size` bytes, with a Content-Length that fits them."""

    size: int

    def perform(self, stage: Stage) -> None:
        response = stage.normal()
        stage.reply(replace(response, body=response.body[: self.size]))


@dataclass(frozen=True)
class IgnoreRange(ImageAction):
    """The whole image, whatever range was asked for."""

    def perform(self, stage: Stage) -> None:
        stage.reply(stage.whole_image())


@dataclass(frozen=True)
class NewETag(ImageAction):
    """From this request on the image is another one: new ETag, and new bytes if given."""

    body: bytes | None = None

    def perform(self, stage: Stage) -> None:
        stage.change_image(self.body)
        stage.proceed()


# --- Rows of a job-status answer ---


class _Absent:
    """The mark of a field that `RowPatch` takes away."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(frozen=True)
class RowPatch(RowEdit):
    """Other values in the task's row; `ABSENT` takes a field away."""

    patch: Mapping[str, Any]

    def edit(self, rows: list[Row], own: Collection[str]) -> list[Row]:
        return [self._patched(row) if row.get("taskId") in own else row for row in rows]

    def _patched(self, row: Row) -> Row:
        merged = {**row, **self.patch}
        return {name: value for name, value in merged.items() if value is not ABSENT}


@dataclass(frozen=True)
class MissingRows(RowEdit):
    """The task's row is left out."""

    def edit(self, rows: list[Row], own: Collection[str]) -> list[Row]:
        return [row for row in rows if row.get("taskId") not in own]


@dataclass(frozen=True)
class DoubledRows(RowEdit):
    """The task's row stands there twice."""

    def edit(self, rows: list[Row], own: Collection[str]) -> list[Row]:
        doubled = ([row, row] if row.get("taskId") in own else [row] for row in rows)
        return list(itertools.chain.from_iterable(doubled))


@dataclass(frozen=True)
class ForeignRows(RowEdit):
    """Completed tasks that nobody asked about, in front of the others."""

    count: int = 1

    def edit(self, rows: list[Row], own: Collection[str]) -> list[Row]:
        foreign: list[Row] = [
            {
                "taskId": f"foreign-{number}",
                "status": 1,
                "prompt": "somebody else's",
                "images": [f"https://foreign.invalid/{number}.png"],
            }
            for number in range(1, self.count + 1)
        ]
        return [*foreign, *rows]

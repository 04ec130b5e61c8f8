"""The stages on which actions play: one request with its answer, and one bare connection."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.support.endpoints import accepted, not_found, status_answer

if TYPE_CHECKING:
    from tests.support.actions import RowEdit
    from tests.support.endpoints import Api, Seen
    from tests.support.gate import Gate
    from tests.support.wire import Response, Wire


@dataclass
class Exchange:
    """One request; its normal answer is made at most once, however often it is asked for."""

    wire: Wire
    seen: Seen
    keep_alive: bool
    api: Api
    gate: Gate
    mark: int
    edits: list[tuple[RowEdit, set[str]]]
    _response: Response | None = None

    def accept(self, task_id: str | None) -> None:
        if self._response is None:
            body = self.seen.json if isinstance(self.seen.json, dict) else {}
            self._response = accepted(self.api.jobs.accept(body, task_id))

    def normal(self) -> Response:
        if self._response is None:
            self._response = self._make()
        return self._response

    def whole_image(self) -> Response:
        headers = {name: value for name, value in self.seen.headers.items() if name != "range"}
        return self.api.image(replace(self.seen, headers=headers))

    def change_image(self, body: bytes | None) -> None:
        found = self.api.find_image(self.seen.path)
        if found is not None:
            task, index = found
            with self.api.jobs.changed:
                task.versions[index] = task.versions.get(index, 1) + 1
                if body is not None:
                    task.replaced[index] = body

    def proceed(self) -> None:
        self.reply(self.normal())

    def reply(self, response: Response) -> None:
        if self.keep_alive:
            self.wire.send(response.head() + response.body)
            return
        response = replace(response, headers={**response.headers, "Connection": "close"})
        self.wire.send(response.head() + response.body)
        self.wire.finish()

    def hang(self) -> None:
        self.gate.hang(self.mark)

    def pause(self, seconds: float) -> None:
        self.gate.pause(seconds)

    def _make(self) -> Response:
        if self.seen.kind == "submit":
            return self.api.submit(self.seen)
        if self.seen.kind == "image":
            return self.api.image(self.seen)
        return self._status() if self.seen.kind == "poll" else not_found()

    def _status(self) -> Response:
        response, rows = self.api.status(self.seen)
        if response.status != 200 or not self.edits:
            return response
        for edit, own in self.edits:
            rows = edit.edit(rows, own)
        return status_answer(rows)


@dataclass
class Doorstep:
    """A connection of which nothing has been read, not even a TLS handshake."""

    wire: Wire
    gate: Gate
    mark: int

    def accept(self, task_id: str | None) -> None:
        raise TypeError("there is no request yet")

    def normal(self) -> Response:
        raise TypeError("there is no request yet")

    def whole_image(self) -> Response:
        raise TypeError("there is no request yet")

    def change_image(self, body: bytes | None) -> None:
        raise TypeError("there is no request yet")

    def reply(self, response: Response) -> None:
        raise TypeError("there is no request yet")

    def proceed(self) -> None:
        """Let the client in."""

    def hang(self) -> None:
        self.gate.hang(self.mark)

    def pause(self, seconds: float) -> None:
        self.gate.pause(seconds)

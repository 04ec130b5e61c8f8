"""A scripted stand-in of the image service on a real socket, which keeps its own bill."""

from __future__ import annotations

import json
import socket
import ssl
from typing import TYPE_CHECKING, Any, Literal, Self

from tests.support.actions import Repeat, Step
from tests.support.blackhole import Blackhole
from tests.support.endpoints import Api, Seen, kind_of, malformed
from tests.support.exchange import Doorstep, Exchange
from tests.support.faults import Normal
from tests.support.gate import Gate
from tests.support.images import default_image
from tests.support.jobs import BillFile, Charge, ImagesAs, Jobs, Plan, Task
from tests.support.listener import Listener
from tests.support.scripts import Kind, Scripts
from tests.support.wire import Head, MalformedRequestError, Wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Blackhole", "Charge", "Seen", "Service", "Task"]


class Service:
    """Behaves as documented until a script says otherwise; runs from construction to `close()`.

    `on_submit`, `on_status` and `on_image` script the requests whose prompt contains a text: each
    such request takes the next step, and after the last one the normal behaviour is back.
    `on_connect` scripts connections, in the order in which they come.
    """

    def __init__(
        self,
        *,
        key: str = "test-key",
        slots: int = 10,
        quota: int | None = None,
        polls_to_finish: int | None = 2,
        finish_after: float | None = None,
        image_bytes: Callable[[str, int], bytes] = default_image,
        image_count: int = 4,
        images_as: ImagesAs = "strings",
        image_url: str | None = None,
        tls: ssl.SSLContext | None = None,
        port: int = 0,
        bill_file: Path | None = None,
    ) -> None:
        self._tls = tls
        self._listener = Listener(self._serve, port)
        scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
        self.port = self._listener.port
        self.url = f"{scheme}://{host}:{self.port}"
        self._bill_file = BillFile(bill_file) if bill_file else None
        self.jobs = Jobs(
            slots=slots,
            quota=quota,
            polls_to_finish=polls_to_finish,
            finish_after=finish_after,
            on_charge=self._bill_file.append if self._bill_file else None,
        )
        self.api = Api(self.jobs, key, self.url, image_bytes, image_count, images_as, image_url)
        self.handshake_errors: list[str] = []
        self._changed = self.jobs.changed
        self._scripts = Scripts()
        self._gate = Gate()
        self._requests: list[Seen] = []
        self._connections: list[Wire] = []
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything at once, hanging requests too."""
        self._gate.close()
        self._listener.close()
        if self._bill_file:
            self._bill_file.close()

    # --- What has happened ---

    @property
    def bill(self) -> list[Charge]:
        with self._changed:
            return list(self.jobs.bill)

    @property
    def requests(self) -> list[Seen]:
        with self._changed:
            return list(self._requests)

    @property
    def submits(self) -> list[Seen]:
        return self._of_kind("submit")

    @property
    def polls(self) -> list[Seen]:
        return self._of_kind("poll")

    @property
    def image_requests(self) -> list[Seen]:
        return self._of_kind("image")

    @property
    def connections(self) -> list[Wire]:
        """Every connection so far, with `number`, `bytes_read` and `closed`; only for reading."""
        with self._changed:
            return list(self._connections)

    @property
    def tasks(self) -> dict[str, Task]:
        with self._changed:
            return dict(self.jobs.tasks)

    def wait_for(
        self,
        what: Kind | Literal["charge"] | Callable[[Service], bool],
        n: int = 1,
        timeout: float = 10,
    ) -> None:
        """Block until `n` requests of a kind were received, or until a predicate holds."""

        def reached() -> bool:
            return what(self) if callable(what) else self._count(what) >= n

        with self._changed:
            if not self._changed.wait_for(reached, timeout):
                kinds = [seen.kind for seen in self._requests]
                raise TimeoutError(f"no {n} x {what} in {timeout} s; received: {kinds}")

    # --- What shall happen ---

    def on_connect(self, *steps: Step | Repeat) -> None:
        self._script("connection", "", steps)

    def on_submit(self, prompt_contains: str, *steps: Step | Repeat) -> None:
        self._script("submit", prompt_contains, steps)

    def on_status(self, prompt_contains: str, *steps: Step | Repeat) -> None:
        self._script("poll", prompt_contains, steps)

    def on_image(
        self, prompt_contains: str, *steps: Step | Repeat, index: int | None = None
    ) -> None:
        """Script the images of a task, or only the one at `index` (0 is the grid)."""
        self._script("image", prompt_contains, steps, index)

    def plan(
        self,
        prompt_contains: str,
        *,
        polls: int | None = None,
        fails: str | None = None,
        images_as: ImagesAs | None = None,
    ) -> None:
        """For jobs accepted from now on: their polls to finish, failure reason, shape of images."""
        self.jobs.plan(Plan(prompt_contains, polls, fails, images_as))

    def finish(self, task_id: str) -> None:
        self.jobs.finish(task_id)

    def fail(self, task_id: str, reason: str) -> None:
        self.jobs.fail(task_id, reason)

    def release(self) -> None:
        """Let the requests received until now, and hanging, go on."""
        self._gate.release()

    def break_connections(self) -> None:
        """End every open connection, idle ones too; new ones are welcome."""
        self._listener.break_connections()

    # --- Inside ---

    def _of_kind(self, kind: Kind) -> list[Seen]:
        return [seen for seen in self.requests if seen.kind == kind]

    def _count(self, what: str) -> int:
        counted = {"charge": len(self.jobs.bill), "connection": len(self._connections)}
        return counted.get(what, sum(seen.kind == what for seen in self._requests))

    def _script(
        self, kind: Kind, contains: str, steps: tuple[Step | Repeat, ...], index: int | None = None
    ) -> None:
        with self._changed:
            self._scripts.add(kind, contains, steps, index)

    def _serve(self, sock: socket.socket, number: int) -> None:
        wire = Wire(sock, number)
        with self._changed:
            self._connections.append(wire)
            action, _ = self._scripts.take("connection", {})
            mark = self._gate.mark()
            self._changed.notify_all()
        try:
            if action:
                action.perform(Doorstep(wire, self._gate, mark))
            if self._tls and not wire.closed:
                self._converse_privately(wire, sock, self._tls)
            else:
                self._converse(wire)
        finally:
            with self._changed:
                wire.closed = True
                self._changed.notify_all()

    def _converse_privately(self, wire: Wire, sock: socket.socket, tls: ssl.SSLContext) -> None:
        # A client that resets before it speaks would make wrap_socket leave a socket open.
        if not sock.recv(1, socket.MSG_PEEK):
            return
        secure = tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self._listener.track(secure)
        try:
            secure.do_handshake()
            wire.replace_socket(secure)
            self._converse(wire)
        except ssl.SSLError as error:
            with self._changed:
                self.handshake_errors.append(str(error))
        finally:
            self._listener.drop(secure)

    def _converse(self, wire: Wire) -> None:
        try:
            while not wire.closed:
                head = wire.read_head()
                if head is None:
                    return
                self._answer(wire, head)
        except MalformedRequestError as error:
            response = malformed(str(error))
            wire.send(response.head() + response.body)

    def _answer(self, wire: Wire, head: Head) -> None:
        kind, length = kind_of(head.path), head.length
        with self._changed:
            early = self._scripts.take_early(kind)
        body = b"" if early else wire.read(length)
        seen = Seen(
            kind=kind,
            method=head.method,
            path=head.path,
            headers=head.headers,
            body=body,
            json=_json(body),
            connection=wire.number,
            complete=early is None,
        )
        with self._changed:
            action, edits = (early, []) if early else self._scripts.take(kind, *self.api.note(seen))
            mark = self._gate.mark()
            self._requests.append(seen)
            self._changed.notify_all()
        exchange = Exchange(wire, seen, head.keep_alive, self.api, self._gate, mark, edits)
        (action or Normal()).perform(exchange)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


if __name__ == "__main__":
    from tests.support.standalone import main

    main()

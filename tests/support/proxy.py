"""An HTTP proxy on loopback: CONNECT tunnels and plain forwarding, with faults of its own."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import sys
import threading
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from tests.support.listener import Listener
from tests.support.wire import Head, MalformedRequestError, Response, Wire

if TYPE_CHECKING:
    from collections.abc import Mapping

Address = tuple[str, int]

CHUNK = 65536
LOOPBACK = {"127.0.0.1", "localhost"}
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
HOP_BY_HOP = {"proxy-authorization", "proxy-connection", "connection", "keep-alive"}


class ConnectProxy:
    """Runs from construction to `close()`; connects to `routes` and to loopback, nowhere else.

    Args:
        refuse: answer every request with this status instead.
        auth: user and password, without which the answer is 407.
        cut_after: reset a tunnel after this many bytes, both directions counted together.
        routes: which address stands behind "host:port"; so a name can be an invented one.
    """

    def __init__(
        self,
        *,
        refuse: int | None = None,
        auth: tuple[str, str] | None = None,
        cut_after: int | None = None,
        routes: Mapping[str, Address] | None = None,
        port: int = 0,
    ) -> None:
        self.refuse = refuse
        self.auth = auth
        self.cut_after = cut_after
        self.routes = dict(routes or {})
        self._changed = threading.Condition()
        self._heads: list[Head] = []
        self._listener = Listener(self._serve, port)
        self.port = self._listener.port
        self.url = f"http://127.0.0.1:{self.port}"
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._listener.close()

    def url_as(self, user: str, password: str) -> str:
        return f"http://{user}:{password}@127.0.0.1:{self.port}"

    @property
    def heads(self) -> list[Head]:
        """Every request that the proxy itself could read, refused ones too."""
        with self._changed:
            return list(self._heads)

    @property
    def tunnels(self) -> list[str]:
        """The "host:port" of every CONNECT."""
        return [head.target for head in self.heads if head.method == "CONNECT"]

    @property
    def forwarded(self) -> list[str]:
        """The URL of every plain request."""
        return [head.target for head in self.heads if head.method != "CONNECT"]

    def wait_for(self, n: int, timeout: float = 10) -> None:
        """Block until `n` requests were received."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._heads) >= n, timeout):
                raise TimeoutError(f"{len(self._heads)} of {n} requests in {timeout} s")

    def _serve(self, sock: socket.socket, number: int) -> None:
        wire = Wire(sock, number)
        with contextlib.suppress(MalformedRequestError):
            head = wire.read_head()
            if head is None:
                return
            with self._changed:
                self._heads.append(head)
                self._changed.notify_all()
            refusal = self._refusal(head)
            if refusal:
                wire.read(head.length)
                wire.send(refusal.head() + refusal.body)
            else:
                self._carry(wire, sock, head)

    def _refusal(self, head: Head) -> Response | None:
        if self.auth is not None:
            token = base64.b64encode(":".join(self.auth).encode()).decode()
            if head.headers.get("proxy-authorization") != f"Basic {token}":
                demand = {"Proxy-Authenticate": 'Basic realm="proxy"', "Connection": "close"}
                return Response(407, b"", demand)
        if self.refuse is not None:
            return Response(self.refuse, b"", {"Connection": "close"})
        return None

    def _carry(self, wire: Wire, sock: socket.socket, head: Head) -> None:
        target, tunnel = _target(head), head.method == "CONNECT"
        upstream = socket.socket()
        self._listener.track(upstream)
        try:
            if not self._connected(wire, upstream, target):
                return
            if tunnel:
                wire.send(ESTABLISHED)
            else:
                upstream.sendall(_forwarded(head))
            early = wire.take_buffer()
            if _pump(sock, upstream, early, self.cut_after if tunnel else None):
                wire.reset()
        except ConnectionResetError:
            wire.reset()  # what happens behind the proxy happens in front of it
        finally:
            self._listener.drop(upstream)

    def _connected(self, wire: Wire, upstream: socket.socket, target: Address) -> bool:
        """Connect to where the target is; answer 502 if that fails."""
        route = self.routes.get(f"{target[0]}:{target[1]}")
        try:
            if route is None and target[0] not in LOOPBACK:
                raise ConnectionRefusedError(f"no route to {target[0]}:{target[1]}")
            upstream.connect(route or target)
        except OSError as error:
            failure = Response(502, str(error).encode(), {"Connection": "close"})
            wire.send(failure.head() + failure.body)
            return False
        return True


def _pump(client: socket.socket, upstream: socket.socket, early: bytes, limit: int | None) -> bool:
    """Carry bytes both ways until both sides are done, or (then true) the limit is reached."""
    left = sys.maxsize if limit is None else limit
    upstream.sendall(early[:left])
    left -= len(early)
    if left <= 0:
        select.select([client], [], [])  # a cut at once is a cut once the client speaks
    other = {client: upstream, upstream: client}
    reading = [client, upstream]
    while reading and left > 0:
        source = select.select(reading, [], [])[0][0]
        data = source.recv(min(left, CHUNK))
        left -= len(data)
        if data:
            other[source].sendall(data)
        else:
            reading.remove(source)
            other[source].shutdown(socket.SHUT_WR)
    return left <= 0


def _target(head: Head) -> Address:
    if head.method == "CONNECT":
        host, _, port = head.target.rpartition(":")
        if not (port.isascii() and port.isdigit()):
            raise MalformedRequestError(f"CONNECT to {head.target!r}")
        return host, int(port)
    url = urlsplit(head.target)
    return url.hostname or "", url.port or 80


def _forwarded(head: Head) -> bytes:
    """The head as the server behind the proxy is to see it."""
    url = urlsplit(head.target)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    kept = [f"{name}: {text}" for name, text in head.headers.items() if name not in HOP_BY_HOP]
    lines = [f"{head.method} {path} HTTP/1.1", *kept, "connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1")

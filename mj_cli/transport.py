"""HTTP as the API and the downloads share it: one request at a time, bounded, and stoppable.

Every request goes through httpx's plain client in whatever thread wants the answer. A `Line` adds
what the client lacks: a total deadline, a limit on the body, a hook before the first byte of the
request leaves, and a way for another thread to cut it off.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from mj_cli import __version__
from mj_cli.errors import SettingError

if TYPE_CHECKING:
    from mj_cli.sandbox import Options, Store

USER_AGENT = f"mj-cli/{__version__}"
CONNECT_SECONDS = 10.0
CHUNK_BYTES = 64 * 1024
STREAMS_KEPT = 4
SENDING = "http11.send_request_headers.started"
"""httpx's trace event between a connection that stands and the first byte of a request."""


class CutOffError(Exception):
    """The request was stopped by its deadline or by another thread."""


class TooLargeError(Exception):
    """The body is larger than the limit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Line:
    """An httpx client for one request at a time that another thread can cut off.

    Args:
        client: the client; closed with the line.
        on_connect: called with the peer's address before the first request on a connection that
            goes through no proxy; raising stops the request unsent.
    """

    def __init__(
        self, client: httpx.Client, *, on_connect: Callable[[str], None] | None = None
    ) -> None:
        self._client = client
        self._on_connect = on_connect
        self._streams: list[Any] = []
        self._peer: str | None = None
        self._lock = threading.Lock()
        self._cut = threading.Event()

    @contextlib.contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        deadline: float,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        before_sending: Callable[[], None] | None = None,
    ) -> Iterator[httpx.Response]:
        """Send a request and yield the response with its body unread.

        Args:
            method: HTTP method.
            url: absolute URL.
            deadline: seconds for the whole exchange, body included.
            headers: further headers.
            content: request body.
            before_sending: called when the connection stands and nothing of the request has left;
                raising there stops it unsent.

        Raises:
            CutOffError: at the deadline, or after `cut`.
            httpx.HTTPError: as the client does.
        """
        expired = threading.Event()
        late = f"no complete answer within {deadline:g} s"

        def trace(event: str, info: Mapping[str, Any]) -> None:
            # A slow name lookup may outlast the deadline, when there was no socket yet to shut.
            if event == SENDING and expired.is_set():
                raise CutOffError(late)
            self._watch(event, info, before_sending)

        def expire() -> None:
            expired.set()
            self._shut()

        timer = threading.Timer(deadline, expire)
        timer.daemon = True
        timer.start()
        try:
            with self._client.stream(
                method, url, headers=headers, content=content, extensions={"trace": trace}
            ) as response:
                yield response
        except (httpx.HTTPError, OSError) as error:
            if expired.is_set():
                raise CutOffError(late) from error
            if self._cut.is_set():
                raise CutOffError("the request was stopped") from error
            raise
        except (httpx.InvalidURL, UnicodeError) as error:
            # So do httpx and the resolver complain of host names that cannot be.
            raise httpx.ConnectError(f"this address cannot be used: {error}") from error
        finally:
            timer.cancel()

    def fetch(
        self,
        method: str,
        url: str,
        *,
        deadline: float,
        limit: int,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        before_sending: Callable[[], None] | None = None,
    ) -> Answer:
        """Send a request and read the whole answer, at most `limit` bytes of it.

        Raises:
            TooLargeError: when the decoded body is larger.
            CutOffError, httpx.HTTPError: as `stream`.
        """
        with self.stream(
            method,
            url,
            deadline=deadline,
            headers=headers,
            content=content,
            before_sending=before_sending,
        ) as response:
            body = b"".join(decoded(response, limit))
            return Answer(response.status_code, dict(response.headers), body)

    def cut(self) -> None:
        """Stop the request under way, and every later one, from another thread."""
        self._cut.set()
        self._shut()

    def close(self) -> None:
        """Close the client and its connections."""
        self._client.close()

    def _watch(
        self, event: str, info: Mapping[str, Any], before_sending: Callable[[], None] | None
    ) -> None:
        if self._cut.is_set():
            raise CutOffError("the request was stopped")
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            stream = info["return_value"]
            with self._lock:
                self._streams = [*self._streams[1 - STREAMS_KEPT :], stream]
            if event.endswith(".connect_tcp.complete"):
                self._peer = str(stream.get_extra_info("server_addr")[0])
        elif event == SENDING:
            peer, self._peer = self._peer, None
            if info["request"].method == b"CONNECT":
                return  # the peer is a proxy; what it tunnels to is its own business
            if peer is not None and self._on_connect is not None:
                self._on_connect(peer)
            if before_sending is not None:
                before_sending()

    def _shut(self) -> None:
        """Shut the sockets down; a thread that reads one of them wakes up at once."""
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            with contextlib.suppress(OSError, AttributeError):
                # Through a second handle: an SSL socket is not safe to shut from another thread.
                twin = socket.socket(fileno=os.dup(stream.get_extra_info("socket").fileno()))
                with twin:
                    twin.shutdown(socket.SHUT_RDWR)


def decoded(response: httpx.Response, limit: int) -> Iterator[bytes]:
    """Yield the decoded body and stop beyond the limit, however well it was compressed."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    inflate = None
    if encoding in {"gzip", "x-gzip", "deflate"}:
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
    left = limit
    for chunk in response.iter_raw(CHUNK_BYTES):
        data = chunk if inflate is None else _inflated(inflate, chunk, left + 1)
        left -= len(data)
        if left < 0:
            raise TooLargeError(f"the answer is larger than {limit} bytes")
        yield data


def _inflated(inflate: Any, chunk: bytes, limit: int) -> bytes:
    try:
        data: bytes = inflate.decompress(chunk, limit)
    except zlib.error as error:
        raise httpx.DecodingError(f"the answer cannot be decompressed ({error})") from error
    return data


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Return one TLS context for the process; reading the certificates costs 30 ms.

    Raises:
        SettingError: when the certificates that the environment names cannot be read.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise SettingError(
            f"the certificates cannot be read: {error.strerror or error}",
            hint="check SSL_CERT_FILE and SSL_CERT_DIR; nothing was sent",
            slug="certificates",
        ) from error


def open_client(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    read_seconds: float,
    keep_alive: bool,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """Return a client for one host that never follows a redirect by itself.

    Args:
        url: what it will talk to; certificates are read for https only.
        headers: sent with every request.
        read_seconds: the longest silence.
        keep_alive: whether a connection may serve a second request.
        transport: replaces the network.

    Raises:
        SettingError: when a proxy or the certificates of the environment cannot be used.
    """
    verify = tls_context() if transport is None and url.lower().startswith("https:") else False
    try:
        return httpx.Client(
            headers={"user-agent": USER_AGENT, "accept-encoding": "identity", **(headers or {})},
            timeout=httpx.Timeout(read_seconds, connect=min(CONNECT_SECONDS, read_seconds)),
            limits=httpx.Limits(max_keepalive_connections=None if keep_alive else 0),
            follow_redirects=False,
            verify=verify,
            transport=transport,
            # Plain http is for this machine alone, and would show a proxy the key.
            trust_env=not url.lower().startswith("http:"),
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        # A scheme that is none, SOCKS without its package, an address that cannot be.
        raise SettingError(
            f"the proxy cannot be used: {error}",
            hint="check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; nothing was sent",
            slug="proxy",
        ) from error


class SandboxTransport(httpx.BaseTransport):
    """Answers requests from the sandbox in this process, and reports them as a network would.

    Args:
        store: the sandbox's state.
        options: its behaviour.
        now: Unix seconds.
    """

    def __init__(self, store: Store, options: Options, *, now: Callable[[], float]) -> None:
        self._store = store
        self._options = options
        self._now = now

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Call the sandbox's one function; the trace events come as from a new connection."""
        from mj_cli import sandbox  # noqa: PLC0415 - only who plays in the sandbox pays for it

        trace = request.extensions.get("trace")
        if trace is not None:
            trace(SENDING, {"request": _Sent(request.method.encode())})
        answer = sandbox.handle(
            sandbox.Request(
                method=request.method,
                path=request.url.path,
                headers={name.lower(): value for name, value in request.headers.items()},
                body=request.read(),
                base_url=f"{request.url.scheme}://{request.url.netloc.decode('ascii')}",
            ),
            self._store,
            self._options,
            self._now(),
        )
        return httpx.Response(
            answer.status, headers=dict(answer.headers), stream=httpx.ByteStream(answer.body)
        )


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a trace event tells of a request."""

    method: bytes

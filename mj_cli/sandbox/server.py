"""Puts the sandbox on a local port, for curl or anybody's code."""

from __future__ import annotations

import logging
import re
import signal
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mj_cli.sandbox.checks import BODY_LIMIT
from mj_cli.sandbox.messages import Request
from mj_cli.sandbox.service import handle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from types import FrameType

    from starlette.types import ASGIApp, Receive, Scope, Send

    from mj_cli.sandbox.messages import Response
    from mj_cli.sandbox.options import Options
    from mj_cli.sandbox.state import Store

_DISCARD_LIMIT = 16 * BODY_LIMIT
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def serve(
    store: Store,
    options: Options,
    *,
    host: str,
    port: int,
    ready: Callable[[str], None],
    log: Callable[[str], None],
) -> int | None:
    """Serves until a signal ends it.

    Args:
        store: The sandbox's memory; stays open.
        options: How the sandbox behaves.
        host: The address or name to listen on.
        port: The port to listen on, 0 for any free one.
        ready: Called once with the base URL, when connections are accepted.
        log: Called with one line per request.

    Returns:
        The number of the signal (SIGINT or SIGTERM) that ended it, or None without one. Signals
        are handled only when called from the main thread.

    Raises:
        OSError: The address cannot be listened on.
        ImportError: The extra `server` (starlette and uvicorn) is not installed.
    """
    import uvicorn  # noqa: PLC0415

    with _listen(host, port) as listener:
        base_url = _base_url(listener)
        config = uvicorn.Config(
            _application(store, options, base_url, log),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.CRITICAL + 1,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)

        def stop() -> None:
            server.should_exit = True

        with _signals(stop) as caught:
            ready(base_url)
            server.run(sockets=[listener])
    return caught[0] if caught else None


def _listen(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return socket.create_server(address[:2], family=family, backlog=128)


def _base_url(listener: socket.socket) -> str:
    """Returns the URL of the bound address, on which this machine at least can reach it."""
    address, port = listener.getsockname()[:2]
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM, calling `stop` for each, and restores their handlers.

    While uvicorn runs it has handlers of its own; it raises what it caught again when it is done,
    and then it arrives here.
    """
    caught: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        stop()

    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, remember) for number in numbers}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _application(
    store: Store, options: Options, base_url: str, log: Callable[[str], None]
) -> ASGIApp:
    """Returns `handle` as an ASGI application."""
    from starlette.concurrency import run_in_threadpool  # noqa: PLC0415
    from starlette.requests import ClientDisconnect  # noqa: PLC0415
    from starlette.requests import Request as Incoming  # noqa: PLC0415
    from starlette.responses import Response as Outgoing  # noqa: PLC0415

    async def answer(incoming: Incoming) -> Response:
        host = incoming.headers.get("host", "")
        request = Request(
            method=incoming.method,
            path=incoming.scope["path"],
            headers=dict(incoming.headers),
            body=await _read(incoming.stream()),
            base_url=f"http://{host}" if _HOST.fullmatch(host) else base_url,
        )
        return await run_in_threadpool(handle, request, store, options, time.time())

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        status: int | str = "aborted"
        try:
            response = await answer(Incoming(scope, receive))
            outgoing = Outgoing(response.body, response.status, dict(response.headers))
            await outgoing(scope, receive, send)
            status = response.status
        except ClientDisconnect:
            return
        finally:
            # The raw path is the percent-encoded one: no control characters reach the log.
            path = scope["raw_path"].decode("ascii", "backslashreplace")
            took = (time.perf_counter() - started) * 1000
            log(f"{scope['method']} {path} {status} {took:.0f}ms")

    return application


async def _read(stream: AsyncIterator[bytes]) -> bytes:
    """Returns the body, or the first bytes of one that is too large and will be refused.

    The rest is read and dropped up to a second limit, so that a client which sends everything
    before it listens gets to see the refusal.
    """
    body, total = bytearray(), 0
    async for chunk in stream:
        total += len(chunk)
        body += chunk[: BODY_LIMIT + 1 - len(body)]
        if total > _DISCARD_LIMIT:
            break
    return bytes(body)

"""One request on a real socket: bounded, stoppable, and watched before it leaves."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mj_cli import sandbox, transport
from mj_cli.transport import Answer, CutOffError, Line, SandboxTransport, TooLargeError, open_client
from tests.support.blackhole import Blackhole
from tests.support.faults import Answer as Say
from tests.support.faults import Drip, GzipBomb, Hang, Normal, Oversize, Redirect, WrongLength
from tests.support.proxy import ConnectProxy
from tests.support.service import Service
from tests.support.tls import Authority

STATUS = "/midjourney/v1/job-status"
SUBMIT = "/midjourney/v1/submit-jobs"
PLAY = "http://sandbox.localhost"
KEY = {"api-key": "test-key", "content-type": "application/json"}


@pytest.fixture
def line(service: Service) -> Iterator[Line]:
    line = Line(open_client(service.url, headers=KEY, read_seconds=10, keep_alive=True))
    yield line
    line.close()


@pytest.fixture
def fresh_certificates() -> Iterator[None]:
    transport.tls_context.cache_clear()
    yield
    transport.tls_context.cache_clear()


def post(
    line: Line, url: str, *, deadline: float = 10, limit: int = 1 << 20, **more: Any
) -> Answer:
    content = b'{"prompt": "fox"}' if url.endswith(SUBMIT) else b'{"taskIds": ["x"]}'
    return line.fetch("POST", url, deadline=deadline, limit=limit, content=content, **more)


# --- The body ---


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("X-GZIP", gzip.compress), ("deflate", zlib.compress)],
)
def test_a_compressed_body_is_unpacked(
    service: Service, line: Line, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    service.on_status("", Say(200, pack(b"fox" * 1000), {"Content-Encoding": encoding}))
    assert post(line, service.url + STATUS).body == b"fox" * 1000


def test_a_gzip_bomb_is_stopped_at_the_limit(service: Service, line: Line) -> None:
    service.on_status("", Normal(), GzipBomb(50 << 20))
    post(line, service.url + STATUS)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError, match="1048576"):
            post(line, service.url + STATUS)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_stream_without_end_is_stopped_at_the_limit(service: Service, line: Line) -> None:
    service.on_status("", Oversize())
    with pytest.raises(TooLargeError):
        post(line, service.url + STATUS)


def test_a_body_of_exactly_the_limit_is_taken(service: Service, line: Line) -> None:
    service.on_status("", Say(200, b"x" * 100))
    assert len(post(line, service.url + STATUS, limit=100).body) == 100


def test_a_body_that_cannot_be_unpacked_is_an_error(service: Service, line: Line) -> None:
    service.on_status("", Say(200, b"no gzip at all", {"Content-Encoding": "gzip"}))
    with pytest.raises(httpx.DecodingError):
        post(line, service.url + STATUS)


def test_a_cut_body_is_an_error(service: Service, line: Line) -> None:
    service.on_status("", WrongLength(5))
    with pytest.raises(httpx.RemoteProtocolError):
        post(line, service.url + STATUS)


# --- The deadline, and being cut off ---


@pytest.mark.parametrize("head", [True, False])
def test_a_dripped_answer_ends_at_the_deadline(service: Service, line: Line, head: bool) -> None:
    service.on_status("", Drip(0.02, head=head, of=Say(200, b"x" * 5000)))
    with pytest.raises(CutOffError, match=r"within 0\.2 s"):
        post(line, service.url + STATUS, deadline=0.2)


def test_a_silent_answer_ends_at_the_deadline(service: Service, line: Line) -> None:
    service.on_status("", Hang())
    with pytest.raises(CutOffError, match=r"within 0\.2 s"):
        post(line, service.url + STATUS, deadline=0.2)


def test_after_the_deadline_nothing_is_sent(
    service: Service, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = socket.create_connection
    late = threading.Event()

    def slowly(*args: Any, **options: Any) -> socket.socket:
        late.wait(0.3)  # as a name lookup may
        return connect(*args, **options)

    monkeypatch.setattr(socket, "create_connection", slowly)
    with pytest.raises(CutOffError):
        post(line, service.url + STATUS, deadline=0.1)
    assert not service.requests


@contextlib.contextmanager
def cut_once_asked(service: Service, line: Line) -> Iterator[None]:
    def cut() -> None:
        service.wait_for("poll")
        line.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    yield
    cutter.join()


def test_another_thread_can_cut_a_request_off(service: Service, line: Line) -> None:
    service.on_status("", Hang())
    with cut_once_asked(service, line), pytest.raises(CutOffError, match="was stopped"):
        post(line, service.url + STATUS)


def test_another_thread_can_cut_off_a_request_over_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_certificates: None
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    with Service(tls=authority.server_context()) as service:
        service.on_status("", Hang())
        line = Line(open_client(service.url, headers=KEY, read_seconds=10, keep_alive=True))
        with cut_once_asked(service, line), pytest.raises(CutOffError, match="was stopped"):
            post(line, service.url + STATUS)
        line.close()


def test_a_line_that_was_cut_sends_nothing_more(service: Service, line: Line) -> None:
    post(line, service.url + STATUS)
    line.cut()
    with pytest.raises(CutOffError):
        post(line, service.url + STATUS)
    assert len(service.polls) == 1


def test_a_connection_is_used_again(service: Service, line: Line) -> None:
    post(line, service.url + STATUS)
    post(line, service.url + STATUS)
    assert len(service.connections) == 1


# --- Before a byte leaves ---


class StopError(Exception):
    pass


def stop(*_: object) -> None:
    raise StopError


def test_what_is_raised_before_sending_stops_the_request_unsent(
    service: Service, line: Line
) -> None:
    with pytest.raises(StopError):
        post(line, service.url + SUBMIT, before_sending=stop)
    line.close()
    service.wait_for(lambda seen: [wire.closed for wire in seen.connections] == [True])
    assert [wire.bytes_read for wire in service.connections] == [0]


def test_the_peer_is_told_once_for_each_connection(service: Service) -> None:
    peers: list[str] = []
    client = open_client(service.url, headers=KEY, read_seconds=10, keep_alive=True)
    line = Line(client, on_connect=peers.append)
    post(line, service.url + STATUS)
    post(line, service.url + STATUS)
    line.close()
    assert peers == ["127.0.0.1"]


def test_through_a_tunnel_only_the_request_itself_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_certificates: None
) -> None:
    authority = Authority(tmp_path)
    told: list[int] = []
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    with Service(tls=authority.server_context()) as service, ConnectProxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        client = open_client(service.url, headers=KEY, read_seconds=10, keep_alive=False)
        line = Line(client, on_connect=stop)  # the peer would be the proxy
        answer = post(line, service.url + SUBMIT, before_sending=lambda: told.append(1))
        line.close()
        assert (answer.status, len(service.bill), told) == (200, 1, [1])
        assert proxy.tunnels == [f"localhost:{service.port}"]


def test_the_time_to_connect_is_limited() -> None:
    with Blackhole() as nowhere:
        line = Line(open_client(nowhere.url, read_seconds=0.1, keep_alive=False))
        with pytest.raises(httpx.ConnectTimeout):
            post(line, nowhere.url, before_sending=stop)
        line.close()


@pytest.mark.parametrize(
    "url", ["http://a..example/", f"http://{64 * 'a'}.example/", "https://[zz]/"]
)
def test_an_address_that_cannot_be_is_one_that_cannot_be_reached(url: str) -> None:
    line = Line(open_client("http://localhost", read_seconds=1, keep_alive=False))
    with pytest.raises(httpx.ConnectError, match="cannot be used"):
        post(line, url, before_sending=stop)
    line.close()


# --- Redirects ---


def test_a_redirect_is_not_followed(service: Service, line: Line) -> None:
    with Service() as elsewhere:
        service.on_status("", Redirect(elsewhere.url + STATUS, 307))
        assert post(line, service.url + STATUS).status == 307
        assert not elsewhere.connections


# --- The sandbox in place of the network ---


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sandbox.Store]:
    with sandbox.Store(tmp_path / "sandbox.db") as store:
        yield store


@pytest.fixture
def playing(store: sandbox.Store) -> Iterator[Line]:
    inside = SandboxTransport(store, sandbox.Options(key="test-key"), now=lambda: 1.8e9)
    line = Line(open_client(PLAY, headers=KEY, read_seconds=1, keep_alive=False, transport=inside))
    yield line
    line.close()


def test_the_sandbox_answers_after_the_moment_before_sending(
    playing: Line, store: sandbox.Store
) -> None:
    told: list[int] = []
    answer = post(playing, PLAY + SUBMIT, before_sending=lambda: told.append(len(store.bill())))
    assert (answer.status, told, len(store.bill())) == (200, [0], 1)


def test_the_sandbox_charges_nothing_for_what_is_stopped_unsent(
    playing: Line, store: sandbox.Store
) -> None:
    with pytest.raises(StopError):
        post(playing, PLAY + SUBMIT, before_sending=stop)
    assert store.bill() == []

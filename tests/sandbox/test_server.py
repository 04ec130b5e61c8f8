from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from mj_cli.sandbox import Options, Store
from mj_cli.sandbox.server import serve
from tests.sandbox.kit import STATUS, SUBMIT

KEY = {"API-KEY": "sandbox"}


class Server:
    """A sandbox in a process of its own."""

    def __init__(self, path: Path, host: str = "127.0.0.1") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.sandbox.run_server", str(path), host, "0"],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.base_url = self.line()
        self.port = int(self.base_url.rpartition(":")[2])

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n")

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Sends one request and reads the answer; takes its line from the log."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            content = body if body is None or isinstance(body, bytes) else json.dumps(body)
            connection.request(method, path, content, KEY | (headers or {}))
            response = connection.getresponse()
            data = response.read()
        self.logged = self.line()
        return response, data

    def end(self, number: int = signal.SIGTERM) -> tuple[str, str, float]:
        """Sends a signal; returns what was printed on stdout and stderr and how long it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=10)
        return out, err, time.monotonic() - started


@contextmanager
def running(path: Path, host: str = "127.0.0.1") -> Iterator[Server]:
    server = Server(path, host)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server") / "sandbox.db") as server:
        yield server


def finished(server: Server) -> str:
    """Submits a job, waits for it and returns its id."""
    _, body = server.call("POST", SUBMIT, {"prompt": "a red fox"})
    task_id: str = json.loads(body)["data"]["taskId"]
    for _ in range(500):
        _, body = server.call("POST", STATUS, {"taskIds": [task_id]})
        if json.loads(body)["data"][0]["status"]:
            return task_id
        time.sleep(0.02)
    pytest.fail("the job never ended")


@pytest.fixture(scope="module")
def task_id(server: Server) -> str:
    return finished(server)


def image_url(server: Server, task_id: str, host: str) -> str:
    _, body = server.call("POST", STATUS, {"taskIds": [task_id]}, {"Host": host})
    url: str = json.loads(body)["data"][0]["image"]
    return url


def test_a_job_from_submit_to_image(server: Server, task_id: str) -> None:
    url = image_url(server, task_id, f"127.0.0.1:{server.port}")
    assert re.fullmatch(rf"POST {STATUS} 200 [0-9]+ms", server.logged)
    assert url == f"{server.base_url}/images/{task_id}/grid.png"
    path = url.removeprefix(server.base_url)
    response, image = server.call("GET", path)
    assert response.status == 200
    assert image.startswith(b"\x89PNG")
    response, part = server.call("GET", path, headers={"Range": "bytes=4-9"})
    assert (response.status, part) == (206, image[4:10])
    response, nothing = server.call("HEAD", path)
    assert (response.headers["content-length"], nothing) == (str(len(image)), b"")


@pytest.mark.parametrize("host", ["example.test", "example.test:99", "[::1]:8080"])
def test_image_urls_use_the_name_that_the_client_used(
    server: Server, task_id: str, host: str
) -> None:
    assert image_url(server, task_id, host).startswith(f"http://{host}/images/")


@pytest.mark.parametrize("host", ["", "evil.test/path", "user@evil.test", "a b", "x:999999"])
def test_a_host_that_is_none_is_not_believed(server: Server, task_id: str, host: str) -> None:
    assert image_url(server, task_id, host).startswith(f"{server.base_url}/images/")


def test_the_key_is_wanted_and_the_query_is_ignored(server: Server) -> None:
    assert server.call("POST", SUBMIT, {"prompt": "x"}, {"API-KEY": "no"})[0].status == 401
    assert server.call("GET", "/?x=1")[0].status == 200
    assert server.logged.startswith("GET / 200 ")
    assert server.call("GET", "/%0Aforged%1b")[0].status == 404
    assert server.logged.startswith("GET /%0Aforged%1b 404 ")


@pytest.mark.parametrize("size", [65_537, 400_000])
def test_a_large_body_is_refused(server: Server, size: int) -> None:
    response, body = server.call("POST", SUBMIT, b" " * size)
    assert response.status == 413
    assert json.loads(body)["status"] == 413


def test_an_endless_body_is_not_read_to_its_end(server: Server) -> None:
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=10)) as connection:
        head = f"POST {SUBMIT} HTTP/1.1\r\nHost: x\r\nAPI-KEY: sandbox\r\nContent-Length: 99999999"
        connection.sendall(f"{head}\r\n\r\n".encode())
        connection.sendall(b" " * 1_300_000)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    assert " 413 " in server.line()


def test_a_client_that_leaves_in_the_middle_does_no_harm(server: Server) -> None:
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=10)) as connection:
        connection.sendall(
            f"POST {SUBMIT} HTTP/1.1\r\nContent-Length: 9\r\nHost: x\r\n\r\n{{".encode()
        )
        time.sleep(0.2)
    assert server.line().startswith(f"POST {SUBMIT} aborted ")
    assert server.call("GET", "/")[0].status == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path / "sandbox.db") as server:
        server.call("GET", "/")
        out, err, seconds = server.end(number)
    assert (out, err) == (f"ended by {int(number)}\n", "")
    assert server.process.returncode == 0
    assert seconds < 3


def test_a_stalled_client_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    with (
        running(tmp_path / "sandbox.db") as server,
        closing(socket.create_connection(("127.0.0.1", server.port))) as connection,
    ):
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        time.sleep(0.2)
        out, err, seconds = server.end(signal.SIGINT)
    assert out.endswith(f"ended by {int(signal.SIGINT)}\n")
    assert err == ""
    assert seconds < 4


def test_it_says_a_url_that_can_be_reached(tmp_path: Path) -> None:
    with running(tmp_path / "sandbox.db", host="0.0.0.0") as server:
        assert server.base_url == f"http://127.0.0.1:{server.port}"
        assert server.call("GET", "/")[0].status == 200


def test_a_port_in_use_is_an_error_for_the_caller(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, Store(tmp_path / "sandbox.db") as store:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            serve(store, Options(), host="127.0.0.1", port=port, ready=print, log=print)
    assert capfd.readouterr() == ("", "")


def test_a_signal_that_comes_early_is_not_lost(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def ready(_: str) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with Store(tmp_path / "sandbox.db") as store:
        number = serve(store, Options(), host="127.0.0.1", port=0, ready=ready, log=print)
    assert number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_away_from_the_main_thread_it_leaves_signals_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_args, **_options: None)
    results: list[int | str | None] = []

    def run() -> None:
        with Store(tmp_path / "sandbox.db") as store:
            result = serve(
                store, Options(), host="127.0.0.1", port=0, ready=results.append, log=print
            )
        results.append(result)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert results[0] != results[1] is None


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_an_ipv6_address_is_bracketed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_args, **_options: None)
    said: list[str] = []
    with Store(tmp_path / "sandbox.db") as store:
        try:
            serve(store, Options(), host="::1", port=0, ready=said.append, log=print)
        except OSError:
            pytest.skip("no IPv6 on this machine")
    assert re.fullmatch(r"http://\[::1\]:[0-9]+", said[0])

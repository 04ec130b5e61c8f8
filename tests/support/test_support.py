"""The stand-in itself: one short test per feature, without any client library."""

from __future__ import annotations

import ast
import contextlib
import gzip
import http.client
import json
import socket
import ssl
import struct
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.support.faults import (
    ABSENT,
    AcceptThen,
    Answer,
    BusyEnvelope,
    Close,
    CorruptJson,
    DoubledRows,
    Drip,
    ForeignRows,
    GzipBomb,
    HalfAnswer,
    Hang,
    Html,
    IgnoreRange,
    MissingRows,
    NewETag,
    Normal,
    Oversize,
    Quota,
    Raw,
    Redirect,
    Refuse,
    Reset,
    ResetBeforeReading,
    ResetWhileReading,
    RowPatch,
    ThenClose,
    TooMany,
    TruncateImage,
    WrongLength,
    always,
    times,
)
from tests.support.images import default_image, png
from tests.support.jobs import read_bill
from tests.support.proxy import ConnectProxy
from tests.support.service import Blackhole, Service
from tests.support.standalone import spawned
from tests.support.tls import Authority, unknown_authority_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.actions import Action

HERE = Path(__file__).parent
CONTRACT = HERE.parent / "contract"
KEY = {"API-KEY": "test-key", "Content-Type": "application/json"}
SUBMIT = "/midjourney/v1/submit-jobs"
STATUS = "/midjourney/v1/job-status"


class Reply:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(
    url: str,
    method: str,
    target: str,
    body: Any = None,
    headers: Mapping[str, str] = KEY,
    context: ssl.SSLContext | None = None,
) -> Reply:
    """One request on a connection of its own."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection: http.client.HTTPConnection
    if context:
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=10, context=context
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    with contextlib.closing(connection):
        data = body if isinstance(body, bytes | None) else json.dumps(body)
        connection.request(method, target, data, dict(headers))
        with connection.getresponse() as response:
            return Reply(response)


def submit(service: Service | str, prompt: str = "a red fox", **more: Any) -> Reply:
    url = service if isinstance(service, str) else service.url
    return call(url, "POST", SUBMIT, {"prompt": prompt, **more})


def submitted(service: Service, prompt: str = "a red fox") -> str:
    return str(submit(service, prompt).json["data"]["taskId"])


def status(service: Service | str, *ids: str) -> Reply:
    url = service if isinstance(service, str) else service.url
    return call(url, "POST", STATUS, {"taskIds": ids})


def row(service: Service, task: str) -> dict[str, Any]:
    (only,) = status(service, task).json["data"]
    return dict(only)


def image(service: Service, task: str, name: str = "1", **headers: str) -> Reply:
    given = {field.replace("_", "-"): value for field, value in headers.items()}
    return call(service.url, "GET", f"/images/{task}/{name}.png", headers=given)


def sample(name: str) -> Any:
    return json.loads((CONTRACT / name).read_text(encoding="utf-8"))


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


# --- The documented behaviour ---


def test_accepts_a_job_and_bills_it(service: Service) -> None:
    reply = submit(service, "a red fox", mode="relaxed", timeout=600)
    assert reply.json.keys() == sample("submit-accepted.json").keys()
    (charge,) = service.bill
    assert (charge.prompt, charge.mode) == ("a red fox", "relaxed")
    assert charge.task_id == reply.json["data"]["taskId"]
    assert charge.body == {"prompt": "a red fox", "mode": "relaxed", "timeout": 600}


def test_takes_the_sample_messages(service: Service) -> None:
    call(service.url, "POST", SUBMIT, sample("submit-request.json"))
    assert call(service.url, "POST", STATUS, sample("status-request.json")).json["data"] == []
    assert len(service.bill) == 1


def test_a_job_is_done_at_its_second_poll(service: Service) -> None:
    done, running, _ = sample("status-answer.json")["data"]
    task = submitted(service)
    assert row(service, task).keys() == running.keys()
    assert (final := row(service, task)).keys() == done.keys()
    assert (final["status"], len(final["images"])) == (1, 4)


def test_an_unknown_task_is_missing(service: Service) -> None:
    assert status(service, "nobody").json == {"status": 0, "data": [], "message": "success"}


@pytest.mark.parametrize("key", [{}, {"API-KEY": "other"}])
def test_wants_the_key(service: Service, key: dict[str, str]) -> None:
    headers = {"Content-Type": "application/json", **key}
    assert call(service.url, "POST", SUBMIT, {"prompt": "x"}, headers).status == 401
    assert call(service.url, "POST", STATUS, {"taskIds": ["x"]}, headers).status == 401
    assert service.bill == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        [],
        {},
        {"prompt": " "},
        {"prompt": 1},
        {"prompt": "x", "mode": "relax"},
        {"prompt": "x", "mode": []},
        {"prompt": "x", "timeout": 299},
        {"prompt": "x", "timeout": True},
        {"prompt": "x", "hookUrl": None},
        {"prompt": "x", "hook_url": "https://hook.test/"},
    ],
)
def test_refuses_a_wrong_submit(service: Service, body: Any) -> None:
    assert call(service.url, "POST", SUBMIT, body).status == 400
    assert service.bill == []


@pytest.mark.parametrize("body", [b"", {}, {"taskIds": []}, {"taskIds": "x"}, {"taskIds": [1]}])
def test_refuses_a_wrong_status_request(service: Service, body: Any) -> None:
    assert call(service.url, "POST", STATUS, body).status == 400


def test_other_paths_and_methods(service: Service) -> None:
    assert call(service.url, "GET", "/").status == 404
    assert call(service.url, "GET", SUBMIT).status == 405
    assert call(service.url, "POST", SUBMIT, b"{}", {"API-KEY": "test-key"}).status == 415
    assert image(service, "nobody").status == 404


def test_ten_unfinished_tasks_are_the_limit(service: Service) -> None:
    first, *_ = [submitted(service) for _ in range(10)]
    assert submit(service).json == sample("submit-concurrency.json")
    service.finish(first)
    assert submit(service).json["status"] == 0
    assert len(service.bill) == 11


def test_quota_is_used_up() -> None:
    with Service(quota=1) as service:
        assert submit(service).json["status"] == 0
        assert submit(service).json == sample("submit-quota.json")


def test_a_hundred_submits_at_once_never_exceed_the_slots() -> None:
    with Service(slots=7) as service:
        threads = [threading.Thread(target=submit, args=(service,)) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(service.bill), len(service.submits)) == (7, 100)


def test_finish_and_fail_by_hand() -> None:
    with Service(polls_to_finish=None) as service:
        one, two = submitted(service), submitted(service)
        service.finish(one)
        service.fail(two, "moderated")
        assert row(service, one)["status"] == 1
        failed = row(service, two)
        assert failed.keys() == sample("status-answer.json")["data"][2].keys()
        assert (failed["status"], failed["failReason"]) == (2, "moderated")


def test_a_job_can_end_by_the_clock() -> None:
    with Service(finish_after=0.05, slots=1) as service:
        task = submitted(service)
        assert row(service, task)["status"] == 0
        time.sleep(0.06)
        assert submit(service).json["status"] == 0
        assert row(service, task)["status"] == 1


def test_a_plan_for_a_prompt(service: Service) -> None:
    service.plan("owl", polls=1)
    service.plan("bad", polls=1, fails="no")
    service.plan("grid", polls=1, images_as="grid-only")
    assert row(service, submitted(service, "an owl"))["status"] == 1
    assert row(service, submitted(service, "a bad owl"))["failReason"] == "no"
    assert "images" not in row(service, submitted(service, "a grid"))


def test_shapes_of_images() -> None:
    with Service(polls_to_finish=1, image_count=2) as service:
        strings = row(service, task := submitted(service))
        base = f"{service.url}/images/{task}"
        assert strings["image"] == f"{base}/grid.png"
        assert strings["images"] == [f"{base}/1.png", f"{base}/2.png"]
        service.api.images_as = "objects"
        assert row(service, task)["images"][1] == {"url": f"{base}/2.png"}
        service.api.images_as = "duplicated"
        assert row(service, task)["images"] == [f"{base}/{n}.png" for n in (1, 2, 1)]
        service.api.images_as = "none"
        assert not {"image", "images"} & row(service, task).keys()
        service.api.image_url = "https://cdn.example.test"
        service.api.images_as = "grid-only"
        assert row(service, task)["image"].startswith("https://cdn.example.test/images/")


def test_images_are_distinct_valid_pngs(service: Service) -> None:
    task = submitted(service)
    bodies = {image(service, task, name).body for name in ("grid", "1", "2", "3", "4")}
    assert len(bodies) == 5
    assert image(service, task, "5").status == 404
    body = image(service, task).body
    assert body == default_image(task, 1)
    assert body.startswith(b"\x89PNG\r\n\x1a\n")
    assert body.endswith(zlib.crc32(b"IEND").to_bytes(4, "big"))
    start = body.index(b"IDAT")
    size = int.from_bytes(body[start - 4 : start], "big")
    assert len(zlib.decompress(body[start + 4 : start + 4 + size])) == 6 * (1 + 8 * 3)


def test_image_bytes_can_be_given() -> None:
    with Service(image_bytes=lambda task, index: f"{task} {index}".encode()) as service:
        task = submitted(service)
        assert image(service, task, "grid").body == f"{task} 0".encode()


def test_ranges(service: Service) -> None:
    task = submitted(service)
    whole = image(service, task)
    part = image(service, task, Range="bytes=10-", If_Range=whole.headers["ETag"])
    assert (part.status, part.body) == (206, whole.body[10:])
    size = len(whole.body)
    assert part.headers["Content-Range"] == f"bytes 10-{size - 1}/{size}"
    assert image(service, task, Range="bytes=0-3").body == whole.body[:4]
    assert image(service, task, Range="bytes=-3").body == whole.body[-3:]
    assert image(service, task, Range="bytes=10-", If_Range='"other"').status == 200
    beyond = image(service, task, Range=f"bytes={size}-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")


def test_keep_alive_and_what_was_seen(service: Service) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", service.port)) as connection:
        for _ in range(2):
            connection.request("POST", SUBMIT, b'{"prompt": "x"}', KEY)
            connection.getresponse().read()
    call(service.url, "POST", STATUS, b"no JSON")
    assert [seen.connection for seen in service.requests] == [1, 1, 2]
    first = service.submits[0]
    assert (first.method, first.path, first.json) == ("POST", SUBMIT, {"prompt": "x"})
    assert (first.headers["api-key"], first.complete) == ("test-key", True)
    assert (service.polls[0].body, service.polls[0].json) == (b"no JSON", None)
    assert service.image_requests == []


def test_connection_close_is_respected(service: Service) -> None:
    request = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
    assert b"Connection: close\r\n" in raw(service, request)


@pytest.mark.parametrize(
    "request_bytes", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nno field\r\n\r\n"]
)
def test_nonsense_is_answered(service: Service, request_bytes: bytes) -> None:
    assert raw(service, request_bytes).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def raw(service: Service, request: bytes) -> bytes:
    """Everything that comes back until the service closes."""
    with socket.create_connection(("127.0.0.1", service.port), 10) as sock:
        sock.sendall(request)
        return b"".join(iter(lambda: sock.recv(65536), b""))


# --- Scripts ---


def test_steps_are_taken_in_order_and_used_up(service: Service) -> None:
    service.on_submit("fox", times(2, BusyEnvelope()), Normal(), Quota())
    codes = [submit(service).json["status"] for _ in range(5)]
    assert codes == [1002, 1002, 0, 1001, 0]
    assert submit(service, "an owl").json["status"] == 0
    assert len(service.bill) == 3


def test_always(service: Service) -> None:
    service.on_status("", always(Answer(503)))
    assert {status(service, "x").status for _ in range(5)} == {503}


def test_status_and_image_scripts_go_by_the_prompt_of_the_task(service: Service) -> None:
    fox, owl = submitted(service, "a fox"), submitted(service, "an owl")
    service.on_status("owl", Answer(500))
    service.on_image("owl", Answer(403), index=2)
    assert status(service, fox).status == 200
    assert status(service, fox, owl).status == 500
    assert image(service, fox, "2").status == 200
    assert [image(service, owl, name).status for name in ("1", "2", "2")] == [200, 403, 200]


def test_a_step_in_the_wrong_place_is_refused(service: Service) -> None:
    with pytest.raises(TypeError, match="on_status"):
        service.on_submit("", MissingRows())
    with pytest.raises(TypeError, match="on_image"):
        service.on_submit("", TruncateImage(1))
    with pytest.raises(TypeError, match="on_submit"):
        service.on_image("", AcceptThen(Reset()))
    with pytest.raises(TypeError, match="needs a request"):
        service.on_connect(Html())
    with pytest.raises(ValueError, match="before the prompt"):
        service.on_submit("fox", ResetBeforeReading())


# --- Faults ---


@pytest.mark.parametrize(
    ("action", "http_status", "expected"),
    [
        (Answer(418, b"tea"), 418, b"tea"),
        (Answer(500, {"message": "no"}), 500, b'{"message": "no"}'),
        (Answer(299), 299, b""),
        (CorruptJson(b"[1, 2"), 200, b"[1, 2"),
        (Refuse(1234, "why"), 200, b'{"status": 1234, "message": "why"}'),
        (Refuse(9, "no", http=400), 400, b'{"status": 9, "message": "no"}'),
    ],
)
def test_another_answer(
    service: Service, action: Action, http_status: int, expected: bytes
) -> None:
    service.on_submit("", action)
    reply = submit(service)
    assert (reply.status, reply.body, service.bill) == (http_status, expected, [])


def test_headers_of_answers(service: Service) -> None:
    service.on_submit(
        "", Redirect("https://evil.test/", 307), TooMany("-1"), TooMany(), Html(502), Normal()
    )
    redirect, too_many, bare, html = (submit(service) for _ in range(4))
    assert (redirect.status, redirect.headers["Location"]) == (307, "https://evil.test/")
    assert (too_many.status, too_many.headers["Retry-After"]) == (429, "-1")
    assert "Retry-After" not in bare.headers
    assert (html.status, html.headers["Content-Type"]) == (502, "text/html")


def test_accept_then_charges_first(service: Service) -> None:
    service.on_submit("", AcceptThen(Reset()), AcceptThen(Answer(502), task_id="a/b"))
    with pytest.raises(ConnectionResetError):
        submit(service)
    assert submit(service).status == 502
    assert [charge.task_id for charge in service.bill] == [*service.tasks]
    assert "a/b" in service.tasks
    status(service, "a/b")
    url = row(service, "a/b")["images"][0]
    assert call(service.url, "GET", urlsplit(url).path).body == default_image("a/b", 1)


@pytest.mark.parametrize("action", [Reset(), ResetBeforeReading(), ResetWhileReading(3)])
def test_reset(service: Service, action: Action) -> None:
    service.on_submit("", action)
    with pytest.raises(ConnectionResetError):
        submit(service)
    assert service.submits[0].complete == isinstance(action, Reset)
    assert service.bill == []


@pytest.mark.parametrize("action", [ResetBeforeReading(), ResetWhileReading(9), Reset()])
def test_reset_of_a_connection(service: Service, action: Action) -> None:
    service.on_connect(action)
    with pytest.raises(ConnectionError):
        submit(service)
    assert service.requests == []
    assert submit(service).status == 200


def test_close_without_a_byte(service: Service) -> None:
    service.on_submit("", Close())
    with pytest.raises(http.client.RemoteDisconnected):
        submit(service)


def test_raw_bytes(service: Service) -> None:
    service.on_submit("", Raw(b"SSH-2.0-surprise\r\n"))
    with pytest.raises(http.client.BadStatusLine):
        submit(service)


def test_hang_until_released(service: Service) -> None:
    service.on_submit("", Hang(), AcceptThen(Hang(then=Answer(504))))
    replies: list[Reply] = []
    for n, expected in ((1, 200), (2, 504)):
        thread = threading.Thread(target=lambda: replies.append(submit(service)))
        thread.start()
        service.wait_for("submit", n)
        assert len(replies) == n - 1
        service.release()
        thread.join()
        assert replies[-1].status == expected
    assert len(service.bill) == 2


def test_close_does_not_wait_for_hung_clients() -> None:
    with Service() as service:
        service.on_submit("", always(Hang()))
        with socket.create_connection(("127.0.0.1", service.port), 10) as sock:
            sock.sendall(_submit_bytes())
            service.wait_for("submit")
            began = time.monotonic()
            service.close()
            assert time.monotonic() - began < 2
            assert sock.recv(1) == b""
    assert not [
        t for t in threading.enumerate() if t.name.startswith(f"connection-{service.port}-")
    ]


def _submit_bytes() -> bytes:
    body = b'{"prompt": "a red fox"}'
    head = f"POST {SUBMIT} HTTP/1.1\r\nAPI-KEY: test-key\r\nContent-Type: application/json\r\n"
    return head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_half_an_answer_was_charged(service: Service) -> None:
    service.on_submit("", HalfAnswer(10), HalfAnswer(10, of=Answer(200, b"x" * 20)))
    for _ in range(2):
        with pytest.raises(http.client.IncompleteRead):
            submit(service)
    assert len(service.bill) == 1


@pytest.mark.parametrize("head", [False, True])
def test_drip(service: Service, head: bool) -> None:
    service.on_status("", Drip(0.001, head=head))
    began = time.monotonic()
    assert status(service, "x").json["data"] == []
    assert time.monotonic() - began > 0.04


def test_wrong_length_both_ways(service: Service) -> None:
    task = submitted(service)
    service.on_image("", WrongLength(5), WrongLength(-5))
    with pytest.raises(http.client.IncompleteRead):
        image(service, task)
    assert image(service, task).body == default_image(task, 1)[:-5]


def test_a_stale_connection(service: Service) -> None:
    service.on_status("", ThenClose())
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", service.port)) as connection:
        connection.request("POST", STATUS, b'{"taskIds": ["x"]}', KEY)
        reply = connection.getresponse()
        assert (reply.read()[:12], reply.headers["Connection"]) == (b'{"status": 0', None)
        service.wait_for(lambda now: now.connections[0].closed)
        assert connection.sock is not None
        assert connection.sock.recv(1) == b""


def test_truncated_image(service: Service) -> None:
    service.on_image("", TruncateImage(20), TruncateImage(0))
    task = submitted(service)
    assert image(service, task).body == default_image(task, 1)[:20]
    assert image(service, task).body == b""


def test_ignored_range_and_changed_image(service: Service) -> None:
    service.on_image("", IgnoreRange(), NewETag(), NewETag(png("other")))
    task = submitted(service)
    assert image(service, task, Range="bytes=10-").status == 200
    second, third = image(service, task), image(service, task)
    assert second.headers["ETag"] != third.headers["ETag"] == image(service, task).headers["ETag"]
    assert (second.body, third.body) == (default_image(task, 1), png("other"))
    stale = image(service, task, Range="bytes=9-", If_Range=second.headers["ETag"])
    assert (stale.status, stale.body) == (200, png("other"))


def test_oversize_and_endless(service: Service) -> None:
    task = submitted(service)
    service.on_image("", Oversize(200_000), Oversize())
    reply = image(service, task)
    assert (len(reply.body), reply.headers["Content-Length"]) == (200_000, None)
    with socket.create_connection(("127.0.0.1", service.port), 10) as sock:
        sock.sendall(f"GET /images/{task}/1.png HTTP/1.1\r\n\r\n".encode())
        assert sum(len(sock.recv(65536)) for _ in range(50)) > 0
    service.wait_for(lambda now: now.connections[2].closed)


def test_gzip_bomb(service: Service) -> None:
    service.on_status("", GzipBomb(3_000_001))
    reply = status(service, "x")
    assert (reply.headers["Content-Encoding"], len(reply.body) < 20_000) == ("gzip", True)
    assert len(json.loads(gzip.decompress(reply.body))["message"]) == 3_000_001


def test_edited_rows(service: Service) -> None:
    fox, owl = submitted(service, "a fox"), submitted(service, "an owl")

    def ids() -> list[str]:
        return [one["taskId"] for one in status(service, fox, owl).json["data"]]

    service.on_status("fox", MissingRows(), DoubledRows(), ForeignRows(2))
    assert ids() == [owl]
    assert ids() == [fox, fox, owl]
    assert ids() == ["foreign-1", "foreign-2", fox, owl]
    service.on_status("fox", RowPatch({"status": 0, "images": ABSENT}))
    service.on_status("owl", RowPatch({"status": "done", "extra": [1]}))
    first, second = status(service, fox, owl).json["data"]
    assert (first["status"], "images" in first, "extra" in first) == (0, False, False)
    assert (second["status"], second["extra"], len(second["images"])) == ("done", [1], 4)
    assert row(service, fox)["status"] == 1


# --- Waiting, breaking ---


def test_wait_for(service: Service) -> None:
    thread = threading.Thread(target=lambda: status(service, submitted(service)))
    thread.start()
    service.wait_for("poll")
    service.wait_for("charge")
    service.wait_for(lambda now: len(now.bill) == 1)
    thread.join()
    with pytest.raises(TimeoutError, match=r"no 2 x submit .*'poll'"):
        service.wait_for("submit", 2, timeout=0.01)


def test_counts_the_bytes_of_a_connection(service: Service) -> None:
    socket.create_connection(("127.0.0.1", service.port), 10).close()
    service.wait_for(lambda now: [wire.closed for wire in now.connections] == [True])
    assert service.connections[0].bytes_read == 0


def test_break_connections(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), 10) as sock:
        service.wait_for("connection")
        sock.sendall(b"POST ")
        service.wait_for(lambda now: len(now.connections) == 1)
        service.break_connections()
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(1) == b""
    assert submit(service).status == 200


def test_blackhole() -> None:
    with Blackhole() as hole, pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", hole.port), 0.3)


# --- TLS ---


def test_tls(authority: Authority) -> None:
    with Service(tls=authority.server_context()) as service:
        assert service.url == f"https://localhost:{service.port}"
        context = authority.client_context()
        service.on_submit("", AcceptThen(Reset()))
        with pytest.raises(ConnectionResetError):
            call(service.url, "POST", SUBMIT, {"prompt": "x"}, context=context)
        body = {"taskIds": [*service.tasks]}
        reply = call(service.url, "POST", STATUS, body, context=context)
        assert len(reply.json["data"]) == 1
        headers = {**KEY, "Connection": "close"}
        assert call(service.url, "POST", STATUS, body, headers, context).json["status"] == 0


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("expired", "certificate has expired"),
        ("wrong name", "Hostname mismatch"),
        ("unknown", "unable to get local issuer"),
    ],
)
def test_bad_certificates(authority: Authority, kind: str, message: str) -> None:
    contexts = {
        "expired": authority.expired_context,
        "wrong name": authority.wrong_name_context,
        "unknown": unknown_authority_context,
    }
    with Service(tls=contexts[kind]()) as service:
        with pytest.raises(ssl.SSLCertVerificationError, match=message):
            call(service.url, "GET", "/", context=authority.client_context())
        service.wait_for(lambda now: now.connections[0].closed)
        assert service.requests == []


def test_no_tls_where_tls_is_expected(authority: Authority, service: Service) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        call(service.url, "GET", "/", context=authority.client_context())
    with Service(tls=authority.server_context()) as secure:
        with pytest.raises((http.client.BadStatusLine, ConnectionError)):
            call(secure.url, "GET", "/")
        secure.wait_for(lambda now: bool(now.handshake_errors))


def test_reset_instead_of_a_handshake(authority: Authority) -> None:
    with Service(tls=authority.server_context()) as service:
        with socket.create_connection(("127.0.0.1", service.port), 10) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        service.wait_for(lambda now: [wire.closed for wire in now.connections] == [True])


def test_hanging_handshake(authority: Authority) -> None:
    with Service(tls=authority.server_context()) as service:
        service.on_connect(Hang())
        sock = socket.create_connection(("127.0.0.1", service.port), 0.2)
        with sock, pytest.raises(TimeoutError):
            authority.client_context().wrap_socket(sock, server_hostname="localhost")


# --- Proxy ---


def tunnelled(proxy: ConnectProxy, authority: Authority, headers: Mapping[str, str]) -> Reply:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", proxy.port, timeout=10, context=authority.client_context()
    )
    connection.set_tunnel("api.example.test", 443, headers=headers)
    with contextlib.closing(connection):
        connection.request("POST", STATUS, b'{"taskIds": ["x"]}', KEY)
        return Reply(connection.getresponse())


@pytest.fixture
def named(authority: Authority) -> Iterator[Service]:
    """A TLS service that is called api.example.test."""
    with Service(tls=authority.server_context("api.example.test")) as service:
        yield service


def test_tunnel_to_an_invented_name(authority: Authority, named: Service) -> None:
    routes = {"api.example.test:443": ("127.0.0.1", named.port)}
    with ConnectProxy(routes=routes) as proxy:
        assert tunnelled(proxy, authority, {}).status == 200
        assert proxy.tunnels == ["api.example.test:443"]
        assert "api-key" not in proxy.heads[0].headers
        named.on_status("", Reset())
        with pytest.raises(ConnectionResetError):
            tunnelled(proxy, authority, {})


def test_tunnel_refused_and_without_route(authority: Authority) -> None:
    with ConnectProxy(refuse=403) as proxy, pytest.raises(OSError, match="403"):
        tunnelled(proxy, authority, {})
    with ConnectProxy() as proxy, pytest.raises(OSError, match="502"):
        tunnelled(proxy, authority, {})


def test_proxy_authentication(authority: Authority, named: Service) -> None:
    routes = {"api.example.test:443": ("127.0.0.1", named.port)}
    with ConnectProxy(auth=("user", "pass"), routes=routes) as proxy:
        with pytest.raises(OSError, match="407"):
            tunnelled(proxy, authority, {})
        right = {"Proxy-Authorization": "Basic dXNlcjpwYXNz"}
        assert tunnelled(proxy, authority, right).status == 200
        assert proxy.url_as("user", "pass") == f"http://user:pass@127.0.0.1:{proxy.port}"


@pytest.mark.parametrize("limit", [0, 100])
def test_cut_in_the_tunnel(authority: Authority, named: Service, limit: int) -> None:
    routes = {"api.example.test:443": ("127.0.0.1", named.port)}
    proxy = ConnectProxy(cut_after=limit, routes=routes)
    with proxy, pytest.raises(OSError, match=r"reset|EOF|Broken pipe"):
        tunnelled(proxy, authority, {})
    assert named.requests == []


def test_plain_forwarding(service: Service) -> None:
    routes = {"api.example.test:80": ("127.0.0.1", service.port)}
    with ConnectProxy(routes=routes) as proxy:
        url = f"http://api.example.test{STATUS}?a=b"
        headers = {**KEY, "Proxy-Authorization": "secret"}
        assert call(proxy.url, "POST", url, {"taskIds": ["x"]}, headers).status == 200
        assert (proxy.forwarded, proxy.tunnels) == ([url], [])
        assert "proxy-authorization" not in service.polls[0].headers
        assert call(proxy.url, "GET", f"{service.url}/nothing").status == 404


def test_proxy_in_front_of_a_blackhole_closes_at_once() -> None:
    with Blackhole() as hole, ConnectProxy() as proxy, socket.socket() as sock:
        sock.connect(("127.0.0.1", proxy.port))
        sock.sendall(f"CONNECT 127.0.0.1:{hole.port} HTTP/1.1\r\n\r\n".encode())
        proxy.wait_for(1)
        began = time.monotonic()
        proxy.close()
        assert time.monotonic() - began < 2


# --- A process of its own ---


def test_standalone_keeps_its_bill_in_a_file(tmp_path: Path) -> None:
    bill = tmp_path / "bill.jsonl"
    assert read_bill(bill) == []
    with spawned("--bill", str(bill), "--on-submit", "owl", "AcceptThen(Reset())") as url:
        submit(url, "a fox")
        assert [charge.prompt for charge in read_bill(bill)] == ["a fox"]
        with pytest.raises(ConnectionResetError):
            submit(url, "an owl")
    assert [charge.prompt for charge in read_bill(bill)] == ["a fox", "an owl"]


# --- The house rule ---


def test_shares_no_code_with_the_product() -> None:
    allowed = {"tests", "trustme", "pytest"}
    for path in HERE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names.append(node.module or "")
            roots = {name.partition(".")[0] for name in names}
            assert roots <= allowed | set(sys.stdlib_module_names), path.name

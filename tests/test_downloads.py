"""Image files: all of it, verified, under its final name, or nothing."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import os
import queue
import resource
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mj_cli.downloads import RefusedError, check_public
from mj_cli.transport import tls_context
from tests.clock import FakeClock
from tests.conftest import Mj, Ran
from tests.support.actions import ImageAction, Stage, Step
from tests.support.faults import (
    Answer,
    Drip,
    GzipBomb,
    HalfAnswer,
    Hang,
    Html,
    IgnoreRange,
    MissingRows,
    NewETag,
    Normal,
    Oversize,
    Raw,
    Redirect,
    Reset,
    RowPatch,
    TooMany,
    TruncateImage,
    WrongLength,
    always,
    times,
)
from tests.support.images import png
from tests.support.proxy import ConnectProxy
from tests.support.service import Service
from tests.support.tls import Authority

T = TypeVar("T")
MEBIBYTE = 1 << 20
JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300" + "01" * 64 + "ffc0000b08000100010101110"
    "0ffc40014000100000000000000000000000000000009ffc40014100100000000000000000000000000000000"
    "ffda0008010100003f0054dfffd9"
)


@functools.cache
def big() -> bytes:
    """A picture of about 1.5 MB, so that a part of it is worth going on with."""
    return png("big", 720, 720)


def submit(mj: Mj, prompt: str = "a red fox") -> str:
    """Submit without waiting; the task id."""
    ran = mj("submit", prompt)
    assert ran.code == 0, ran.err
    return ran.lines[0]


def wait(mj: Mj, *options: str) -> Ran:
    """Fetch image 1 of every job under the name 1.png."""
    return mj("wait", "--images", "1", "--template", "{index}.{ext}", "--json", *options)


def saved(ran: Ran) -> dict[str, Any]:
    """Image 1 of the one job in the answer."""
    (job,) = ran.records
    (image,) = [one for one in job["images"] if one["index"] == 1]
    assert isinstance(image, dict)
    return image


def left() -> list[str]:
    """Everything in the output directory, hidden files too."""
    return sorted(str(path.relative_to(".")) for path in Path().rglob("*"))


def configure(home: Path, text: str) -> None:
    """Write the user's settings file."""
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "config.toml").write_text(text)


@pytest.fixture
def large(service: Service) -> Service:
    """A service whose pictures are larger than what is worth resuming."""
    service.api.image_bytes = lambda *_: big()
    return service


# --- Faults that pass ---


@pytest.mark.parametrize(
    "fault",
    [
        Answer(500),
        Answer(503, headers={"Retry-After": "1"}),
        Answer(404),
        Answer(204),
        Answer(302),
        TooMany("2"),
        Reset(),
        HalfAnswer(100),
        HalfAnswer(0),
        TruncateImage(100),
        TruncateImage(0),
        WrongLength(1),
        WrongLength(-1),
        Html(),
        Answer(200, {"error": "later"}),
        Raw(b"SSH-2.0-OpenSSH\r\n"),
        Answer(206, b"half of something"),
    ],
)
def test_a_passing_fault_is_tried_again(mj: Mj, service: Service, fault: Step) -> None:
    submit(mj)
    service.on_image("fox", fault)
    ran = wait(mj)
    assert ran.code == 0
    assert left() == ["1.png"]
    assert len(service.image_requests) == 2


def test_retry_after_is_honoured(mj: Mj, service: Service, clock: FakeClock) -> None:
    submit(mj)
    service.on_image("fox", TooMany("70"))
    assert wait(mj).code == 0
    assert clock.passed >= 70


def test_an_image_that_drips_is_cut_off_at_its_time_limit(
    mj: Mj, service: Service, home: Path
) -> None:
    configure(home, "image_seconds = 1\n")
    submit(mj)
    service.on_image("fox", Drip(0.1))
    assert wait(mj).code == 0
    assert len(service.image_requests) == 2


def test_a_compressed_answer_is_unpacked(mj: Mj, service: Service) -> None:
    task = submit(mj)
    body = gzip.compress(service.api.image_bytes(task, 1))
    service.on_image("fox", Answer(200, body, {"Content-Encoding": "gzip"}))
    assert wait(mj).code == 0
    assert Path("1.png").read_bytes() == service.api.image_bytes(task, 1)


# --- Faults that stay ---


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Answer(404), "HTTP 404"),
        (Answer(410), "HTTP 410"),
        (Answer(403), "HTTP 403"),
        (Answer(500), "HTTP 500"),
        (Reset(), "reset"),
        (HalfAnswer(100), "closed"),
        (TruncateImage(100), "PNG"),
        (TruncateImage(0), "empty"),
        (WrongLength(1), "closed"),
        (WrongLength(-1), "PNG"),
        (Html(), "sent HTML"),
        (Answer(200, {"error": "never"}), "sent JSON"),
        (Answer(200, b"no such thing"), "sent text"),
    ],
)
def test_an_image_that_cannot_be_had_leaves_nothing_and_is_fetched_by_a_later_wait(
    mj: Mj, service: Service, fault: Step, reason: str
) -> None:
    task = submit(mj)
    service.on_image("fox", times(4, fault), index=1)
    ran = mj("wait", "--json")
    assert (ran.code, ran.error["slug"]) == (9, "image")
    assert f"image 1 of task {task} could not be saved" in ran.error["message"]
    assert reason.lower() in ran.error["message"].lower()
    assert f"mj wait {task}" in ran.error["hint"]
    assert left() == [f"a-red-fox-{task}-{index}.png" for index in (2, 3, 4)]

    before = len(service.image_requests)
    while mj("wait").code != 0:  # what is left of the script
        assert len(service.image_requests) < before + 4
    assert len(left()) == 4
    assert {seen.path for seen in service.image_requests[before:]} == {f"/images/{task}/1.png"}


@pytest.mark.parametrize(
    "fault",
    [
        Oversize(),
        Oversize(2_000_000),
        GzipBomb(2_000_000, "image/png"),
        Answer(200, bytes(1_000_001)),
    ],
)
def test_an_image_beyond_the_limit_is_refused_without_reading_it_all(
    mj: Mj, service: Service, home: Path, fault: Step
) -> None:
    configure(home, "max_image_mb = 1\n")
    submit(mj)
    service.on_image("fox", fault)
    ran = wait(mj)
    assert ran.code == 9
    assert "max_image_mb" in ran.error["message"]
    assert left() == []
    assert len(service.image_requests) == 1
    assert wait(mj).code == 0


def test_a_size_beyond_the_limit_is_refused_before_the_first_byte(
    mj: Mj, service: Service, home: Path
) -> None:
    configure(home, "max_image_mb = 1\n")
    submit(mj)
    service.on_image("fox", Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n"))
    ran = wait(mj)
    assert ran.code == 9
    assert "it has 5.0 MB, more than the limit of 1 MB" in ran.error["message"]
    assert len(service.image_requests) == 1


def test_an_image_of_just_the_limit_is_taken(mj: Mj, service: Service, home: Path) -> None:
    service.api.image_bytes = lambda *_: png("a picture of some size", 40, 40)
    size = len(png("a picture of some size", 40, 40))
    configure(home, f"max_image_mb = {size / 1e6}\n")
    submit(mj)
    assert wait(mj).code == 0
    assert Path("1.png").stat().st_size == size


# --- Fresh URLs ---


@pytest.mark.parametrize(("status", "tries"), [(410, 1), (403, 1), (401, 1), (404, 4), (500, 4)])
def test_a_url_that_is_gone_is_asked_for_again(
    mj: Mj, service: Service, status: int, tries: int
) -> None:
    task = submit(mj)
    service.on_image("fox", always(Answer(status)), index=1)
    fresh = f"{service.url}/images/{task}/2.png"
    service.on_status("fox", Normal(), Normal(), RowPatch({"images": [fresh]}))
    ran = wait(mj)
    assert ran.code == 0
    assert [seen.path[-5:] for seen in service.image_requests] == ["1.png"] * tries + ["2.png"]
    assert saved(ran)["url"] == fresh


def test_a_fresh_url_that_is_gone_too_is_given_up(mj: Mj, service: Service) -> None:
    task = submit(mj)
    service.on_image("fox", always(Answer(410)))
    patches = [RowPatch({"images": [f"{service.url}/images/{task}/{n}.png"]}) for n in (2, 3)]
    service.on_status("fox", Normal(), Normal(), *patches)
    assert wait(mj).code == 9
    assert len(service.image_requests) == 2


def test_every_image_of_a_task_may_be_gone(mj: Mj, service: Service) -> None:
    submit(mj)
    service.on_image("fox", always(Answer(410)))
    ran = mj("wait")
    assert ran.code == 9
    assert len(service.image_requests) == 4
    assert all(f"image {index} of task" in ran.err for index in (1, 2, 3, 4))


def test_no_fresh_url_can_be_had_for_a_task_that_the_service_forgot(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MJ_POLL_MIN_SECONDS", "25")
    submit(mj)
    service.on_image("fox", Answer(410))
    service.on_status("fox", Normal(), Normal(), always(MissingRows()))
    ran = wait(mj)
    assert (ran.code, ran.error["slug"]) == (9, "image")
    assert "HTTP 410" in ran.error["message"]


def test_leaving_while_a_fresh_url_is_asked_for_counts_the_job_once(
    mj: Mj, service: Service
) -> None:
    submit(mj)
    service.on_image("fox", Answer(410))
    service.on_status("fox", Normal(), Normal(), always(MissingRows()))
    ran = wait(mj, "--for", "30")
    assert ran.code == 8
    assert ran.error["message"].startswith("1 job is not finished")


# --- Where images may come from ---


def test_no_key_goes_along_with_an_image_request(mj: Mj, service: Service) -> None:
    submit(mj)
    assert mj("wait").code == 0
    for seen in service.image_requests:
        assert "test-key" not in str(seen.headers)
        assert "api-key" not in seen.headers
    assert all(seen.headers["api-key"] == "test-key" for seen in service.polls)


@dataclass(frozen=True)
class Elsewhere:
    """A second host that has the images of the service: TLS, on a private address."""

    service: Service
    authority: Authority

    @property
    def url(self) -> str:
        return self.service.url


@pytest.fixture
def elsewhere(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Elsewhere]:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    tls_context.cache_clear()
    context = authority.server_context("localhost", "images.example.test")
    with Service(tls=context) as images:
        images.api.jobs = service.jobs
        yield Elsewhere(images, authority)
    tls_context.cache_clear()


def test_an_https_host_at_a_private_address_is_refused_unsent(
    mj: Mj, service: Service, elsewhere: Elsewhere
) -> None:
    service.api.image_url = elsewhere.url
    submit(mj)
    ran = wait(mj)
    assert ran.code == 9
    assert "private address 127.0.0.1" in ran.error["message"]
    assert "allow_image_hosts" in ran.error["message"]
    assert not elsewhere.service.requests


@pytest.mark.parametrize("with_port", [False, True])
def test_the_user_can_vouch_for_a_host(
    mj: Mj, service: Service, elsewhere: Elsewhere, home: Path, with_port: bool
) -> None:
    service.api.image_url = elsewhere.url
    host = f"localhost:{elsewhere.service.port}" if with_port else "localhost"
    configure(home, f'allow_image_hosts = ["{host}"]\n')
    submit(mj)
    assert wait(mj).code == 0
    assert len(elsewhere.service.image_requests) == 1


def test_behind_a_proxy_the_address_is_the_business_of_the_proxy(
    mj: Mj, service: Service, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.api.image_url = "https://images.example.test"
    submit(mj)
    route = {"images.example.test:443": ("127.0.0.1", elsewhere.service.port)}
    with ConnectProxy(routes=route) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert wait(mj).code == 0
        assert proxy.tunnels == ["images.example.test:443"]


def test_a_redirect_to_an_allowed_host_is_followed(
    mj: Mj, service: Service, elsewhere: Elsewhere, home: Path
) -> None:
    configure(home, 'allow_image_hosts = ["localhost"]\n')
    task = submit(mj)
    service.on_image("fox", Redirect(f"{elsewhere.url}/images/{task}/1.png", 307))
    assert wait(mj).code == 0
    (seen,) = elsewhere.service.image_requests
    assert "test-key" not in str(seen.headers)


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
def test_certificates_are_checked_however_the_url_is_written(
    mj: Mj,
    service: Service,
    elsewhere: Elsewhere,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    tls_context.cache_clear()
    configure(home, 'allow_image_hosts = ["localhost"]\n')
    task = submit(mj)
    url = elsewhere.url.replace("https", scheme)
    service.on_image("fox", always(Redirect(f"{url}/images/{task}/1.png")))
    ran = wait(mj)
    assert ran.code == 9
    assert "certificate" in ran.error["message"].lower()
    assert not elsewhere.service.requests


@pytest.mark.parametrize("hops", [5, 6])
def test_five_redirects_are_followed_and_no_more(mj: Mj, service: Service, hops: int) -> None:
    submit(mj)
    service.on_image("fox", times(hops, Redirect("1.png")))
    ran = wait(mj)
    assert ran.code == (0 if hops == 5 else 9)
    assert len(service.image_requests) == 6
    if hops == 6:
        assert "redirects more than 5 times" in ran.error["message"]
        assert left() == []


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://images.invalid/1.png", "not https"),
        ("http://127.0.0.1:1/1.png", "not https"),
        ("file:///etc/passwd", "not https"),
        ("ftp://127.0.0.1/1.png", "not https"),
        ("https:///1.png", "not https"),
        ("https://[::1/1.png", "could not be saved"),
        ("https://127.0.0.1:99999/1.png", "could not be saved"),
        ("https://" + "a" * 70 + ".invalid/1.png", "could not be saved"),
    ],
)
@pytest.mark.parametrize("by", ["redirect", "row"])
def test_an_image_url_that_leads_astray_is_refused(
    mj: Mj, service: Service, location: str, reason: str, by: str
) -> None:
    submit(mj)
    if by == "redirect":
        service.on_image("fox", always(Redirect(location)))
    else:
        service.on_status("fox", always(RowPatch({"images": [location]})))
    ran = wait(mj)
    if by == "row" and not location.startswith("http"):
        assert ran.code == 9  # is no image at all, so that there is no first one
        return
    assert (ran.code, ran.error["slug"]) == (9, "image")
    assert reason in ran.error["message"]
    assert left() == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(RefusedError, match="private address"):
        check_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111"])
def test_a_public_address_is_taken(address: str) -> None:
    check_public(address)


# --- Going on where it broke off ---


def ranges(service: Service) -> list[str | None]:
    return [seen.headers.get("range") for seen in service.image_requests]


def check_whole() -> None:
    assert left() == ["1.png"]
    assert Path("1.png").read_bytes() == big()


def test_a_cut_image_is_gone_on_with(mj: Mj, large: Service) -> None:
    submit(mj)
    more = 1 << 16
    large.on_image("fox", HalfAnswer(MEBIBYTE), HalfAnswer(more))
    assert wait(mj).code == 0
    check_whole()
    assert ranges(large) == [None, f"bytes={MEBIBYTE}-", f"bytes={MEBIBYTE + more}-"]
    assert large.image_requests[1].headers["if-range"].endswith('-1-v1"')


@pytest.mark.parametrize("fault", [Answer(503), Reset(), TooMany("1")])
def test_what_is_there_outlives_a_server_that_is_down_for_a_moment(
    mj: Mj, large: Service, fault: Step
) -> None:
    submit(mj)
    large.on_image("fox", HalfAnswer(MEBIBYTE), fault)
    assert wait(mj).code == 0
    check_whole()
    assert ranges(large) == [None, f"bytes={MEBIBYTE}-", f"bytes={MEBIBYTE}-"]


def test_a_small_image_is_not_worth_going_on_with(mj: Mj, service: Service) -> None:
    submit(mj)
    service.on_image("fox", HalfAnswer(100))
    assert wait(mj).code == 0
    assert ranges(service) == [None, None]


@pytest.mark.parametrize("etag", ['W/"weak"', ""])
def test_without_a_strong_etag_it_begins_anew(mj: Mj, large: Service, etag: str) -> None:
    submit(mj)
    answer = Answer(200, big(), {"ETag": etag} if etag else {})
    large.on_image("fox", HalfAnswer(MEBIBYTE, of=answer))
    assert wait(mj).code == 0
    check_whole()
    assert ranges(large) == [None, None]


def test_an_image_that_changed_meanwhile_is_fetched_from_its_beginning(
    mj: Mj, large: Service
) -> None:
    submit(mj)
    large.on_image("fox", HalfAnswer(MEBIBYTE), NewETag(png("other")))
    assert wait(mj).code == 0
    assert left() == ["1.png"]
    assert Path("1.png").read_bytes() == png("other")
    assert len(large.image_requests) == 2


def test_a_server_that_ignores_ranges_sends_it_from_its_beginning(mj: Mj, large: Service) -> None:
    submit(mj)
    large.on_image("fox", HalfAnswer(MEBIBYTE), IgnoreRange())
    assert wait(mj).code == 0
    check_whole()
    assert len(large.image_requests) == 2


def rest(first: int, etag: str) -> Answer:
    """The rest of the picture, but by its head from another place or of another picture."""
    body = big()[MEBIBYTE:]
    place = f"bytes {first}-{first + len(body) - 1}/{len(big())}"
    return Answer(206, body, {"Content-Range": place, "ETag": etag})


@pytest.mark.parametrize(
    "fault",
    [
        Answer(416),
        Answer(416, b"", {"Content-Range": f"bytes */{MEBIBYTE}"}),
        rest(0, '"same"'),
        rest(MEBIBYTE, '"other"'),
        Answer(206, b"x", {"ETag": '"same"'}),
    ],
)
def test_a_range_that_does_not_fit_makes_it_begin_anew(mj: Mj, large: Service, fault: Step) -> None:
    submit(mj)
    first = HalfAnswer(MEBIBYTE, of=Answer(200, big(), {"ETag": '"same"'}))
    large.on_image("fox", first, fault)
    assert wait(mj).code == 0
    check_whole()
    assert ranges(large) == [None, f"bytes={MEBIBYTE}-", None]


def test_a_resumed_image_may_not_outgrow_the_limit(mj: Mj, large: Service, home: Path) -> None:
    configure(home, "max_image_mb = 2\n")
    submit(mj)
    first = HalfAnswer(MEBIBYTE, of=Answer(200, big(), {"ETag": '"same"'}))
    head = f'HTTP/1.1 206 OK\r\nETag: "same"\r\nContent-Range: bytes {MEBIBYTE}-/9\r\n\r\n'
    large.on_image("fox", first, Raw(head.encode() + bytes(MEBIBYTE)))
    ran = wait(mj)
    assert ran.code == 9
    assert "max_image_mb" in ran.error["message"]
    assert left() == []


def test_cuts_without_end_leave_nothing_behind(mj: Mj, large: Service) -> None:
    submit(mj)
    large.on_image("fox", always(HalfAnswer(1000)))
    assert wait(mj).code == 9
    assert left() == []
    assert len(large.image_requests) == 4


@dataclass(frozen=True)
class SendThenHang(ImageAction):
    """The head and `size` bytes of the body, then silence."""

    size: int

    def perform(self, stage: Stage) -> None:
        response = stage.normal()
        stage.wire.send(response.head() + response.body[: self.size])
        stage.hang()


def hold(clock: FakeClock, monkeypatch: pytest.MonkeyPatch, until: Callable[[], bool]) -> None:
    """Let no time pass until something is true."""
    jump = clock.receive

    def receive(inbox: queue.SimpleQueue[T], seconds: float) -> T | None:
        while not until():
            with contextlib.suppress(queue.Empty):
                return inbox.get(timeout=0.01)
        return jump(inbox, seconds)

    monkeypatch.setattr(clock, "receive", receive)


def parts() -> list[Path]:
    return list(Path().glob(".*.part"))


def leave_a_part(
    mj: Mj, service: Service, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Be stopped in the middle of a large image."""
    service.plan("fox", polls=1)
    submit(mj)
    service.on_image("fox", SendThenHang(MEBIBYTE))
    with monkeypatch.context() as context:
        hold(clock, context, lambda: any(one.stat().st_size >= MEBIBYTE for one in parts()))
        assert wait(mj, "--for", "60").code == 8
    assert len(parts()) == 1


def test_the_part_file_of_a_dead_process_is_gone_on_with(
    mj: Mj, large: Service, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_a_part(mj, large, clock, monkeypatch)
    assert wait(mj).code == 0
    check_whole()
    assert ranges(large) == [None, f"bytes={MEBIBYTE}-"]


def test_a_part_file_that_cannot_be_gone_on_with_is_removed(
    mj: Mj, large: Service, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    leave_a_part(mj, large, clock, monkeypatch)
    change_ledger(home, "UPDATE files SET etag = NULL")
    assert wait(mj).code == 0
    check_whole()
    assert ranges(large) == [None, None]


def test_a_part_file_that_vanished_is_fetched_from_its_beginning(
    mj: Mj, large: Service, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_a_part(mj, large, clock, monkeypatch)
    parts()[0].unlink()
    assert wait(mj).code == 0
    check_whole()
    assert ranges(large) == [None, None]


def test_a_link_in_the_place_of_a_part_file_is_not_followed(
    mj: Mj, large: Service, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    leave_a_part(mj, large, clock, monkeypatch)
    secret = home / "secret"
    secret.write_bytes(b"mine")
    (found,) = parts()
    found.unlink()
    found.symlink_to(secret)
    assert wait(mj).code == 0
    check_whole()
    assert secret.read_bytes() == b"mine"


# --- The place on disk ---


def change_ledger(home: Path, statement: str) -> None:
    """What only a crash at the right moment would do."""
    with contextlib.closing(sqlite3.connect(home / "state" / "ledger.db")) as ledger:
        ledger.execute("PRAGMA foreign_keys = ON")
        ledger.execute(statement)
        ledger.commit()


@pytest.mark.parametrize("name", ["1.png", "1.jpg"])
@pytest.mark.parametrize("kind", ["file", "directory", "link to nothing"])
def test_what_has_the_name_already_is_kept(mj: Mj, service: Service, name: str, kind: str) -> None:
    submit(mj)
    path = Path(name)
    if kind == "file":
        path.write_bytes(b"mine")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    ran = wait(mj)
    assert (ran.code, ran.error["slug"]) == (9, "file_exists")
    assert str(path.absolute()) in ran.error["message"]
    assert left() == [name]
    assert kind != "file" or path.read_bytes() == b"mine"
    assert not service.image_requests


def test_what_gets_the_name_during_the_download_is_kept(mj: Mj, service: Service) -> None:
    def serve(task: str, index: int) -> bytes:
        Path("1.png").write_bytes(b"mine")
        return png("x")

    service.api.image_bytes = serve
    submit(mj)
    ran = wait(mj)
    assert (ran.code, ran.error["slug"]) == (9, "file_exists")
    assert "appeared" in ran.error["message"]
    assert Path("1.png").read_bytes() == b"mine"
    assert left() == ["1.png"]


def test_the_same_image_under_the_name_during_the_download_is_ours(
    mj: Mj, service: Service
) -> None:
    def serve(task: str, index: int) -> bytes:
        Path("1.png").write_bytes(png("x"))
        return png("x")

    service.api.image_bytes = serve
    submit(mj)
    assert wait(mj).code == 0
    assert left() == ["1.png"]


@pytest.mark.parametrize("error", [1, 95])  # EPERM, ENOTSUP
@pytest.mark.parametrize("taken", [False, True])
def test_a_file_system_without_hard_links_does(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch, error: int, taken: bool
) -> None:
    def link(source: Path, target: Path) -> None:
        if taken:
            Path(target).write_bytes(b"mine")
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "link", link)
    submit(mj)
    assert wait(mj).code == (9 if taken else 0)
    assert left() == ["1.png"]
    assert (Path("1.png").read_bytes() == b"mine") == taken


def test_another_failure_of_the_rename_is_told(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(os, "link", link)
    submit(mj)
    ran = wait(mj)
    assert (ran.code, ran.error["slug"]) == (9, "output")
    assert left() == []


def test_a_missing_directory_is_made(mj: Mj, service: Service) -> None:
    submit(mj)
    assert wait(mj, "--out", "a/b").code == 0
    assert left() == ["a", "a/b", "a/b/1.png"]


@pytest.mark.parametrize("out", ["file/below", "/proc/mj-was-here", "x" * 300])
def test_a_directory_that_cannot_be_made_is_told_and_nothing_is_lost(
    mj: Mj, service: Service, out: str
) -> None:
    task = submit(mj)
    Path("file").write_bytes(b"mine")
    ran = wait(mj, "--out", out)
    assert ran.code == 9
    assert "--out" in ran.error["hint"]
    assert mj("wait", task, "--out", "elsewhere", "--images", "all").code == 0


@contextlib.contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """A disk that has room for small files only."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_nothing_and_loses_nothing(mj: Mj, large: Service) -> None:
    submit(mj)
    with no_file_beyond(MEBIBYTE):
        ran = wait(mj)
    assert (ran.code, ran.error["slug"]) == (9, "output")
    assert "cannot write into" in ran.error["message"]
    assert left() == []
    assert ran.records[0]["state"] == "succeeded"
    assert wait(mj).code == 0
    check_whole()


def test_a_disk_that_is_full_for_a_copy_leaves_nothing_of_it(mj: Mj, large: Service) -> None:
    task = submit(mj)
    assert wait(mj).code == 0
    with no_file_beyond(MEBIBYTE):
        ran = mj("wait", task, "--out", "copies", "--json")
    assert ran.code == 9
    assert left() == ["1.png", "copies"]


def test_the_content_tells_the_type_not_the_url(mj: Mj, service: Service) -> None:
    service.api.image_bytes = lambda *_: JPEG
    submit(mj)
    ran = wait(mj)
    assert ran.code == 0
    assert left() == ["1.jpg"]
    assert saved(ran)["path"] == str(Path("1.jpg").absolute())
    requests = len(service.requests)
    task = ran.records[0]["task_id"]
    assert wait(mj, task).code == 0
    assert len(service.requests) == requests


@pytest.mark.parametrize("name", ["1.jpeg?size=1.webp", "1", "1.exe", "1.PNG#.gif"])
def test_any_name_in_the_url_will_do(mj: Mj, service: Service, name: str) -> None:
    submit(mj)
    service.on_status("fox", always(RowPatch({"images": [f"{service.url}/images/x/{name}"]})))
    service.on_image("", Answer(200, png("x")))
    assert wait(mj).code == 0
    assert left() == ["1.png"]


# --- The ledger's word ---


def test_a_file_whose_confirmation_was_lost_in_a_crash_is_ours(
    mj: Mj, service: Service, home: Path
) -> None:
    task = submit(mj)
    assert wait(mj).code == 0
    change_ledger(home, "UPDATE files SET state = 'expected', owner = 'dead'")
    Path(".1.png.dead.part").write_bytes(Path("1.png").read_bytes())
    requests = len(service.requests)
    ran = wait(mj, task)
    assert ran.code == 0
    assert saved(ran)["path"] == str(Path("1.png").absolute())
    assert len(service.requests) == requests
    assert left() == ["1.png"]


def test_a_crash_before_the_rename_makes_it_fetch_again(
    mj: Mj, service: Service, home: Path
) -> None:
    task = submit(mj)
    assert wait(mj).code == 0
    change_ledger(home, "UPDATE files SET state = 'expected', owner = 'dead'")
    Path("1.png").rename(".1.png.dead.part")
    assert wait(mj, task).code == 0
    assert left() == ["1.png"]


def test_every_saved_file_has_its_hash_in_the_ledger(mj: Mj, service: Service) -> None:
    submit(mj)
    (job,) = mj("wait", "--json").records
    for image in job["images"][1:]:
        content = Path(image["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == image["sha256"]
        assert (len(content), 8, 6) == (image["bytes"], image["width"], image["height"])


def test_a_job_that_is_forgotten_during_its_download_is_no_bug(
    mj: Mj, service: Service, home: Path
) -> None:
    def serve(task: str, index: int) -> bytes:
        change_ledger(home, "DELETE FROM jobs")
        return b"no picture"

    service.api.image_bytes = serve
    submit(mj)
    ran = wait(mj)
    assert (ran.code, ran.error["slug"]) == (9, "forgotten")
    assert left() == []


def test_a_ledger_that_breaks_during_a_download_leaves_no_file_without_its_row(
    mj: Mj, service: Service, home: Path
) -> None:
    def serve(task: str, index: int) -> bytes:
        change_ledger(home, "DROP TABLE files")
        return png("x")

    service.api.image_bytes = serve
    submit(mj)
    ran = wait(mj)
    assert (ran.code, ran.error["slug"]) == (9, "ledger")
    assert "ledger.db" in ran.error["message"]
    assert left() == []


def test_a_name_that_another_job_is_writing_to_right_now_is_a_conflict(
    mj: Mj, service: Service
) -> None:
    service.plan("fox", polls=1)
    submit(mj)
    submit(mj, "another fox")
    service.on_image("fox", Hang())
    ran = wait(mj, "--for", "60")
    assert ran.code == 9
    assert "1.png is being written for another job right now" in ran.err
    assert len(service.image_requests) == 1
    assert left() == []


def test_a_name_that_another_job_has_taken_is_a_conflict(mj: Mj, service: Service) -> None:
    submit(mj)
    assert wait(mj).code == 0
    content = Path("1.png").read_bytes()
    submit(mj, "another fox")
    ran = wait(mj)
    assert (ran.code, ran.error["slug"]) == (9, "file_exists")
    assert Path("1.png").read_bytes() == content


def test_a_name_that_another_job_had_and_gave_up_is_free(mj: Mj, service: Service) -> None:
    submit(mj)
    assert wait(mj).code == 0
    Path("1.png").unlink()
    task = submit(mj, "another fox")
    assert wait(mj).code == 0
    assert Path("1.png").read_bytes() == service.api.image_bytes(task, 1)


# --- Before anything is paid for ---


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        (("--template", "{index}.{ext}"), "3.webp"),
        (("--template", "{slug}/{index}.{ext}"), "a-fox/1.png"),
        (("--template", "{index}.{ext}", "--images", "grid"), "0.png"),
        (("--template", "{index}.{ext}", "--images", "7"), "7.png"),
    ],
)
def test_a_name_that_will_be_in_the_way_is_found_before_the_submit(
    mj: Mj, service: Service, options: tuple[str, ...], taken: str
) -> None:
    Path(taken).parent.mkdir(exist_ok=True)
    Path(taken).write_bytes(b"mine")
    ran = mj("submit", "a fox", "--wait", *options, "--json")
    assert (ran.code, ran.error["slug"]) == (9, "file_exists")
    assert taken in ran.error["message"]
    assert not service.connections


def test_a_name_that_is_not_wanted_is_not_in_the_way(mj: Mj, service: Service) -> None:
    Path("2.png").write_bytes(b"mine")
    options = ("--template", "{index}.{ext}", "--images", "1,3")
    assert mj("submit", "a fox", "--wait", *options).code == 0


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/mj-was-here", "x" * 300])
def test_a_directory_that_cannot_be_used_is_found_before_the_submit(
    mj: Mj, service: Service, out: str
) -> None:
    Path("file").write_bytes(b"mine")
    ran = mj("submit", "a fox", "--wait", "--out", out, "--json")
    assert (ran.code, ran.error["slug"]) == (9, "output")
    assert "nothing was sent" in ran.error["hint"]
    assert not service.connections


def test_a_directory_that_is_not_writable_is_found_before_the_submit(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # to root everything is writable
    ran = mj("submit", "a fox", "--wait", "--json")
    assert (ran.code, ran.error["slug"]) == (9, "output")
    assert not service.connections

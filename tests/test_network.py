"""Company proxies, certificates, names, redirects: what leaves, where to, and with which key."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from mj_cli.transport import tls_context
from tests.conftest import Mj
from tests.processes import ended, jobs, pictures, started, states, whole_pictures
from tests.support.faults import Hang, Redirect, Reset
from tests.support.proxy import ConnectProxy
from tests.support.service import Service
from tests.support.tls import Authority, unknown_authority_context

API, IMAGES = "api.example.test", "images.example.test"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """The company's own authority, which SSL_CERT_FILE names."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    tls_context.cache_clear()
    yield authority
    tls_context.cache_clear()


@pytest.fixture
def remote(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service out in the world, which only a proxy can reach by its name."""
    with Service(tls=authority.server_context(API, IMAGES), image_url=f"https://{IMAGES}") as api:
        monkeypatch.setenv("MJ_API_KEY", "test-key")
        monkeypatch.setenv("MJ_BASE_URL", f"https://{API}")
        yield api


def routes(remote: Service) -> dict[str, tuple[str, int]]:
    return {f"{host}:443": ("127.0.0.1", remote.port) for host in (API, IMAGES)}


@pytest.fixture
def proxy(remote: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConnectProxy]:
    with ConnectProxy(routes=routes(remote)) as running:
        monkeypatch.setenv("HTTPS_PROXY", running.url)
        yield running


# --- Proxies ---


def test_the_whole_job_runs_through_the_proxy_and_a_company_certificate(
    mj: Mj, remote: Service, proxy: ConnectProxy
) -> None:
    ran = mj("submit", "a fox", "--wait")
    assert (ran.code, len(ran.lines)) == (0, 4)
    assert set(pictures().values()) == whole_pictures(remote)
    assert set(proxy.tunnels) == {f"{API}:443", f"{IMAGES}:443"}


def test_neither_the_proxy_nor_the_image_host_sees_the_key(
    mj: Mj, remote: Service, proxy: ConnectProxy
) -> None:
    mj("submit", "a fox", "--wait")
    assert all("test-key" not in repr(head) for head in proxy.heads)
    assert all("test-key" not in repr(seen) for seen in remote.image_requests)
    assert {seen.headers["api-key"] for seen in remote.submits} == {"test-key"}


@pytest.mark.parametrize("status", [403, 502])
def test_a_proxy_that_refuses_the_tunnel_lets_nothing_through(
    mj: Mj, remote: Service, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    with ConnectProxy(refuse=status) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        ran = mj("submit", "a fox")
    assert ran.code == 7
    assert f"the proxy refused: {status}" in ran.err
    assert states(mj) == {"a fox": "failed"}
    assert remote.connections == []


def test_a_proxy_that_wants_a_password_gets_it_from_the_url(
    mj: Mj, remote: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ConnectProxy(auth=("user", "pass"), routes=routes(remote)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url_as("user", "pass"))
        assert mj("submit", "a fox").code == 0


def test_a_wrong_proxy_password_is_a_clear_error_that_does_not_show_it(
    mj: Mj, remote: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ConnectProxy(auth=("user", "pass")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url_as("user", "hunter2"))
        ran = mj("submit", "a fox", "--verbose")
    assert (ran.code, states(mj)) == (7, {"a fox": "failed"})
    assert "the proxy refused: 407" in ran.err
    assert "hunter2" not in ran.err


def test_a_proxy_that_is_not_there_leaves_a_job_that_was_not_sent(
    mj: Mj, remote: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert mj("submit", "a fox").code == 7
    assert states(mj) == {"a fox": "failed"}


@pytest.mark.parametrize("after", [0, 100, 700])
def test_a_tunnel_cut_before_the_request_leaves_a_job_that_was_not_sent(
    mj: Mj, remote: Service, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    with ConnectProxy(cut_after=after, routes=routes(remote)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert mj("submit", "a fox").code == 7
    assert states(mj) == {"a fox": "failed"}
    assert remote.requests == []


def test_a_tunnel_reset_after_the_request_leaves_a_doubt(
    mj: Mj, remote: Service, proxy: ConnectProxy
) -> None:
    remote.on_submit("a fox", Reset())
    assert mj("submit", "a fox").code == 6
    assert states(mj) == {"a fox": "in_doubt"}
    assert len(remote.submits) == 1


def test_a_proxy_that_dies_after_the_request_leaves_a_doubt(
    mj: Mj, remote: Service, proxy: ConnectProxy
) -> None:
    remote.on_submit("a fox", Hang())
    with started("submit", "a fox") as process:
        remote.wait_for("submit")
        proxy.close()
        assert ended(process).code == 6
    assert states(mj) == {"a fox": "in_doubt"}


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_no_proxy_goes_past_the_proxy(
    mj: Mj, authority: Authority, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with ConnectProxy(refuse=403) as proxy, Service(tls=authority.server_context()) as near:
        for variable, value in (("HTTPS_PROXY", proxy.url), (name, "localhost")):
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv("MJ_API_KEY", "test-key")
        monkeypatch.setenv("MJ_BASE_URL", near.url)
        assert mj("submit", "a fox", "--wait").code == 0
        assert proxy.heads == []


# --- Certificates and names ---


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("unknown", "unable to get local issuer certificate"),
        ("expired", "certificate has expired"),
        ("wrong name", "Hostname mismatch"),
    ],
)
def test_a_bad_certificate_is_told_and_gets_no_request(
    mj: Mj, authority: Authority, monkeypatch: pytest.MonkeyPatch, kind: str, words: str
) -> None:
    contexts = {
        "unknown": unknown_authority_context,
        "expired": authority.expired_context,
        "wrong name": authority.wrong_name_context,
    }
    with Service(tls=contexts[kind]()) as impostor:
        monkeypatch.setenv("MJ_API_KEY", "test-key")
        monkeypatch.setenv("MJ_BASE_URL", impostor.url)
        ran = mj("submit", "a fox")
        assert impostor.requests == []
    assert ran.code == 7
    assert words in ran.err
    assert states(mj) == {"a fox": "failed"}


def test_a_name_that_cannot_be_looked_up_leaves_a_job_that_was_not_sent(
    mj: Mj, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setenv("MJ_API_KEY", "test-key")
    monkeypatch.setenv("MJ_BASE_URL", f"https://{API}")
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    ran = mj("submit", "a fox")
    assert ran.code == 7
    assert "Name or service not known" in ran.err
    assert states(mj) == {"a fox": "failed"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("HTTPS_PROXY", "socks5://127.0.0.1:1080"),
        ("HTTPS_PROXY", "nonsense://127.0.0.1"),
        ("HTTPS_PROXY", "http://[::1"),
    ],
)
@pytest.mark.parametrize("command", [["submit", "a fox"], ["wait", "task"], ["config", "login"]])
def test_a_network_setting_that_cannot_be_used_is_named_before_anything_is_recorded(
    mj: Mj,
    remote: Service,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    command: list[str],
) -> None:
    monkeypatch.setenv(variable, value)
    ran = mj(*command, stdin="test-key")
    assert ran.code == 2
    assert variable in ran.err
    assert states(mj) == {}


def test_a_job_in_doubt_stays_so_when_no_proxy_can_be_used(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.on_submit("a fox", Reset())
    mj("submit", "a fox")
    doubtful = jobs(mj)["a fox"]["id"]
    monkeypatch.setenv("MJ_BASE_URL", service.url.replace("http:", "https:"))
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://127.0.0.1")
    ran = mj("jobs", "resolve", doubtful, "--resubmit", "--yes")
    assert ran.code == 2
    assert states(mj) == {"a fox": "in_doubt"}


def test_plain_http_to_this_machine_shows_no_proxy_the_key(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ConnectProxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert mj("submit", "a fox", "--wait").code == 0
        assert proxy.heads == []


# --- Redirects ---


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirected_submit_is_in_doubt_and_the_other_host_sees_nothing(
    mj: Mj, service: Service, status: int
) -> None:
    with Service() as other:
        service.on_submit("a fox", Redirect(other.url + "/midjourney/v1/submit-jobs", status))
        assert mj("submit", "a fox").code == 6
        assert other.connections == []
    assert states(mj) == {"a fox": "in_doubt"}
    assert service.bill == []


def test_a_redirected_job_status_is_an_error_and_the_other_host_sees_nothing(
    mj: Mj, service: Service
) -> None:
    mj("submit", "a fox")
    with Service() as other:
        service.on_status("a fox", Redirect(other.url, 307))
        assert mj("status").code == 7
        assert other.connections == []


def test_a_redirected_image_is_fetched_without_the_key(
    mj: Mj, remote: Service, proxy: ConnectProxy
) -> None:
    task = mj("submit", "a fox").out.strip()
    remote.on_image("a fox", Redirect(f"https://{API}/images/{task}/2.png"), index=1)
    assert mj("wait", "--images", "1").code == 0
    assert all("api-key" not in seen.headers for seen in remote.image_requests)
    assert list(pictures().values()) == [remote.api.image_bytes(task, 2)]


# --- Where images may come from ---


@pytest.fixture
def inner(authority: Authority, service: Service) -> Iterator[Service]:
    """A host in the user's own network, to which the service's image URLs point."""
    with Service(tls=authority.server_context()) as host:
        service.api.image_url = host.url
        yield host


def test_an_image_on_a_private_address_is_refused_before_a_request(
    mj: Mj, service: Service, inner: Service
) -> None:
    ran = mj("submit", "a fox", "--wait")
    assert ran.code == 9
    assert "private address" in ran.err
    assert (inner.requests, pictures()) == ([], {})


def test_an_image_redirected_to_a_private_address_is_refused_before_a_request(
    mj: Mj, service: Service, authority: Authority
) -> None:
    with Service(tls=authority.server_context()) as inner:
        service.on_image("a fox", Redirect(inner.url + "/images/x/1.png"), index=1)
        assert mj("submit", "a fox", "--wait", "--images", "1").code == 9
        assert inner.requests == []


def test_an_image_that_is_not_https_is_refused_without_a_connection(
    mj: Mj, service: Service
) -> None:
    with Service() as other:
        service.api.image_url = other.url
        ran = mj("submit", "a fox", "--wait")
        assert other.connections == []
    assert ran.code == 9
    assert "not https" in ran.err


def test_a_host_that_the_user_vouches_for_may_be_private(
    mj: Mj, service: Service, inner: Service
) -> None:
    mj("config", "set", "allow_image_hosts", "localhost")
    inner.api.jobs = service.jobs
    assert mj("submit", "a fox", "--wait").code == 0
    assert len(inner.image_requests) == 4


def test_images_behind_a_proxy_must_be_https_too(
    mj: Mj, remote: Service, proxy: ConnectProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    remote.api.image_url = f"http://{IMAGES}"
    ran = mj("submit", "a fox", "--wait")
    assert ran.code == 9
    assert proxy.forwarded == []

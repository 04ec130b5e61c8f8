from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.sandbox.kit import STATUS, SUBMIT, Client


def test_the_front_page_says_what_this_is(client: Client) -> None:
    response = client.get("/")
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/plain")
    assert b"sandbox" in response.body


def test_head_is_get_without_the_body(client: Client) -> None:
    head, get = client.send("HEAD", "/"), client.send("GET", "/")
    assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")
    assert client.send("HEAD", "/nothing").body == b""


@pytest.mark.parametrize("path", ["", "/x", "/images", "/images/x/grid.jpg", SUBMIT + "/", "//"])
def test_an_unknown_path_is_not_found(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status == 404
    assert json.loads(response.body)["status"] == 404


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", SUBMIT, "POST"),
        ("HEAD", STATUS, "POST"),
        ("DELETE", STATUS, "POST"),
        ("POST", "/", "GET, HEAD"),
        ("PUT", "/images/sbx_x/grid.png", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(
    client: Client, method: str, path: str, allow: str
) -> None:
    response = client.send(method, path)
    assert response.status == 405
    assert response.headers["allow"] == allow


def test_a_broken_state_file_is_an_answer_and_no_crash(client: Client) -> None:
    client.store.path.write_bytes(b"this is no database" * 1000)
    response = client.post(STATUS, {"taskIds": ["sbx_x"]})
    assert response.status == 500
    assert "memory" in json.loads(response.body)["message"]


def test_importing_the_sandbox_is_light() -> None:
    code = "import sys, mj_cli.sandbox; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(result.stdout.split())
    assert not loaded & {"starlette", "uvicorn", "httpx", "asyncio", "anyio"}
    ours = {name for name in loaded if name.startswith("mj_cli.")}
    assert all(name.startswith("mj_cli.sandbox") for name in ours)

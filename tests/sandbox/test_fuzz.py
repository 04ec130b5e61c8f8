from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mj_cli.sandbox import Response
from tests.sandbox.kit import STATUS, SUBMIT, Client

ANYTHING = st.text(st.characters(), max_size=40)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT"]) | ANYTHING
PATHS = st.sampled_from(["/", SUBMIT, STATUS, "/images/x/grid.png"]) | ANYTHING
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANYTHING,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANYTHING, inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "prompt": VALUES | st.just("fox"),
        "mode": VALUES | st.just("fast"),
        "hookUrl": VALUES | ANYTHING.map("https://".__add__),
        "timeout": VALUES | st.integers(300, 1200),
        "taskIds": VALUES | st.lists(ANYTHING, max_size=3),
    },
)
BODIES = st.binary(max_size=200) | FIELDS.map(lambda fields: json.dumps(fields).encode())
HEADERS = st.dictionaries(
    st.sampled_from(["api-key", "range", "if-range", "host", "content-type"]),
    ANYTHING | st.just("sandbox"),
)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with TemporaryDirectory() as folder, Client(Path(folder) / "sandbox.db") as client:
        yield client


def check(response: Response, method: str) -> None:
    assert 200 <= response.status < 600
    assert all(name == name.lower() for name in response.headers)
    if method == "HEAD":
        assert response.body == b""
        return
    assert response.headers["content-length"] == str(len(response.body))
    if response.headers["content-type"] == "application/json":
        answer = json.loads(response.body)
        assert isinstance(answer["status"], int)
        assert isinstance(answer["message"], str)
        assert response.status in {200, answer["status"]}


@given(method=METHODS, path=PATHS, headers=HEADERS, body=BODIES)
@settings(max_examples=150, deadline=None)
def test_no_request_is_too_strange(
    client: Client, method: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    check(client.send(method, path, body, headers), method)


@given(path=st.sampled_from([SUBMIT, STATUS]), body=BODIES)
@settings(max_examples=150, deadline=None)
def test_no_body_is_too_strange(client: Client, path: str, body: bytes) -> None:
    check(client.send("POST", path, body), "POST")


@given(asked=ANYTHING.map("bytes=".__add__) | st.from_regex(r"bytes=[0-9]*-[0-9]*"))
@settings(max_examples=60, deadline=None)
def test_no_range_is_too_strange(client: Client, asked: str) -> None:
    client.tune(slots=1000)
    task_id = client.accepted()
    client.now += 60
    check(client.get(f"/images/{task_id}/0_0.png", range=asked), "GET")

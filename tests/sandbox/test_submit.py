from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.sandbox.kit import START, SUBMIT, Client, contract


def test_an_accepted_job_is_answered_like_the_api_does(client: Client) -> None:
    response = client.post(SUBMIT, contract("submit-request"))
    answer, sample = json.loads(response.body), contract("submit-accepted")
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-length"] == str(len(response.body))
    assert re.fullmatch(r"sbx_[A-Za-z0-9_-]{21}", answer["data"].pop("taskId"))
    sample["data"].pop("taskId")
    assert answer == sample


def test_every_accepted_job_is_on_the_bill(client: Client) -> None:
    fast = client.accepted("one")
    client.now += 1
    relaxed = client.accepted("two", mode="relaxed")
    bill = client.store.bill()
    assert [(charge.task_id, charge.prompt, charge.mode, charge.cost) for charge in bill] == [
        (fast, "one", "fast", 2),
        (relaxed, "two", "relaxed", 1),
    ]
    assert [charge.charged_at for charge in bill] == [START, START + 1]


@pytest.mark.parametrize("headers", [{}, {"api-key": ""}, {"api-key": "wrong"}])
def test_a_call_without_the_right_key_is_refused(client: Client, headers: dict[str, str]) -> None:
    response = client.send("POST", SUBMIT, b'{"prompt": "x"}', headers)
    assert response.status == 401
    assert json.loads(response.body)["status"] == 401
    assert client.store.bill() == []


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": 1}, "prompt"),
        ({"prompt": ["x"]}, "prompt"),
        ({"prompt": "\ud800"}, "prompt"),
        ({"prompt": "é" * 5001}, "prompt"),
        ({"prompt": "x", "mode": "relax"}, "mode"),
        ({"prompt": "x", "mode": None}, "mode"),
        ({"prompt": "x", "mode": ["fast"]}, "mode"),
        ({"prompt": "x", "hookUrl": None}, "hookUrl"),
        ({"prompt": "x", "hookUrl": 1}, "hookUrl"),
        ({"prompt": "x", "hookUrl": "ftp://example.com/"}, "hookUrl"),
        ({"prompt": "x", "hookUrl": "https:///hook"}, "hookUrl"),
        ({"prompt": "x", "hookUrl": "https://[::1/hook"}, "hookUrl"),
        ({"prompt": "x", "hookUrl": "https://example.com/\ud800"}, "hookUrl"),
        ({"prompt": "x", "timeout": 299}, "timeout"),
        ({"prompt": "x", "timeout": 1201}, "timeout"),
        ({"prompt": "x", "timeout": True}, "timeout"),
        ({"prompt": "x", "timeout": 600.0}, "timeout"),
        ({"prompt": "x", "timeout": "600"}, "timeout"),
        ({"prompt": "x", "timeout": None}, "timeout"),
        ([], "body"),
        ("prompt", "body"),
        (None, "body"),
    ],
)
def test_a_wrong_field_is_named(client: Client, content: Any, field: str) -> None:
    response = client.post(SUBMIT, content)
    answer = json.loads(response.body)
    assert response.status == 400
    assert answer["status"] == 400
    assert field in answer["message"]
    assert client.store.bill() == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 60_000, b"1" * 60_000])
def test_a_body_that_is_no_json_is_refused(client: Client, body: bytes) -> None:
    response = client.send("POST", SUBMIT, body)
    assert response.status == 400
    assert "JSON" in json.loads(response.body)["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "é" * 5000},
        {"prompt": "x\0y"},
        {"mode": "relaxed", "timeout": 300},
        {"timeout": 1200, "hookUrl": "http://localhost:8000/hook"},
        {"surprise": {"unknown": "fields are ignored"}},
    ],
)
def test_what_is_allowed_is_accepted(client: Client, fields: dict[str, Any]) -> None:
    assert client.submit(**{"prompt": "x", **fields})["status"] == 0


def test_a_large_body_is_refused(client: Client) -> None:
    fits = json.dumps({"prompt": "x"}).encode().ljust(65_536)
    assert client.send("POST", SUBMIT, fits).status == 200
    response = client.send("POST", SUBMIT, fits + b" ")
    assert response.status == 413
    assert json.loads(response.body)["status"] == 413


def test_the_eleventh_unfinished_job_is_refused(client: Client) -> None:
    for _ in range(10):
        client.accepted()
    assert client.submit() == contract("submit-concurrency")
    client.now += 60
    client.accepted()
    assert len(client.store.bill()) == 11


def test_the_limit_in_the_message_is_the_one_that_holds(client: Client) -> None:
    client.tune(slots=1)
    client.accepted()
    assert client.submit()["message"] == "concurrency limit, max 1"


def test_a_job_that_the_quota_does_not_cover_is_refused(client: Client) -> None:
    client.tune(quota=3)
    client.accepted()
    assert client.submit() == contract("submit-quota")
    client.accepted(mode="relaxed")
    assert client.submit(mode="relaxed") == contract("submit-quota")
    assert sum(charge.cost for charge in client.store.bill()) == 3


@pytest.mark.parametrize("prompt", ["gore", "a scene of Gore, in red", "x --no gore"])
def test_a_banned_word_is_refused_and_costs_nothing(client: Client, prompt: str) -> None:
    assert client.submit(prompt) == {"status": 1004, "message": "banned prompt detected: gore"}
    assert client.store.bill() == []


def test_a_word_that_only_contains_a_banned_one_passes(client: Client) -> None:
    client.accepted("portrait of Gorey")

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest

from tests.sandbox.kit import BASE, START, STATUS, Client, contract

COMPLETED, RUNNING, FAILED = contract("status-answer")["data"]


def test_a_running_job_is_told_like_the_api_does(client: Client) -> None:
    row = client.row(client.accepted("a red fox"))
    assert list(row) == list(RUNNING)
    assert row["status"] == RUNNING["status"]
    assert row["prompt"] == "a red fox"
    assert row["createdAt"] == int(START * 1000)


def test_a_completed_job_is_told_like_the_api_does(client: Client) -> None:
    task_id = client.accepted("a red fox --ar 4:5")
    client.now += 60
    row = client.row(task_id)
    assert list(row) == list(COMPLETED)
    assert {key: type(value) for key, value in row.items()} == {
        key: type(value) for key, value in COMPLETED.items()
    }
    assert row["status"] == COMPLETED["status"]
    assert row["failReason"] == COMPLETED["failReason"]
    assert row["mjPrompt"] == "a red fox --ar 4:5 --v 8.2"
    assert row["image"] == f"{BASE}/images/{task_id}/grid.png"
    assert row["images"] == [f"{BASE}/images/{task_id}/0_{number}.png" for number in range(4)]
    assert row["meta"] == {"width": 38, "height": 48}
    assert uuid.UUID(row["jobId"]).version == 4


def test_a_failed_job_is_told_like_the_api_does(client: Client) -> None:
    task_id = client.accepted("a Moderated thing")
    assert client.row(task_id)["status"] == 0
    client.now += 60
    row = client.row(task_id)
    assert list(row) == list(FAILED)
    assert row["status"] == FAILED["status"]
    assert row["failReason"] == FAILED["failReason"]
    assert [charge.task_id for charge in client.store.bill()] == [task_id]


def test_the_envelope_is_that_of_the_api(client: Client) -> None:
    answer, sample = client.status("unknown"), contract("status-answer")
    sample["data"] = []
    assert answer == sample


def test_a_job_is_done_when_its_time_has_come(client: Client) -> None:
    client.tune(sigma=0.0)
    fast, relaxed = client.accepted(), client.accepted(mode="relaxed")
    states = []
    for moment in (0.0, 3.99, 4.0, 9.99, 10.0):
        client.now = START + moment
        states.append((client.row(fast)["status"], client.row(relaxed)["status"]))
    assert states == [(0, 0), (0, 0), (1, 0), (1, 0), (1, 1)]


def test_a_job_that_takes_too_long_fails_at_its_timeout(client: Client) -> None:
    client.tune(sigma=0.0, fast_seconds=500.0)
    hasty, patient = client.accepted(timeout=300), client.accepted("moderated", timeout=500)
    client.now += 299
    assert client.row(hasty)["status"] == 0
    client.now += 1
    assert client.row(hasty)["status"] == 2
    assert "timeout of 300 s" in client.row(hasty)["failReason"]
    client.now += 200
    assert client.row(patient)["failReason"] == "the prompt was moderated"


def test_durations_vary_and_repeat(tmp_path_factory: pytest.TempPathFactory) -> None:
    def durations(seed: int) -> list[float]:
        path = tmp_path_factory.mktemp("state") / "sandbox.db"
        with Client(path, slots=100, seed=seed) as client:
            jobs = client.store.find([client.accepted() for _ in range(40)])
        return [round(job.ends_at - job.created_at, 3) for job in jobs]

    first = durations(0)
    assert first == durations(0) != durations(1)
    assert len(set(first)) > 30
    assert 3.7 < sum(first) / 40 < 4.3
    assert all(0.4 <= seconds < 7 for seconds in first)


@pytest.mark.parametrize(
    ("prompt", "kept"),
    [
        ("fox --v 7", True),
        ("fox --version 6.1", True),
        ("fox --niji 7", True),
        ("fox --v=7", True),
        ("fox --niji", True),
        ("fox --video", False),
        ("fox x--v 7", False),
    ],
)
def test_a_prompt_without_version_gets_one(client: Client, prompt: str, *, kept: bool) -> None:
    task_id = client.accepted(prompt)
    client.now += 60
    assert client.row(task_id)["mjPrompt"] == (prompt if kept else f"{prompt} --v 8.2")


def test_rows_come_once_and_unknown_ids_are_missing(client: Client) -> None:
    one, two = client.accepted(), client.accepted()
    wanted = [two, "ZZ_unknown-1", one, two, "", "no/id", "\ud800", "x" * 300]
    rows = json.loads(client.post(STATUS, {"taskIds": wanted}).body)["data"]
    assert [row["taskId"] for row in rows] == [two, one]


def test_a_hundred_ids_are_answered(client: Client) -> None:
    assert client.status(*(f"id-{number}" for number in range(100)))["data"] == []


@pytest.mark.parametrize(
    "content",
    [{}, {"taskIds": []}, {"taskIds": "x"}, {"taskIds": [1]}, {"taskIds": ["x"] * 101}, []],
)
def test_a_wrong_list_of_ids_is_refused(client: Client, content: Any) -> None:
    response = client.post(STATUS, content)
    assert response.status == 400
    assert re.search("taskIds|body", json.loads(response.body)["message"])


def test_status_wants_the_key(client: Client) -> None:
    assert client.send("POST", STATUS, b'{"taskIds": ["x"]}', {}).status == 401

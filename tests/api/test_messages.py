"""Messages of the API: what is sent is the contract's, what is received is not trusted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mj_cli.api.messages import (
    SenselessError,
    decode_envelope,
    decode_message,
    decode_status,
    decode_task_id,
    encode_status,
    encode_submit,
)
from mj_cli.models import JobRequest, Mode, TaskReport, TaskState

CONTRACT = Path(__file__).parents[1] / "contract"
URL = "https://cdn.example/{}.png"
A, B = URL.format("a"), URL.format("b")
JUNK: list[Any] = [None, True, False, 0, -1, 2.5, 1e400, "", " ", [], {}, [[]], {"a": 1}, 10**30]


def sample(name: str) -> Any:
    return json.loads((CONTRACT / f"{name}.json").read_text())


def answer(*rows: Any) -> bytes:
    return json.dumps({"status": 0, "data": list(rows), "message": "success"}).encode()


def row(**fields: Any) -> dict[str, Any]:
    return {"taskId": "t1", "status": 1, **fields}


def report(**fields: Any) -> TaskReport:
    """What is understood of a completed task with these fields."""
    return decode_status(answer(row(**fields)), {"t1"})["t1"]


# --- What is sent ---


def test_a_submit_is_the_one_of_the_contract() -> None:
    wanted = sample("submit-request")
    request = JobRequest(
        prompt=wanted["prompt"],
        mode=Mode.FAST,
        timeout=wanted["timeout"],
        hook_url=wanted["hookUrl"],
        name="mine alone",
    )
    assert json.loads(encode_submit(request)) == wanted


def test_what_is_not_set_is_left_to_the_service() -> None:
    assert json.loads(encode_submit(JobRequest(prompt="füchse 🦊", mode=Mode.RELAXED))) == {
        "prompt": "füchse 🦊",
        "mode": "relaxed",
    }


def test_a_job_status_call_is_the_one_of_the_contract() -> None:
    wanted = sample("status-request")
    assert json.loads(encode_status(wanted["taskIds"])) == wanted


# --- The contract's answers ---


def test_the_contracts_answer_to_job_status() -> None:
    asked = sample("status-request")["taskIds"]
    reports = decode_status((CONTRACT / "status-answer.json").read_bytes(), asked)
    done, running, failed = (reports[task_id] for task_id in asked[:3])
    base = "https://cdn.example/MtAd7mCuc4YqK_a1iAQSW"
    assert done == TaskReport(
        task_id="MtAd7mCuc4YqK_a1iAQSW",
        state=TaskState.COMPLETED,
        prompt="premium skincare product shot on marble --ar 4:5",
        created_at=1795356571.47,
        images=(
            (0, f"{base}/grid.png"),
            *((index, f"{base}/0_{index - 1}.png") for index in (1, 2, 3, 4)),
        ),
    )
    assert (running.state, running.images) == (TaskState.RUNNING, ())
    assert (failed.state, failed.fail_reason) == (TaskState.FAILED, "the prompt was moderated")
    assert len(reports) == 3  # the unknown one is missing, not failed


@pytest.mark.parametrize(
    ("name", "status", "task_id", "message"),
    [
        ("submit-accepted", 0, "MtAd7mCuc4YqK_a1iAQSW", "success"),
        ("submit-quota", 1001, None, "quota not enough"),
        ("submit-concurrency", 1002, None, "concurrency limit, max 10"),
    ],
)
def test_the_contracts_answers_to_a_submit(
    name: str, status: int, task_id: str | None, message: str
) -> None:
    envelope = decode_envelope((CONTRACT / f"{name}.json").read_bytes())
    found = (envelope["status"], decode_task_id(envelope), decode_message(envelope))
    assert found == (status, task_id, message)


# --- Envelopes that make no sense ---


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"<html>",
        b"\xff\xfe",
        b"{}",
        b'{"status": true, "data": []}',
        b'{"status": "0", "data": []}',
        b'{"status": 1, "data": []}',
        b'{"status": 1001, "message": "quota not enough"}',
        b'{"status": 0}',
        b'{"status": 0, "data": null}',
        b'{"status": 0, "data": {}}',
        b'{"status": 0, "data": "t1"}',
        b"[" * 200_000,
        b'{"status": 0, "data": ' + b'{"a":' * 50_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_senseless_answer_to_job_status_says_so(body: bytes) -> None:
    with pytest.raises(SenselessError, match=r"\w+ \w+"):
        decode_status(body, {"t1"})


@pytest.mark.parametrize("data", ["t1", 7, True, ["t1"], {"taskId": "a/b"}, {"taskId": 7}])
def test_what_is_no_task_id_is_not_taken_for_a_missing_one(data: Any) -> None:
    with pytest.raises(SenselessError):
        decode_task_id({"status": 0, "data": data})


@pytest.mark.parametrize("message", JUNK)
def test_a_message_that_is_no_text_is_none(message: Any) -> None:
    expected = message if isinstance(message, str) else ""
    assert decode_message({"status": 0, "message": message}) == expected


# --- Rows that make no sense ---


@pytest.mark.parametrize("bad", [*JUNK, "x", {"status": 1}, {"taskId": "t1"}])
def test_a_senseless_row_is_passed_over_and_spoils_no_other(bad: Any) -> None:
    assert decode_status(answer(bad, row()), {"t1"}).keys() == {"t1"}


@pytest.mark.parametrize("task_id", [*JUNK, "a/b", "t1\n", "\ud800", "x" * 257, ["t1"]])
def test_a_row_without_a_task_id_is_missing(task_id: Any) -> None:
    assert decode_status(answer(row(taskId=task_id)), {"t1"}) == {}


@pytest.mark.parametrize("status", [None, True, False, "1", 1.0, -1, 3, 99, 10**30, [], {}])
def test_a_row_with_an_unknown_status_is_missing_not_failed(status: Any) -> None:
    assert decode_status(answer(row(status=status)), {"t1"}) == {}


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("field", ["prompt", "failReason", "createdAt", "image", "images"])
def test_a_field_of_the_wrong_type_counts_as_not_given(field: str, junk: Any) -> None:
    found = report(**{field: junk})
    assert found == TaskReport(task_id="t1", state=TaskState.COMPLETED)


def test_rows_that_nobody_asked_for_are_dropped() -> None:
    rows = [row(taskId="foreign"), row(), row(taskId="t2")]
    assert decode_status(answer(*rows), {"t1"}).keys() == {"t1"}


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_rows_the_one_that_ended_counts(order: int) -> None:
    rows = [row(status=0), row(status=1, images=[A])][::order]
    found = decode_status(answer(*rows), {"t1"})["t1"]
    assert (found.state, found.images) == (TaskState.COMPLETED, ((1, A),))


def test_times_that_cannot_be_are_not_believed() -> None:
    odd = [-1, 0, 1795356571, 1e300, float("nan"), float("-inf"), 10**400, "1795356571470"]
    assert [report(createdAt=value).created_at for value in odd] == [None] * len(odd)


def test_lone_surrogates_cannot_get_in() -> None:
    found = decode_status(answer(row(status=2, prompt="a\ud800b", failReason="\udfff")), {"t1"})
    assert (found["t1"].prompt, found["t1"].fail_reason) == ("a?b", "?")


def test_ten_megabytes_of_text_are_cut_short() -> None:
    found = report(prompt="x" * 10_000_000, image="https://e.example/" + "y" * 10_000_000)
    assert found.prompt is not None
    assert len(found.prompt) < 3_000
    assert found.images == ()


# --- Images ---


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ()),
        ({"image": A}, ((0, A),)),
        ({"image": {"url": A}}, ((0, A),)),
        ({"images": [A, B]}, ((1, A), (2, B))),
        ({"images": [{"url": A}, {"url": B, "more": 1}]}, ((1, A), (2, B))),
        ({"images": [A, {"url": B}]}, ((1, A), (2, B))),
        ({"images": A}, ((1, A),)),
        ({"images": [A, B, A]}, ((1, A), (2, B))),
        ({"image": A, "images": [A, B]}, ((1, A), (2, B))),
        ({"image": A, "images": [B]}, ((0, A), (1, B))),
        ({"image": [A, B], "images": []}, ((0, A),)),
        ({"images": [None, 7, [A], {"url": [A]}, {}, "", A]}, ((1, A),)),
        (
            {"images": ["ftp://e.example/a", "file:///etc/passwd", "data:,x", "//e.example/a", A]},
            ((1, A),),
        ),
        ({"images": ["https://e.example/ü.png", "https://e.example/\x1b[31m", A]}, ((1, A),)),
        ({"images": ["https://e.example/\ud800", A]}, ((1, A),)),
    ],
)
def test_images_come_in_many_shapes(
    fields: dict[str, Any], expected: tuple[tuple[int, str], ...]
) -> None:
    assert report(**fields).images == expected


def test_a_flood_of_images_is_bounded() -> None:
    assert len(report(images=[URL.format(number) for number in range(10_000)]).images) == 64


# --- Anything ---

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("t1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
rows = st.fixed_dictionaries(
    {"taskId": st.just("t1") | junk, "status": st.integers(-1, 4) | junk},
    optional=dict.fromkeys(("prompt", "failReason", "createdAt", "image", "images"), junk),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(rows | junk, max_size=4))
def test_whatever_rows_come_the_reports_are_sane(found: list[Any]) -> None:
    for task_id, one in decode_status(answer(*found), {"t1"}).items():
        assert task_id == one.task_id == "t1"
        texts = [one.prompt or "", one.fail_reason or "", *(url for _, url in one.images)]
        "".join(texts).encode()

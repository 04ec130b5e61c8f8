"""What an answer to a submit means for the money: the table, row by row, and nothing beyond it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mj_cli.api.outcomes import Accepted, Busy, Doubtful, Outcome, Refused, classify

CONTRACT = Path(__file__).parents[1] / "contract"
NOW = 1_800_000_000.0
DOUBT = Doubtful("")
TASK = {"taskId": "MtAd7mCuc4YqK_a1iAQSW"}
BANNED = {"status": 1003, "message": "banned word"}


def outcome(http: int, body: object, **headers: str) -> Outcome:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return classify(http, names, raw, now=NOW)


def sample(name: str) -> bytes:
    return (CONTRACT / f"{name}.json").read_bytes()


def refused(code: int, slug: str) -> Refused:
    return Refused(slug, f"the service answered HTTP {code}")


def busy(reason: str, *, slot: bool) -> Busy:
    return Busy(reason, None, concurrency=slot)


TOO_MANY = busy("the service says 429 Too Many Requests", slot=False)
NO_SLOT = busy("m", slot=True)
NO_TASK_IDS: list[object] = ["", " ", "a/b", "../x", "a\n", "ä", "\ud800", 7, True, [], ["a"], {}]
NO_STATUSES: list[object] = [False, True, None, "0", "", 0.0, 1e400, float("nan"), [], {}, [0]]
NO_DATA: list[object] = ["x", 1, True, [], [TASK], 0.5]

TABLE: list[tuple[int, object, Outcome]] = [
    # accepted: 2xx, status 0, a well-formed task id
    (200, sample("submit-accepted"), Accepted("MtAd7mCuc4YqK_a1iAQSW")),
    (201, {"status": 0, "data": TASK}, Accepted(TASK["taskId"])),
    (299, {"status": 0, "data": {**TASK, "more": [1]}, "extra": 1}, Accepted(TASK["taskId"])),
    (200, {"status": 0, "data": {"taskId": "-"}, "message": 7}, Accepted("-")),
    (200, {"status": 0, "data": {"taskId": "a" * 256}}, Accepted("a" * 256)),
    (200, b'\xef\xbb\xbf{"status": 0, "data": {"taskId": "bom"}}', Accepted("bom")),
    # busy: 1002, 429
    (200, sample("submit-concurrency"), busy("concurrency limit, max 10", slot=True)),
    (200, {"status": 1002}, busy("concurrency limit reached", slot=True)),
    (400, {"status": 1002, "message": "m"}, NO_SLOT),
    (429, {"status": 1002, "message": "m", "data": None}, NO_SLOT),
    (429, b"", TOO_MANY),
    (429, b"<html>slow down</html>", TOO_MANY),
    (429, {"status": 0, "data": None}, TOO_MANY),
    (429, {"status": 429, "message": "slow down"}, TOO_MANY),
    # refused for want of quota: 1001, 402
    (200, sample("submit-quota"), Refused("quota", "quota not enough")),
    (200, {"status": 1001, "message": ""}, Refused("quota", "quota not enough")),
    (403, {"status": 1001, "message": "m"}, Refused("quota", "m")),
    (429, {"status": 1001, "message": "m"}, Refused("quota", "m")),
    (402, b"", refused(402, "quota")),
    # refused: another status and no task id
    (200, BANNED, Refused("refused", "banned word")),
    (204, {"status": -1, "data": {}}, Refused("refused", "the service answered with status -1")),
    (200, {"status": 7, "data": {"taskId": None}, "message": "m"}, Refused("refused", "m")),
    (200, {"status": 7, "message": "\ud800"}, Refused("refused", "?")),
    # refused: the key
    (401, b"", refused(401, "key_refused")),
    (403, b"<html>no</html>", refused(403, "key_refused")),
    (401, {"status": 401, "message": "bad key"}, Refused("key_refused", "bad key")),
    # refused: HTTP codes that are a definite no, whatever the body is
    *[(code, b"", refused(code, "refused")) for code in (400, 404, 405, 413, 415, 422)],
    (400, BANNED, Refused("refused", "banned word")),
    (404, b"\xff\xfe\x00", refused(404, "refused")),
    (422, {"status": True, "message": "m"}, Refused("refused", "m")),
    (400, {"error": "bad", "data": ["prompt"]}, refused(400, "refused")),
    (400, {"data": {"taskId": ""}}, refused(400, "refused")),
    (413, {"status": 0, "data": None}, refused(413, "refused")),
    # in doubt: contradictions
    (200, {"status": 1001, "data": TASK}, DOUBT),
    (200, {"status": 1002, "data": TASK}, DOUBT),
    (200, {"status": 1003, "data": TASK}, DOUBT),
    (200, {"status": 0}, DOUBT),
    (200, {"status": 0, "data": None, "message": "success"}, DOUBT),
    (200, {"status": 0, "data": {"taskId": None}}, DOUBT),
    *[(code, {"status": 0, "data": TASK}, DOUBT) for code in (400, 401, 402, 403, 404, 422, 429)],
    (429, {"status": 1002, "data": TASK}, DOUBT),
    (400, {"data": TASK}, DOUBT),
    (400, {"data": {"taskId": "a/b"}}, DOUBT),
    (422, {"status": 422, "data": {"taskId": 7}}, DOUBT),
    # in doubt: task ids that are none
    *[(200, {"status": 0, "data": {"taskId": bad}}, DOUBT) for bad in [*NO_TASK_IDS, "a" * 257]],
    (200, {"status": 1003, "data": {"taskId": "a/b"}}, DOUBT),
    # in doubt: envelopes with wrong types
    *[(200, {"status": bad, "data": TASK}, DOUBT) for bad in NO_STATUSES],
    *[(200, {"status": 0, "data": bad}, DOUBT) for bad in NO_DATA],
    (200, {"status": False}, DOUBT),
    (200, {"status": 1003.0, "message": "banned word"}, DOUBT),
    (200, {"data": TASK}, DOUBT),
    (200, TASK, DOUBT),
    *[(200, bad, DOUBT) for bad in ([], [BANNED], "success", 0, 1001, None, True)],
    # in doubt: unreadable
    (200, b"", DOUBT),
    (200, sample("submit-accepted")[:-2], DOUBT),
    (200, sample("submit-accepted") * 2, DOUBT),
    (200, b"<!doctype html><h1>Please sign in</h1>", DOUBT),
    (200, b"\xff\xfe\x00\x01", DOUBT),
    (200, b"[" * 100_000, DOUBT),
    (200, b'{"status":' + b"9" * 10_000 + b"}", DOUBT),
    # in doubt: every other HTTP code, whatever the body says
    *[(code, sample("submit-accepted"), DOUBT) for code in (100, 199, 300, 302, 307, 308, 408)],
    *[(code, BANNED, DOUBT) for code in (304, 406, 408, 409, 410, 418, 425, 431, 451, 499)],
    *[(code, sample("submit-quota"), DOUBT) for code in (500, 501, 502, 503, 504, 520, 529, 599)],
]


@pytest.mark.parametrize(
    ("http", "body", "expected"),
    TABLE,
    ids=[f"{n}-{http}-{type(expected).__name__}" for n, (http, _, expected) in enumerate(TABLE)],
)
def test_each_row_of_the_table(http: int, body: object, expected: Outcome) -> None:
    found = outcome(http, body)
    if isinstance(expected, Doubtful):
        assert isinstance(found, Doubtful)
        assert found.reason
    else:
        assert found == expected


@pytest.mark.parametrize("http", [200, 400, 429])
def test_a_busy_service_may_say_how_long_to_wait(http: int) -> None:
    found = outcome(http, {"status": 1002, "message": "m"}, retry_after="7")
    assert found == Busy("m", 7.0, concurrency=True)


def test_retry_after_of_a_429_can_be_a_date() -> None:
    found = outcome(429, b"", retry_after="Fri, 15 Jan 2027 08:00:30 GMT")
    assert isinstance(found, Busy)
    assert found.retry_after == 30.0


def test_a_refusal_of_megabytes_is_cut_short() -> None:
    found = outcome(200, {"status": 1003, "message": "no " * 3_000_000})
    assert isinstance(found, Refused)
    assert len(found.reason) < 3_000


# --- Whatever comes: it never raises, and money is never taken for settled without a reason ---

REFUSING = {400, 401, 402, 403, 404, 405, 413, 415, 422}
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300)

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from([0, 1, -1, 1001, 1002, 1003, True, False, "0"]) | junk,
        "data": st.fixed_dictionaries({"taskId": st.from_regex(r"[A-Za-z0-9_/-]{0,4}") | junk})
        | junk,
        "message": junk,
    },
)
bodies = st.binary(max_size=40) | (envelopes | junk).map(lambda value: json.dumps(value).encode())
statuses = st.sampled_from([200, 201, 400, 401, 402, 403, 404, 408, 429, 500, 302]) | st.integers(
    100, 599
)


@unhurried
@given(http=statuses, body=bodies, wait=st.none() | st.text(max_size=12))
@example(http=200, body=b"[" * 50_000, wait=None)
@example(http=429, body=b"", wait="\ud800")
def test_classify_never_raises_and_believes_only_what_the_table_says(
    http: int, body: bytes, wait: str | None
) -> None:
    found = classify(http, {} if wait is None else {"retry-after": wait}, body, now=NOW)
    code, task = _plainly(body)
    match found:
        case Accepted(task_id):
            assert 200 <= http < 300
            assert code == 0
            assert task == task_id
            assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", task_id)
        case Refused():
            definite = http in REFUSING or (200 <= http < 300 and code not in {None, 0, 1002})
            assert definite or (http == 429 and code == 1001)
            assert not _is_task(task)
        case Busy():
            assert http == 429 or code == 1002
            assert not _is_task(task)


def _plainly(body: bytes) -> tuple[int | None, Any]:
    """Status and task id as a trusting reader would find them."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(value, dict):
        return None, None
    code, data = value.get("status"), value.get("data")
    return (
        code if type(code) is int else None,
        data.get("taskId") if isinstance(data, dict) else None,
    )


def _is_task(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9_-]{1,256}", value))

"""Messages of the API, encoded and decoded by pure functions that trust nothing.

The shapes follow the provider's public reference; what it leaves open is decoded for every case.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from mj_cli.models import TASK_ID, JobRequest, TaskReport, TaskState

SUBMIT_PATH = "/midjourney/v1/submit-jobs"
STATUS_PATH = "/midjourney/v1/job-status"
MAX_TEXT = 2_000
MAX_URL = 8_192
MAX_IMAGES = 64


class SenselessError(Exception):
    """An answer that does not have the shape of the contract; says what is wrong with it."""


def submit_body(request: JobRequest) -> dict[str, object]:
    """Return the body of a submit; what is not set is left to the provider's defaults."""
    body: dict[str, object] = {"prompt": request.prompt, "mode": str(request.mode)}
    if request.hook_url is not None:
        body["hookUrl"] = request.hook_url
    if request.timeout is not None:
        body["timeout"] = request.timeout
    return body


def encode_submit(request: JobRequest) -> bytes:
    """Return the body of a submit as JSON."""
    return json.dumps(submit_body(request), ensure_ascii=False).encode()


def encode_status(task_ids: Sequence[str]) -> bytes:
    """Return the JSON body of a job-status call."""
    return json.dumps({"taskIds": list(task_ids)}).encode()


def decode_object(body: bytes) -> dict[str, Any]:
    """Return a body that is a JSON object.

    Raises:
        SenselessError: for anything else.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SenselessError(f"not JSON: {_beginning(body)}") from error
    if not isinstance(value, dict):
        raise SenselessError("not a JSON object")
    return value


def decode_envelope(body: bytes) -> dict[str, Any]:
    """Return the envelope: a JSON object whose `status` is an integer.

    Raises:
        SenselessError: for anything else.
    """
    value = decode_object(body)
    if not is_integer(value.get("status")):
        raise SenselessError("its status is not an integer")
    return value


def decode_message(envelope: dict[str, Any]) -> str:
    """Return the service's own words of an envelope, possibly empty."""
    message = envelope.get("message")
    return clean(message) if isinstance(message, str) else ""


def decode_task_id(envelope: dict[str, Any]) -> str | None:
    """Return the task id of a submit's envelope; None when there is none at all.

    Raises:
        SenselessError: when there is something in its place that is no task id.
    """
    data = envelope.get("data")
    if data is None or data in ("", [], {}):
        return None
    if not isinstance(data, dict):
        raise SenselessError("its data is not an object")
    task_id = data.get("taskId")
    if task_id is None:
        return None
    if not isinstance(task_id, str) or not TASK_ID.fullmatch(task_id):
        raise SenselessError("its task id is malformed")
    return task_id


def names_task(envelope: dict[str, Any]) -> bool:
    """True when anything stands where a task id would, whatever its shape."""
    data = envelope.get("data")
    return isinstance(data, dict) and data.get("taskId") not in (None, "")


def decode_status(body: bytes, asked: Collection[str]) -> dict[str, TaskReport]:
    """Return what a job-status answer says of the tasks that were asked for.

    A row that makes no sense or was not asked for counts as missing: missing is not failed.

    Raises:
        SenselessError: when the answer as a whole is not an envelope with a list of rows.
    """
    envelope = decode_envelope(body)
    if envelope["status"] != 0:
        raise SenselessError(f"status {envelope['status']} {decode_message(envelope)}".rstrip())
    rows = envelope.get("data")
    if not isinstance(rows, list):
        raise SenselessError("its data is not a list")
    reports: dict[str, TaskReport] = {}
    for row in rows:
        report = _decode_row(row)
        if report is None or report.task_id not in asked:
            continue
        known = reports.get(report.task_id)
        if known is None or known.state is TaskState.RUNNING:
            reports[report.task_id] = report
    return reports


def clean(text: str) -> str:
    """Return text that can be stored and encoded: no lone surrogates, of bounded length."""
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + "..."
    return text.encode("utf-8", "replace").decode()


def is_integer(value: object) -> bool:
    """True for a JSON integer; `true` is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _decode_row(row: object) -> TaskReport | None:
    """Return one task; None for a row that makes no sense."""
    if not isinstance(row, dict):
        return None
    task_id, status = row.get("taskId"), row.get("status")
    if not isinstance(task_id, str) or not TASK_ID.fullmatch(task_id):
        return None
    if not is_integer(status) or status not in {state.value for state in TaskState}:
        return None
    return TaskReport(
        task_id=task_id,
        state=TaskState(status),
        prompt=_text(row.get("prompt")),
        fail_reason=_text(row.get("failReason")),
        created_at=_seconds(row.get("createdAt")),
        images=_images(row),
    )


def _images(row: dict[str, Any]) -> tuple[tuple[int, str], ...]:
    """Return (index, url) pairs; `image` is the grid unless it repeats one of the singles."""
    singles = list(dict.fromkeys(_urls(row.get("images"))))[:MAX_IMAGES]
    numbered = list(enumerate(singles, start=1))
    for grid in _urls(row.get("image")):
        if grid not in singles:
            return ((0, grid), *numbered)
    return tuple(numbered)


def _urls(value: object) -> Iterator[str]:
    """Yield URLs from a string, an object with `url`, or a list of either."""
    for item in value if isinstance(value, list) else [value]:
        url = item.get("url") if isinstance(item, dict) else item
        if isinstance(url, str) and len(url) <= MAX_URL and _is_web_url(url):
            yield url


def _is_web_url(url: str) -> bool:
    return url.startswith(("https://", "http://")) and url.isascii() and url.isprintable()


def _text(value: object) -> str | None:
    return clean(value) if isinstance(value, str) and value.strip() else None


def _seconds(value: object) -> float | None:
    """Turn milliseconds into seconds; None for what is no time of this century."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value / 1000 if 946_684_800_000 <= value <= 4_102_444_800_000 else None


def _beginning(body: bytes) -> str:
    text = clean(body[:60].decode("utf-8", "replace").strip())
    return f"it begins with {text!r}" if text else "it is empty"

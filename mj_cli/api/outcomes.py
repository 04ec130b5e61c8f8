"""What an answer to a submit means for the money: the one table that decides.

| answer | outcome |
|---|---|
| 2xx, 429 or a refusing 4xx with envelope status 1002 and no task id | busy |
| 2xx, 429 or a refusing 4xx with envelope status 1001 and no task id | refused: quota |
| 429 | busy |
| 2xx with another non-zero integer status and no task id | refused |
| 401, 403 | refused: key |
| 402 | refused: quota |
| 400 404 405 413 415 422 | refused |
| 2xx, status 0, a well-formed task id | accepted |
| any 4xx above, or a non-zero status, with anything where a task id would be | in doubt |
| everything else: 1xx 3xx 5xx, 408 and other 4xx, an unreadable 2xx | in doubt |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mj_cli.api.messages import (
    SenselessError,
    decode_envelope,
    decode_message,
    decode_object,
    decode_task_id,
    is_integer,
    names_task,
)
from mj_cli.retry import parse_retry_after

QUOTA_STATUS = 1001
CONCURRENCY_STATUS = 1002
TOO_MANY_REQUESTS = 429
REFUSING = {
    400: "refused",
    401: "key_refused",
    402: "quota",
    403: "key_refused",
    404: "refused",
    405: "refused",
    413: "refused",
    415: "refused",
    422: "refused",
}
"""HTTP codes that are a definite no, with the slug of the refusal."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job runs under this task id and is paid for."""

    task_id: str


@dataclass(frozen=True, slots=True)
class Busy:
    """A definite no that may be repeated after a pause.

    Attributes:
        reason: the service's words.
        retry_after: seconds that it asked for, or None.
        concurrency: True when a slot, not a rate, is what is missing.
    """

    reason: str
    retry_after: float | None
    concurrency: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A definite no that is never repeated; slug is `quota`, `key_refused` or `refused`."""

    slug: str
    reason: str


@dataclass(frozen=True, slots=True)
class Doubtful:
    """The job may have been charged."""

    reason: str


Outcome = Accepted | Busy | Refused | Doubtful


def classify(status: int, headers: Mapping[str, str], body: bytes, *, now: float) -> Outcome:
    """Decide what an answer to a submit means.

    Args:
        status: HTTP status.
        headers: header fields, names in lower case.
        body: the whole body.
        now: Unix seconds, for Retry-After dates.
    """
    wait = parse_retry_after(headers.get("retry-after"), now=now)
    if 200 <= status < 300:
        return _classify_success(body, wait)
    if status in REFUSING or status == TOO_MANY_REQUESTS:
        return _classify_refusal(status, body, wait)
    return Doubtful(f"the service answered HTTP {status}")


def _classify_success(body: bytes, wait: float | None) -> Outcome:
    """Decide on a 2xx: only a whole and consistent envelope is believed."""
    try:
        envelope = decode_envelope(body)
        task_id = decode_task_id(envelope)
    except SenselessError as error:
        return Doubtful(f"the service's answer makes no sense: {error}")
    status = envelope["status"]
    if task_id is not None and status == 0:
        return Accepted(task_id)
    if task_id is not None:
        return Doubtful(f"the service's answer has status {status} and names a task all the same")
    if status == 0:
        return Doubtful("the service's answer says success and names no task")
    message = decode_message(envelope)
    return _known(status, message, wait) or Refused(
        "refused", message or f"the service answered with status {status}"
    )


def _classify_refusal(http_status: int, body: bytes, wait: float | None) -> Outcome:
    """Decide on a 4xx that is a definite no, unless its body speaks of a task."""
    try:
        envelope = decode_object(body)
    except SenselessError:
        envelope = {}
    if names_task(envelope):
        return Doubtful(f"the service answered HTTP {http_status} and names a task all the same")
    status, message = envelope.get("status"), decode_message(envelope)
    known = _known(status, message, wait) if is_integer(status) else None
    if known is not None:
        return known
    if http_status == TOO_MANY_REQUESTS:
        return Busy("the service says 429 Too Many Requests", wait, concurrency=False)
    return Refused(REFUSING[http_status], message or f"the service answered HTTP {http_status}")


def _known(status: object, message: str, wait: float | None) -> Busy | Refused | None:
    """Return what a documented envelope status means; it says more than HTTP's."""
    if status == CONCURRENCY_STATUS:
        return Busy(message or "concurrency limit reached", wait, concurrency=True)
    if status == QUOTA_STATUS:
        return Refused("quota", message or "quota not enough")
    return None

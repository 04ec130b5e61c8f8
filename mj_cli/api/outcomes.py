"""What an answer to a submit means for the money: the one table that decides.

| answer | outcome |
|---|---|
| 429 | busy |
| 2xx or a refusing 4xx with envelope status 1002 and no task id | busy |
| 2xx or a refusing 4xx with envelope status 1001 and no task id | refused: quota |
| 2xx with another non-zero integer status and no task id | refused |
| 401, 403 | refused: key |
| 402 | refused: quota |
| 400 404 405 413 415 422 | refused |
| 2xx, status 0, a well-formed task id | accepted |
| any 4xx above, or a non-zero status, together with a task id | in doubt |
| everything else: 1xx 3xx 5xx, 408 and other 4xx, an unreadable 2xx | in doubt |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mj_cli.api.messages import (
    SenselessError,
    decode_envelope,
    decode_message,
    decode_task_id,
)
from mj_cli.retry import parse_retry_after

QUOTA_STATUS = 1001
CONCURRENCY_STATUS = 1002
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
    if status == 429:
        wait = parse_retry_after(headers.get("retry-after"), now=now)
        return Busy("the service says 429 Too Many Requests", wait, concurrency=False)
    if 200 <= status < 300:
        return _classify_success(body)
    if status in REFUSING:
        return _classify_refusal(status, body)
    return Doubtful(f"the service answered HTTP {status}")


def _classify_success(body: bytes) -> Outcome:
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
    return _refusal("refused", status, decode_message(envelope))


def _classify_refusal(http_status: int, body: bytes) -> Outcome:
    """Decide on a 4xx that is a definite no, unless its body speaks of a task."""
    slug = REFUSING[http_status]
    try:
        envelope = decode_envelope(body)
        task_id = decode_task_id(envelope)
    except SenselessError:
        return Refused(slug, f"the service answered HTTP {http_status}")
    if task_id is not None:
        return Doubtful(f"the service answered HTTP {http_status} and names a task all the same")
    message = decode_message(envelope) or f"the service answered HTTP {http_status}"
    return _refusal(slug, envelope["status"], message)


def _refusal(slug: str, status: int, message: str) -> Busy | Refused:
    """Tell the kinds of a definite no apart; a known envelope status says more than HTTP's."""
    if status == CONCURRENCY_STATUS:
        return Busy(message or "concurrency limit reached", None, concurrency=True)
    if status == QUOTA_STATUS:
        return Refused("quota", message or "quota not enough")
    return Refused(slug, message or f"the service answered with status {status}")

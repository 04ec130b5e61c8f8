"""Reads the JSON bodies of requests and refuses what the API refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mj_cli.sandbox.jobs import Wish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mj_cli.sandbox.jobs import Mode

BODY_LIMIT = 64 * 1024
"""The largest body that is read, in bytes."""

PROMPT_LIMIT = 10_000
"""The longest prompt, in bytes of UTF-8."""

IDS_LIMIT = 100
"""The most task ids in one status request."""


class BadRequestError(Exception):
    """A body breaks a rule; the message names the field."""


def read_wish(body: bytes) -> Wish:
    """Returns what a submit body asks for.

    Raises:
        BadRequestError: The body or one of its fields is not valid.
    """
    fields = _fields(body)
    return Wish(
        prompt=_prompt(fields),
        mode=_mode(fields),
        hook_url=_hook_url(fields),
        timeout=_timeout(fields),
    )


def read_task_ids(body: bytes) -> list[str]:
    """Returns the task ids of a status body, as they come.

    Raises:
        BadRequestError: The body is not valid, or has no ids or too many.
    """
    ids = _fields(body).get("taskIds")
    if not isinstance(ids, list) or not 1 <= len(ids) <= IDS_LIMIT:
        raise BadRequestError(f"taskIds must be a list of 1 to {IDS_LIMIT} task ids")
    if not all(isinstance(task_id, str) for task_id in ids):
        raise BadRequestError("taskIds must be strings")
    return ids


def _fields(body: bytes) -> Mapping[str, object]:
    try:
        content = json.loads(body)
    # Thousands of opening brackets exhaust the parser's stack before they turn out to be no JSON.
    except (ValueError, RecursionError):
        raise BadRequestError("the body must be JSON") from None
    if not isinstance(content, dict):
        raise BadRequestError("the body must be a JSON object")
    return content


def _prompt(fields: Mapping[str, object]) -> str:
    prompt = fields.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise BadRequestError("prompt must be a non-empty string")
    size = _utf8_length(prompt)
    if size is None:
        raise BadRequestError("prompt must be valid Unicode")
    if size > PROMPT_LIMIT:
        raise BadRequestError(f"prompt must have at most {PROMPT_LIMIT} bytes, it has {size}")
    return prompt


def _mode(fields: Mapping[str, object]) -> Mode:
    match fields.get("mode", "fast"):
        case "fast":
            return "fast"
        case "relaxed":
            return "relaxed"
        case _:
            raise BadRequestError("mode must be fast or relaxed")


def _hook_url(fields: Mapping[str, object]) -> str:
    if "hookUrl" not in fields:
        return ""
    url = fields["hookUrl"]
    if not isinstance(url, str) or not _is_web_address(url):
        raise BadRequestError("hookUrl must be an http or https URL")
    return url


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and url.isascii()


def _timeout(fields: Mapping[str, object]) -> int:
    timeout = fields.get("timeout", 600)
    # True and False are integers to Python, but not to JSON.
    if not isinstance(timeout, int) or isinstance(timeout, bool) or not 300 <= timeout <= 1200:
        raise BadRequestError("timeout must be an integer from 300 to 1200 (seconds)")
    return timeout


def _utf8_length(text: str) -> int | None:
    """Returns how many bytes the text takes, or None for one with half a surrogate pair."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return None

"""Requests and responses as plain values, and the JSON envelope that answers come in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, read to its end.

    Attributes:
        method: The method, upper case.
        path: The path without query, percent codes decoded.
        headers: The header fields, names in lower case.
        body: The whole body.
        base_url: `scheme://host[:port]` without a slash at the end; image URLs start with it.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    base_url: str


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response; header names are in lower case, the length of the body among them."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def respond(
    body: bytes, content_type: str, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Returns a response with its type and length filled in."""
    fields = {"content-type": content_type, "content-length": str(len(body))}
    return Response(status, fields | dict(headers or {}), body)


def success(data: object) -> Response:
    """Returns the envelope of a call that was answered."""
    return _envelope({"status": 0, "data": data, "message": "success"}, status=200)


def refusal(code: int, message: str) -> Response:
    """Returns the envelope of a call that was understood and refused: HTTP 200, own status."""
    return _envelope({"status": code, "message": message}, status=200)


def failure(status: int, message: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """Returns the envelope of a call that failed, its status the same as that of HTTP."""
    return _envelope({"status": status, "message": message}, status=status, headers=headers)


def _envelope(
    content: Mapping[str, object], *, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    body = json.dumps(content).encode("ascii")
    return respond(body, "application/json", status=status, headers=headers)

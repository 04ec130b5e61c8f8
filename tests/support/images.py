"""Small valid PNG pictures, and how a file server answers for one (Range, ETag, If-Range)."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from typing import TYPE_CHECKING

from tests.support.wire import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH = 8
HEIGHT = 6


def png(seed: str, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A valid RGB picture; another seed gives other bytes."""
    noise = hashlib.shake_256(seed.encode()).digest(width * height * 3)
    rows = (noise[row * width * 3 : (row + 1) * width * 3] for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def default_image(task_id: str, index: int) -> bytes:
    """The picture of a task; index 0 is the grid."""
    return png(f"{task_id}/{index}")


def serve_file(body: bytes, etag: str, request: Mapping[str, str]) -> Response:
    """Answer a GET for `body`: whole, one range of it (206), or 416."""
    headers = {"Content-Type": "image/png", "ETag": etag, "Accept-Ranges": "bytes"}
    span = _span(request.get("range", ""), len(body))
    if span is None or request.get("if-range", etag) != etag:
        return Response(200, body, headers)
    start, end = span
    if start >= end:
        return Response(416, b"", {**headers, "Content-Range": f"bytes */{len(body)}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(body)}"
    return Response(206, body[start:end], headers)


def _span(text: str, size: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of a single range; None when none was asked for."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", text)
    if match is None or match[0] == "bytes=-":
        return None
    if not match[1]:
        return max(0, size - int(match[2])), size
    end = min(size, int(match[2]) + 1) if match[2] else size
    return int(match[1]), end

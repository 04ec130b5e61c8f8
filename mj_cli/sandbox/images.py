"""Serves the images of finished jobs, whole or in part."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from mj_cli.sandbox.messages import failure, respond

if TYPE_CHECKING:
    from mj_cli.sandbox.jobs import Job
    from mj_cli.sandbox.messages import Request, Response
    from mj_cli.sandbox.state import Store

PATH = re.compile(r"/images/([A-Za-z0-9_-]{1,256})/(grid|0_[0-3])\.png")
"""The paths of images: a task id, and `grid` or one of four names."""

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)


def names(base_url: str, job: Job) -> tuple[str, list[str]]:
    """Returns the URL of a job's grid, and those of its four images."""
    folder = f"{base_url}/images/{job.task_id}"
    return f"{folder}/grid.png", [f"{folder}/0_{number}.png" for number in range(4)]


def serve_image(request: Request, store: Store, now: float) -> Response:
    """Answers a request for an image.

    The answer has status 200 or 206 (part), 404 (no such image, or not yet) or 416.
    """
    match = PATH.fullmatch(request.path)
    jobs = store.find([match[1]]) if match else []
    if not match or not jobs or not jobs[0].completed(now):
        return failure(404, "no such image")
    index = 0 if match[2] == "grid" else int(match[2][-1]) + 1
    picture = _picture(jobs[0].wish.prompt, index, jobs[0].pixels)
    etag = f'"{sha256(picture).hexdigest()[:32]}"'
    headers = {"accept-ranges": "bytes", "etag": etag}
    part = _part(request, etag, len(picture))
    if part is None:
        return respond(picture, "image/png", headers=headers)
    if not part:
        headers["content-range"] = f"bytes */{len(picture)}"
        return failure(416, "the range lies outside the image", headers=headers)
    headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{len(picture)}"
    return respond(picture[part.start : part.stop], "image/png", status=206, headers=headers)


@lru_cache(maxsize=16)
def _picture(prompt: str, index: int, pixels: int) -> bytes:
    """Draws a picture, once for a client that asks for its length, the whole and then a part."""
    # Most runs ask for no image and start faster without what draws them.
    from mj_cli.sandbox.drawing import draw  # noqa: PLC0415

    return draw(prompt, index, pixels)


def _part(request: Request, etag: str, length: int) -> range | None:
    """Returns the bytes asked for: None for all of them, an empty range for none that exist."""
    if request.method != "GET" or request.headers.get("if-range", etag) != etag:
        return None
    match = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if not match or not (match[1] or match[2]):
        return None
    if not match[1]:
        return range(max(length - int(match[2]), 0), length)
    first = int(match[1])
    last = int(match[2]) if match[2] else max(first, length - 1)
    if last < first:
        return None
    return range(first, min(last + 1, length))

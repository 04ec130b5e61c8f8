"""The API in miniature: one function from a request to its response."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mj_cli.sandbox import images
from mj_cli.sandbox.checks import BODY_LIMIT, BadRequestError, read_task_ids, read_wish
from mj_cli.sandbox.framing import dimensions
from mj_cli.sandbox.jobs import cost, fate
from mj_cli.sandbox.messages import Request, Response, failure, refusal, respond, success
from mj_cli.sandbox.options import Options
from mj_cli.sandbox.state import Refusal, StateError, Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from mj_cli.sandbox.jobs import Job

__all__ = ["Options", "Request", "Response", "Store", "handle"]

SUBMIT = "/midjourney/v1/submit-jobs"
STATUS = "/midjourney/v1/job-status"

_BANNED = re.compile(r"\bgore\b", re.IGNORECASE)
_VERSION = re.compile(r"(?:^|\s)--(?:v|version|niji)(?=[\s=]|$)")
_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
_ABOUT = f"""This is a sandbox: a prompt-to-image API in miniature. It draws its images, costs
nothing and knows nobody else's jobs.

POST {SUBMIT}   {{"prompt": "...", "mode": "fast"}}
POST {STATUS}    {{"taskIds": ["..."]}}

Both want the header API-KEY.
"""


def handle(request: Request, store: Store, options: Options, now: float) -> Response:
    """Answers one request.

    Never raises for anything a client sends, nor for a state file that cannot be used.

    Args:
        request: What the client asks.
        store: The sandbox's memory.
        options: How the sandbox behaves.
        now: The time in Unix seconds. Jobs whose time has come are done.
    """
    try:
        response = _route(request, store, options, now)
    except BadRequestError as error:
        response = failure(400, str(error))
    except StateError as error:
        response = failure(500, f"the sandbox has lost its memory: {error}")
    if request.method == "HEAD":
        return Response(response.status, response.headers, b"")
    return response


def _route(request: Request, store: Store, options: Options, now: float) -> Response:
    path = request.path
    if path == SUBMIT:
        return _call(request, options, lambda: _submit(request, store, options, now))
    if path == STATUS:
        return _call(request, options, lambda: _status(request, store, now))
    if images.PATH.fullmatch(path):
        return _readable(request, lambda: images.serve_image(request, store, now))
    if path == "/":
        return _readable(request, lambda: respond(_ABOUT.encode(), "text/plain; charset=utf-8"))
    return failure(404, "no such path")


def _readable(request: Request, answer: Callable[[], Response]) -> Response:
    """Lets only methods through that read."""
    if request.method not in {"GET", "HEAD"}:
        return failure(405, "use GET here", headers={"allow": "GET, HEAD"})
    return answer()


def _call(request: Request, options: Options, answer: Callable[[], Response]) -> Response:
    """Lets only calls of the API through that have a key and a body of a reasonable size."""
    if request.method != "POST":
        return failure(405, "use POST here", headers={"allow": "POST"})
    if request.headers.get("api-key") != options.key:
        return failure(401, "the API-KEY header is missing or wrong")
    if len(request.body) > BODY_LIMIT:
        return failure(413, f"the body must have at most {BODY_LIMIT} bytes")
    return answer()


def _submit(request: Request, store: Store, options: Options, now: float) -> Response:
    wish = read_wish(request.body)
    if _BANNED.search(wish.prompt):
        return refusal(1004, "banned prompt detected: gore")
    job = store.submit(
        wish,
        now=now,
        pixels=options.pixels,
        cost=cost(wish, options),
        slots=options.slots,
        quota=options.quota,
        decide=lambda ordinal: fate(wish, ordinal, options),
    )
    if job is Refusal.QUOTA:
        return refusal(1001, "quota not enough")
    if job is Refusal.SLOTS:
        return refusal(1002, f"concurrency limit, max {options.slots}")
    return success({"taskId": job.task_id})


def _status(request: Request, store: Store, now: float) -> Response:
    # What cannot be an id cannot be a job's either, and need not be looked up.
    ids = [task_id for task_id in read_task_ids(request.body) if _TASK_ID.fullmatch(task_id)]
    return success([_row(job, request.base_url, now) for job in store.find(ids)])


def _row(job: Job, base_url: str, now: float) -> dict[str, object]:
    """Returns what job-status tells about one job."""
    prompt = job.wish.prompt
    created = {"createdAt": int(job.created_at * 1000)}
    if job.running(now):
        return {"taskId": job.task_id, "status": 0, "prompt": prompt} | created
    if job.failure:
        row = {"taskId": job.task_id, "status": 2, "prompt": prompt, "failReason": job.failure}
        return row | created
    grid, singles = images.names(base_url, job)
    width, height = dimensions(prompt, job.pixels)
    return {
        "taskId": job.task_id,
        "status": 1,
        "jobId": job.job_id,
        "prompt": prompt,
        "mjPrompt": prompt if _VERSION.search(prompt) else f"{prompt} --v 8.2",
        "image": grid,
        "images": singles,
        "failReason": "",
        **created,
        "meta": {"width": width, "height": height},
    }

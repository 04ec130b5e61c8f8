"""The documented behaviour of the API: three endpoints as functions from request to response."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from tests.support.images import HEIGHT, WIDTH, default_image, serve_file
from tests.support.jobs import COMPLETED, FAILED, TOO_MANY_TASKS, ImagesAs, Jobs, Task
from tests.support.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.actions import Row
    from tests.support.scripts import Kind

SUBMIT_PATH = "/midjourney/v1/submit-jobs"
STATUS_PATH = "/midjourney/v1/job-status"
IMAGE_PATH = re.compile(r"/images/(?P<task>[^/]+)/(?P<name>grid|[1-9]\d*)\.png")


@dataclass(frozen=True)
class Seen:
    """One request as it arrived; `complete` is false when its body was not read to the end."""

    kind: Kind
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    json: Any
    connection: int
    complete: bool = True


@dataclass
class Api:
    """The service without its sockets."""

    jobs: Jobs
    key: str
    url: str
    image_bytes: Callable[[str, int], bytes] = default_image
    image_count: int = 4
    images_as: ImagesAs = "strings"
    image_url: str | None = field(default=None)

    def note(self, seen: Seen) -> tuple[dict[str, str], int | None]:
        """Count a poll; the prompts by task that a request is about, and the index of an image."""
        if seen.kind == "submit":
            prompt = seen.json.get("prompt") if isinstance(seen.json, dict) else None
            return ({"": prompt} if isinstance(prompt, str) else {}), None
        if seen.kind == "poll":
            ids = _named_ids(seen.json)
            if self.authorised(seen):
                self.jobs.poll(ids)
            return {task.id: task.prompt for task in self.jobs.known(ids)}, None
        found = self.find_image(seen.path)
        return ({found[0].id: found[0].prompt}, found[1]) if found else ({}, None)

    def submit(self, seen: Seen) -> Response:
        refusal = self._unwelcome(seen) or _bad_submit(seen.json)
        if refusal:
            return refusal
        with self.jobs.changed:
            code = self.jobs.refusal()
            if code is None:
                return accepted(self.jobs.accept(seen.json))
        message = "quota not enough"
        if code == TOO_MANY_TASKS:
            message = f"concurrency limit, max {self.jobs.slots}"
        return _json(200, {"status": code, "message": message})

    def status(self, seen: Seen) -> tuple[Response, list[Row]]:
        """The answer, and its rows in case somebody wants to edit them."""
        refusal = self._unwelcome(seen) or _bad_status(seen.json)
        if refusal:
            return refusal, []
        with self.jobs.changed:
            rows = [self._row(task) for task in self.jobs.known(seen.json["taskIds"])]
        return status_answer(rows), rows

    def image(self, seen: Seen) -> Response:
        found = self.find_image(seen.path)
        if found is None:
            return _error(404, "no such image")
        if seen.method != "GET":
            return _error(405, "GET only")
        task, index = found
        body = task.replaced.get(index) or self.image_bytes(task.id, index)
        etag = f'"{quote(task.id, safe="")}-{index}-v{task.versions.get(index, 1)}"'
        return serve_file(body, etag, seen.headers)

    def find_image(self, path: str) -> tuple[Task, int] | None:
        """The task and the index (0 is the grid) of an image path."""
        match = IMAGE_PATH.fullmatch(path)
        if match is None:
            return None
        tasks = self.jobs.known([unquote(match["task"])])
        index = 0 if match["name"] == "grid" else int(match["name"])
        return (tasks[0], index) if tasks and index <= self.image_count else None

    def authorised(self, seen: Seen) -> bool:
        return seen.headers.get("api-key") == self.key

    def _unwelcome(self, seen: Seen) -> Response | None:
        if seen.method != "POST":
            return _error(405, "POST only")
        if not self.authorised(seen):
            return _error(401, "API key missing or wrong")
        if seen.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _error(415, "JSON only")
        return None

    def _row(self, task: Task) -> Row:
        row: Row = {"taskId": task.id, "status": task.status, "prompt": task.prompt}
        row["createdAt"] = int(task.created * 1000)
        if task.status == FAILED:
            row["failReason"] = task.reason
        if task.status == COMPLETED:
            row |= {"jobId": f"job-{task.id}", "mjPrompt": f"{task.prompt} --v 8.2"}
            row |= {"failReason": "", "meta": {"width": WIDTH, "height": HEIGHT}}
            row |= self._pictures(task)
        return row

    def _pictures(self, task: Task) -> Row:
        base = f"{self.image_url or self.url}/images/{quote(task.id, safe='')}"
        singles = [f"{base}/{index}.png" for index in range(1, self.image_count + 1)]
        shapes: dict[ImagesAs, Row] = {
            "strings": {"image": f"{base}/grid.png", "images": singles},
            "objects": {"image": f"{base}/grid.png", "images": [{"url": one} for one in singles]},
            "grid-only": {"image": f"{base}/grid.png"},
            "duplicated": {"image": singles[0], "images": [*singles, singles[0]]},
            "none": {},
        }
        return shapes[task.plan.images_as or self.images_as]


def kind_of(path: str) -> Kind:
    if path == SUBMIT_PATH:
        return "submit"
    if path == STATUS_PATH:
        return "poll"
    return "image" if path.startswith("/images/") else "other"


def accepted(task: Task) -> Response:
    return _json(200, {"status": 0, "data": {"taskId": task.id}, "message": "success"})


def status_answer(rows: list[Row]) -> Response:
    return _json(200, {"status": 0, "data": rows, "message": "success"})


def not_found() -> Response:
    return _error(404, "no such page")


def malformed(reason: str) -> Response:
    return _error(400, reason)


def _named_ids(body: Any) -> list[str]:
    """The task ids in a job-status request, as far as there are any."""
    ids = body.get("taskIds") if isinstance(body, dict) else None
    return [one for one in ids if isinstance(one, str)] if isinstance(ids, list) else []


def _bad_submit(body: Any) -> Response | None:
    """Strict on purpose: a field that the API does not know is a mistake of the client."""
    if not isinstance(body, dict):
        return _error(400, "the body is not a JSON object")
    timeout = body.get("timeout", 600)
    problems = {
        "unknown field": body.keys() - {"prompt", "mode", "hookUrl", "timeout"},
        "prompt": not (isinstance(body.get("prompt"), str) and body["prompt"].strip()),
        "mode": body.get("mode", "fast") not in ("fast", "relaxed"),
        "hookUrl": not isinstance(body.get("hookUrl", ""), str),
        "timeout": type(timeout) is not int or not 300 <= timeout <= 1200,
    }
    bad = [name for name, wrong in problems.items() if wrong]
    return _error(400, f"invalid: {', '.join(bad)}") if bad else None


def _bad_status(body: Any) -> Response | None:
    if not isinstance(body, dict) or body.keys() != {"taskIds"}:
        return _error(400, "taskIds, and nothing else, is wanted")
    ids = body["taskIds"]
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        return _error(400, "taskIds is not a list of ids")
    return None


def _error(status: int, message: str) -> Response:
    return _json(status, {"status": status, "message": message})


def _json(status: int, value: Any) -> Response:
    return Response(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

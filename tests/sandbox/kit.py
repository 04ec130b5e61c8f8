"""A client for tests: requests in short words, a clock that is turned by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from mj_cli.sandbox import Options, Request, Response, Store, handle

BASE = "http://sandbox.test:8080"
SUBMIT = "/midjourney/v1/submit-jobs"
STATUS = "/midjourney/v1/job-status"
START = 1_795_356_571.25
CONTRACT = Path(__file__).parents[1] / "contract"


def contract(name: str) -> Any:
    return json.loads((CONTRACT / f"{name}.json").read_bytes())


class Client:
    """Speaks to one sandbox and keeps its time."""

    def __init__(self, path: Path, **changes: Any) -> None:
        self.store = Store(path)
        self.options = replace(Options(pixels=48), **changes)
        self.now = START

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def tune(self, **changes: Any) -> None:
        self.options = replace(self.options, **changes)

    def send(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Response:
        fields = {"api-key": self.options.key} if headers is None else headers
        request = Request(method, path, fields, body, BASE)
        return handle(request, self.store, self.options, self.now)

    def post(self, path: str, content: Any) -> Response:
        return self.send("POST", path, json.dumps(content).encode())

    def submit(self, prompt: str = "a red fox", **fields: Any) -> Any:
        return json.loads(self.post(SUBMIT, {"prompt": prompt, **fields}).body)

    def accepted(self, prompt: str = "a red fox", **fields: Any) -> str:
        answer = self.submit(prompt, **fields)
        assert answer["status"] == 0, answer
        task_id: str = answer["data"]["taskId"]
        return task_id

    def status(self, *task_ids: str) -> Any:
        return json.loads(self.post(STATUS, {"taskIds": list(task_ids)}).body)

    def row(self, task_id: str) -> Any:
        (row,) = self.status(task_id)["data"]
        return row

    def get(self, path: str, **headers: str) -> Response:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send("GET", path, headers=fields)

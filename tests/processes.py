"""Real processes that can be watched and ended at a chosen moment, and what they leave behind."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import Mj, Ran, spawn
from tests.support.actions import ImageAction, Stage
from tests.support.images import png
from tests.support.service import Service

Process = subprocess.Popen[str]
LIMIT_SECONDS = 40.0
UNMEASURED = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
"""Environment of processes that are killed, which would leave half of a coverage file."""


@contextlib.contextmanager
def started(
    *argv: str, env: dict[str, str] | None = None, measured: bool = True
) -> Iterator[Process]:
    """The installed program as a process that does not outlive the block."""
    with spawn(*argv, env={**(env or {}), **({} if measured else UNMEASURED)}) as process:
        try:
            yield process
        finally:
            process.kill()


def killed(process: Process) -> None:
    """End a process as the power button would."""
    process.kill()
    process.communicate()


def ended(process: Process) -> Ran:
    """Wait for a process to end by itself."""
    out, err = process.communicate(timeout=LIMIT_SECONDS)
    return Ran(process.returncode, out, err)


def read_until(process: Process, words: str) -> None:
    """Read what a process says on stderr until a line has these words."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if words in line:
            return
    raise AssertionError(f"it ended without saying {words!r}: {said}")


def until(holds: Callable[[], bool]) -> None:
    """Look again and again until something holds."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)  # leaves the processor to the process that is watched


def connecting(port: int) -> int:
    """How many sockets of this machine wait for an answer to their SYN from a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "02" for row in rows)


def jobs(mj: Mj) -> dict[str, dict[str, Any]]:
    """The jobs of the ledger by their prompts, which a test keeps apart."""
    ran = mj("jobs", "list", "--json", "--limit", "1000")
    assert ran.code == 0, ran.err
    return {record["prompt"]: record for record in ran.records if record["type"] == "job"}


def states(mj: Mj) -> dict[str, str]:
    """The state of each job by its prompt."""
    return {prompt: job["state"] for prompt, job in jobs(mj).items()}


def pictures() -> dict[str, bytes]:
    """The files under final names in the working directory."""
    return {path.name: path.read_bytes() for path in Path.cwd().glob("[!.]*.png")}


def parts() -> list[Path]:
    """The unfinished files in the working directory."""
    return list(Path.cwd().glob(".*.part"))


def whole_pictures(service: Service) -> set[bytes]:
    """Every single image that the service has drawn."""
    image = service.api.image_bytes
    return {image(task_id, index) for task_id in service.tasks for index in range(1, 5)}


def large_image(task_id: str, index: int) -> bytes:
    """A picture of 1.4 MB, large enough to be worth going on with."""
    return png(f"{task_id}/{index}", 800, 600)


@dataclass(frozen=True)
class Stall(ImageAction):
    """The head and `size` bytes of the body, then silence until `service.release()`."""

    size: int

    def perform(self, stage: Stage) -> None:
        response = stage.normal()
        stage.wire.send(response.head() + response.body[: self.size])
        stage.hang()
        stage.wire.send(response.body[self.size :])

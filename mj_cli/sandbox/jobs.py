"""What a job is, and what will become of it: decided when it is accepted, true when time comes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mj_cli.sandbox.options import Options

Mode = Literal["fast", "relaxed"]

_MODERATED = re.compile(r"\bmoderated\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a valid submit asks for; `timeout` in seconds, `hook_url` empty for none."""

    prompt: str
    mode: Mode
    hook_url: str
    timeout: int


@dataclass(frozen=True, slots=True)
class Fate:
    """How long a job runs, in seconds, and why it fails then (empty if it succeeds)."""

    seconds: float
    failure: str


@dataclass(frozen=True, slots=True)
class Job:
    """An accepted, charged job.

    Attributes:
        task_id: The name that the client knows it by.
        job_id: The name of the finished work, a UUID.
        wish: What was asked for.
        pixels: Length of the longer side of its images.
        created_at: When it was accepted, in Unix seconds.
        ends_at: When it ends, in Unix seconds.
        failure: Why it fails in the end; empty if it succeeds.
    """

    task_id: str
    job_id: str
    wish: Wish
    pixels: int
    created_at: float
    ends_at: float
    failure: str

    def running(self, now: float) -> bool:
        """Says whether the job is still unfinished at `now` (Unix seconds)."""
        return now < self.ends_at

    def completed(self, now: float) -> bool:
        """Says whether the job has its images at `now` (Unix seconds)."""
        return not self.running(now) and not self.failure


def fate(wish: Wish, ordinal: int, options: Options) -> Fate:
    """Decides how long the `ordinal`-th job of a sandbox runs, and how it ends."""
    mean = options.fast_seconds if wish.mode == "fast" else options.relaxed_seconds
    seconds = mean * max(1 + options.sigma * _normal(f"{options.seed}:{ordinal}"), 0.1)
    if seconds > wish.timeout:
        return Fate(wish.timeout, f"the task did not end within its timeout of {wish.timeout} s")
    if _MODERATED.search(wish.prompt):
        return Fate(seconds, "the prompt was moderated")
    return Fate(seconds, "")


def cost(wish: Wish, options: Options) -> int:
    """Returns the quota that a job is charged."""
    return options.fast_cost if wish.mode == "fast" else options.relaxed_cost


def _normal(key: str) -> float:
    """Returns a number with mean 0 and deviation 1, the same for the same key on every machine.

    Twelve numbers from 0 to 1 add up to very nearly a normal distribution around 6.
    """
    digest = sha256(key.encode()).digest()
    parts = (int.from_bytes(digest[start : start + 2], "big") for start in range(0, 24, 2))
    return sum(parts) / 65536 - 6

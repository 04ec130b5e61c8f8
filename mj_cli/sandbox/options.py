"""How a sandbox behaves: its key, its prices, its speed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of one sandbox.

    Attributes:
        key: The one API key that is accepted.
        fast_seconds: Mean duration of a job in fast mode.
        relaxed_seconds: Mean duration of a job in relaxed mode.
        sigma: Relative spread of the durations; 0 makes every job take exactly the mean.
        seed: Another seed gives other durations; the same seed repeats them job by job.
        slots: How many jobs may be unfinished at once.
        quota: How much may be charged in all.
        fast_cost: Quota for a job in fast mode.
        relaxed_cost: Quota for a job in relaxed mode.
        pixels: Length of the longer side of the images, at least 2.
    """

    key: str = "sandbox"
    fast_seconds: float = 4.0
    relaxed_seconds: float = 10.0
    sigma: float = 0.15
    seed: int = 0
    slots: int = 10
    quota: int = 100_000
    fast_cost: int = 2
    relaxed_cost: int = 1
    pixels: int = 1024

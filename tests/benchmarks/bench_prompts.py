"""How fast prompts are parsed, checked and fingerprinted, beside shlex.split on the same texts.

Run: python -m tests.benchmarks.bench_prompts
"""

from __future__ import annotations

import random
import shlex
import statistics
import time
from collections.abc import Callable, Sequence

from mj_cli.prompts.checks import check
from mj_cli.prompts.fingerprint import fingerprint
from mj_cli.prompts.table import table

PROMPTS = 100_000
LENGTH = 300
ROUNDS = 10
TEXT = """
a an the red old portrait fox sailor snow forest in of with cinematic light volumetric fog detailed
35mm film grain, soft focus, wide angle {x} golden hour:: watercolour \u00e9t\u00e9
"""
WORDS = TEXT.split()
PARAMETERS = (
    "--ar 3:2",
    "--s 250",
    "--chaos 20",
    "--seed 1234",
    "--sref 123456 random::2",
    "--sw 200",
    "--no text, watermark",
    "--raw",
    "--v 7",
    "--hd",
    "--stylise 5",
    "--ar=16:9",
    "--weird 9000",
)


def some_prompt(chance: random.Random) -> str:
    """A prompt of about the length that is measured, with three to eight parameters."""
    parameters = " ".join(chance.sample(PARAMETERS, chance.randint(3, 8)))
    words: list[str] = []
    length = len(parameters)
    while length < LENGTH - 5:
        words.append(chance.choice(WORDS))
        length += len(words[-1]) + 1
    return " ".join([*words, parameters])


def understand(text: str) -> None:
    """Do with a prompt all that is done before it is sent."""
    fingerprint(check(text).prompt, table())


def rate(work: Callable[[str], object], texts: Sequence[str]) -> float:
    """Return how many texts a second the work takes."""
    start = time.perf_counter()
    for text in texts:
        work(text)
    return len(texts) / (time.perf_counter() - start)


def spread(name: str, values: Sequence[float], digits: int = 0) -> None:
    """Print the least, middle and greatest of some values."""
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{name:<34} {low:>10.{digits}f} {middle:>10.{digits}f} {high:>10.{digits}f}")


def main() -> None:
    """Measure both by turns, each round on its own share of the prompts."""
    chance = random.Random(1)
    texts = [some_prompt(chance) for _ in range(PROMPTS)]
    understand(texts[0])
    ours, theirs = [], []
    for number in range(ROUNDS):
        share = texts[number::ROUNDS]
        ours.append(rate(understand, share))
        theirs.append(rate(shlex.split, share))
    length = statistics.mean(map(len, texts))
    print(f"{PROMPTS} prompts of {length:.0f} characters, {ROUNDS} rounds")
    print(f"{'':<34} {'min':>10} {'median':>10} {'max':>10}")
    spread("parse, check, fingerprint (1/s)", ours)
    spread("shlex.split (1/s)", theirs)
    spread("ratio", [one / other for one, other in zip(ours, theirs, strict=True)], 2)


if __name__ == "__main__":
    main()

"""Numbers that look random and are the same on every machine and in every Python.

Everything here comes from SHA-256 and from the four basic operations on floats, which IEEE 754
defines to the last bit. Functions of the C library (`sin`, `pow`) are avoided: they differ.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")


class Dice:
    """A stream of numbers that depends on nothing but its key."""

    __slots__ = ("_key", "_numbers")

    def __init__(self, key: str) -> None:
        self._key = key.encode("utf-8", "surrogatepass")
        self._numbers = _stream(self._key)

    def fork(self, name: str) -> Dice:
        """Returns independent dice, so that one part's draws never move another part."""
        child = Dice(name)
        child._key = sha256(self._key + b"\0" + child._key).digest()
        child._numbers = _stream(child._key)
        return child

    def unit(self) -> float:
        """Returns a number from 0 up to, but not including, 1."""
        return next(self._numbers)

    def between(self, low: float, high: float) -> float:
        """Returns a number from `low` up to, but not including, `high`."""
        return low + (high - low) * next(self._numbers)

    def chance(self, probability: float) -> bool:
        """Returns True with the given probability."""
        return next(self._numbers) < probability

    def pick(self, choices: Sequence[T]) -> T:
        """Returns one of the choices."""
        return choices[int(next(self._numbers) * len(choices))]


def _stream(key: bytes) -> Iterator[float]:
    counter = 0
    while True:
        block = sha256(key + counter.to_bytes(8, "big")).digest()
        for start in range(0, 32, 4):
            yield int.from_bytes(block[start : start + 4], "big") / 4294967296
        counter += 1


def wave(dice: Dice, count: int, wavelength: float, *, smooth: bool = True) -> list[float]:
    """Returns `count` values of one-dimensional noise, each from 0 to 1.

    Args:
        dice: Where the lattice of random values comes from.
        count: How many values, one per pixel column.
        wavelength: Distance between lattice points, in columns.
        smooth: Rolling hills if true, straight slopes between the points if not.
    """
    lattice = [dice.unit() for _ in range(int(count / wavelength) + 2)]
    values = []
    for x in range(count):
        position = x / wavelength
        left = int(position)
        part = position - left
        if smooth:
            part = part * part * (3.0 - 2.0 * part)
        values.append(lattice[left] + (lattice[left + 1] - lattice[left]) * part)
    return values


def fractal(
    dice: Dice, count: int, wavelength: float, *, octaves: int, decay: float, smooth: bool = True
) -> list[float]:
    """Returns the sum of several waves, each half as long and `decay` as strong, from 0 to 1."""
    total = [0.0] * count
    strength, weight = 1.0, 0.0
    for octave in range(octaves):
        values = wave(dice.fork(str(octave)), count, wavelength, smooth=smooth)
        total = [t + strength * v for t, v in zip(total, values, strict=True)]
        weight += strength
        strength *= decay
        wavelength /= 2
    return [value / weight for value in total]

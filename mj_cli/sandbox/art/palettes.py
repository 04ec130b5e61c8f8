"""The curated colours, and the table of at most 256 inks that one picture uses."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """One mood: the colours of the air, the light and the land.

    Attributes:
        name: What the mood is called; a prompt that says this word gets it.
        zenith: The sky overhead.
        middle: The sky half way down.
        horizon: The sky where it meets the land.
        sun: The sun or moon, and what its glow tends to.
        far: The most distant land, nearly air.
        near: The closest land, nearly a silhouette.
        light: Windows, northern lights, the bright side of things.
        night: Stars and a moon instead of a sun.
    """

    name: str
    zenith: Colour
    middle: Colour
    horizon: Colour
    sun: Colour
    far: Colour
    near: Colour
    light: Colour
    night: bool = False


def _palette(name: str, colours: str, *, night: bool = False) -> Palette:
    zenith, middle, horizon, sun, far, near, light = (_colour(word) for word in colours.split())
    return Palette(name, zenith, middle, horizon, sun, far, near, light, night)


def _colour(word: str) -> Colour:
    red, green, blue = bytes.fromhex(word)
    return red, green, blue


# name: zenith middle horizon sun far near light
PALETTES = (
    _palette("dusk", "2b2f6b 8c5a8f f6a37a fff0c9 9a6f98 1d1838 ffd08a"),
    _palette("dawn", "6f8fc4 c9b6cf fbd9b8 fff7e2 b5a5c4 35405f fff0cf"),
    _palette("forest", "7fb0a8 b9d6bb eef0cf fffbe6 9dc0a8 12302c f6f0b0"),
    _palette("desert", "4f8fb0 a8c4bd f7dba7 fff6dc e0a878 6b2f24 ffe3a6"),
    _palette("arctic", "3f7fb8 8fbfe0 e4f2f7 ffffff a9cbe0 1c3f63 f4fbff"),
    _palette("night", "070b24 142450 3d5a8c f3efd8 35507f 050817 ffd98a", night=True),
    _palette("coral", "3c6e91 d08b9a ffc3a0 fff3dd d98f92 4a2545 ffe0c0"),
    _palette("lavender", "5b5ea6 a99bd0 f3d5e4 fff5ee a89bcf 2a2550 ffe6f2"),
    _palette("ember", "2a1430 8a2b3f f5793b ffe6a3 8f3b47 180a1c ffc15e"),
    _palette("jade", "0f4c5c 3f8f8b c8e6c0 fbfbe0 6fae9f 06262e f2f5b5"),
    _palette("storm", "2f3b4c 66788a c3cbd0 f4f1e6 8393a1 161d27 ffe2a8"),
    _palette("rose", "7c4f7e d98fa6 fbd3c7 fff6ea c690ab 3b1f42 ffe5d0"),
    _palette("polar", "04101f 0b2b45 2a6a78 e9f7ee 2a5a6b 030a14 7dffb8", night=True),
    _palette("violet", "120a33 3b1f6b a2558f ffe9d6 5b3a80 0b0620 ff9ec7", night=True),
)


def mix(one: Colour, other: Colour, amount: float) -> Colour:
    """Returns the colour `amount` (0 to 1) of the way from `one` to `other`."""
    red, green, blue = (int(a + (b - a) * amount + 0.5) for a, b in zip(one, other, strict=True))
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Ramp:
    """A run of neighbouring inks that forms a gradient."""

    first: int
    count: int


class Inks:
    """The colour table of one picture, filled while the picture is painted."""

    __slots__ = ("_ramps", "colours")

    def __init__(self) -> None:
        self.colours: list[Colour] = []
        self._ramps: list[Ramp] = []

    def ink(self, colour: Colour) -> int:
        """Adds one colour and returns its number."""
        return self.ramp((colour, colour), 1).first

    def ramp(self, stops: tuple[Colour, ...], count: int) -> Ramp:
        """Adds `count` colours evenly spread over the stops (two or more)."""
        ramp = Ramp(len(self.colours), count)
        pairs = list(pairwise(stops))
        for step in range(count):
            position = step * len(pairs) / max(count - 1, 1)
            part = min(int(position), len(pairs) - 1)
            self.colours.append(mix(*pairs[part], position - part))
        self._ramps.append(ramp)
        return ramp

    def tinted(self, tint: Colour, amount: float, *, share: int) -> bytes:
        """Adds tinted copies of the inks so far and returns the table that maps to them.

        Args:
            tint: The colour to mix in.
            amount: How much of it, 0 to 1.
            share: How many neighbours in a ramp share one copy; saves room in the table.

        Returns:
            A table for `bytes.translate`.
        """
        table = bytearray(range(256))
        for ramp in list(self._ramps):
            end = ramp.first + ramp.count
            for first in range(ramp.first, end, share):
                group = range(first, min(first + share, end))
                copy = self.ink(mix(self.colours[group[len(group) // 2]], tint, amount))
                for number in group:
                    table[number] = copy
        return bytes(table)

"""A canvas that is painted in vertical spans, with dithered gradients as its brushes.

The pixels lie column by column: a landscape seen from the side is a handful of spans per column,
and a span is one slice assignment. Only `rows()` turns the picture upright.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mj_cli.sandbox.art.palettes import Ramp

Texture = tuple[bytes, bytes, bytes, bytes]
"""What to paint with: four full-height columns, used in turn, so that dithering has a pattern."""

Edge = tuple[int, int, int]
"""Inks for a pixel that is covered by three quarters, by half and by one quarter."""

_BAYER = ((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5))
_COMB = (-0.375, 0.125, -0.125, 0.375)


class Canvas:
    """A picture of ink numbers.

    Attributes:
        width: In pixels.
        height: In pixels.
        unit: The length in pixels that the parts of a scene are measured in, so that a scene has
            the same proportions at every size and stays sensible in very long pictures.
        pixels: `width` columns of `height` ink numbers each.
    """

    __slots__ = ("height", "pixels", "unit", "width")

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.unit = min(height, width * 1.4, math.sqrt(width * height) * 1.1)
        self.pixels = bytearray(width * height)

    def gradient(self, ramp: Ramp, top: float, bottom: float) -> Texture:
        """Returns a texture that runs through the ramp from line `top` to line `bottom`."""
        scale = (ramp.count - 1) / max(bottom - top, 1.0)
        columns = [bytearray(), bytearray(), bytearray(), bytearray()]
        for y in range(self.height):
            value = min(max((y - top) * scale, 0.0), ramp.count - 1.0)
            shade = int(value)
            part = (value - shade) * 16
            shade += ramp.first
            for column, threshold in zip(columns, _BAYER[y & 3], strict=True):
                column.append(shade + (part > threshold))
        one, two, three, four = (bytes(column) for column in columns)
        return one, two, three, four

    def plain(self, ink: int) -> Texture:
        """Returns a texture of a single ink."""
        column = bytes([ink]) * self.height
        return column, column, column, column

    def fill(self, texture: Texture) -> None:
        """Paints everything."""
        for x in range(self.width):
            self.pixels[x * self.height : (x + 1) * self.height] = texture[x & 3]

    def below(self, crest: Sequence[float], texture: Texture, edge: Edge) -> None:
        """Paints from the crest (one line number per column) down to the bottom."""
        height, pixels = self.height, self.pixels
        for x, line in enumerate(crest):
            top = int(line) if line > 0 else 0
            if top >= height:
                continue
            start = x * height
            pixels[start + top : start + height] = texture[x & 3][top:]
            missing = int((line - top) * 4)
            if missing > 0:
                pixels[start + top] = edge[missing - 1]

    def span(self, x: int, top: float, bottom: float, texture: Texture) -> None:
        """Paints one column from line `top` up to, but not including, line `bottom`."""
        if not 0 <= x < self.width:
            return
        first, last = max(int(top), 0), min(int(bottom), self.height)
        if first < last:
            start = x * self.height
            self.pixels[start + first : start + last] = texture[x & 3][first:last]

    def change(self, x: int, top: float, bottom: float, table: bytes) -> None:
        """Replaces inks in one column by the table, for things one can see through."""
        first, last = max(int(top), 0), min(int(bottom), self.height)
        if first < last and 0 <= x < self.width:
            start = x * self.height
            part = self.pixels[start + first : start + last]
            self.pixels[start + first : start + last] = part.translate(table)

    def dot(self, x: int, y: int, ink: int) -> None:
        """Paints one pixel, if it lies within the picture."""
        if 0 <= x < self.width and 0 <= y < self.height:
            self.pixels[x * self.height + y] = ink

    def disc(
        self, x: float, y: float, radius: float, texture: Texture, *, soft: float = 0.0
    ) -> None:
        """Paints a filled circle around (x, y), its rim dithered over `soft` pixels."""
        for column, half in chords(x, radius, self.width, soft=soft):
            self.span(column, y - half + 0.5, y + half + 0.5, texture)

    def rows(self) -> Iterator[bytes]:
        """Yields the picture row by row, from the top."""
        for y in range(self.height):
            yield bytes(self.pixels[y :: self.height])


def chords(
    x: float, radius: float, width: int, *, soft: float = 0.0
) -> Iterator[tuple[int, float]]:
    """Yields each column that a circle around column `x` touches, with half its height there.

    With `soft`, the radius changes by up to half as many pixels from column to column.
    """
    outer = radius + soft / 2
    for column in range(max(int(x - outer), 0), min(int(x + outer) + 2, width)):
        reach = radius + soft * _COMB[column & 3]
        square = reach * reach - (column - x) * (column - x)
        if square > 0:
            yield column, math.sqrt(square)

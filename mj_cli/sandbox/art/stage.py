"""What every scene shares: the sky with its light, clouds and stars, land in layers, water."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mj_cli.sandbox.art.dice import fractal
from mj_cli.sandbox.art.palettes import Inks, Palette, Ramp, mix

if TYPE_CHECKING:
    from mj_cli.sandbox.art.canvas import Canvas, Edge, Texture
    from mj_cli.sandbox.art.dice import Dice
    from mj_cli.sandbox.art.palettes import Colour

SKY, GLOW = 64, 30
"""How many inks the plain sky has, and how many more lead from its horizon to the sun."""


@dataclass(frozen=True, slots=True)
class Light:
    """Where the sun or moon stands: centre and radius in pixels."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Stage:
    """A canvas with the paint, the mood and the dice of one picture.

    Attributes:
        canvas: What is painted on.
        inks: The colour table. It must not depend on `dice`: a grid has one table for all four.
        palette: The mood.
        theme: Dice for what the four pictures of a job have in common.
        dice: Dice for what makes this one of the four different.
    """

    canvas: Canvas
    inks: Inks
    palette: Palette
    theme: Dice
    dice: Dice

    def place_light(self, low: float, high: float, horizon: float) -> Light:
        """Returns a sun or moon `low` to `high` units above the horizon line, left or right."""
        dice, unit = self.dice.fork("light"), self.canvas.unit
        third = dice.between(0.18, 0.42)
        x = self.canvas.width * (third if dice.chance(0.5) else 1 - third)
        radius = unit * dice.between(0.045, 0.07)
        return Light(x, max(horizon - unit * dice.between(low, high), radius * 1.5), radius)

    def sky(self, horizon: float, light: Light | None) -> None:
        """Paints the sky down to the horizon line, with the glow and disc of the light.

        Must be the first thing that takes inks: the glow relies on the sky's inks being the first.
        """
        mood, canvas = self.palette, self.canvas
        ramp = self.inks.ramp((mood.zenith, mood.middle, mood.horizon), SKY)
        self.inks.ramp((mix(mood.horizon, mood.sun, 0.02), mix(mood.horizon, mood.sun, 0.8)), GLOW)
        texture = canvas.gradient(ramp, 0, horizon)
        canvas.fill(texture)
        if light is not None:
            self._glow(light, texture)
        if mood.night:
            self._stars(horizon, light)
        if light is not None:
            self._disc(light)

    def _glow(self, light: Light, texture: Texture) -> None:
        """Brightens the sky around the light, ring in ring, by moving along the sky's inks."""
        reach = self.canvas.unit * (0.4 if self.palette.night else 0.85)
        rings = 20 if self.palette.night else GLOW + 10
        for ring in range(1, rings):
            away = 1 - ring / rings
            soft = reach * 2 * away / rings
            table = brighter(ring)
            one, two, three, four = (column.translate(table) for column in texture)
            shifted = (one, two, three, four)
            radius = light.radius + reach * away * away
            self.canvas.disc(light.x, light.y, radius, shifted, soft=soft)

    def _disc(self, light: Light) -> None:
        rim = self.inks.ramp(
            (mix(self.palette.horizon, self.palette.sun, 0.7), self.palette.sun), 4
        )
        for step in range(4):
            texture = self.canvas.plain(rim.first + step)
            self.canvas.disc(light.x, light.y, light.radius + 0.6 - 0.4 * step, texture)

    def _stars(self, horizon: float, light: Light | None) -> None:
        """Scatters stars, denser and brighter overhead, and none on or right beside the moon."""
        dice, canvas = self.dice.fork("stars"), self.canvas
        shades = self.inks.ramp(
            (mix(self.palette.middle, (255, 255, 255), 0.35), (255, 255, 255)), 4
        )
        count = int(420 * canvas.width * canvas.height / (canvas.unit * canvas.unit))
        large = canvas.unit >= 400
        for _ in range(min(count, 1600)):
            x, y, shine = dice.unit() * canvas.width, dice.unit(), dice.unit()
            y *= y * horizon
            if light and abs(x - light.x) + abs(y - light.y) < light.radius * 2.2:
                continue
            ink = shades.first + int(shine * shine * 4)
            canvas.dot(int(x), int(y), ink)
            if large and shine > 0.9:
                for step_x, step_y in ((1, 0), (0, 1), (1, 1)):
                    canvas.dot(int(x) + step_x, int(y) + step_y, ink)

    def clouds(self, horizon: float, count: int) -> None:
        """Draws thin, translucent banks of cloud, brighter than the sky behind them."""
        canvas, unit = self.canvas, self.canvas.unit
        for number in range(count):
            dice = self.dice.fork(f"cloud {number}")
            half = unit * dice.between(0.22, 0.5)
            middle = dice.between(-0.1, 1.1) * canvas.width
            y = horizon * dice.between(0.15, 0.8)
            tall = unit * dice.between(0.018, 0.045)
            puffs = fractal(dice, canvas.width, unit * 0.12, octaves=4, decay=0.55)
            for layer in (1.0, 0.66, 0.33):
                table = brighter(4)
                for x in range(max(int(middle - half), 0), min(int(middle + half), canvas.width)):
                    part = (x - middle) / half
                    thick = tall * (1 - part * part) * (puffs[x] * 2.4 - 0.5) * layer
                    canvas.change(x, y - thick, y + thick * 0.35, table)

    def layer_colour(self, depth: float) -> Colour:
        """Returns the colour of land at a depth from 0 (far, in haze) to 1 (near)."""
        return mix(self.palette.far, self.palette.near, depth)

    def land(self, crest: list[float], depth: float, *, bottom: float, inks: int = 12) -> Ramp:
        """Paints one layer of land below its crest, fading into mist towards line `bottom`."""
        colour = self.layer_colour(depth)
        mist = mix(colour, self.palette.horizon, 0.42 * (1 - depth) + 0.06)
        ramp = self.inks.ramp((colour, mist), inks)
        top = sum(crest) / len(crest)
        texture = self.canvas.gradient(ramp, min(top, min(crest) * 0.5 + top * 0.5), bottom)
        self.canvas.below(crest, texture, self.edge(colour, depth))
        return ramp

    def edge(self, colour: Colour, depth: float) -> Edge:
        """Returns inks that soften the crest of a layer against what lies behind it."""
        behind = mix(self.layer_colour(max(depth - 0.25, 0)), self.palette.horizon, 0.5)
        ramp = self.inks.ramp((mix(colour, behind, 0.25), mix(colour, behind, 0.75)), 3)
        return ramp.first, ramp.first + 1, ramp.first + 2

    def water(self, shore: int, *, light: Light, share: int) -> None:
        """Mirrors what lies above the shore line below it, darker, rippled, with a sun path.

        Args:
            shore: The first line of the water.
            light: What lays the path.
            share: How many neighbouring inks look the same in the water; saves inks.
        """
        canvas, dice = self.canvas, self.dice.fork("water")
        width, height, pixels = canvas.width, canvas.height, canvas.pixels
        table = self.inks.tinted(
            mix(self.palette.zenith, self.palette.near, 0.4), 0.34, share=share
        )
        depth = height - shore
        sway = fractal(dice, depth + 1, max(canvas.unit / 90, 1.5), octaves=2, decay=0.6)
        for step in range(depth):
            near = step / max(depth, 1)
            source = max(shore - 1 - int(step * min(1.0, shore / depth) * (1 - 0.25 * near)), 0)
            row = bytes(pixels[source::height]).translate(table)
            shift = int((sway[step] - 0.5) * canvas.unit * (0.006 + 0.05 * near))
            pixels[shore + step :: height] = _shifted(row, shift)
        self._sun_path(shore, light)
        line = canvas.plain(self.inks.ink(mix(self.palette.horizon, self.palette.sun, 0.35)))
        for x in range(width):
            canvas.span(x, shore, shore + max(canvas.unit // 500, 1), line)

    def _sun_path(self, shore: int, light: Light) -> None:
        """Lays broken strokes of light on the water, under the sun or moon."""
        canvas, dice = self.canvas, self.dice.fork("path")
        shine = self.inks.ramp(
            (mix(self.palette.horizon, self.palette.sun, 0.5), self.palette.sun), 3
        )
        stroke = max(int(canvas.unit / 340), 1)
        for y in range(shore + stroke * 2, canvas.height, stroke * 2):
            near = (y - shore) / (canvas.height - shore)
            for _ in range(3):
                spread = light.radius * (0.9 + 2.2 * near)
                middle = light.x + (dice.unit() + dice.unit() - 1) * spread
                half = light.radius * dice.between(0.06, 0.5) * (0.5 + near)
                texture = canvas.plain(shine.first + int(dice.unit() * 3))
                if dice.chance(0.75 - 0.4 * near):
                    for x in range(int(middle - half), int(middle + half) + 1):
                        canvas.span(x, y, y + stroke, texture)


def brighter(steps: int) -> bytes:
    """Returns a table that moves sky inks `steps` towards the sun and leaves others alone."""
    last = SKY + GLOW - 1
    return bytes(min(ink + steps, last) if ink <= last else ink for ink in range(256))


def _shifted(row: bytes, shift: int) -> bytes:
    """Returns the row moved sideways; what is missing at the edge is mirrored."""
    if shift > 0:
        return row[shift:] + row[: -shift - 1 : -1]
    if shift < 0:
        return row[-shift - 1 :: -1] + row[:shift]
    return row

"""A planet over the ridges of another world."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mj_cli.sandbox.art import land
from mj_cli.sandbox.art.canvas import chords
from mj_cli.sandbox.art.dice import fractal
from mj_cli.sandbox.art.palettes import mix

if TYPE_CHECKING:
    from mj_cli.sandbox.art.canvas import Texture
    from mj_cli.sandbox.art.stage import Stage


def worlds(stage: Stage) -> None:
    """A planet with bands over the ridges of another world."""
    canvas, dice, unit = stage.canvas, stage.dice.fork("worlds"), stage.canvas.unit
    horizon = canvas.height * dice.between(0.74, 0.82)
    stage.sky(horizon, None)
    radius = unit * dice.between(0.2, 0.3)
    side = dice.between(0.3, 0.7)
    _planet(
        stage, canvas.width * side, horizon - unit * 0.12 - radius * dice.between(0.5, 1.1), radius
    )
    stage.clouds(horizon, 2)
    for number in range(4):
        depth = 0.3 + 0.7 * number / 3
        base = horizon + (canvas.height - horizon) * number / 4
        crest = land.mountains(
            dice.fork(f"ridge {number}"),
            canvas.width,
            base=base + unit * 0.05,
            rise=unit * 0.17,
            length=unit * (0.24 + 0.08 * number),
        )
        stage.land(crest, depth, bottom=base + unit * 0.2, inks=10)


def _planet(stage: Stage, x: float, y: float, radius: float) -> None:
    """Paints a banded sphere, lit from the upper left, its night side fading into the sky."""
    canvas, mood = stage.canvas, stage.palette
    bands = fractal(stage.dice.fork("bands"), canvas.height, radius * 0.22, octaves=3, decay=0.6)
    shadow = mix(mood.zenith, mood.near, 0.4)
    tones: list[Texture] = []
    for tone in range(16):
        lights = mix(shadow, mood.sun, (tone + 1) / 16)
        darks = mix(shadow, mix(mood.far, mood.light, 0.35), (tone + 1) / 16)
        ramp = stage.inks.ramp((darks, lights), 4)
        column = bytes(ramp.first + min(int(value * 4), 3) for value in bands)
        tones.append((column, column, column, column))
    ringed = stage.theme.chance(0.5)
    if ringed:
        _ring(stage, x, y, radius, front=False)
    for place, half in chords(x, radius, canvas.width):
        canvas.span(place, y - half + 0.5, y + half + 0.5, tones[0])
        for number, texture in enumerate(tones):
            # Lit is where the disc and a larger copy, moved towards the light, overlap.
            shift = radius * (0.2 + 0.065 * number)
            square = radius * radius * 1.21 - (place - x + shift) * (place - x + shift)
            if square <= 0:
                break
            reach, middle = math.sqrt(square), y - shift * 0.5
            top, bottom = max(y - half, middle - reach), min(y + half, middle + reach)
            canvas.span(place, top + 0.5, bottom + 0.5, texture)
    if ringed:
        _ring(stage, x, y, radius, front=True)


def _ring(stage: Stage, x: float, y: float, radius: float, *, front: bool) -> None:
    """Paints the half of a planet's tilted rings that lies before or behind it."""
    canvas, mood = stage.canvas, stage.palette
    inks = stage.inks.ramp((mix(mood.far, mood.sun, 0.25), mix(mood.light, mood.sun, 0.5)), 4)
    tilt = 0.2 if front else -0.2
    for number, (outer, inner) in enumerate(((2.0, 1.86), (1.82, 1.55), (1.53, 1.4), (1.36, 1.3))):
        texture = canvas.plain(inks.first + (number * 3 + 1) % 4)
        holes = dict(chords(x, radius * inner, canvas.width))
        for column, half in chords(x, radius * outer, canvas.width):
            near, far = y + holes.get(column, 0.0) * tilt, y + half * tilt
            lean = (column - x) * -0.16
            canvas.span(column, min(near, far) + lean, max(near, far) + lean, texture)

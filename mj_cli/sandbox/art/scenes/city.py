"""A skyline with lit windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mj_cli.sandbox.art.palettes import mix

if TYPE_CHECKING:
    from mj_cli.sandbox.art.canvas import Texture
    from mj_cli.sandbox.art.dice import Dice
    from mj_cli.sandbox.art.stage import Stage


def city(stage: Stage) -> None:
    """A skyline with lit windows, on a river now and then."""
    canvas, dice, unit = stage.canvas, stage.dice.fork("city"), stage.canvas.unit
    river = stage.theme.chance(0.6)
    ground = int(canvas.height * (dice.between(0.68, 0.76) if river else 1.0))
    horizon = ground if river else canvas.height * 0.85
    light = stage.place_light(0.38, 0.6, horizon)
    stage.sky(horizon, light)
    stage.clouds(horizon, 3)
    for number in range(4):
        depth = 0.15 + 0.24 * number
        tall = unit * (0.5 - 0.085 * number) if river else unit * (0.72 - 0.13 * number)
        _block(stage, dice.fork(f"row {number}"), ground=ground, tall=tall, depth=depth)
    if river:
        stage.water(ground, light=light, share=2)


def _block(stage: Stage, dice: Dice, *, ground: float, tall: float, depth: float) -> None:
    """Paints one row of buildings; the nearer rows have windows."""
    canvas, mood, unit = stage.canvas, stage.palette, stage.canvas.unit
    colour = stage.layer_colour(depth)
    ramp = stage.inks.ramp((colour, mix(colour, mood.horizon, 0.5 - 0.4 * depth)), 10)
    body = canvas.gradient(ramp, ground - tall, ground)
    lamps = stage.inks.ramp(
        (mix(colour, mood.light, 0.3), mix(colour, mood.light, 0.3 + 0.6 * depth)), 3
    )
    lamp = [canvas.plain(lamps.first + shade) for shade in range(3)]
    pitch = max(int(unit / 95), 3)
    x, number = -pitch * dice.between(0, 4), 0
    while x < canvas.width:
        number += 1
        inside = dice.fork(f"windows {number}")
        wide = pitch * int(dice.between(4, 12)) + 2
        roof = ground - tall * (0.3 + 0.7 * dice.unit() * dice.between(0.5, 1.0))
        left, right = int(x), int(x) + wide
        for column in range(left, right):
            canvas.span(column, roof, ground, body)
        _crown(stage, dice, left=left, right=right, roof=roof, body=body)
        if depth > 0.3:
            _windows(stage, inside, left=left, right=right, roof=roof, ground=ground, lamps=lamp)
        x += wide + (pitch * dice.between(0, 2.5) if dice.chance(0.4) else -pitch * dice.unit())


def _crown(stage: Stage, dice: Dice, *, left: int, right: int, roof: float, body: Texture) -> None:
    """Tops a building with a step, a slope, a mast or nothing."""
    canvas, wide = stage.canvas, right - left
    kind = dice.pick(("flat", "step", "slope", "mast", "flat"))
    for column in range(left, right):
        part = (column - left) / wide
        if kind == "step" and 0.22 < part < 0.78:
            canvas.span(column, roof - wide * 0.3, roof, body)
        elif kind == "slope":
            canvas.span(column, roof - wide * 0.45 * part, roof, body)
        elif kind == "mast" and abs(part - 0.5) < 0.6 / wide:
            canvas.span(column, roof - wide * 0.9, roof, body)


def _windows(
    stage: Stage,
    dice: Dice,
    *,
    left: int,
    right: int,
    roof: float,
    ground: float,
    lamps: list[Texture],
) -> None:
    """Lights some of a building's windows."""
    canvas = stage.canvas
    pitch = max(int(canvas.unit / 95), 3)
    size = max(int(pitch * 0.5), 1)
    lit = dice.between(0.15, 0.5)
    for column in range(left + size, right - size, pitch):
        for line in range(int(roof) + pitch, int(ground) - size, pitch):
            shine = dice.unit()
            if shine < lit:
                texture = lamps[int(shine / lit * 3)]
                for x in range(column, column + size):
                    canvas.span(x, line, line + size + 1, texture)

"""Mountain ranges behind a lake or a wood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mj_cli.sandbox.art import land
from mj_cli.sandbox.art.dice import fractal
from mj_cli.sandbox.art.palettes import mix

if TYPE_CHECKING:
    from mj_cli.sandbox.art.stage import Stage


def peaks(stage: Stage) -> None:
    """Mountain ranges in haze, firs in front, sometimes a lake."""
    canvas, dice, unit = stage.canvas, stage.dice.fork("peaks"), stage.canvas.unit
    lake = stage.theme.chance(0.5)
    horizon = canvas.height * dice.between(0.58, 0.66)
    light = stage.place_light(0.25, 0.42, horizon)
    stage.sky(horizon, light)
    stage.clouds(horizon, 3)
    layers = 4
    for number in range(layers):
        depth = 0.1 + 0.62 * number / (layers - 1)
        base = horizon + (0 if lake else unit * 0.07 * number)
        rise = unit * (0.5 - 0.09 * number)
        crest = land.mountains(
            dice.fork(f"range {number}"),
            canvas.width,
            base=base + unit * 0.05,
            rise=rise,
            length=unit * (0.42 - 0.05 * number),
        )
        stage.land(crest, depth, bottom=base + unit * 0.12, inks=9)
        if number == 1:
            _snow(stage, crest, unit)
    if lake:
        stage.water(int(horizon), light=light, share=4)
    _grove(stage, unit, base=canvas.height * (0.97 if lake else 0.93), tall=0.17)


def _snow(stage: Stage, crest: list[float], unit: float) -> None:
    """Puts snow on the heights of a range."""
    canvas = stage.canvas
    ramp = stage.inks.ramp(
        (
            mix(stage.palette.light, (255, 255, 255), 0.5),
            mix(stage.palette.far, stage.palette.light, 0.6),
        ),
        6,
    )
    top, low = min(crest), max(crest)
    texture = canvas.gradient(ramp, top, top + (low - top) * 0.7)
    ragged = fractal(
        stage.dice.fork("snow"), canvas.width, unit * 0.05, octaves=5, decay=0.7, smooth=False
    )
    line = top + (low - top) * 0.42
    for x, (start, rag) in enumerate(zip(crest, ragged, strict=True)):
        depth = (line - start) * (0.25 + rag) + (rag - 0.5) * unit * 0.05
        canvas.span(x, start + 1, start + 1 + depth, texture)


def _grove(stage: Stage, unit: float, *, base: float, tall: float) -> None:
    """Stands dark firs in the foreground."""
    dice, width = stage.dice.fork("grove"), stage.canvas.width
    ground = land.hills(dice.fork("ground"), width, base=base, rise=unit * 0.07, length=unit * 0.5)
    line = land.conifers(
        dice.fork("trees"), ground, tall=unit * tall, gap=unit * 0.035, fill=dice.between(0.5, 0.75)
    )
    stage.land(line, 1.0, bottom=stage.canvas.height * 1.4)

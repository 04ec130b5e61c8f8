"""Dunes in low light."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mj_cli.sandbox.art import land
from mj_cli.sandbox.art.dice import fractal
from mj_cli.sandbox.art.palettes import mix

if TYPE_CHECKING:
    from mj_cli.sandbox.art.stage import Stage


def sands(stage: Stage) -> None:
    """Dunes with a lit side and a shaded side."""
    canvas, dice, unit = stage.canvas, stage.dice.fork("sands"), stage.canvas.unit
    horizon = canvas.height * dice.between(0.5, 0.6)
    light = stage.place_light(0.12, 0.36, horizon)
    stage.sky(horizon, light)
    stage.clouds(horizon, 2)
    far = land.mountains(
        dice.fork("far"),
        canvas.width,
        base=horizon + unit * 0.03,
        rise=unit * 0.14,
        length=unit * 0.3,
    )
    stage.land(far, 0.05, bottom=horizon + unit * 0.1)
    layers = 4
    drop = (canvas.height - horizon) / layers
    mirrored = light.x > canvas.width / 2
    for number in range(layers):
        depth = number / (layers - 1)
        crest = land.dunes(
            dice.fork(f"dune {number}"),
            canvas.width,
            base=horizon + drop * (number + 0.55),
            rise=min(unit * (0.13 + 0.07 * depth), drop * 1.3),
            length=unit * (0.45 + 0.4 * depth),
        )
        if mirrored:
            crest.reverse()
        _dune(stage, crest, depth, bottom=horizon + drop * (number + 1.9), lit_left=not mirrored)


def _dune(stage: Stage, crest: list[float], depth: float, *, bottom: float, lit_left: bool) -> None:
    """Paints one row of dunes: bright towards the light, dark beyond the sharp crest line."""
    canvas, mood = stage.canvas, stage.palette
    body = mix(mix(mood.far, mood.light, 0.35), mood.near, 0.1 + 0.42 * depth)
    bright = stage.inks.ramp((mix(body, mood.light, 0.5), mix(body, mood.near, 0.18)), 10)
    dark = stage.inks.ramp((mix(body, mood.near, 0.62), mix(body, mood.near, 0.34)), 8)
    top = min(crest)
    canvas.below(
        crest, canvas.gradient(bright, top, bottom), stage.edge(mix(body, mood.light, 0.4), depth)
    )
    shade = canvas.gradient(dark, top, bottom)
    wobble = fractal(
        stage.dice.fork(f"shade {depth}"), canvas.width, canvas.unit * 0.2, octaves=3, decay=0.5
    )
    columns = range(canvas.width) if lit_left else range(canvas.width - 1, -1, -1)
    depth_of_shade, previous = 0.0, crest[columns[0]]
    for x in columns:
        fall, previous = crest[x] - previous, crest[x]
        # Beyond a summit the foot of the shadow falls faster than the crest; in the next trough
        # the shadow runs out on the rising sand.
        depth_of_shade += fall * (0.7 + 1.6 * wobble[x]) if fall > 0 else -0.45 + fall * 0.6
        depth_of_shade = max(depth_of_shade, 0.0)
        canvas.span(x, crest[x] + 1, crest[x] + depth_of_shade, shade)

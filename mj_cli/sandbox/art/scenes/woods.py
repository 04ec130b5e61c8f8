"""Ridge behind ridge of firs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mj_cli.sandbox.art import land

if TYPE_CHECKING:
    from mj_cli.sandbox.art.stage import Stage


def woods(stage: Stage) -> None:
    """Ridge behind ridge of firs, with fog in the valleys."""
    canvas, dice, unit = stage.canvas, stage.dice.fork("woods"), stage.canvas.unit
    horizon = canvas.height * dice.between(0.4, 0.5)
    light = stage.place_light(0.1, 0.32, horizon)
    stage.sky(horizon * 1.15, light)
    stage.clouds(horizon, 2)
    layers = 6
    drop = (canvas.height * 0.96 - horizon) / layers
    for number in range(layers):
        part = dice.fork(f"ridge {number}")
        depth = (number + 0.4) / (layers - 0.6)
        base = horizon + drop * (number + 0.9)
        ground = land.hills(
            part, canvas.width, base=base, rise=min(unit * 0.2, drop * 2.2), length=unit * 0.5
        )
        tall = unit * (0.05 + 0.14 * depth * depth)
        line = land.conifers(part.fork("firs"), ground, tall=tall, gap=tall * 0.24, fill=0.85)
        stage.land(line, depth, bottom=base + drop * 1.1, inks=12)

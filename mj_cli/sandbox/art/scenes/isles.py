"""Islands in a calm sea."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mj_cli.sandbox.art import land
from mj_cli.sandbox.art.dice import wave

if TYPE_CHECKING:
    from mj_cli.sandbox.art.stage import Stage


def isles(stage: Stage) -> None:
    """Islands in a calm sea."""
    canvas, dice, unit = stage.canvas, stage.dice.fork("isles"), stage.canvas.unit
    shore = int(canvas.height * dice.between(0.5, 0.6))
    light = stage.place_light(0.06, 0.3, shore)
    stage.sky(shore, light)
    stage.clouds(shore, 4)
    for number in range(4):
        part = dice.fork(f"isle {number}")
        depth = 0.12 + 0.2 * number
        shape = land.mountains(
            part, canvas.width, base=0.0, rise=unit * (0.22 - 0.01 * number), length=unit * 0.16
        )
        where = wave(part.fork("where"), canvas.width, unit * 0.38)
        middle, half = part.unit() * canvas.width, unit * part.between(0.2, 0.4)
        rise = 0.6 + 0.03 * number
        crest = []
        for x, (line, share) in enumerate(zip(shape, where, strict=True)):
            away = (x - middle) / half
            land_here = max(share, 0.95 - away * away) - rise
            crest.append(shore + line * land_here / (1 - rise) if land_here > 0 else shore + 1.0)
        stage.land(crest, depth, bottom=shore + unit * 0.02, inks=8)
    stage.water(shore, light=light, share=2)

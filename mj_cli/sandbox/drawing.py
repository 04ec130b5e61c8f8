"""Draws the sandbox's pictures: the same prompt gives the same bytes, everywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mj_cli.sandbox.art import png
from mj_cli.sandbox.art.canvas import Canvas
from mj_cli.sandbox.art.dice import Dice
from mj_cli.sandbox.art.label import stamp
from mj_cli.sandbox.art.palettes import PALETTES, Inks, Palette, mix
from mj_cli.sandbox.art.scenes import SCENES
from mj_cli.sandbox.art.stage import Stage
from mj_cli.sandbox.framing import dimensions

if TYPE_CHECKING:
    from collections.abc import Callable

    from mj_cli.sandbox.art.palettes import Colour

_BLACK, _WHITE = (0, 0, 0), (250, 250, 252)


def draw(prompt: str, index: int, pixels: int) -> bytes:
    """Returns one picture of a job as a PNG file.

    Args:
        prompt: What was asked for. Every change of it, `--seed` included, changes the picture;
            `--ar` sets its shape.
        index: 1 to 4 for a single picture, 0 for the grid of all four.
        pixels: Length of the longer side, at least 2.
    """
    width, height = dimensions(prompt, pixels)
    if index:
        canvas, colours = _paint(prompt, index, width, height)
        rows = list(canvas.rows())
    else:
        rows, colours = _grid(prompt, width, height)
    label = f"picture {index} of 4" if index else "grid of 4 pictures"
    texts = {"Title": prompt, "Software": "mj sandbox", "Comment": f"Sandbox picture: {label}"}
    return png.encode(rows, colours, width=width, height=height, texts=texts)


def _grid(prompt: str, width: int, height: int) -> tuple[list[bytes], list[Colour]]:
    """Returns the rows of the four pictures at half size, two by two."""
    rows: list[bytes] = []
    colours: list[Colour] = []
    left, top = (width + 1) // 2, (height + 1) // 2
    for upper, high in ((1, top), (3, height - top)):
        one, colours = _paint(prompt, upper, left, high)
        two, _ = _paint(prompt, upper + 1, width - left, high)
        rows += [a + b for a, b in zip(one.rows(), two.rows(), strict=True)]
    return rows, colours


def _paint(prompt: str, index: int, width: int, height: int) -> tuple[Canvas, list[Colour]]:
    theme = Dice(prompt)
    words = set(re.findall("[a-z]+", prompt.lower()))
    palette, scene = _mood(words, theme), _scene(words, theme)
    stage = Stage(Canvas(width, height), Inks(), palette, theme, theme.fork(f"picture {index}"))
    scene(stage)
    paper, ink = stage.inks.ink(mix(palette.near, _BLACK, 0.45)), stage.inks.ink(_WHITE)
    stamp(stage.canvas, f"SANDBOX {index}", paper=paper, ink=ink)
    return stage.canvas, stage.inks.colours


def _mood(words: set[str], theme: Dice) -> Palette:
    wanted = tuple(palette for palette in PALETTES if palette.name in words)
    return theme.pick(wanted or PALETTES)


def _scene(words: set[str], theme: Dice) -> Callable[[Stage], None]:
    wanted = tuple(scene for calls, scene in SCENES.items() if words & set(calls.split()))
    return theme.pick(wanted or tuple(SCENES.values()))

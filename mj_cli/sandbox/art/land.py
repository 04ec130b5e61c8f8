"""Outlines of things that stand on the ground, as one line number per column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mj_cli.sandbox.art.dice import fractal, wave

if TYPE_CHECKING:
    from mj_cli.sandbox.art.dice import Dice


def mountains(dice: Dice, width: int, *, base: float, rise: float, length: float) -> list[float]:
    """Returns craggy peaks that rise up to `rise` lines above line `base`."""
    rough = fractal(dice.fork("rock"), width, length, octaves=7, decay=0.5, smooth=False)
    swell = wave(dice.fork("swell"), width, length * 1.7)
    return [base - rise * (0.25 + 0.75 * s) * r * 1.25 for r, s in zip(rough, swell, strict=True)]


def hills(dice: Dice, width: int, *, base: float, rise: float, length: float) -> list[float]:
    """Returns soft hills that rise up to `rise` lines above line `base`."""
    return [base - rise * v for v in fractal(dice, width, length, octaves=4, decay=0.36)]


def dunes(dice: Dice, width: int, *, base: float, rise: float, length: float) -> list[float]:
    """Returns dunes: a long climb on one side, a short fall on the other, sharp at the top."""
    lattice: list[tuple[float, float]] = []
    x = -length * dice.between(0.2, 0.9)
    low = True
    while x < width + length:
        lattice.append((x, dice.between(0.0, 0.25) if low else dice.between(0.6, 1.0)))
        x += length * (dice.between(0.75, 1.15) if low else dice.between(0.45, 0.7))
        low = not low
    lattice.append((x, 0.2))
    values: list[float] = []
    part = 0
    for column in range(width):
        while lattice[part + 1][0] <= column:
            part += 1
        (left, start), (right, end) = lattice[part], lattice[part + 1]
        t = (column - left) / (right - left)
        # A slope leaves the trough gently and arrives at the top straight.
        t = (
            t * t * (1.8 - 0.8 * t)
            if end > start
            else 1 - (1 - t) * (1 - t) * (0.2 + 0.8 + 0.8 * t)
        )
        values.append(base - rise * (start + (end - start) * t))
    return values


def conifers(
    dice: Dice, ground: list[float], *, tall: float, gap: float, fill: float = 1.0
) -> list[float]:
    """Returns the ground line with a row of fir trees on it.

    Args:
        dice: Where sizes and places come from.
        ground: The line the trees stand on.
        tall: Height of a tall tree, in lines.
        gap: Mean distance between trees, in columns.
        fill: Share of the trees that are there, 0 to 1, in groves.
    """
    line = list(ground)
    groves = wave(dice.fork("groves"), len(ground), max(gap * 9, 8.0))
    x = -gap
    while x < len(ground) + gap:
        x += gap * dice.between(0.45, 1.55)
        height, slim, keep = tall * dice.between(0.45, 1.0), dice.between(0.15, 0.22), dice.unit()
        column = min(max(int(x), 0), len(ground) - 1)
        if groves[column] * 0.7 + keep * 0.3 > fill:
            continue
        _fir(line, x, ground[column], height, height * slim)
    return line


def _fir(line: list[float], x: float, foot: float, height: float, half: float) -> None:
    for column in range(max(int(x - half), 0), min(int(x + half) + 2, len(line))):
        away = abs(column - x) / half
        if away >= 1:
            continue
        tier = away * 7
        branch = (tier - int(tier)) * 0.11 * (0.4 + away)
        line[column] = min(line[column], foot - height * (1 - away * 0.96 - branch))

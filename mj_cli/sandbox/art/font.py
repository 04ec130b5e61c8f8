"""A 5 by 7 pixel font for the label that marks every picture as a sandbox picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH, HEIGHT = 5, 7

_GLYPHS = {
    " ": "..... ..... ..... ..... ..... ..... .....",
    "A": ".###. #...# #...# ##### #...# #...# #...#",
    "B": "####. #...# #...# ####. #...# #...# ####.",
    "D": "####. #...# #...# #...# #...# #...# ####.",
    "N": "#...# ##..# ##..# #.#.# #..## #..## #...#",
    "O": ".###. #...# #...# #...# #...# #...# .###.",
    "S": ".#### #.... #.... .###. ....# ....# ####.",
    "X": "#...# #...# .#.#. ..#.. .#.#. #...# #...#",
    "1": "..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.",
    "2": ".###. #...# ....# ...#. ..#.. .#... #####",
    "3": "####. ....# ....# .###. ....# ....# ####.",
    "4": "...#. ..##. .#.#. #..#. ##### ...#. ...#.",
}


def length(text: str) -> int:
    """Returns the width of a text in font pixels, one blank column between the characters."""
    return len(text) * (WIDTH + 1) - 1


def dots(text: str) -> Iterator[tuple[int, int]]:
    """Yields the column and row, from the upper left, of every font pixel that is set.

    Raises:
        KeyError: The font has no such character.
    """
    for place, character in enumerate(text):
        for row, line in enumerate(_GLYPHS[character].split()):
            for column, mark in enumerate(line):
                if mark == "#":
                    yield place * (WIDTH + 1) + column, row

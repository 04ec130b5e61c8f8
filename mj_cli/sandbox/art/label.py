"""The label in a lower corner that marks a picture as drawn by the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mj_cli.sandbox.art import font

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mj_cli.sandbox.art.canvas import Canvas

_TALL = font.HEIGHT + 4


def stamp(canvas: Canvas, text: str, *, paper: int, ink: int) -> None:
    """Puts a text into the lower left corner, upright where the picture is too narrow for it.

    A picture too small for even that stays without.

    Args:
        canvas: What to write on.
        text: What to write, in characters that the font has.
        paper: The ink of the small plate behind the text.
        ink: The ink of the text.
    """
    wide = font.length(text) + 6
    upright = canvas.width < wide + 2 <= canvas.height
    along, across = (canvas.height, canvas.width) if upright else (canvas.width, canvas.height)
    wanted = max(int((along + across) / 680 + 0.5), 1)
    scale = min(wanted, (across - 2) // _TALL, (along - 2) // wide)
    if scale < 1:
        return
    margin = min(scale * 5, (across - scale * _TALL) // 2)
    for column, row, colour in _plate(text, wide, paper, ink):
        for dot in range(scale * scale):
            right, down = column * scale + dot % scale, row * scale + dot // scale
            if upright:
                canvas.dot(margin + down, canvas.height - 1 - margin - right, colour)
            else:
                canvas.dot(margin + right, canvas.height - margin - _TALL * scale + down, colour)


def _plate(text: str, wide: int, paper: int, ink: int) -> Iterator[tuple[int, int, int]]:
    """Yields column, row and ink of each font pixel of a plate without its corners, and a text."""
    for column in range(wide):
        for row in range(_TALL):
            if column not in {0, wide - 1} or row not in {0, _TALL - 1}:
                yield column, row, paper
    for column, row in font.dots(text):
        yield column + 3, row + 2, ink

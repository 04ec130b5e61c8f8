"""The size of a picture, from the aspect ratio that its prompt asks for."""

from __future__ import annotations

import re

_ASPECT = re.compile(r"(?:^|\s)--(?:ar|aspect)[\s=]+([0-9]{1,6}):([0-9]{1,6})(?=\s|$)")
_EXTREME = 14


def dimensions(prompt: str, pixels: int) -> tuple[int, int]:
    """Returns width and height in pixels, the longer of them `pixels`.

    `--ar W:H` and `--aspect W:H` count, the last one if there are several; without a sensible
    ratio the picture is square. Ratios beyond 14:1 are brought back to it, and no side is shorter
    than 2 pixels.
    """
    ratio = 1.0
    for wide, high in _ASPECT.findall(prompt):
        if int(wide) and int(high):
            ratio = min(max(int(wide) / int(high), 1 / _EXTREME), _EXTREME)
    if ratio >= 1:
        return pixels, max(int(pixels / ratio + 0.5), 2)
    return max(int(pixels * ratio + 0.5), 2), pixels

"""The kinds of scene: each paints one picture on a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mj_cli.sandbox.art.scenes.city import city
from mj_cli.sandbox.art.scenes.isles import isles
from mj_cli.sandbox.art.scenes.peaks import peaks
from mj_cli.sandbox.art.scenes.sands import sands
from mj_cli.sandbox.art.scenes.woods import woods
from mj_cli.sandbox.art.scenes.worlds import worlds

if TYPE_CHECKING:
    from collections.abc import Callable

    from mj_cli.sandbox.art.stage import Stage

SCENES: dict[str, Callable[[Stage], None]] = {
    "mountain mountains peak alps snow lake fox wolf": peaks,
    "desert dune dunes sand sahara camel": sands,
    "sea ocean island beach boat ship sail lighthouse": isles,
    "city street skyline building tower neon cyberpunk": city,
    "forest wood woods tree trees fog deer owl": woods,
    "planet space star galaxy moon astronaut robot": worlds,
}
"""Every kind of scene, by the words in a prompt that call for it."""

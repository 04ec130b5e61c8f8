from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mj_cli.sandbox import drawing
from mj_cli.sandbox.art.canvas import Canvas
from mj_cli.sandbox.art.dice import Dice
from mj_cli.sandbox.art.palettes import PALETTES, Inks, Palette
from mj_cli.sandbox.art.scenes import SCENES
from mj_cli.sandbox.art.stage import Stage
from mj_cli.sandbox.drawing import draw
from mj_cli.sandbox.framing import dimensions

WORDS = [calls.split()[0] for calls in SCENES]


class Picture:
    """A PNG file taken apart, its checksums verified."""

    def __init__(self, data: bytes) -> None:
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        self.chunks: list[tuple[bytes, bytes]] = []
        place = 8
        while place < len(data):
            (length,) = struct.unpack_from(">I", data, place)
            kind, content = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
            (crc,) = struct.unpack_from(">I", data, place + 8 + length)
            assert crc == zlib.crc32(kind + content)
            self.chunks.append((kind, content))
            place += 12 + length
        assert place == len(data)
        assert self.chunks[0][0] == b"IHDR"
        assert self.chunks[-1] == (b"IEND", b"")
        header = struct.unpack(">IIBBBBB", self.one(b"IHDR"))
        self.width, self.height = header[:2]
        assert header[2:] == (8, 3, 0, 0, 0)
        raw = zlib.decompress(self.one(b"IDAT"))
        assert len(raw) == self.height * (self.width + 1)
        self.rows = [raw[y * (self.width + 1) :][: self.width + 1] for y in range(self.height)]
        assert all(row[0] == 0 for row in self.rows)
        self.rows = [row[1:] for row in self.rows]
        self.palette = self.one(b"PLTE")
        assert max(map(max, self.rows)) < len(self.palette) // 3 <= 256

    def one(self, kind: bytes) -> bytes:
        (content,) = (content for name, content in self.chunks if name == kind)
        return content

    def texts(self) -> dict[str, str]:
        found = {}
        for kind, content in self.chunks:
            keyword, _, text = content.partition(b"\0")
            if kind == b"tEXt":
                found[keyword.decode("latin-1")] = text.decode("latin-1")
            elif kind == b"iTXt":
                assert text[:4] == bytes(4)
                found[keyword.decode("latin-1")] = text[4:].decode()
        return found


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("ratio", ["1:1", "14:1", "1:14", "3:2"])
def test_every_scene_is_a_valid_picture_of_the_right_size(word: str, ratio: str) -> None:
    prompt = f"{word} --ar {ratio}"
    for index in range(5):
        picture = Picture(draw(prompt, index, 55))
        assert (picture.width, picture.height) == dimensions(prompt, 55)


@pytest.mark.parametrize("mood", PALETTES)
def test_every_scene_has_inks_enough_in_every_mood(mood: Palette) -> None:
    for word in WORDS:
        # Several seeds, because a lake, a river or a ring is left to chance.
        for seed in range(6):
            Picture(draw(f"{word} {mood.name} --seed {seed}", 1, 24))


@given(prompt=st.text(max_size=30), index=st.integers(0, 4), pixels=st.integers(2, 40))
@settings(max_examples=40, deadline=None)
def test_any_prompt_draws(prompt: str, index: int, pixels: int) -> None:
    picture = Picture(draw(prompt, index, pixels))
    assert max(picture.width, picture.height) == pixels
    assert picture.texts()["Title"] == prompt.replace("\0", "")


@pytest.mark.parametrize(
    ("prompt", "size"),
    [
        ("fox", (1000, 1000)),
        ("fox --ar 16:9", (1000, 563)),
        ("fox --ar=3:2", (1000, 667)),
        ("fox --aspect 2:3 --v 7", (667, 1000)),
        ("--ar 4:5", (800, 1000)),
        ("fox --ar 1920:1080", (1000, 563)),
        ("fox --ar 100:1", (1000, 71)),
        ("fox --ar 1:100", (71, 1000)),
        ("fox --ar 1:2 --ar 2:1", (1000, 500)),
        ("fox --ar 0:1", (1000, 1000)),
        ("fox --ar 1:0", (1000, 1000)),
        ("fox --ar 1.5:1", (1000, 1000)),
        ("fox --ar wide", (1000, 1000)),
        ("fox --ar 3:2,", (1000, 1000)),
        ("fox x--ar 3:2", (1000, 1000)),
        ("fox --ar 9999999:1", (1000, 1000)),
    ],
)
def test_the_aspect_ratio_comes_from_the_prompt(prompt: str, size: tuple[int, int]) -> None:
    assert dimensions(prompt, 1000) == size


def test_the_same_prompt_gives_the_same_bytes_for_ever() -> None:
    prompts = [f"{word} dusk --ar 3:2" for word in WORDS]
    digest = sha256(b"".join(draw(prompt, 1, 96) for prompt in prompts)).hexdigest()
    assert digest == "69488d86078dbfc73c1bac70203af025ccd22834993f18918a8a5d013251b8b6"


def test_another_seed_prompt_or_index_gives_another_picture() -> None:
    pictures = [
        draw(prompt, index, 64)
        for prompt in ("fox", "fox --seed 1", "fox --seed 2", "a fox")
        for index in range(5)
    ]
    pixels = [b"".join(Picture(picture).rows) for picture in pictures]
    assert len(set(pixels)) == 20


def test_the_grid_shows_the_four_pictures() -> None:
    grid = Picture(draw("city at dusk", 0, 100))
    first, fourth = Picture(draw("city at dusk", 1, 50)), Picture(draw("city at dusk", 4, 50))
    assert [row[:50] for row in grid.rows[:50]] == first.rows
    assert [row[50:] for row in grid.rows[50:]] == fourth.rows
    assert grid.palette == first.palette == fourth.palette


@pytest.mark.parametrize("scene", list(SCENES.values()))
def test_a_word_in_the_prompt_calls_for_a_scene(scene: Callable[[Stage], None]) -> None:
    calls = next(calls for calls, known in SCENES.items() if known is scene)
    for word in calls.split():
        assert drawing._scene({"a", "big", word}, Dice(word)) is scene


@pytest.mark.parametrize("mood", PALETTES)
def test_a_word_in_the_prompt_calls_for_a_mood(mood: Palette) -> None:
    picture = Picture(draw(f"a street at {mood.name.upper()}, fox", 1, 16))
    assert tuple(picture.palette[:3]) == mood.zenith


def test_what_lies_outside_the_canvas_is_not_painted() -> None:
    canvas = Canvas(8, 8)
    full = canvas.plain(1)
    canvas.fill(full)
    before = bytes(canvas.pixels)
    for x, y in ((-1, 0), (8, 0), (0, -1), (0, 8)):
        canvas.dot(x, y, 2)
    canvas.span(-1, 0, 8, canvas.plain(2))
    canvas.span(0, 5, 3, canvas.plain(2))
    canvas.change(8, 0, 8, bytes(256))
    canvas.disc(-20, 4, 5, canvas.plain(2))
    canvas.below([8.0] * 8, canvas.plain(2), (2, 2, 2))
    assert canvas.pixels == before


@pytest.mark.parametrize(("prompt", "pixels"), [("fox", 512), ("fox --ar 1:14", 512)])
def test_the_label_is_on_the_picture(prompt: str, pixels: int) -> None:
    picture = Picture(draw(prompt, 2, pixels))
    white = len(picture.palette) // 3 - 1
    assert tuple(picture.palette[-3:]) == (250, 250, 252)
    marked = [
        (x, y) for y, row in enumerate(picture.rows) for x in range(len(row)) if row[x] == white
    ]
    assert len(marked) >= 120
    assert all(x < pixels / 3 and y > pixels / 2 for x, y in marked)


def test_a_tiny_picture_goes_without_label() -> None:
    picture = Picture(draw("fox", 2, 20))
    assert len(picture.palette) // 3 - 1 not in b"".join(picture.rows)


def test_the_file_says_that_it_is_a_sandbox_picture() -> None:
    texts = Picture(draw("a café", 2, 16)).texts()
    assert texts["Title"] == "a café"
    assert "sandbox" in texts["Software"]
    assert texts["Comment"] == "Sandbox picture: picture 2 of 4"
    assert Picture(draw("漢字", 0, 16)).texts()["Title"] == "漢字"


def test_half_a_surrogate_pair_draws() -> None:
    assert Picture(draw("\ud800", 1, 16)).texts()["Title"] == "?"


def test_a_ramp_runs_from_stop_to_stop() -> None:
    inks = Inks()
    ramp = inks.ramp(((0, 0, 0), (100, 50, 0), (200, 0, 255)), 9)
    colours = inks.colours[ramp.first : ramp.first + ramp.count]
    assert (colours[0], colours[4], colours[8]) == ((0, 0, 0), (100, 50, 0), (200, 0, 255))
    assert all(one[0] < other[0] for one, other in pairwise(colours))


def test_drawing_is_quick() -> None:
    started = time.process_time()
    draw("a city at night", 1, 1024)
    assert time.process_time() - started < 2

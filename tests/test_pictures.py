"""Each type is told by its content; what is cut off or something else is no picture."""

from __future__ import annotations

import base64
import contextlib
import os
import struct
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mj_cli import pictures
from mj_cli.pictures import NotAPicture, Picture, inspect

if TYPE_CHECKING:
    from pathlib import Path

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For machines that have other work to do."""


def png_chunk(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_header(
    width: int = 5, height: int = 3, depth: int = 8, colour: int = 2, interlace: int = 0
) -> bytes:
    fields = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return png_chunk(b"IHDR", fields)


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), name) + body


def ispe(width: int, height: int) -> bytes:
    return box(b"ispe", struct.pack(">III", 0, width, height))


def meta(*properties: bytes) -> bytes:
    return box(b"meta", b"\0\0\0\0", box(b"iprp", box(b"ipco", *properties)))


SIGNATURE = b"\x89PNG\r\n\x1a\n"
IDAT = png_chunk(b"IDAT", zlib.compress(bytes(16 * 3)))
IEND = png_chunk(b"IEND")
PNG = SIGNATURE + png_header() + png_chunk(b"tEXt", b"a\0b") + IDAT + IEND

JPEG = base64.b64decode(
    b"/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERX"
    b"RTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2Nj"
    b"Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAADAAUDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAA"
    b"AAL/xAAYEAEBAAMAAAAAAAAAAAAAAAAABAITM//EABUBAQEAAAAAAAAAAAAAAAAAAAIE/8QAGxEAAgEFAAAAAAAA"
    b"AAAAAAAAAAIhAQQSE0H/2gAMAwEAAhEDEQA/AIghm0ccQAd2yrJVbO2lZ4f/2Q=="
)
GIF = base64.b64decode(
    b"R0lGODdhBQADAIMAAMiMgJaMgGSMgMhGgJZGgGRGgDKMgACMgDJGgABGgMgAgJYAgGQAgDIAgAAAgAAAACwAAAAA"
    b"BQADAAAIFAAdNGCwQEECBAUIDDhgQEAAAAEBADs="
)
WEBP_LOSSY = base64.b64decode(
    b"UklGRjoAAABXRUJQVlA4IC4AAACwAQCdASoFAAMAB0CWJbACdAEOJKFgAP5AwzL0kDaKDgS7sOmolW1Cc20BAAAA"
)
WEBP_LOSSLESS = base64.b64decode(
    b"UklGRjwAAABXRUJQVlA4TC8AAAAvBIAAAHdAmG00uhKd//MYRmYA578HGWB5AQwCQCJQsaSQQnAprDBqRP/DQ459AQA="
)
WEBP_EXTENDED = base64.b64decode(
    b"UklGRnoAAABXRUJQVlA4WAoAAAAQAAAABAAAAgAAQUxQSAoAAAABB1DkiAhERP8DVlA4IEoAAAAQAgCdASoFAAMA"
    b"AUAmJbACdEyAAdWo2EAAAP7xvMNNVzPkWAI6yZG8wNW2Dmb5VVkv/UcT4gPnyKqP/f84zg5MTlf/7GBfPfCoAA=="
)
AVIF = base64.b64decode(
    b"AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAA"
    b"AAAAAAAAAAAAAAAAAAAOcGl0bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAJgAAAChpaW5mAAAA"
    b"AAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBycAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAABQAAAAMA"
    b"AAAQcGl4aQAAAAADCAgIAAAADGF2MUOBAAwAAAAAE2NvbHJuY2x4AAEADQAGgAAAABdpcG1hAAAAAAAAAAEAAQQB"
    b"AoMEAAAALm1kYXQSAAoIGAhk0QENBoQyGB7Hh4VZ3///4sCAAJA2DPPrj9mXSY/lQA=="
)

SAMPLES = {
    "png": (PNG, "png"),
    "jpeg": (JPEG, "jpg"),
    "gif": (GIF, "gif"),
    "webp-lossy": (WEBP_LOSSY, "webp"),
    "webp-lossless": (WEBP_LOSSLESS, "webp"),
    "webp-extended": (WEBP_EXTENDED, "webp"),
    "avif": (AVIF, "avif"),
}
"""Complete pictures of 5 x 3 pixels; none has padding, so every byte of them is needed."""

FTYP = box(b"ftyp", b"avif", b"\0\0\0\0", b"mif1")
MDAT = box(b"mdat", b"pixels")
JPEG_FRAME = b"\xff\xc0\x00\x0b\x08\x00\x03\x00\x05\x01\x01\x11\x00"
JPEG_SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
JPEG_END = b"\xff\xd9"
GIF_SCREEN = b"GIF89a\x05\x00\x03\x00\x00\x00\x00"
GIF_FRAME = b"\x2c\0\0\0\0\x05\x00\x03\x00\x00\x02\x01\x00\x00"


class Check(Protocol):
    def __call__(self, data: bytes, /) -> Picture: ...


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Check:
    """Inspect bytes, by way of a file."""
    path = tmp_path_factory.mktemp("pictures") / "file"

    def inspect_bytes(data: bytes, /) -> Picture:
        path.write_bytes(data)
        return inspect(path)

    return inspect_bytes


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> bytes:
    return SAMPLES[request.param][0]


@pytest.mark.parametrize(("data", "extension"), SAMPLES.values(), ids=SAMPLES)
def test_a_picture_is_told_with_its_size(check: Check, data: bytes, extension: str) -> None:
    assert check(data) == Picture(extension, 5, 3)


@pytest.mark.parametrize("window", [25, 64, 64 * 1024])
def test_every_truncation_is_found(
    check: Check, sample: bytes, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(pictures, "_WINDOW", window)  # 25 bytes are the most asked for at once
    assert check(sample).width == 5
    for length in range(len(sample)):
        with pytest.raises(NotAPicture):
            check(sample[:length])


@pytest.mark.parametrize("tail", [b"\n", b"<html>Error</html>", bytes(1000)])
def test_bytes_after_the_end_do_no_harm(check: Check, tail: bytes) -> None:
    for data in (PNG, JPEG, GIF, WEBP_LOSSY, WEBP_LOSSLESS, WEBP_EXTENDED):
        assert check(data + tail).width == 5


def test_an_avif_has_no_end_mark_so_its_tail_must_be_boxes(check: Check) -> None:
    assert check(AVIF + box(b"free", b"abc")).width == 5
    assert check(AVIF + bytes(1000)).width == 5  # a box of length 0 reaches to the end
    with pytest.raises(NotAPicture, match="cut off"):
        check(AVIF + b"<html>Error</html>")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html><p>", "the server sent HTML instead of an image"),
        (b"\xef\xbb\xbf\n <HTML lang=en>", "the server sent HTML instead of an image"),
        (b"<!-- proxy --><head>", "the server sent HTML instead of an image"),
        (b"<?xml version='1.0'?><Error>", "the server sent XML instead of an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "the server sent XML instead of an image"),
        (b'{"error": "expired"}', "the server sent JSON instead of an image"),
        (b"{}", "the server sent JSON instead of an image"),
        (b'[\n  {"code": 1}]', "the server sent JSON instead of an image"),
        (b"Not found\n", "the server sent text instead of an image"),
        (b"BM\x66\0\0\0", "not an image type that is known (starts with 0x424d66000000)"),
        (
            box(b"ftyp", b"heic", b"\0\0\0\0mif1heic"),
            "not an image type that is known (starts with 0x0000001866747970)",
        ),
        (
            b"RIFF\x04\0\0\0WAVE",
            "not an image type that is known (starts with 0x5249464604000000)",
        ),
    ],
)
def test_what_is_no_picture_is_named(check: Check, data: bytes, message: str) -> None:
    with pytest.raises(NotAPicture) as caught:
        check(data)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (PNG[:-1], "the file is cut off: the PNG has no end mark"),
        (JPEG[:-1], "the file is cut off: the JPEG has no end mark"),
        (GIF[:-1], "the file is cut off: the GIF has no end mark"),
        (WEBP_LOSSY[:-1], "the file is cut off: the WebP has 66 bytes, the file only 65"),
        (AVIF[:-1], "the file is cut off: a part of the AVIF is not all there"),
        (FTYP + meta(ispe(5, 3)), "the file is cut off: a part of the AVIF is not all there"),
        (FTYP + MDAT, "the file is cut off: a part of the AVIF is not all there"),
    ],
)
def test_a_cut_off_file_says_what_is_missing(check: Check, data: bytes, message: str) -> None:
    with pytest.raises(NotAPicture) as caught:
        check(data)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PNG.replace(b"\r\n", b"\n"), id="png-text-mode"),
        pytest.param(SIGNATURE + IDAT + png_header() + IEND, id="png-order"),
        pytest.param(PNG[:20] + b"\xff" + PNG[21:], id="png-checksum"),
        pytest.param(SIGNATURE + png_header(width=0) + IDAT + IEND, id="png-no-width"),
        pytest.param(SIGNATURE + png_header(height=2**31) + IDAT + IEND, id="png-too-high"),
        pytest.param(SIGNATURE + png_header(colour=5) + IDAT + IEND, id="png-colour"),
        pytest.param(SIGNATURE + png_header(depth=3) + IDAT + IEND, id="png-depth"),
        pytest.param(SIGNATURE + png_header(interlace=2) + IDAT + IEND, id="png-interlace"),
        pytest.param(SIGNATURE + png_header() + IEND, id="png-no-pixels"),
        pytest.param(PNG[:33] + png_chunk(b"\0\0\0\0") + PNG[33:], id="png-name"),
        pytest.param(PNG[:33] + b"\xff\xff\xff\xfftEXt" + PNG[33:], id="png-length"),
        pytest.param(b"\xff\xd8" + JPEG_SCAN + JPEG_END, id="jpeg-no-frame"),
        pytest.param(b"\xff\xd8" + JPEG_FRAME + JPEG_END, id="jpeg-no-scan"),
        pytest.param(b"\xff\xd8\xff\xe0\x00\x01" + JPEG[2:], id="jpeg-length"),
        pytest.param(
            b"\xff\xd8" + JPEG_FRAME.replace(b"\x05", b"\x00") + JPEG_SCAN + JPEG_END,
            id="jpeg-no-width",
        ),
        pytest.param(GIF_SCREEN + b";", id="gif-no-pixels"),
        pytest.param(GIF_SCREEN + b"\x00" + GIF_FRAME + b";", id="gif-stray"),
        pytest.param((GIF_SCREEN + GIF_FRAME + b";").replace(b"\x05", b"\0"), id="gif-no-width"),
        pytest.param(riff(), id="webp-empty"),
        pytest.param(riff(b"VP8L\xff\xff\xff\xffab"), id="webp-length"),
        pytest.param(riff(riff_chunk(b"EXIF", bytes(20))), id="webp-order"),
        pytest.param(riff(riff_chunk(b"VP8 ", bytes(20))), id="webp-lossy"),
        pytest.param(riff(riff_chunk(b"VP8L", bytes(20))), id="webp-lossless"),
        pytest.param(riff(riff_chunk(b"VP8X", bytes(9))), id="webp-extended"),
        pytest.param(riff(riff_chunk(b"VP8X", bytes(10))), id="webp-no-pixels"),
        pytest.param(FTYP + meta() + MDAT, id="avif-no-size"),
        pytest.param(FTYP + meta(ispe(0, 3)) + MDAT, id="avif-no-width"),
        pytest.param(FTYP + struct.pack(">I4s", 7, b"free") + MDAT, id="avif-length"),
        pytest.param(FTYP + struct.pack(">I4sQ", 1, b"free", 15) + MDAT, id="avif-long-length"),
    ],
)
def test_damage_is_found(check: Check, data: bytes) -> None:
    with pytest.raises(NotAPicture, match=r"^the file is damaged: "):
        check(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PNG[:33] + b"\x7f\xff\xff\xfftEXt" + PNG[33:], id="png"),
        pytest.param(b"\xff\xd8\xff\xe1\xff\xff" + JPEG[2:], id="jpeg"),
        pytest.param(FTYP + struct.pack(">I4sQ", 1, b"mdat", 2**63) + MDAT, id="avif-2^63"),
        pytest.param(FTYP + struct.pack(">I4sQ", 1, b"mdat", 2**64 - 1) + MDAT, id="avif-2^64"),
        pytest.param(FTYP + meta(struct.pack(">I4s", 99, b"ispe")) + MDAT, id="avif-nested"),
    ],
)
def test_lengths_beyond_the_end_are_found(check: Check, data: bytes) -> None:
    with pytest.raises(NotAPicture, match=r"^the file is cut off: "):
        check(data)


def test_a_jpeg_may_hold_fill_bytes_stray_bytes_restart_marks_and_previews(check: Check) -> None:
    preview = b"\xff\xe1" + struct.pack(">H", 2 + len(JPEG)) + JPEG
    odd = b"\xff\xd8" + preview + b"\xff\xff" + JPEG_FRAME + b"stray"
    odd += JPEG_SCAN + b"ab\xff\x00cd\xff\xd0ef\xff\xff\xd7gh" + JPEG_SCAN + b"ij\xff" + JPEG_END
    assert check(odd) == Picture("jpg", 5, 3)
    with pytest.raises(NotAPicture):
        check(odd[:-1])


def test_a_mark_is_found_across_the_edge_of_a_window(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_WINDOW", 32)
    head = b"\xff\xd8" + JPEG_FRAME + JPEG_SCAN
    for pixels in range(100):
        assert check(head + bytes(pixels) + JPEG_END).width == 5


def test_an_empty_gif_screen_takes_the_size_of_the_first_frame(check: Check) -> None:
    second = GIF_FRAME.replace(b"\x05", b"\x09")
    assert check(b"GIF87a" + bytes(7) + GIF_FRAME + second + b";") == Picture("gif", 5, 3)


def test_gif_colour_tables_and_extensions_are_passed_over(check: Check) -> None:
    frame = GIF_FRAME[:9] + b"\x80" + b";" * 6 + b"\x02\x02;;\x01;\x00"
    assert check(GIF_SCREEN + b"\x21\xfe\x03;;;\x00" + frame + b";").height == 3


def test_webp_sizes_are_those_of_the_first_chunk(check: Check) -> None:
    canvas = riff_chunk(b"VP8X", b"\0\0\0\0" + b"\xff\x03\x00" + b"\xff\xff\x00")
    assert check(riff(canvas, riff_chunk(b"ANMF", bytes(17)))) == Picture("webp", 1024, 65536)
    scaled = riff_chunk(b"VP8 ", b"abc\x9d\x01\x2a" + struct.pack("<HH", 0x4000 | 7, 0xC000 | 9))
    assert check(riff(scaled, b"odd")) == Picture("webp", 7, 9)
    lossless = riff_chunk(b"VP8L", b"\x2f" + ((8 << 14) | 6).to_bytes(4, "little"))
    assert check(riff(lossless)) == Picture("webp", 7, 9)


def test_an_avif_has_the_size_of_the_largest_part(check: Check) -> None:
    tiles = meta(box(b"pixi", b"abcd"), ispe(512, 512), ispe(1024, 700), ispe(64, 64))
    assert check(FTYP + tiles + MDAT) == Picture("avif", 1024, 700)


def test_an_avif_may_be_put_together_in_other_ways(check: Check) -> None:
    size = ispe(5, 3)
    properties = box(b"iprp", box(b"ipma"), box(b"ipco", size))
    tiny = box(b"meta", b"\0\0\0\0", box(b"idat", b"pixels"), properties)
    assert check(FTYP + tiny).width == 5
    long_length = struct.pack(">I4sQ", 1, b"mdat", 22) + b"pixels"
    assert check(FTYP + long_length + meta(size)).width == 5
    assert check(FTYP + meta(size) + b"\0\0\0\0mdatpixels").width == 5
    compatible = box(b"ftyp", b"mif1", b"\0\0\0\0", b"miafavif")
    assert check(compatible + meta(size) + MDAT).width == 5


def test_an_avif_film_need_not_tell_its_size(check: Check) -> None:
    film = box(b"ftyp", b"avis", b"\0\0\0\0", b"msf1") + box(b"moov", b"tracks")
    assert check(film + MDAT) == Picture("avif", None, None)
    with pytest.raises(NotAPicture, match="cut off"):
        check(film)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PNG[:33] + png_chunk(b"tEXt") * 1000, id="png"),
        pytest.param(JPEG[:2] + b"\xff\xe1\x00\x02" * 1000, id="jpeg"),
        pytest.param(GIF_SCREEN + b"\x21\xfe" + b"\x01a" * 1000, id="gif"),
        pytest.param(riff(WEBP_LOSSY[12:], b"abcd\0\0\0\0" * 1000), id="webp"),
        pytest.param(AVIF + box(b"free") * 1000, id="avif"),
        pytest.param(FTYP + meta(*[ispe(5, 3)] * 1000), id="avif-sizes"),
    ],
)
def test_a_file_of_countless_tiny_parts_is_given_up(
    check: Check, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_MAX_STEPS", 900)
    with pytest.raises(NotAPicture, match="more parts than any real picture"):
        check(data)


def test_a_million_tiny_parts_are_walked(check: Check) -> None:
    assert check(PNG[:33] + png_chunk(b"tEXt") * 1_000_000 + PNG[33:]) == Picture("png", 5, 3)


def test_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.write(JPEG[:-2])
        file.seek(20_000_000, os.SEEK_CUR)  # zeros, which are pixels like any other
        file.write(JPEG_END)
    tracemalloc.start()
    try:
        assert inspect(path) == Picture("jpg", 5, 3)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
        path.unlink()


def test_a_file_that_shrinks_meanwhile_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shrinks.jpg"
    path.write_bytes(JPEG[:-2])
    real = os.fstat

    def earlier(descriptor: int) -> os.stat_result:
        values = list(real(descriptor))
        values[6] += 100
        return os.stat_result(values)

    monkeypatch.setattr(os, "fstat", earlier)
    with pytest.raises(NotAPicture, match="cut off"):
        inspect(path)


def test_what_cannot_be_read_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inspect(tmp_path / "missing.png")


def try_any(check: Check, data: bytes) -> None:
    """Inspect bytes that may be anything; what is raised but NotAPicture fails the test."""
    with contextlib.suppress(NotAPicture):
        assert check(data).extension in {"png", "jpg", "webp", "gif", "avif"}


HEADS = [b"", SIGNATURE, PNG[:33], JPEG[:4], GIF_SCREEN, GIF[:6], WEBP_LOSSY[:12], FTYP]


@unhurried
@given(head=st.sampled_from(HEADS), tail=st.binary(max_size=200))
def test_random_bytes_raise_nothing_else(check: Check, head: bytes, tail: bytes) -> None:
    try_any(check, head + tail)


@unhurried
@given(data=st.data())
def test_mutated_pictures_raise_nothing_else(check: Check, data: st.DataObject) -> None:
    picture, _ = data.draw(st.sampled_from(list(SAMPLES.values())))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(picture)))
        piece = data.draw(st.binary(max_size=8) | st.sampled_from([bytes(8), b"\xff" * 8]))
        picture = picture[:at] + piece + picture[at + data.draw(st.integers(0, 8)) :]
    try_any(check, picture)


def test_every_byte_set_to_an_extreme_raises_nothing_else(check: Check, sample: bytes) -> None:
    for at in range(len(sample)):
        for value in (b"\x00", b"\x01", b"\x7f", b"\xff"):
            try_any(check, sample[:at] + value + sample[at + 1 :])

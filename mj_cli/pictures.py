"""What an image file is, told by its content: type, size, and whether all of it is there.

Neither a file name nor a Content-Type is proof of anything, so a finished download is read by the
rules of its own format. A file is walked from part to part by the lengths it states and is never
held in memory; nothing is decoded. What a browser would show in full passes, so bytes after the
end of a picture are ignored.
"""

from __future__ import annotations

import math
import os
import re
import struct
import zlib
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_HEAD = 4096
_WINDOW = 64 * 1024
_MAX_STEPS = 10_000_000
"""Parts to look at before giving up; a GIF of 2 GB, whose parts are the smallest, has fewer."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
"""Bits a sample may have, by colour type."""

_JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
"""A marker that a length follows, or the end mark.

What it passes over is pixels (`ff00` and restart marks), fill bytes, and the few stray bytes
between segments that every decoder forgives.
"""
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_GIF_IMAGE, _GIF_EXTENSION, _GIF_END = 0x2C, 0x21, 0x3B

_HTML = re.compile(rb"<(!doctype\s+html|html|head|body|title|script|meta|h1)\b", re.IGNORECASE)
_JSON = re.compile(rb"\{\s*[\"}]|\[\s*[\[{\"\]\d-]")
_TEXT = re.compile(rb"[\t\n\r\x20-\x7e]+")


class NotAPicture(ValueError):  # noqa: N818 - "not a picture" is the verdict, as in StopIteration
    """The file is not a complete picture of a known type.

    The message is a fragment that completes "image 2 of job X: ...".
    """


@dataclass(frozen=True, slots=True)
class Picture:
    """A complete picture.

    Attributes:
        extension: the usual file name extension: `png`, `jpg`, `webp`, `gif` or `avif`.
        width: pixels as stored, before any rotation the file asks for; None where it is not said.
        height: pixels, as above.
    """

    extension: str
    width: int | None
    height: int | None


def inspect(path: Path) -> Picture:
    """Tell what picture a finished file holds.

    Args:
        path: a regular file of any size; at most 64 KiB of it are in memory at a time.

    Returns:
        The type and size of a picture that is there from its first to its last byte.

    Raises:
        NotAPicture: it is of no known type, is damaged, or has been cut off.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_HEAD)
        read, lack = _format_of(head)
        return read(_Source(file, size, lack))


class _Source:
    """A file read at any offset, through one window that moves ahead with its reader."""

    __slots__ = ("_base", "_file", "_lack", "_steps", "_window", "size")

    def __init__(self, file: BinaryIO, size: int, lack: str) -> None:
        self.size = size
        self._file = file
        self._lack = lack
        self._base = 0
        self._window = b""
        self._steps = 0

    def cut_off(self) -> NotAPicture:
        """Return the error that says the file ends too early."""
        return NotAPicture(f"the file is cut off: {self._lack}")

    def take(self, offset: int, count: int) -> bytes:
        """Return exactly `count` bytes (at most a few hundred) at `offset`, or raise `cut_off`."""
        begin = self._cover(offset, count)
        return self._window[begin : begin + count]

    def byte(self, offset: int) -> int:
        """Return the one byte at `offset`, or raise `cut_off`."""
        begin = self._cover(offset, 1)
        return self._window[begin]

    def find(self, pair: re.Pattern[bytes], offset: int) -> int:
        """Return where a pattern of two bytes matches next, or raise `cut_off`."""
        while True:
            begin = self._cover(offset, 2)
            if match := pair.search(self._window, begin):
                return self._base + match.start()
            offset = self._base + len(self._window) - 1

    def _cover(self, offset: int, count: int) -> int:
        """Bring `count` bytes at `offset` into the window; return where in it they begin."""
        self._steps += 1
        if self._steps > _MAX_STEPS:
            raise NotAPicture("the file is damaged: it has more parts than any real picture")
        if offset + count > self.size:  # asked first: a stated length may be too large to seek to
            raise self.cut_off()
        if not self._base <= offset <= self._base + len(self._window) - count:
            self._file.seek(offset)
            self._window = self._file.read(_WINDOW)
            self._base = offset
            if len(self._window) < count:  # somebody shortened the file meanwhile
                raise self.cut_off()
        return offset - self._base


def _format_of(head: bytes) -> tuple[Callable[[_Source], Picture], str]:
    """Choose the reader by the first bytes, with what to say when the end is not there."""
    if head.startswith(b"\x89PNG"):
        return _png, "the PNG has no end mark"
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg, "the JPEG has no end mark"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return _gif, "the GIF has no end mark"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _webp, "the WebP is longer than the file"
    if head[4:8] == b"ftyp" and _avif_brands(head) & {b"avif", b"avis"}:
        return _avif, "a part of the AVIF is not all there"
    raise NotAPicture(_what_instead(head))


def _what_instead(head: bytes) -> str:
    """Name what servers send in place of a picture."""
    if not head:
        return "the file is empty"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        kind = "HTML" if _HTML.search(text) else "XML"
        return f"the server sent {kind} instead of an image"
    if _JSON.match(text):
        return "the server sent JSON instead of an image"
    if _TEXT.fullmatch(head):
        return "the server sent text instead of an image"
    return f"not an image type that is known (starts with 0x{head[:8].hex()})"


def _damaged(what: str) -> NotAPicture:
    return NotAPicture(f"the file is damaged: {what}")


def _picture(extension: str, width: int, height: int) -> Picture:
    """Build the result; a side of no length is damage."""
    if not width or not height:
        raise _damaged(f"a picture of {width} x {height} pixels")
    return Picture(extension, width, height)


def _png(source: _Source) -> Picture:
    """Read signature, header chunk, then chunk after chunk up to IEND."""
    if source.take(0, 8) != _PNG_SIGNATURE:
        raise _damaged("the PNG was changed on its way, as by a transfer in text mode")
    picture = _png_header(source.take(8, 25))
    offset, has_pixels = 33, False
    while True:
        length, name = struct.unpack(">I4s", source.take(offset, 8))
        if length >= 2**31 or not name.isalpha():
            raise _damaged("the PNG has a part that is none")
        offset += length + 12
        source.byte(offset - 1)
        if name == b"IEND":
            break
        has_pixels = has_pixels or name == b"IDAT"
    if not has_pixels:
        raise _damaged("the PNG has no pixels")
    return picture


def _png_header(chunk: bytes) -> Picture:
    """Read the 25 bytes of the chunk IHDR: length, name, 13 bytes of content, checksum."""
    length, name, width, height, depth, colour, *methods, checksum = struct.unpack(
        ">I4sIIBBBBBI", chunk
    )
    if (length, name) != (13, b"IHDR") or checksum != zlib.crc32(chunk[4:21]):
        raise _damaged("the PNG has no valid header")
    if depth not in _PNG_DEPTHS.get(colour, ()) or methods not in ([0, 0, 0], [0, 0, 1]):
        raise _damaged("the PNG is of a kind that does not exist")
    if max(width, height) >= 2**31:
        raise _damaged(f"a picture of {width} x {height} pixels")
    return _picture("png", width, height)


def _jpeg(source: _Source) -> Picture:
    """Read marker after marker, pixels passed over, up to the end mark.

    Previews and further pictures inside segments are skipped with their segment, so the first end
    mark that is met is the picture's own.
    """
    picture, has_pixels, offset = None, False, 2
    while True:
        offset = source.find(_JPEG_MARKER, offset)
        marker = source.byte(offset + 1)
        if marker == 0xD9:
            break
        (length,) = struct.unpack(">H", source.take(offset + 2, 2))
        if length < 2:
            raise _damaged("the JPEG has a part of impossible length")
        if marker in _JPEG_FRAMES and picture is None:
            height, width = struct.unpack(">HH", source.take(offset + 5, 4))
            picture = _picture("jpg", width, height)
        has_pixels = has_pixels or marker == 0xDA
        offset += 2 + length
    if picture is None or not has_pixels:
        raise _damaged("the JPEG has no pixels")
    return picture


def _gif(source: _Source) -> Picture:
    """Read the screen, then block after block up to the trailer."""
    width, height, flags = struct.unpack("<HHB", source.take(6, 5))
    offset, has_pixels = 13 + _gif_colours(flags), False
    while (kind := source.byte(offset)) != _GIF_END:
        if kind == _GIF_IMAGE:
            frame_width, frame_height, flags = struct.unpack("<HHB", source.take(offset + 5, 5))
            # Some old encoders leave the screen empty; viewers then take the first frame's size.
            width, height = width or frame_width, height or frame_height
            has_pixels = True
            offset = _gif_data(source, offset + 11 + _gif_colours(flags))
        elif kind == _GIF_EXTENSION:
            offset = _gif_data(source, offset + 2)
        else:
            raise _damaged("the GIF has a part that is none")
    if not has_pixels:
        raise _damaged("the GIF has no pixels")
    return _picture("gif", width, height)


def _gif_colours(flags: int) -> int:
    """Return the length in bytes of the colour table that the flags announce."""
    return 3 << ((flags & 0b111) + 1) if flags & 0x80 else 0


def _gif_data(source: _Source, offset: int) -> int:
    """Pass over data in pieces of up to 255 bytes; return the offset after the empty piece."""
    while length := source.byte(offset):
        offset += length + 1
    return offset + 1


def _webp(source: _Source) -> Picture:
    """Read the chunks inside the RIFF frame; the first one knows the size."""
    (length,) = struct.unpack("<I", source.take(4, 4))
    end = 8 + length
    if end > source.size:
        raise NotAPicture(
            f"the file is cut off: the WebP has {end} bytes, the file only {source.size}"
        )
    offset, picture, has_pixels = 12, None, False
    while offset + 8 <= end:
        name, length = struct.unpack("<4sI", source.take(offset, 8))
        if offset + 8 + length > end:
            raise _damaged("the WebP has a part that is longer than the whole")
        if picture is None:
            picture = _webp_size(name, source.take(offset + 8, min(length, 10)))
        has_pixels = has_pixels or name in {b"VP8 ", b"VP8L", b"ANMF"}
        offset += 8 + length + length % 2
    if picture is None or not has_pixels:
        raise _damaged("the WebP has no pixels")
    return picture


def _webp_size(name: bytes, body: bytes) -> Picture:
    """Read the size from the first bytes of the first chunk: lossy, lossless or extended."""
    if name == b"VP8 " and len(body) == 10 and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:])
        return _picture("webp", width & 0x3FFF, height & 0x3FFF)  # the upper bits are for scaling
    if name == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return Picture("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if name == b"VP8X" and len(body) == 10:
        width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
        return Picture("webp", width, height)
    raise _damaged("the WebP has no valid header")


def _avif(source: _Source) -> Picture:
    """Read the boxes of the top level, and the size from the properties in `meta`.

    A picture keeps its pixels in `mdat`, or a tiny one in `idat` inside `meta`. A film has `moov`
    in place of `meta` or beside it; one without `meta` is taken without its size.
    """
    names: set[bytes] = set()
    # Tiles, thumbnails and transparency have sizes of their own, none larger than the whole.
    largest = (0, 0)
    for name, start, end in _boxes(source, 0, source.size):
        names.add(name)
        if name == b"meta":
            for inner, inner_start, inner_end in _boxes(source, start + 4, end):
                names.add(inner)
                if inner == b"iprp":
                    sizes = _avif_sizes(source, inner_start, inner_end)
                    largest = max(chain([largest], sizes), key=math.prod)
    if not names & {b"meta", b"moov"} or not names & {b"mdat", b"idat"}:
        raise source.cut_off()
    if b"moov" in names and largest == (0, 0):
        return Picture("avif", None, None)
    return _picture("avif", *largest)


def _avif_brands(head: bytes) -> set[bytes]:
    """Return the major and the compatible brands of the box `ftyp` that a file begins with."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[at : at + 4] for at in (8, *range(16, end, 4))}


def _avif_sizes(source: _Source, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield width and height of each `ispe` in the property list `ipco` within a range."""
    for name, list_start, list_end in _boxes(source, start, end):
        if name == b"ipco":
            for inner, content, _ in _boxes(source, list_start, list_end):
                if inner == b"ispe":  # four bytes of version and flags stand before the size
                    yield struct.unpack(">II", source.take(content + 4, 8))


def _boxes(source: _Source, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, begin of the content and end of each box in a range of the file."""
    while start < end:
        size, name = struct.unpack(">I4s", source.take(start, 8))
        content = start + 8
        if size == 1:
            (size,) = struct.unpack(">Q", source.take(content, 8))
            content += 8
        elif size == 0:
            size = end - start
        if start + size > end:
            raise source.cut_off()
        if start + size < content:
            raise _damaged("the AVIF has a part of impossible length")
        yield name, content, start + size
        start += size

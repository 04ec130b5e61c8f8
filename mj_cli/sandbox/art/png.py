"""The PNG format: pictures with a colour table, and texts about them."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode(
    rows: Iterable[bytes],
    colours: Sequence[tuple[int, int, int]],
    *,
    width: int,
    height: int,
    texts: Mapping[str, str],
) -> bytes:
    """Returns a PNG file with 8 bits per pixel and a colour table.

    Args:
        rows: `height` rows of `width` colour numbers.
        colours: 1 to 256 colours, red, green and blue from 0 to 255.
        width: In pixels, at least 1.
        height: In pixels, at least 1.
        texts: Texts to keep in the file, by keyword (Latin-1, 1 to 79 characters).
    """
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    # Run lengths and Huffman codes leave a compressor no choice to make, unlike its search for
    # repeated strings: zlib and zlib-ng write the same bytes.
    packer = zlib.compressobj(6, zlib.DEFLATED, 15, 8, zlib.Z_RLE)
    data = packer.compress(b"".join(b"\0" + row for row in rows)) + packer.flush()
    return b"".join(
        (
            SIGNATURE,
            _chunk(b"IHDR", header),
            *(_text(keyword, text) for keyword, text in texts.items()),
            _chunk(b"PLTE", b"".join(bytes(colour) for colour in colours)),
            _chunk(b"IDAT", data),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _text(keyword: str, text: str) -> bytes:
    """Returns a tEXt chunk where Latin-1 will do, and an iTXt chunk (UTF-8) where not."""
    name = keyword.encode("latin-1")
    text = text.replace("\0", "")
    try:
        return _chunk(b"tEXt", name + b"\0" + text.encode("latin-1"))
    except UnicodeEncodeError:
        body = text.encode("utf-8", "replace")
        return _chunk(b"iTXt", name + b"\0\0\0\0\0" + body)

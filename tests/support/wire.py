"""HTTP/1.1 as bytes on one socket: read a request, write a response, or break off as TCP can."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

END_OF_HEAD = b"\r\n\r\n"


class MalformedRequestError(Exception):
    """The bytes received are no HTTP request that this server understands."""


@dataclass(frozen=True)
class Head:
    """Request line and header fields; the names of the fields are in lower case."""

    method: str
    target: str
    version: str
    headers: Mapping[str, str]

    @classmethod
    def parse(cls, raw: bytes) -> Head:
        first, *rest = raw.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise MalformedRequestError(f"no request line: {first!r}")
        headers: dict[str, str] = {}
        for line in rest:
            name, colon, value = line.partition(":")
            if not colon or name != name.strip():
                raise MalformedRequestError(f"no header field: {line!r}")
            name, value = name.lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return cls(words[0], words[1], words[2], headers)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def length(self) -> int:
        """How many bytes of body follow."""
        if "transfer-encoding" in self.headers:
            raise MalformedRequestError("a body without Content-Length")
        text = self.headers.get("content-length", "0")
        if not (text.isascii() and text.isdigit()):
            raise MalformedRequestError(f"Content-Length: {text!r}")
        return int(text)

    @property
    def keep_alive(self) -> bool:
        wish = self.headers.get("connection", "").lower()
        return wish != "close" if self.version == "HTTP/1.1" else wish == "keep-alive"


@dataclass(frozen=True)
class Response:
    """An answer before it is sent; Content-Length is added while sending."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def head(self, *, length: int | None = None, framed: bool = True) -> bytes:
        """The head as bytes; `length` lies about the body, without `framed` nothing is said."""
        given = {name.lower() for name in self.headers}
        lines = [f"HTTP/1.1 {self.status} {_reason(self.status)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if framed and "content-length" not in given:
            lines.append(f"Content-Length: {len(self.body) if length is None else length}")
        return "\r\n".join(lines).encode("latin-1") + END_OF_HEAD


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class Wire:
    """The server's end of one connection; counts what it reads."""

    def __init__(self, sock: socket.socket, number: int = 0) -> None:
        self.number = number
        self.bytes_read = 0
        self.closed = False
        self._sock = sock
        self._buffer = b""

    def replace_socket(self, sock: socket.socket) -> None:
        """Go on over a socket that was wrapped (TLS) around the former one."""
        self._sock = sock

    def read_head(self) -> Head | None:
        """The next request's head; None when the client left before it was complete."""
        while END_OF_HEAD not in self._buffer:
            if not self._receive():
                return None
            if not self._buffer[:1].isalpha():
                raise MalformedRequestError("no HTTP at all")
        raw, _, self._buffer = self._buffer.partition(END_OF_HEAD)
        return Head.parse(raw)

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        while len(self._buffer) < size:
            if not self._receive():
                raise ConnectionAbortedError("the client left in the middle of a body")
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _receive(self) -> bool:
        data = self._sock.recv(65536)
        self.bytes_read += len(data)
        self._buffer += data
        return bool(data)

    def take_buffer(self) -> bytes:
        """What was read too early; whoever takes it reads on from the socket itself."""
        data, self._buffer = self._buffer, b""
        return data

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def reset(self) -> None:
        """Send RST: the other side gets "connection reset", whatever was under way."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.closed = True
        self._sock.close()

    def finish(self) -> None:
        """Close as a well-behaved server does: over TLS, say so first."""
        if isinstance(self._sock, ssl.SSLSocket):
            self._sock.settimeout(0)  # say it, but wait for no reply
            with contextlib.suppress(OSError):
                self._sock.unwrap()
        self.close()

    def close(self) -> None:
        """Send FIN."""
        self.closed = True
        self._sock.close()

"""An address on which connect() neither succeeds nor fails."""

from __future__ import annotations

import socket
from typing import Self

FILLERS = 4


class Blackhole:
    """A listening socket that never accepts, its queue full: Linux drops every further SYN."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        listener = self._keep()
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        self.port: int = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        for _ in range(FILLERS):
            filler = self._keep()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self) -> socket.socket:
        sock = socket.socket()
        self._sockets.append(sock)
        return sock

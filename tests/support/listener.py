"""A listening socket on loopback with one thread per connection, which closes at once."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

JOIN_LIMIT = 5.0


class Listener:
    """Accepts connections and hands each, with its number from 1, to `serve` in a thread.

    A client that goes away is normal: `OSError` ends a connection in silence. Any other exception
    is a fault of the server and reaches `threading.excepthook`, which fails a pytest run.
    """

    def __init__(self, serve: Callable[[socket.socket, int], None], port: int = 0) -> None:
        self.closing = threading.Event()
        self._serve = serve
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self._acceptor = threading.Thread(
            target=self._accept, name=f"listener-{self.port}", daemon=True
        )

    def start(self) -> None:
        self._acceptor.start()

    def track(self, sock: socket.socket) -> None:
        """Have `close()` break this socket off too."""
        with self._lock:
            if self.closing.is_set():
                sock.close()
                raise ConnectionAbortedError("the server is closing")
            self._open.add(sock)

    def drop(self, sock: socket.socket) -> None:
        """Close a tracked socket; harmless when it is closed already."""
        with self._lock:
            self._open.discard(sock)
        sock.close()

    def break_connections(self) -> None:
        """End every open connection, now."""
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    # Not the method of SSLSocket: it is not meant to be called by another thread.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop listening, break off every connection, and wait for the threads to see it."""
        if self.closing.is_set():
            return
        self.closing.set()
        if self._acceptor.is_alive():
            with contextlib.suppress(OSError):  # a connection wakes accept() on every system
                socket.create_connection(("127.0.0.1", self.port), timeout=JOIN_LIMIT).close()
            self._acceptor.join(JOIN_LIMIT)
        self._socket.close()
        self.break_connections()
        deadline = time.monotonic() + JOIN_LIMIT
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                sock, _ = self._socket.accept()
            except ConnectionAbortedError:
                continue
            except OSError:
                return
            if self.closing.is_set():
                sock.close()
                return
            number += 1
            thread = threading.Thread(
                target=self._run,
                args=(sock, number),
                name=f"connection-{self.port}-{number}",
                daemon=True,
            )
            self._threads = [old for old in self._threads if old.is_alive()]
            thread.start()
            self._threads.append(thread)

    def _run(self, sock: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            self.track(sock)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._serve(sock, number)
            finally:
                self.drop(sock)

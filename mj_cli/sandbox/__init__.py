"""The API in miniature: no network, no key of anybody's, no money. Shares nothing with the client.

`handle` answers a request from a state file; `server.serve` puts it on a port.
"""

from __future__ import annotations

from mj_cli.sandbox.service import Options, Request, Response, Store, handle
from mj_cli.sandbox.state import StateError

__all__ = ["Options", "Request", "Response", "StateError", "Store", "handle"]

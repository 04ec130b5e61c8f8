"""Serves a sandbox from the command line of a test: state file, host and port."""

from __future__ import annotations

import sys
from pathlib import Path

from mj_cli.sandbox import Options, Store
from mj_cli.sandbox.server import serve


def say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    path, host, port = sys.argv[1:]
    options = Options(pixels=48, fast_seconds=0.2)
    with Store(Path(path)) as store:
        number = serve(store, options, host=host, port=int(port), ready=say, log=say)
    say(f"ended by {number}")


if __name__ == "__main__":
    main()

"""The console script: answers --version at once, hands everything else to the app."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from mj_cli import __version__

if TYPE_CHECKING:
    from mj_cli.clock import Clock


def main(argv: Sequence[str] | None = None, *, clock: Clock | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        argv: arguments without the program's name; the process's own by default.
        clock: the time; the machine's own by default.
    """
    arguments = sys.argv[1:] if argv is None else argv
    if list(arguments) == ["--version"]:
        sys.stdout.write(f"mj {__version__}\n")
        return 0
    from mj_cli.app import run  # noqa: PLC0415 - --version must not pay for it

    return run(arguments, clock=clock)


def script() -> NoReturn:
    """Run the process's own command line, and end without waiting for idle threads."""
    code = main()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue  # whoever read it has gone
    os._exit(code)


if __name__ == "__main__":
    script()

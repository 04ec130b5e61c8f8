"""The console script: answers --version at once, hands everything else to the app."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
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
        with contextlib.suppress(OSError):  # the app knows how to speak of a broken stdout
            sys.stdout.write(f"mj {__version__}\n")
            sys.stdout.flush()
            return 0
    from mj_cli.app import run  # noqa: PLC0415 - --version must not pay for it

    return run(arguments, clock=clock)


def script() -> NoReturn:
    """Run the process's own command line, and end without waiting for idle threads."""
    _open_closed_streams()
    try:
        code = main()
    except KeyboardInterrupt:  # while modules were loaded, or while the app was closing
        code = 130
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue  # whoever read it has gone
    os._exit(code)


def _open_closed_streams() -> None:
    """Point streams that the caller closed (`>&-`) at nothing, before a file gets their number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - to the end
            setattr(sys, name, nowhere)


if __name__ == "__main__":
    script()

"""What the user sees: one interface, and a renderer for people, for programs and for scripts."""

from __future__ import annotations

from collections.abc import Callable

from mj_cli.output.interface import Output, Shows
from mj_cli.output.streams import Streams

__all__ = ["Output", "Shows", "Streams", "open_output"]


def open_output(
    *, json: bool, quiet: bool, verbose: bool, monotonic: Callable[[], float]
) -> Output:
    """Return the renderer for the options that every command has.

    Args:
        json: JSON Lines.
        quiet: bare ids and paths, nothing on stderr unless something is wrong.
        verbose: requests are logged on stderr, which leaves no room for bars.
        monotonic: seconds that only ever grow.
    """
    streams = Streams()
    if json:
        from mj_cli.output.json_lines import JsonLines  # noqa: PLC0415 - one renderer a run

        return JsonLines(streams, quiet=quiet)
    if quiet:
        from mj_cli.output.quiet import Quiet  # noqa: PLC0415

        return Quiet(streams)
    from mj_cli.output.human import Human  # noqa: PLC0415

    return Human(streams, bars=not verbose, monotonic=monotonic)

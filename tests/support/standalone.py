"""The service as a process of its own: `python -m tests.support.service --bill FILE`."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from tests.support import faults
from tests.support.jobs import ImagesAs
from tests.support.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
STOP = {signal.SIGTERM, signal.SIGINT}


def main(argv: Sequence[str] | None = None) -> None:
    """Print the URL, then serve until SIGTERM, Ctrl-C, or the death of the parent process."""
    options = _parser().parse_args(argv)
    parent = os.getppid()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    with _service(options) as service:
        print(service.url, flush=True)
        while signal.sigtimedwait(STOP, 1.0) is None and os.getppid() == parent:
            pass


@contextlib.contextmanager
def spawned(*arguments: str) -> Iterator[str]:
    """Run the service in a child process; yields its URL."""
    command = [sys.executable, "-m", "tests.support.service", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError(f"the service did not start: {command}")
            yield url
        finally:
            process.terminate()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.support.service", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--bill", type=Path, metavar="FILE", help="append each charge to FILE")
    parser.add_argument("--key", default="test-key")
    parser.add_argument("--slots", type=int, default=10)
    parser.add_argument("--quota", type=int)
    parser.add_argument("--polls-to-finish", type=int, default=2, metavar="N")
    parser.add_argument("--finish-after", type=float, metavar="SECONDS")
    parser.add_argument("--image-count", type=int, default=4, metavar="N")
    parser.add_argument("--images-as", choices=get_args(ImagesAs), default="strings")
    for endpoint in ("submit", "status", "image"):
        parser.add_argument(
            f"--on-{endpoint}",
            nargs=2,
            action="append",
            default=[],
            metavar=("TEXT", "FAULT"),
            help="one step for prompts that contain TEXT, as in 'AcceptThen(Reset())'",
        )
    return parser


def _service(options: argparse.Namespace) -> Service:
    service = Service(
        port=options.port,
        bill_file=options.bill,
        key=options.key,
        slots=options.slots,
        quota=options.quota,
        polls_to_finish=options.polls_to_finish,
        finish_after=options.finish_after,
        image_count=options.image_count,
        images_as=options.images_as,
    )
    for text, fault in options.on_submit:
        service.on_submit(text, eval(fault, vars(faults)))
    for text, fault in options.on_status:
        service.on_status(text, eval(fault, vars(faults)))
    for text, fault in options.on_image:
        service.on_image(text, eval(fault, vars(faults)))
    return service

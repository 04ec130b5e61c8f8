"""Every test has directories of its own, no key, no proxy, and a way to run the program."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mj_cli.__main__ import main
from tests.clock import FakeClock
from tests.support.service import Service

FOREIGN = (
    "MJ_API_KEY",
    "MIDJOURNEY_API_KEY",
    "MJ_BASE_URL",
    "MIDJOURNEY_API_BASE_URL",
    "MJ_PROFILE",
    "MJ_POLL_MIN_SECONDS",
    "MJ_SANDBOX_SECONDS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NO_COLOR",
)


# A shell that runs the tests in the background has told them, and with them every program that
# they start, to ignore Ctrl-C: these tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run of the program came to."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of stdout."""
        return self.out.splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON Lines of stdout."""
        return [json.loads(line) for line in self.lines]

    @property
    def error(self) -> dict[str, Any]:
        """The one JSON error on stderr."""
        records = [json.loads(line) for line in self.err.splitlines() if line.startswith("{")]
        (record,) = [record for record in records if record["type"] == "error"]
        assert isinstance(record, dict)
        return record


Mj = Callable[..., Ran]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home: config, state and working directory of the test's own."""
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MJ_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("MJ_STATE_DIR", str(tmp_path / "state"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return tmp_path


@pytest.fixture
def clock() -> FakeClock:
    """Time that passes as fast as the program can wait."""
    return FakeClock()


@pytest.fixture
def mj(clock: FakeClock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Mj:
    """Run the program in this process: `mj("submit", "a fox", stdin="...")`."""

    def run(*argv: str, stdin: str | None = None) -> Ran:
        capsys.readouterr()
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main(list(argv), clock=clock)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A stand-in of the service on a real socket, with key and base URL set for it."""
    with Service() as running:
        monkeypatch.setenv("MJ_API_KEY", "test-key")
        monkeypatch.setenv("MJ_BASE_URL", running.url)
        yield running


def spawn(
    *argv: str, env: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[str]:
    """Start the installed program as a process of its own, with pipes and real time."""
    return subprocess.Popen(
        [sys.executable, "-m", "mj_cli", *argv],
        env={**os.environ, **(env or {})},
        text=True,
        **{
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            **options,
        },
    )


def run_process(*argv: str, env: Mapping[str, str] | None = None, timeout: float = 60) -> Ran:
    """Run the installed program to its end."""
    process = spawn(*argv, env=env)
    out, err = process.communicate(timeout=timeout)
    return Ran(process.returncode, out, err)

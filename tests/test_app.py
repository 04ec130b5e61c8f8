"""The command line as a whole: options anywhere, errors as exit codes, and the local sandbox."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mj_cli import __version__
from mj_cli.errors import EXIT_CODES, ExitCode, first_of
from tests.conftest import Mj, Ran, run_process, spawn
from tests.support.service import Service
from tests.support.terminal import Terminal

CONTRACT = Path(__file__).parent / "contract"

# --- Help and version ---


def test_the_version_costs_next_to_nothing() -> None:
    code = (
        "import sys\nfrom mj_cli.__main__ import main\ncode = main(['--version'])\n"
        "heavy = {'typer', 'httpx', 'rich', 'mj_cli.app'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"mj {__version__}\n", "")


def test_help_pays_for_no_network_and_no_ledger() -> None:
    code = (
        "import sys\nfrom mj_cli.__main__ import main\ncode = main(['submit', '--help'])\n"
        "heavy = {'httpx', 'rich', 'mj_cli.ledger.sqlite'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_version_stands_with_other_options_too(mj: Mj) -> None:
    assert mj("--quiet", "--version").out == f"mj {__version__}\n"


def test_no_arguments_show_the_help(mj: Mj) -> None:
    ran = mj()
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == mj("--help").out
    for code, meaning in EXIT_CODES.items():
        assert re.search(rf"^ +{code:d}  {re.escape(meaning)}$", ran.out, re.MULTILINE)


@pytest.mark.parametrize(
    "command",
    ["submit", "wait", "jobs", "jobs list", "jobs resolve", "config", "config login", "sandbox"],
)
def test_every_command_has_a_help_with_the_shared_options(mj: Mj, command: str) -> None:
    ran = mj(*command.split(), "--help")
    assert ran.code == 0
    for option in ("--profile", "--sandbox", "--json", "--quiet", "--verbose"):
        assert option in ran.out


# --- Shared options ---


@pytest.mark.parametrize(
    "argv",
    [
        ("--json", "config", "get", "mode"),
        ("config", "--json", "get", "mode"),
        ("config", "get", "--json", "mode"),
        ("config", "get", "mode", "--json"),
    ],
)
def test_shared_options_stand_anywhere(mj: Mj, argv: tuple[str, ...]) -> None:
    assert mj(*argv).records == [{"schema": 1, "type": "value", "value": "fast"}]


@pytest.mark.parametrize(
    "argv",
    [
        ("--profile", "work", "config", "list", "--json"),
        ("config", "--profile=work", "list", "--json"),
        ("config", "list", "--profile", "work", "--json"),
        ("--profile", "play", "config", "list", "--json", "--profile", "work"),
    ],
)
def test_the_last_profile_counts(mj: Mj, argv: tuple[str, ...]) -> None:
    assert mj(*argv).records[0]["value"] == "work"


@pytest.mark.parametrize(
    "argv",
    [
        ("jobs", "--profile", "work", "--json"),
        ("jobs", "--profile=work", "--state", "running", "--json"),
        ("jobs", "--profile=work", "list", "--json"),
        ("--profile", "work", "jobs", "--limit", "3", "--json"),
    ],
)
def test_jobs_alone_means_the_list(mj: Mj, service: Service, argv: tuple[str, ...]) -> None:
    mj("submit", "a fox", "--profile", "work")
    assert mj(*argv).records[0]["prompt"] == "a fox"


def test_help_of_jobs_is_not_that_of_the_list(mj: Mj) -> None:
    assert "resolve" in mj("jobs", "--help").out
    assert "--since" in mj("jobs", "--json", "--help").out


# --- Usage errors ---


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["sumbit", "a fox"], "Did you mean 'submit'?"),
        (["config", "lsit"], "Did you mean 'list'?"),
        (["wait", "--no-downlaod"], "no such option: --no-downlaod"),
        (["jobs", "--sinze", "7d"], "--since"),
        (["config", "set", "mode"], "missing argument 'VALUE'"),
        (["config"], "missing command"),
        (["wait", "--for", "soon"], "'soon' is not a valid float"),
        (["config", "get", "mode", "slots"], "unexpected extra argument"),
        (["sandbox", "serve", "--port", "70000"], "--port"),
    ],
)
def test_what_cannot_be_meant_is_named_with_the_way_to_the_help(
    mj: Mj, argv: list[str], words: str
) -> None:
    ran = mj(*argv)
    assert (ran.code, ran.out) == (2, "")
    first, second = ran.err.splitlines()
    assert first.startswith("mj: ")
    assert words in first
    assert re.fullmatch(r"    see(: mj .*--help| the options with --help)", second)


@pytest.mark.parametrize(
    "argv", [("--json", "nope"), ("status", "--json", "a b"), ("config", "--nope", "--json")]
)
def test_usage_errors_are_objects_under_json(mj: Mj, argv: tuple[str, ...]) -> None:
    ran = mj(*argv)
    assert (ran.code, ran.out) == (2, "")
    assert (ran.error["type"], ran.error["exit_code"]) == ("error", 2)


# --- The one place where errors become exit codes ---


def test_the_first_code_in_the_order_wins() -> None:
    order = [130, 143, 6, 4, 5, 7, 9, 3, 8, 2, 1, 0]
    assert [int(code) for code in ExitCode] == order
    assert set(EXIT_CODES) == set(ExitCode)
    for number, code in enumerate(order):
        assert first_of(ExitCode(one) for one in reversed(order[number:])) == code
    assert first_of([]) == 0


def broken(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr("mj_cli.paths.config_file", lambda: fail(None))


def test_a_bug_is_one_line(mj: Mj, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, RuntimeError("of some kind"))
    ran = mj("config", "path")
    assert ran.code == 1
    first, hint = ran.err.splitlines()
    assert first == "mj: a bug in mj: RuntimeError: of some kind"
    assert "--verbose" in hint
    assert mj("config", "path", "--json").error["slug"] == "bug"


def test_a_traceback_needs_verbose(mj: Mj, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, RuntimeError("of some kind"))
    assert "Traceback" not in mj("config", "path").err
    assert "Traceback" in mj("config", "path", "--verbose").err


def test_a_refusal_of_the_system_is_no_bug(mj: Mj, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, PermissionError(13, "Permission denied", "/some/where"))
    ran = mj("config", "path", "--json")
    assert (ran.code, ran.error["slug"]) == (9, "system")
    assert "/some/where: Permission denied" in ran.error["message"]


@pytest.mark.parametrize(("mode", "err"), [((), "mj: stopped\n"), (("--quiet",), "mj: stopped\n")])
def test_ctrl_c_before_anything_is_no_bug(
    mj: Mj, monkeypatch: pytest.MonkeyPatch, mode: tuple[str, ...], err: str
) -> None:
    broken(monkeypatch, KeyboardInterrupt())
    ran = mj("config", "path", *mode)
    assert (ran.code, ran.out, ran.err) == (130, "", err)


def test_ctrl_c_at_a_question_changes_nothing() -> None:
    with Terminal("jobs", "prune", "--older-than", "1d") as screen:
        screen.read_until("[y/N]: ")
        time.sleep(0.5)  # a signal between Python's prompt and its read would wait for a key
        screen.type("\x03")
        assert screen.end() == 130
    assert "Traceback" not in screen.text
    assert screen.screen[-1] == "mj: stopped; nothing was changed"


def test_verbose_logs_requests_without_the_key(mj: Mj, service: Service) -> None:
    ran = mj("submit", "a fox", "--verbose")
    assert f'POST {service.url}/midjourney/v1/submit-jobs "HTTP/1.1 200 OK"' in ran.err
    assert "test-key" not in ran.err
    assert mj("submit", "a fox").err == ""


@pytest.mark.parametrize(
    ("option", "hint"),
    [("--sandbox", "mj jobs --sandbox"), ("--profile=work", "mj jobs --profile work")],
)
def test_a_hint_works_as_it_stands(mj: Mj, option: str, hint: str) -> None:
    ran = mj("jobs", "show", "jnowhere99", option, "--json")
    assert ran.error["hint"].endswith(hint)


# --- mj sandbox serve ---


class Sandbox:
    """`mj sandbox serve` in a process of its own, spoken to as curl would."""

    def __init__(self, *options: str) -> None:
        self.process = spawn("sandbox", "serve", "--port", "0", "--seconds", "0.2", *options)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def call(
        self, method: str, url: str, body: Any = None, key: str = "sandbox"
    ) -> tuple[int, bytes]:
        host, _, path = url.removeprefix("http://").partition("/")
        headers = {"API-KEY": key, "Content-Type": "application/json"}
        with closing(http.client.HTTPConnection(host, timeout=10)) as connection:
            connection.request(method, f"/{path}", body and json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, response.read()

    def post(self, path: str, body: Any) -> dict[str, Any]:
        answer = json.loads(self.call("POST", f"{self.url}/midjourney/v1/{path}", body)[1])
        assert isinstance(answer, dict)
        return answer

    def end(self, number: int) -> Ran:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=10)
        return Ran(self.process.returncode, out, err)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    with sandbox.process:
        yield sandbox
        sandbox.process.kill()


def sample(name: str) -> dict[str, Any]:
    message = json.loads((CONTRACT / f"{name}.json").read_text("utf-8"))
    assert isinstance(message, dict)
    return message


def shape(value: object) -> object:
    """A message with its values replaced by their types."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value).__name__


def test_a_whole_life_of_a_job_by_curl(sandbox: Sandbox) -> None:
    assert sandbox.call("POST", f"{sandbox.url}/midjourney/v1/submit-jobs", {}, key="no")[0] == 401
    accepted = sandbox.post("submit-jobs", _request())
    assert shape(accepted) == shape(sample("submit-accepted"))
    task_id = accepted["data"]["taskId"]
    answer = sandbox.post("job-status", {"taskIds": [task_id, "ZZ_unknown-1"]})
    completed, running, _ = sample("status-answer")["data"]
    assert [shape(row) for row in answer["data"]] == [shape(running)]
    while answer["data"][0]["status"] == 0:
        answer = sandbox.post("job-status", {"taskIds": [task_id]})
    assert shape(answer) == shape(sample("status-answer"))
    (row,) = answer["data"]
    assert shape(row) == shape(completed)
    assert len(row["images"]) == 4
    for url in [row["image"], *row["images"]]:
        status, image = sandbox.call("GET", url)
        assert status == 200
        assert image.startswith(b"\x89PNG")


def _request() -> dict[str, Any]:
    return {key: value for key, value in sample("submit-request").items() if key != "hookUrl"}


def test_mj_itself_can_be_pointed_at_it(
    mj: Mj, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MJ_BASE_URL", sandbox.url)
    monkeypatch.setenv("MJ_API_KEY", "sandbox")
    ran = mj("submit", "a fox", "--dry-run", "--quiet")
    assert ran.lines == [f"POST {sandbox.url}/midjourney/v1/submit-jobs"]
    assert mj("submit", "a fox").code == 0
    assert mj("status", "--json").records[0]["state"] in {"running", "succeeded"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_server_ends_by_signal(sandbox: Sandbox, number: int, code: int) -> None:
    sandbox.call("GET", f"{sandbox.url}/nowhere")
    ran = sandbox.end(number)
    assert ran.code == code
    assert re.fullmatch(r"mj: GET /nowhere 404 [0-9]+ms\n", ran.err)


def test_a_server_takes_its_own_key_and_quota() -> None:
    sandbox = Sandbox("--key", "mine", "--quota", "0", "--json", "--state", "play.db")
    with sandbox.process:
        url = json.loads(sandbox.url)["value"]
        submit = f"{url}/midjourney/v1/submit-jobs"
        assert sandbox.call("POST", submit, {"prompt": "x"})[0] == 401
        refused = json.loads(sandbox.call("POST", submit, {"prompt": "x"}, key="mine")[1])
        sandbox.end(signal.SIGTERM)
    assert shape(refused) == shape(sample("submit-quota"))
    assert refused["status"] == 1001
    assert Path("play.db").exists()


def test_a_port_in_use_is_named(mj: Mj) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ran = mj("sandbox", "serve", "--port", str(port))
    assert ran.code == 9
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in ran.err


@pytest.mark.parametrize("options", [(), ("--state", "in_the_way/play.db")])
def test_a_state_that_cannot_be_used_is_named(
    mj: Mj, home: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    (home / "work" / "in_the_way").touch()
    monkeypatch.setenv("MJ_STATE_DIR", str(home / "work" / "in_the_way"))
    ran = mj("sandbox", "serve", "--port", "0", *options, "--json")
    assert (ran.code, ran.error["slug"]) == (9, "sandbox")
    assert "in_the_way" in ran.error["message"]


@pytest.mark.parametrize("module", ["uvicorn", "starlette"])
def test_without_the_extra_it_says_how_to_get_it(
    mj: Mj, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    ran = mj("sandbox", "serve", "--port", "0", "--json")
    assert (ran.code, ran.error["slug"]) == (2, "missing_extra")
    assert "pip install '.[server]'" in ran.error["hint"]


def test_the_module_is_the_program_too() -> None:
    assert run_process("config", "get", "mode").out == "fast\n"

"""What README shows is what the program says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from mj_cli.errors import EXIT_CODES, ExitCode
from mj_cli.settings import TABLE
from tests.conftest import Mj

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
HELP = re.findall(r"```console\n\$ mj ([^\n]*--help)\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(("command", "shown"), HELP, ids=[command for command, _ in HELP])
def test_help_blocks_are_the_program_s_own(
    mj: Mj, monkeypatch: pytest.MonkeyPatch, command: str, shown: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ran = mj(*command.split())
    assert ran.code == 0
    assert ran.out.rstrip() == shown.rstrip()


def test_every_command_has_its_help_block() -> None:
    shown = {command.removesuffix("--help").strip() for command, _ in HELP}
    assert shown == {"", "submit", "status", "wait", "prompt", "jobs", "config"}


def test_the_exit_code_table_is_the_program_s_own() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", README, re.MULTILINE)
    assert [(int(code), meaning) for code, meaning in rows] == [
        (int(code), meaning) for code, meaning in EXIT_CODES.items()
    ]


def test_the_order_of_exit_codes_is_the_program_s_own() -> None:
    found = re.search(r"order wins: ([\d, ]+)\.", README)
    assert found is not None
    assert [int(code) for code in found[1].split(", ")] == [int(code) for code in ExitCode]


def test_every_variable_that_a_setting_reads_is_in_the_table() -> None:
    variables = {name for setting in TABLE.values() for name in setting.variables}
    assert all(f"`{name}`" in README for name in variables)


def test_what_a_project_may_set_is_what_readme_says() -> None:
    allowed = [name for name, setting in TABLE.items() if setting.project]
    found = re.search(r"it may set (.*?), never", " ".join(README.split()))
    assert found is not None
    assert re.findall(r"`(\w+)`", found[1]) == allowed


def test_the_extras_and_scripts_that_readme_names_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(project["optional-dependencies"]) == {"server", "dev"}
    assert set(project["scripts"]) == {"mj", "mj-cli"}

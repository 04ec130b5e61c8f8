"""The house rules on the syntax tree: imports point down, each outside thing has one owner."""

from __future__ import annotations

import ast
import functools
import graphlib
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "mj_cli"

LEVELS: tuple[frozenset[str], ...] = tuple(
    frozenset(level.split())
    for level in (
        "__main__",
        "app",
        "commands",
        "session",
        "pipeline output",
        "api downloads settings_file credentials",
        "ledger transport settings",
        "naming paths private_files pictures prompts retry ages addresses",
        "events",
        "models errors clock",
        "__init__",
    )
)
"""Parts of the package from top to bottom: a part imports from lower levels and from itself."""

APART = "sandbox"
MAY_PLAY = {"transport", "session", "commands.sandbox"}
HELPERS_OF_COMMANDS = {"commands", "commands.shared", "commands.prompting"}
"""Modules beside the commands that are none themselves."""

OWNERS: dict[str, set[str]] = {
    "typer": {"app", "commands"},
    "httpx": {"api", "downloads", "transport"},
    "sqlite3": {"ledger", "sandbox"},
    "rich": {"output"},
    "platformdirs": {"paths"},
    "tomli_w": {"settings_file", "credentials"},
    "starlette": {"sandbox.server"},
    "uvicorn": {"sandbox.server"},
}
ENVIRONMENT = {"settings", "paths", "credentials"}
PRINTERS = {"output", "__main__"}
ECHOERS = {"app"}


def modules() -> dict[str, ast.Module]:
    """Every module of the package by its name below the package, `__init__` for the top."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of all that is imported anywhere; `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def own_imports(name: str) -> set[str]:
    """The modules of the package that a module imports."""
    return {own_module(full) for full in imported(MODULES[name]) if is_in(full, {PACKAGE})}


def own_module(full: str) -> str:
    """The module behind an imported name, which may be something inside a module."""
    inside = full.removeprefix(PACKAGE).removeprefix(".")
    while inside and inside not in MODULES:
        inside = inside.rpartition(".")[0]
    return inside or "__init__"


def part_of(name: str) -> str:
    return name.partition(".")[0]


def level_of(name: str) -> int:
    part = part_of(name)
    for number, parts in enumerate(LEVELS):
        if part in parts:
            return number
    pytest.fail(f"{PACKAGE}.{name} has no level: give {part!r} its place in LEVELS of this test")


def is_in(name: str, places: Iterable[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def pairs() -> Iterator[tuple[str, str]]:
    """Who imports whom, between different parts and without the sandbox."""
    for name in MODULES:
        for other in own_imports(name):
            if part_of(name) != part_of(other) and APART not in {part_of(name), part_of(other)}:
                yield name, other


def test_every_module_has_a_level() -> None:
    for name in MODULES:
        if part_of(name) != APART:
            level_of(name)


def test_no_level_names_a_part_that_is_gone() -> None:
    assert {part for level in LEVELS for part in level} <= {part_of(name) for name in MODULES}


def test_imports_point_down() -> None:
    up = [f"{name} -> {other}" for name, other in pairs() if level_of(name) >= level_of(other)]
    assert up == []


def test_no_import_is_relative() -> None:
    assert [name for name in MODULES for full in imported(MODULES[name]) if full[:1] == "."] == []


def test_there_is_no_import_cycle() -> None:
    graph = {name: own_imports(name) for name in MODULES}
    tuple(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, naming the cycle


def test_commands_do_not_import_each_other() -> None:
    wrong = [
        f"{name} -> {other}"
        for name in MODULES
        if part_of(name) == "commands"
        for other in own_imports(name)
        if part_of(other) == "commands" and other not in HELPERS_OF_COMMANDS
    ]
    assert wrong == []


def test_the_sandbox_shares_nothing() -> None:
    shared = [
        f"{name} -> {other}"
        for name in MODULES
        if part_of(name) == APART
        for other in own_imports(name)
        if part_of(other) != APART
    ]
    assert shared == []


def test_few_know_the_sandbox() -> None:
    players = {
        name
        for name in MODULES
        for other in own_imports(name)
        if part_of(other) == APART and part_of(name) != APART
    }
    assert players <= MAY_PLAY


def test_each_outside_package_has_its_owner() -> None:
    strangers = []
    for name, tree in MODULES.items():
        for root in {full.partition(".")[0] for full in imported(tree)} - {PACKAGE, ""}:
            if root in OWNERS:
                allowed = is_in(name, OWNERS[root])
            else:
                allowed = root in sys.stdlib_module_names
            if not allowed:
                strangers.append(f"{name} imports {root}")
    assert strangers == []


def touches(tree: ast.AST, *names: str) -> bool:
    """True when a dotted name, such as `os.environ`, is used or imported anywhere."""
    return not names_in(tree).isdisjoint(names)


@functools.cache
def names_in(tree: ast.AST) -> frozenset[str]:
    return frozenset({*imported(tree), *map(dotted, ast.walk(tree))})


def dotted(node: ast.AST) -> str:
    """`a.b.c` for such an expression, and something that is no name for any other."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def test_nothing_is_imported_by_a_name_that_these_rules_cannot_see() -> None:
    ways = ("__import__", "importlib.import_module", "importlib.__import__")
    assert [name for name, tree in MODULES.items() if touches(tree, *ways)] == []


def test_only_settings_paths_and_credentials_read_the_environment() -> None:
    readers = {
        name
        for name, tree in MODULES.items()
        if touches(tree, "os.environ", "os.environb", "os.getenv", "os.putenv", "os.unsetenv")
    }
    assert readers <= ENVIRONMENT


def test_nobody_calls_print() -> None:
    assert [name for name, tree in MODULES.items() if touches(tree, "print", "pprint")] == []


def writers(*streams: str) -> set[str]:
    """The modules that write to a stream by themselves."""
    names = [f"sys.{one}.{how}" for one in streams for how in ("write", "writelines", "buffer")]
    return {name for name, tree in MODULES.items() if touches(tree, *names)}


def test_only_the_output_writes_to_the_streams() -> None:
    assert {one for one in writers("stdout", "__stdout__") if not is_in(one, PRINTERS)} == set()


def test_only_the_app_writes_tracebacks_to_stderr() -> None:
    talkers = {*PRINTERS, "app"}
    assert {one for one in writers("stderr", "__stderr__") if not is_in(one, talkers)} == set()


def test_only_the_eager_version_option_echoes() -> None:
    echoers = {name for name, tree in MODULES.items() if touches(tree, "typer.echo", "typer.secho")}
    assert echoers <= ECHOERS


@pytest.mark.parametrize(
    "source",
    [
        "from mj_cli.output import human",
        "import mj_cli.output.human",
        "def late():\n    from mj_cli.output import human",
        "if TYPE_CHECKING:\n    from mj_cli.output.human import Human",
        "class A:\n    try:\n        import mj_cli.output.human as h\n    except ImportError: ...",
    ],
)
def test_the_rules_see_an_import_wherever_it_stands(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODULES, "pipeline.spy", ast.parse(source))
    with pytest.raises(AssertionError, match=r"pipeline\.spy -> output"):
        test_imports_point_down()


def test_a_module_without_a_level_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODULES, "newcomer", ast.parse(""))
    with pytest.raises(pytest.fail.Exception, match=r"mj_cli\.newcomer has no level"):
        test_every_module_has_a_level()


@pytest.mark.parametrize(
    "source", ["import os\nos.environ['A']", "from os import environ", "import os\nos.getenv('A')"]
)
def test_the_rules_see_who_reads_the_environment(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODULES, "naming", ast.parse(source))
    with pytest.raises(AssertionError, match="naming"):
        test_only_settings_paths_and_credentials_read_the_environment()


def test_the_core_needs_five_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needs = {re.split(r"[<>=~!\[ ]", one)[0]: one for one in project["dependencies"]}
    assert sorted(needs) == ["httpx", "platformdirs", "rich", "tomli-w", "typer"]
    assert "<" in needs["typer"]  # its inner classes are subclassed here

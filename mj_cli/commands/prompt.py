"""`mj prompt`: how a prompt is understood, and what is wrong with it, without paying."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from mj_cli.commands.prompting import prompt_text
from mj_cli.commands.shared import parsed_option, session_of
from mj_cli.errors import ExitCode, LocalError, UsageError
from mj_cli.session import Session


def prompt(
    context: typer.Context,
    text: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PROMPT]...", help="The prompt; - reads it from stdin."),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Check every line of a file; - reads stdin."),
    ] = None,
    explain: Annotated[
        str | None, typer.Option(metavar="NAME", help="Show what is known of a parameter.")
    ] = None,
    mode: Annotated[
        str | None, typer.Option(metavar="fast|relaxed", help="Mode of the request.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="SLUG", help="Let a finding pass.")
    ] = None,
) -> int:
    """Show how a prompt is understood, every finding, and its normalised form; send nothing.

    Ends with 2 when there are errors, so it serves as a check before a commit. With --file, each
    finding is one line: file, line, column, level, sentence.
    """
    from mj_cli.prompts.checks import check  # noqa: PLC0415
    from mj_cli.prompts.explain import explain as explained  # noqa: PLC0415
    from mj_cli.prompts.table import table  # noqa: PLC0415

    session = session_of(context)
    if sum((bool(text), file is not None, explain is not None)) != 1:
        raise UsageError("mj prompt takes a prompt, or --file FILE, or --explain NAME")
    if explain is not None:
        return _explain(session, explain)
    chosen = parsed_option("mode", mode)
    usual = session.settings.get("mode")
    failed = False
    for number, line in _lines(file) if file is not None else [(None, prompt_text(text or []))]:
        checked = check(line, mode=chosen, usual_mode=usual, allow=allow or ())
        name = file if number is not None else None
        session.output.prompt(explained(checked, table(), file=name, line=number))
        failed = failed or bool(checked.errors)
    return int(ExitCode.USAGE if failed else ExitCode.DONE)


def _lines(file: str) -> Iterator[tuple[int, str]]:
    """Yield the numbers and texts of the lines that are not blank."""
    try:
        content = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 text: {error}") from error
    except OSError as error:
        raise LocalError(f"cannot read {file}: {error.strerror or error}") from error
    for number, line in enumerate(content.split("\n"), start=1):
        if line.strip():
            yield number, line.rstrip("\r")


def _explain(session: Session, name: str) -> int:
    from mj_cli.prompts.explain import facts_of  # noqa: PLC0415
    from mj_cli.prompts.table import table  # noqa: PLC0415

    known = table()
    row = known.find(name.lstrip("-"))
    if row is None:
        close = known.close_to(name.lstrip("-"))
        raise UsageError(
            f"there is no parameter --{name.lstrip('-')}",
            hint=f"did you mean --{close}?" if close else "see: mj submit --help",
            slug="unknown-parameter",
        )
    session.output.facts("parameter", facts_of(row, known))
    return 0

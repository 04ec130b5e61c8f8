"""The Typer app, and the one place where errors become exit codes."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from mj_cli import __version__
from mj_cli.clock import Clock
from mj_cli.commands import config, jobs, sandbox
from mj_cli.commands.prompt import prompt
from mj_cli.commands.prompting import PromptCommand
from mj_cli.commands.shared import IDS, Command, Group
from mj_cli.commands.status import status
from mj_cli.commands.submit import submit
from mj_cli.commands.wait import wait
from mj_cli.errors import EXIT_CODES, ExitCode, LocalError, MjError, StoppedError, UsageError
from mj_cli.session import Session

_CODES = "\n".join(f"{code:>5}  {meaning}" for code, meaning in EXIT_CODES.items())
EPILOG = f"\b\nExit codes:\n{_CODES}"

app = typer.Typer(
    cls=Group,
    name="mj",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog=EPILOG,
)
app.command("submit", cls=PromptCommand, short_help="Submit a prompt; --wait saves its images.")(
    submit
)
app.command(
    "status", cls=Command, context_settings=IDS, short_help="Ask the service about tasks, once."
)(status)
app.command(
    "wait", cls=Command, context_settings=IDS, short_help="Wait for jobs and save their images."
)(wait)
app.command("prompt", cls=PromptCommand, short_help="Explain and check a prompt without paying.")(
    prompt
)
app.add_typer(jobs.app, name="jobs")
app.add_typer(config.app, name="config")
app.add_typer(sandbox.app, name="sandbox")


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"mj {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version."),
    ] = False,
) -> None:
    """Prompt-to-image jobs: never pay twice, never lose a result.

    Try it without key, network or cost: mj submit a red fox in the snow --sandbox --wait
    """


def run(argv: Sequence[str], *, clock: Clock | None = None) -> int:
    """Run one command line.

    Args:
        argv: arguments without the program's name.
        clock: the time; the machine's own by default.

    Returns:
        The exit code, one of `errors.ExitCode`.
    """
    session = Session(clock or Clock())
    try:
        with _logged_requests(wanted="--verbose" in argv):
            return _run(list(argv), session)
    except MjError as error:
        if "--json" in argv:  # whoever was told of the slip may not have come to it
            session.shared.json = True
        return _fail(session, error)
    except KeyboardInterrupt:
        return _fail(session, StoppedError("stopped"))
    except BrokenPipeError:
        return int(ExitCode.DONE)  # whoever read the help has seen enough
    except OSError as error:
        return _fail(session, _local_error(error))
    except Exception as error:  # noqa: BLE001 - the last place where a bug can be caught
        return _report_bug(session, error)
    finally:
        session.close()


@functools.cache
def _command() -> Any:
    """Return the parser; it is built once, however often `run` is called."""
    return typer.main.get_command(app)


def _run(argv: list[str], session: Session) -> int:
    try:
        with _command().make_context("mj", argv or ["--help"], obj=session) as context:
            return int(_command().invoke(context) or 0)
    except typer.Exit as end:
        return end.exit_code
    except (typer.Abort, EOFError):
        sys.stderr.write("\n")  # the cursor stands behind a question
        raise StoppedError("stopped; nothing was changed") from None
    except typer.TyperException as error:
        if "--json" in argv:  # the parser may have stopped before it came to it
            session.shared.json = True
        raise _usage_error(error) from error


def _usage_error(error: typer.TyperException) -> UsageError:
    """Turn the parser's complaint into ours, with the way to the right help."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "mj"
    message = error.format_message().strip().rstrip(".")
    return UsageError(message[:1].lower() + message[1:], hint=f"see: {path} --help")


def _local_error(error: OSError) -> LocalError:
    """Speak of a failure of the system where nobody expected one, such as a full disk."""
    what = f"{error.filename}: " if error.filename else ""
    return LocalError(
        f"the system refused something: {what}{error.strerror or error}",
        hint="nothing paid for is lost, see: mj jobs; --verbose shows where it happened",
        slug="system",
    )


def _fail(session: Session, error: MjError) -> int:
    if session.shared.verbose:
        _print_traceback()
    session.output.close()
    session.show_error(error)
    return int(error.exit_code)


def _report_bug(session: Session, error: Exception) -> int:
    if session.shared.verbose:
        _print_traceback()
    bug = MjError(
        f"a bug in mj: {type(error).__name__}: {error}",
        hint="nothing paid for is lost, see: mj jobs; run again with --verbose for the traceback",
        slug="bug",
    )
    session.output.close()
    session.output.error(bug)
    return int(ExitCode.BUG)


def _print_traceback() -> None:
    import traceback  # noqa: PLC0415

    from mj_cli.output.text import visible  # noqa: PLC0415

    for line in traceback.format_exc().splitlines():  # it may quote what a server said
        sys.stderr.write(visible(line) + "\n")


@contextlib.contextmanager
def _logged_requests(*, wanted: bool) -> Iterator[None]:
    """Log each request's method, URL and answer on stderr; no header, so no key."""
    if not wanted:
        yield
        return
    import logging  # noqa: PLC0415

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger("httpx")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)

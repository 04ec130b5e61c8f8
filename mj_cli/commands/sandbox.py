"""`mj sandbox`: the API in miniature on a local port."""

from __future__ import annotations

from typing import Annotated

import typer

from mj_cli.commands.shared import Command, Group, session_of
from mj_cli.errors import ExitCode, LocalError, StoppedError, UsageError

app = typer.Typer(
    cls=Group,
    help="The same API without key, network or cost.",
    rich_markup_mode=None,
    add_completion=False,
)


@app.command("serve", cls=Command)
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(metavar="HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 8788,
    key: Annotated[
        str, typer.Option(metavar="KEY", help="The API key that it takes; a play key.")
    ] = "sandbox",
    seconds: Annotated[
        float, typer.Option(metavar="S", min=0, help="How long a fast job takes.")
    ] = 4.0,
    sigma: Annotated[
        float, typer.Option(metavar="X", min=0, max=2, help="Relative spread of that time.")
    ] = 0.15,
    seed: Annotated[int, typer.Option(metavar="N", help="Repeats the same times.")] = 0,
    quota: Annotated[int, typer.Option(metavar="N", min=0, help="Quota to spend.")] = 100_000,
    state: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="State file; the one of --sandbox by default."),
    ] = None,
) -> int:
    """Serve the sandbox for curl or anybody's code, until Ctrl-C.

    Point a client at the printed URL and give it the key: MJ_BASE_URL=http://127.0.0.1:8788
    MJ_API_KEY=sandbox mj submit "a red fox".
    """
    from pathlib import Path  # noqa: PLC0415

    from mj_cli import paths  # noqa: PLC0415
    from mj_cli.sandbox import Options  # noqa: PLC0415
    from mj_cli.session import RELAXED_FACTOR, open_sandbox, sandbox_file  # noqa: PLC0415

    session = session_of(context)
    options = Options(
        key=key,
        fast_seconds=seconds,
        relaxed_seconds=seconds * RELAXED_FACTOR,
        sigma=sigma,
        seed=seed,
        quota=quota,
    )
    output = session.output
    try:
        from mj_cli.sandbox.server import serve as run_server  # noqa: PLC0415

        with open_sandbox(Path(state) if state else sandbox_file(paths.state_dir())) as store:
            number = run_server(
                store,
                options,
                host=host,
                port=port,
                ready=output.value,
                log=output.note,
            )
    except ImportError as error:
        raise UsageError(
            "the sandbox server needs the extra 'server', which is not installed",
            hint="install it, in a clone with: pip install '.[server]'; --sandbox needs none",
            slug="missing_extra",
        ) from error
    except OSError as error:
        raise LocalError(
            f"the sandbox cannot listen on {host}:{port}: {error.strerror or error}",
            hint="choose another port with --port",
        ) from error
    stopped = StoppedError("stopped")
    return int(ExitCode.TERMINATED if number == 15 else stopped.exit_code)

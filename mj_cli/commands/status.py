"""`mj status`: what the service says of tasks, now."""

from __future__ import annotations

from typing import Annotated

import typer

from mj_cli.commands.shared import checked_ids, session_of


def status(
    context: typer.Context,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Job or task ids; all unfinished jobs if none."),
    ] = None,
) -> int:
    """Ask the service about tasks, up to fifty in one call, and show each once.

    A task that the service does not know is shown as unknown, which does not mean failed.
    """
    from mj_cli.pipeline.asking import ask  # noqa: PLC0415
    from mj_cli.pipeline.choosing import choose  # noqa: PLC0415

    session = session_of(context)
    names = checked_ids(ids or [])
    account = session.account
    ledger = session.ledger_of_account
    if names:
        chosen = choose(ledger, names, account=account.hash, profile=session.settings.profile)
        jobs, foreign = chosen.jobs, chosen.foreign
    else:
        jobs, foreign = ledger.jobs.unfinished(account.hash), []
    found = ask(
        jobs,
        foreign,
        ledger=ledger,
        service=session.service,
        account=account.hash,
        plan=session.plan(),
        clock=session.clock,
        emit=session.output.event,
    )
    session.output.jobs(found)
    return 0

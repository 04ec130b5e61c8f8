"""`mj wait`: jobs are followed to their end and their images brought to disk."""

from __future__ import annotations

from typing import Annotated

import typer

from mj_cli.commands.shared import (
    ImagesOption,
    OutOption,
    TemplateOption,
    checked_ids,
    session_of,
    set_flags,
)
from mj_cli.errors import UsageError


def wait(
    context: typer.Context,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Job or task ids; all unfinished jobs if none."),
    ] = None,
    for_seconds: Annotated[
        float | None,
        typer.Option("--for", metavar="SECONDS", help="Leave after this time, with exit code 8."),
    ] = None,
    out: OutOption = None,
    template: TemplateOption = None,
    images: ImagesOption = None,
    no_download: Annotated[
        bool, typer.Option("--no-download", help="Print image URLs and save nothing.")
    ] = False,
) -> int:
    """Wait for jobs, save their images and print the paths.

    Run again, it fetches only what is missing. It works for tasks that another program submitted,
    too. Leaving it stops no job: they go on at the service. Where files go is remembered for the
    next time.
    """
    from mj_cli.output import Shows  # noqa: PLC0415
    from mj_cli.pipeline.choosing import choose, redirected  # noqa: PLC0415

    if for_seconds is not None and not 0 <= for_seconds < float("inf"):
        raise UsageError("--for must be a number of seconds, 0 or more")
    session = session_of(context)
    set_flags(session, out=out, template=template, images=images)
    names = checked_ids(ids or [])
    account = session.account
    ledger = session.ledger_of_account
    if names:
        chosen = choose(ledger, names, account=account.hash, profile=session.settings.profile)
        jobs, foreign = chosen.jobs, chosen.foreign
    else:
        jobs, foreign = ledger.jobs.undelivered(account.hash), []
    if not jobs and not foreign:
        session.output.note("nothing to wait for")
        return 0
    options = {"out": out, "template": template, "images": images}
    given = [name for name, value in options.items() if value is not None]
    if given:
        jobs = redirected(ledger, jobs, session.destination(), given)
    return session.execute(
        session.plan(
            fetch=not no_download, for_seconds=for_seconds, remember_destination=bool(given)
        ),
        shows=Shows.URLS if no_download else Shows.PATHS,
        known=jobs,
        foreign=foreign,
    )

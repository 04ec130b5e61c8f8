"""`mj submit`: one prompt becomes one job, and with --wait files on disk."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mj_cli.commands.prompting import prompt_text, refuse_errors
from mj_cli.commands.shared import ImagesOption, OutOption, TemplateOption, session_of, set_flags
from mj_cli.session import Session


def submit(
    context: typer.Context,
    prompt: Annotated[
        list[str],
        typer.Argument(
            metavar="PROMPT...", help="The prompt; - reads it from stdin.", show_default=False
        ),
    ],
    mode: Annotated[
        str | None, typer.Option(metavar="fast|relaxed", help="Speed to pay for.")
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option(metavar="SECONDS", help="The task's own time limit, 300 to 1200."),
    ] = None,
    hook_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the service posts the result.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="A name of your own for the job.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait, download, and print the paths.")
    ] = False,
    out: OutOption = None,
    template: TemplateOption = None,
    images: ImagesOption = None,
    no_queue: Annotated[
        bool, typer.Option("--no-queue", help="Fail when no slot is free instead of waiting.")
    ] = False,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="SLUG", help="Send in spite of this finding.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the request and send nothing.")
    ] = False,
) -> int:
    """Submit a prompt and print its task id; with --wait, save its images and print their paths.

    The prompt needs no quotes: parameters of prompts go to the prompt, the options below are mj's.
    Where a name is both (--profile), it is mj's outside quotes, and --p is the prompt's. -- ends
    the options.

    Once it is accepted a job is paid for and cannot be cancelled. If its answer is lost, it is
    kept as in doubt and never sent again by itself.
    """
    session = session_of(context)
    set_flags(
        session,
        mode=mode,
        timeout=timeout,
        hook_url=hook_url,
        out=out,
        template=template,
        images=images,
    )
    request = _request(session, prompt_text(prompt), name, allow or [])
    if dry_run:
        _show(session, request, dearer=bool(allow))
        return 0
    chosen = any(option is not None for option in (out, template, images))
    return _submit(session, request, wait=wait, queue=not no_queue, remember=wait or chosen)


def _request(session: Session, text: str, name: str | None, allow: list[str]) -> Any:
    """Return the request for a prompt that passed the checks; its mode words become the mode."""
    from mj_cli.models import JobRequest  # noqa: PLC0415
    from mj_cli.prompts import check_prompt  # noqa: PLC0415
    from mj_cli.prompts.checks import check  # noqa: PLC0415
    from mj_cli.prompts.fingerprint import without_mode  # noqa: PLC0415
    from mj_cli.prompts.table import table  # noqa: PLC0415

    get = session.settings.get
    text = check_prompt(text)
    chosen: Any = session.flags.get("mode")
    checked = check(text, mode=chosen, usual_mode=get("mode"), allow=allow)
    refuse_errors(session, text, checked.findings)
    return JobRequest(
        prompt=check_prompt(without_mode(checked.prompt, table())),
        mode=chosen or checked.mode or get("mode"),
        timeout=get("timeout"),
        hook_url=get("hook_url"),
        name=name or None,
    )


def _submit(session: Session, request: Any, *, wait: bool, queue: bool, remember: bool) -> int:
    from mj_cli.output import Shows  # noqa: PLC0415
    from mj_cli.pipeline.targets import prepare  # noqa: PLC0415

    account = session.account
    destination = session.destination() if remember else None
    if wait and destination is not None:
        prepare(request, destination, now=session.clock.time())
    ledger = session.ledger_of_account
    plan = session.plan(queue=queue, follow=wait)
    session.service  # noqa: B018 - a proxy that cannot be used must show before a job is recorded
    job = ledger.attempts.add(account=account.hash, request=request, destination=destination)
    return session.execute(plan, shows=Shows.PATHS if wait else Shows.IDS, new=[job])


def _show(session: Session, request: Any, *, dearer: bool) -> None:
    """Show the request; what a prompt with allowed findings costs is known to nobody here."""
    from mj_cli.api.messages import SUBMIT_PATH, submit_body  # noqa: PLC0415
    from mj_cli.output.interface import RequestLine  # noqa: PLC0415

    session.output.request(
        RequestLine(
            method="POST",
            url=session.settings.get("base_url") + SUBMIT_PATH,
            headers={"API-KEY": "$MJ_API_KEY", "Content-Type": "application/json"},
            body=submit_body(request),
            cost=None if dearer else session.cost(request.mode),
        )
    )

"""`mj jobs`: what the ledger knows, and what the user decides about jobs in doubt."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mj_cli.commands.shared import (
    IDS,
    Command,
    ListingGroup,
    checked_ids,
    session_of,
)
from mj_cli.errors import StoppedError, UsageError
from mj_cli.session import Session

if TYPE_CHECKING:
    from mj_cli.models import Job, JobState

app = typer.Typer(
    cls=ListingGroup,
    help="List jobs, show one, and settle what is in doubt.",
    rich_markup_mode=None,
    add_completion=False,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Job id or task id.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command("list", cls=Command)
def list_jobs(
    context: typer.Context,
    state: Annotated[
        str | None,
        typer.Option(
            metavar="STATE",
            help="queued, sending, running, succeeded, failed or in_doubt.",
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Newer than 7d, 12h or 2026-11-01.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="At most N jobs.")] = 30,
) -> int:
    """List jobs, newest first; without --state and --since also what each month came to."""
    from mj_cli.ages import moment_of  # noqa: PLC0415
    from mj_cli.ledger import JobFilter  # noqa: PLC0415

    session = session_of(context)
    which = JobFilter(
        profile=session.settings.profile,
        state=_state(state),
        since=moment_of("--since", since, now=session.clock.time()) if since else None,
        limit=limit,
    )
    jobs = session.ledger.jobs.listed(which)
    session.output.jobs(jobs)
    if state is None and since is None:
        _show_totals(session)
    return 0


@app.command("show", cls=Command, context_settings=IDS)
def show(context: typer.Context, job_id: Id) -> int:
    """Show one job with all its attempts, files and ways out."""
    session = session_of(context)
    job = _find(session, job_id)
    session.output.job(session.ledger.jobs.attempts(job.id))
    return 0


@app.command("resolve", cls=Command, context_settings=IDS)
def resolve(
    context: typer.Context,
    job_id: Id,
    task: Annotated[
        str | None, typer.Option(metavar="TASK_ID", help="It became this task: follow it.")
    ] = None,
    not_charged: Annotated[
        bool, typer.Option("--not-charged", help="It never arrived: it counts as failed.")
    ] = False,
    resubmit: Annotated[
        bool, typer.Option("--resubmit", help="Send it again, even if that pays twice.")
    ] = False,
    yes: Yes = False,
) -> int:
    """Settle a job in doubt after a look at the provider's dashboard."""
    from mj_cli.pipeline import settling  # noqa: PLC0415

    session = session_of(context)
    if sum((task is not None, not_charged, resubmit)) != 1:
        raise UsageError(
            "resolve takes exactly one of --task TASK_ID, --not-charged and --resubmit",
            hint=f"see what is known with: mj jobs show {job_id}",
        )
    job = settling.find_in_doubt(
        session.ledger, checked_ids([job_id])[0], profile=session.settings.profile
    )
    if task is not None:
        checked_ids([task])
        settling.check_task(session.ledger, job, task)
        _confirm(
            session, f"mj will follow task {task} as job {job.id} and count it as charged.", yes
        )
        settling.bind_task(session.ledger, job, task)
        session.output.note(f"job {job.id} is task {task} now; fetch it with: mj wait {job.id}")
    elif not_charged:
        settling.check_in_doubt(job)
        _confirm(
            session,
            f"Job {job.id} will count as failed; if it shows up after all, it is kept.",
            yes,
        )
        settling.call_not_charged(session.ledger, job)
        session.output.note(f"job {job.id} counts as not charged")
    else:
        settling.check_in_doubt(job)
        session.ledger_of_account  # noqa: B018 - a missing key must show before the question
        session.service  # noqa: B018 - and so must a proxy that cannot be used
        _confirm(
            session, f"Job {job.id} will be sent again; if it was charged, you pay twice.", yes
        )
        return _resubmit(session, job)
    return 0


@app.command("forget", cls=Command, context_settings=IDS)
def forget(context: typer.Context, job_id: Id, yes: Yes = False) -> int:
    """Remove a job from the ledger; its files stay on disk."""
    from mj_cli.pipeline.settling import forget as forget_job  # noqa: PLC0415

    session = session_of(context)
    job = _find(session, job_id)
    open_text = "" if job.state.is_final else " It is not finished, and mj could not find it again."
    _confirm(session, f"Job {job.id} will be removed from the ledger.{open_text}", yes)
    forget_job(session.ledger, job)
    session.output.note(f"job {job.id} is forgotten")
    return 0


@app.command("prune", cls=Command)
def prune(
    context: typer.Context,
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="Such as 90d.", show_default=False)
    ],
    yes: Yes = False,
) -> int:
    """Forget finished jobs older than an age; never unfinished ones, nor those in doubt."""
    from mj_cli.ages import moment_of  # noqa: PLC0415

    session = session_of(context)
    before = moment_of("--older-than", older_than, now=session.clock.time())
    _confirm(
        session, f"Finished jobs older than {older_than} will be removed from the ledger.", yes
    )
    count = session.ledger.jobs.prune(session.settings.profile, before=before)
    session.output.note(f"{count} {'job' if count == 1 else 'jobs'} forgotten")
    return 0


def _find(session: Session, name: str) -> Job:
    """Return the job that an id means."""
    from mj_cli.pipeline.settling import find  # noqa: PLC0415

    return find(session.ledger, checked_ids([name])[0], profile=session.settings.profile)


def _resubmit(session: Session, job: Job) -> int:
    from mj_cli.output import Shows  # noqa: PLC0415
    from mj_cli.pipeline.settling import resubmitted  # noqa: PLC0415

    queued = resubmitted(session.ledger, job, account=session.account.hash)
    return session.execute(session.plan(follow=False), shows=Shows.IDS, new=[queued])


def _show_totals(session: Session) -> None:
    from mj_cli.output.interface import TotalLine  # noqa: PLC0415

    lines = []
    for total in session.ledger.jobs.totals(session.settings.profile):
        price = session.cost(total.mode)
        lines.append(
            TotalLine(
                month=total.month,
                mode=str(total.mode),
                charged=total.charged,
                in_doubt=total.in_doubt,
                cost=None if price is None else price * total.charged,
            )
        )
    session.output.totals(lines)


def _state(text: str | None) -> JobState | None:
    from mj_cli.models import JobState  # noqa: PLC0415

    if text is None:
        return None
    try:
        return JobState(text)
    except ValueError:
        raise UsageError(f"--state must be one of {', '.join(JobState)} (it is {text!r})") from None


def _confirm(session: Session, consequence: str, yes: bool) -> None:
    """Say what is going to happen, and ask at a terminal."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"{consequence} This needs a yes, and stdin is no terminal",
            hint="add --yes",
            slug="needs_yes",
        )
    session.output.warn(consequence)
    if not typer.confirm("Go on?", err=True):
        raise StoppedError("stopped; nothing was changed")

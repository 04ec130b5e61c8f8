"""Which jobs the ids on a command line mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from mj_cli.errors import UsageError
from mj_cli.ledger import Ledger
from mj_cli.models import Destination, Job


@dataclass(slots=True)
class Chosen:
    """Jobs of the ledger, and task ids that only the service can know."""

    jobs: list[Job] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def choose(ledger: Ledger, names: Sequence[str], *, account: str, profile: str) -> Chosen:
    """Find what ids mean; an id that the ledger does not know is taken for a task id.

    Raises:
        UsageError: when a job belongs to another profile, whose key would be needed.
    """
    chosen = Chosen()
    seen: set[int] = set()
    for name in names:
        found = ledger.jobs.find(name)
        if not found:
            chosen.foreign.append(name)
            continue
        # One task id may be known under two keys of a profile; the present one is meant.
        job = next((one for one in found if one.account == account), found[0])
        if job.profile != profile:
            raise _elsewhere(name, job, present=profile)
        if job.attempt.id not in seen:
            seen.add(job.attempt.id)
            chosen.jobs.append(job)
    return chosen


def redirected(
    ledger: Ledger, jobs: Sequence[Job], destination: Destination, options: Sequence[str]
) -> list[Job]:
    """Send jobs to another place, now and for later runs.

    Args:
        ledger: remembers it.
        jobs: the jobs.
        destination: the place.
        options: the parts of it that the user named; a job keeps the others where it has them.
    """
    given = {name: getattr(destination, name) for name in options}
    moved = []
    for job in jobs:
        place = dataclasses.replace(job.destination or destination, **given)
        ledger.jobs.send_to(job, place)
        moved.append(dataclasses.replace(job, destination=place))
    return moved


def _elsewhere(name: str, job: Job, *, present: str) -> UsageError:
    if job.profile == "sandbox":
        return UsageError(f"{name} is a job of the sandbox", hint="add --sandbox")
    hint = f"add --profile {job.profile}"
    if present == "sandbox":
        hint = "leave out --sandbox"
        if job.profile != "default":
            hint = f"use --profile {job.profile} instead of --sandbox"
    return UsageError(f"{name} was submitted under the profile {job.profile!r}", hint=hint)

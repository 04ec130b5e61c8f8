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
            raise _elsewhere(name, job)
        if job.attempt.id not in seen:
            seen.add(job.attempt.id)
            chosen.jobs.append(job)
    return chosen


def redirected(ledger: Ledger, jobs: Sequence[Job], destination: Destination) -> list[Job]:
    """Send jobs to another place, now and for later runs."""
    for job in jobs:
        ledger.jobs.send_to(job, destination)
    return [dataclasses.replace(job, destination=destination) for job in jobs]


def _elsewhere(name: str, job: Job) -> UsageError:
    if job.profile == "sandbox":
        return UsageError(f"{name} is a job of the sandbox", hint="add --sandbox")
    return UsageError(
        f"{name} was submitted under the profile {job.profile!r}",
        hint=f"add --profile {job.profile}" if job.profile != "default" else "leave out --sandbox",
    )

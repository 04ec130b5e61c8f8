"""Events in words: what a person and a log are told while the pipeline works."""

from __future__ import annotations

from typing import assert_never

from mj_cli import events

Told = (
    events.SlotsTaken
    | events.ServiceBusy
    | events.SubmitRetried
    | events.PollFailed
    | events.DownloadRetried
    | events.Stopping
)
"""Events that are worth a line wherever stderr goes."""


def told(event: Told) -> str | None:
    """Return an event as a sentence; None when there is nothing to say."""
    match event:
        case events.SlotsTaken(_, slots, in_doubt):
            doubt = f", {in_doubt} of them by jobs in doubt" if in_doubt else ""
            return f"all {slots} slots are taken{doubt}; waiting for one (--no-queue fails instead)"
        case events.ServiceBusy(_, seconds, reason):
            return f"the service is busy ({reason}); trying again in {duration(seconds)}"
        case events.SubmitRetried(_, seconds, reason):
            return f"not sent yet ({reason}); trying again in {duration(seconds)}"
        case events.PollFailed(reason, seconds):
            return f"{reason}; asking again in {duration(seconds)}"
        case events.DownloadRetried(job, index, reason, seconds):
            return f"image {index} of {job.label}: {reason}; trying again in {duration(seconds)}"
        case events.Stopping(on_wire, seconds):
            return _stopping(on_wire, seconds)
        case _:
            assert_never(event)


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s"


def _stopping(on_wire: int, seconds: float) -> str | None:
    if not on_wire:
        return None
    what = "1 request" if on_wire == 1 else f"{on_wire} requests"
    return (
        f"stopping; {what} on the way may be paid for and gets {seconds:.0f} s to be answered"
        " (Ctrl-C again leaves at once)"
    )

"""Bars and tables for a terminal, drawn by rich, which is imported when first needed.

The API tells no percentage. A job's bar shows the time passed against the time that jobs usually
take, and says that this is an estimate; it stops short of full until the job is done.
"""

from __future__ import annotations

import io
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mj_cli.models import Job
from mj_cli.output.text import shortened, visible

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

MOST_BARS = 10
LABEL_WIDTH = 24
NEVER_FULL = 0.97
REFRESH_SECONDS = 0.1
WIDEST_COLUMN = 40


@dataclass(slots=True)
class _Bar:
    """One job on the screen."""

    task: TaskID
    received: dict[int, int] = field(default_factory=dict)
    totals: dict[int, int] = field(default_factory=dict)


class Bars:
    """A bar a job on stderr, from the first job that is watched to the last that is done.

    One lock for whatever moves the cursor: rich's own refreshing, let in between two other steps,
    would erase a line too many when a bar goes.
    """

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._bars: dict[int, _Bar] = {}
        self._lock = threading.RLock()

    def running(self, job: Job, started_at: float, usual_seconds: float) -> None:
        """Show a job that runs at the service.

        Args:
            job: the job.
            started_at: when it was submitted, Unix seconds.
            usual_seconds: how long such jobs usually take.
        """
        if job.attempt.id in self._bars:
            return
        with self._lock:
            task = self._shown().add_task(
                shortened(job.request.prompt or job.label, LABEL_WIDTH),
                total=usual_seconds,
                started_ago=max(time.time() - started_at, 0.0),
                phase="running",
                visible=len(self._bars) < MOST_BARS,
            )
            self._bars[job.attempt.id] = _Bar(task)

    def downloading(self, job: Job, index: int, received: int, total: int | None) -> None:
        """Show how many bytes of a job's images are there."""
        with self._lock:
            self.running(job, time.time(), 1.0)
            bar = self._bars[job.attempt.id]
            bar.received[index] = received
            if total is not None:
                bar.totals[index] = total
            self._shown().update(
                bar.task,
                completed=sum(bar.received.values()),
                total=sum(bar.totals.values()) or None,
                phase="downloading",
            )

    def done(self, job: Job) -> None:
        """Take a job's bar away; the next hidden one gets its place."""
        bar = self._bars.pop(job.attempt.id, None)
        if bar is None or self._progress is None:
            return
        with self._lock:
            self._progress.remove_task(bar.task)
            for hidden in list(self._bars.values())[:MOST_BARS]:
                self._progress.update(hidden.task, visible=True)
        if not self._bars:
            self.close()

    def print_above(self, line: str) -> bool:
        """Print a line above the bars; False when no bar is shown."""
        if self._progress is None:
            return False
        with self._lock:
            self._progress.console.print(
                line, markup=False, highlight=False, emoji=False, soft_wrap=True
            )
        return True

    def close(self) -> None:
        """Take all bars down."""
        with self._lock:
            if self._progress is not None:
                self._progress.stop()
                self._progress = None
                self._bars.clear()

    def _shown(self) -> Progress:
        if self._progress is None:
            self._progress = _open_progress()
            self._progress.start()
            threading.Thread(target=self._refresh, args=(self._progress,), daemon=True).start()
        return self._progress

    def _refresh(self, progress: Progress) -> None:
        """Draw the bars again and again, as long as they are the ones on the screen."""
        while True:
            time.sleep(REFRESH_SECONDS)
            with self._lock:
                if self._progress is not progress:
                    return
                progress.refresh()


def _open_progress() -> Progress:
    from rich.console import Console  # noqa: PLC0415 - 80 ms that only a terminal is worth
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn  # noqa: PLC0415
    from rich.progress_bar import ProgressBar  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    class EstimateColumn(BarColumn):
        """Time passed against the usual time, or bytes against bytes."""

        def render(self, task: Task) -> ProgressBar:
            if task.fields["phase"] == "downloading":
                return super().render(task)
            total = task.total or 1.0
            passed = min(_passed(task), total * NEVER_FULL)
            return ProgressBar(total=total, completed=passed, width=self.bar_width)

    class PhaseColumn(ProgressColumn):
        """What the bar means, in words."""

        def render(self, task: Task) -> Text:
            if task.fields["phase"] == "downloading":
                return Text(_bytes_text(int(task.completed), task.total))
            return Text(f"{_clock(_passed(task))} of about {_clock(task.total or 0)} (estimate)")

    return Progress(
        TextColumn("{task.description}", markup=False),
        EstimateColumn(bar_width=16),
        PhaseColumn(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def table_text(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as wide as the terminal, as text."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    for number, heading in enumerate(headings):
        if number == len(headings) - 1:
            table.add_column(heading, no_wrap=True, overflow="ellipsis")
        else:  # a long last column must not squeeze the others
            longest = max(len(visible(row[number])) for row in [headings, *rows])
            width = min(longest, WIDEST_COLUMN)
            table.add_column(heading, no_wrap=True, overflow="fold", min_width=width)
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    target = io.StringIO()
    width = shutil.get_terminal_size().columns
    Console(file=target, width=width, force_terminal=True, no_color=True).print(table)
    return "\n".join(line.rstrip() for line in target.getvalue().splitlines())


def _passed(task: Any) -> float:
    return float(task.fields["started_ago"]) + (task.elapsed or 0.0)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _bytes_text(received: int, total: float | None) -> str:
    if not total:
        return f"{received / 1e6:.1f} MB"
    return f"{received / 1e6:.1f} of {total / 1e6:.1f} MB"

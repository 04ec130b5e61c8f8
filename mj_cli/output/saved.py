"""Paths of saved images, held until their job is done, so that they come in order of the index."""

from __future__ import annotations

from mj_cli.models import Image, Job
from mj_cli.output.text import near


class SavedPaths:
    """Downloads end in any order; whoever reads the first line wants the first image."""

    def __init__(self) -> None:
        self._paths: dict[int, dict[int, str]] = {}

    def add(self, job: Job, image: Image) -> None:
        """Note an image that is on disk."""
        self._paths.setdefault(job.attempt.id, {})[image.index] = near(image.path or "")

    def of(self, job: Job) -> list[str]:
        """Return the paths of a job that is done, and forget them."""
        paths = self._paths.pop(job.attempt.id, {})
        return [paths[index] for index in sorted(paths)]

    def rest(self) -> list[str]:
        """Return the paths of jobs that were left before they were done, and forget them."""
        left = [paths[index] for paths in self._paths.values() for index in sorted(paths)]
        self._paths.clear()
        return left

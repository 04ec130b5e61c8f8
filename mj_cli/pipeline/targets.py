"""Which images of a job are wanted, and under which names they go to disk."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from mj_cli import naming
from mj_cli.downloads import Target
from mj_cli.errors import LocalError
from mj_cli.models import Destination, Image, Job, JobRequest

MOST_IMAGES = 4


def wanted(images: Sequence[Image], selection: str) -> tuple[list[Image], list[int]]:
    """Choose images by a selection such as `all`, `grid` or `1,3`.

    Returns:
        The chosen images, and the indexes that were asked for and do not exist.
    """
    by_index = {image.index: image for image in images}
    if selection == "all":
        singles = [image for image in images if image.index > 0]
        return singles or list(images), []
    indexes = _indexes(selection)
    found = [by_index[index] for index in indexes if index in by_index]
    return found, [index for index in indexes if index not in by_index]


def target_for(job: Job, image: Image, destination: Destination) -> Target:
    """Return where an image goes, for each type that it may turn out to have."""
    fields = {
        **_fields(job.request, created_at=job.created_at),
        "job": job.id,
        "task": job.task_id or job.id,
        "index": image.index,
    }
    directory = Path(destination.out)
    return Target(
        directory=directory,
        paths={
            extension: directory / naming.render(destination.template, {**fields, "ext": extension})
            for extension in naming.EXTENSIONS
        },
        guess=_extension_of(image.url),
    )


def prepare(request: JobRequest, destination: Destination, *, now: float) -> None:
    """Make the output directory and find what is in the way, before anything is paid for.

    Raises:
        LocalError: when the directory cannot be written to, or a file has a name that the images
            are going to get. Names with the task or job id cannot be known, nor taken, yet.
    """
    directory = Path(destination.out)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        reason = None if os.access(directory, os.W_OK | os.X_OK) else "it is not writable"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason is not None:
        raise LocalError(
            f"the output directory {directory} cannot be used: {reason}",
            hint="nothing was sent; choose another one with --out",
            slug="output",
        )
    if _uses(destination.template, "task") or _uses(destination.template, "job"):
        return
    fields = _fields(request, created_at=now)
    indexes: Sequence[int] = range(MOST_IMAGES + 1)
    if destination.images != "all":
        indexes = _indexes(destination.images)
    for path in naming.possible_paths(destination.template, fields, indexes):
        if (directory / path).exists() or (directory / path).is_symlink():
            raise LocalError(
                f"{directory / path} exists already and would be in the way",
                hint="nothing was sent; move it away, or choose other names with --template",
                slug="file_exists",
            )


def _fields(request: JobRequest, *, created_at: float) -> dict[str, str | int]:
    """Return the fields that do not depend on the service's answer."""
    return {
        "slug": naming.slug(request.prompt),
        "name": request.name or naming.slug(request.prompt),
        "seed": naming.seed_of(request.prompt) or "random",
        "date": dt.datetime.fromtimestamp(created_at, dt.UTC).strftime("%Y-%m-%d"),
        "mode": str(request.mode),
    }


def _indexes(selection: str) -> Sequence[int]:
    if selection == "grid":
        return [0]
    return list(dict.fromkeys(int(part) for part in selection.split(",")))


def _uses(template: str, field: str) -> bool:
    return f"{{{field}" in template


def _extension_of(url: str) -> str:
    """Guess the type from a URL; the content has the last word."""
    path = url.partition("?")[0].partition("#")[0]  # urlsplit refuses some of what servers send
    suffix = PurePosixPath(path).suffix.lower().removeprefix(".")
    suffix = "jpg" if suffix == "jpeg" else suffix
    return suffix if suffix in naming.EXTENSIONS else "png"

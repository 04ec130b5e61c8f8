"""Values as JSON objects; the keys are a promise to scripts and pinned by a test."""

from __future__ import annotations

from mj_cli.errors import MjError
from mj_cli.models import Image, Job, UnknownTask
from mj_cli.output.text import iso
from mj_cli.prompts.explain import Explanation
from mj_cli.prompts.findings import Finding

SCHEMA = 1


def job_record(item: Job | UnknownTask) -> dict[str, object]:
    """Return the line of a job; what is not known is null."""
    if isinstance(item, UnknownTask):
        known = job_record(item.job) if item.job is not None else dict.fromkeys(_JOB_KEYS)
        return {**known, "schema": SCHEMA, "type": "job", **_unknown(item)}
    return {
        "schema": SCHEMA,
        "type": "job",
        "id": item.id,
        "task_id": item.task_id,
        "state": str(item.state),
        "prompt": item.request.prompt,
        "mode": str(item.request.mode),
        "profile": item.profile,
        "name": item.request.name,
        "fail_reason": item.attempt.fail_reason,
        "submitted_at": iso(item.attempt.submitted_at),
        "finished_at": iso(item.attempt.finished_at),
        "images": [image_record(image) for image in item.images],
    }


def image_record(image: Image) -> dict[str, object]:
    """Return an image as it stands in the line of its job."""
    return {
        "index": image.index,
        "url": image.url,
        "path": image.path,
        "bytes": image.bytes,
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
    }


def prompt_record(explanation: Explanation) -> dict[str, object]:
    """Return the line of a prompt that was checked; places count characters from 0."""
    return {
        "schema": SCHEMA,
        "type": "prompt",
        "file": explanation.file,
        "line": explanation.line,
        "prompt": explanation.prompt,
        "images": list(explanation.images),
        "text": explanation.text,
        "parameters": [
            {
                "written": one.written,
                "name": one.name or None,
                "values": list(one.values),
                "default": one.default,
            }
            for one in explanation.parameters
        ],
        "version": explanation.version,
        "version_given": explanation.version_given,
        "mode": explanation.mode,
        "findings": [finding_record(one) for one in explanation.findings],
        "normalised": explanation.normalised,
        "fingerprint": explanation.fingerprint,
    }


def finding_record(finding: Finding) -> dict[str, object]:
    """Return what a check found, as it stands in the line of its prompt."""
    return {
        "slug": finding.slug,
        "level": str(finding.level),
        "start": finding.start,
        "end": finding.end,
        "message": finding.message,
        "fix": finding.fix,
    }


def error_record(error: MjError) -> dict[str, object]:
    """Return the object that an error is on stderr."""
    return {
        "schema": SCHEMA,
        "type": "error",
        "slug": error.slug,
        "message": error.message,
        "hint": error.hint,
        "exit_code": int(error.exit_code),
    }


_JOB_KEYS = (
    "schema",
    "type",
    "id",
    "task_id",
    "state",
    "prompt",
    "mode",
    "profile",
    "name",
    "fail_reason",
    "submitted_at",
    "finished_at",
    "images",
)


def _unknown(item: UnknownTask) -> dict[str, object]:
    images = [image_record(image) for image in item.job.images] if item.job else []
    return {"task_id": item.task_id, "state": "unknown", "images": images}

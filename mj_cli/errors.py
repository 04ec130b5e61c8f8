"""The error tree: every error knows its slug, its exit code and its way out.

MjError
 +-- UsageError          2   option, prompt or setting that cannot be meant
 |    +-- SettingError   2   a settings file or variable that cannot be used
 +-- KeyRefusedError    4   no key, or the service refused it
 +-- QuotaError          5   the account has no quota left
 +-- InDoubtError        6   a paid request whose answer was lost
 +-- ServiceError        7   unreachable, or answers without sense
 +-- LocalError          9   file, disk or ledger
 |    +-- LedgerError    9
 +-- JobFailedError      3   the service refused or failed a job
 +-- PendingError        8   not finished within the limit the user set
 +-- StoppedError      130   Ctrl-C, or 143 for SIGTERM
"""

from __future__ import annotations

import enum
from collections.abc import Iterable


class ExitCode(enum.IntEnum):
    """What the process ends with; the members stand in their order of precedence."""

    INTERRUPTED = 130
    TERMINATED = 143
    IN_DOUBT = 6
    KEY = 4
    QUOTA = 5
    SERVICE = 7
    LOCAL = 9
    FAILED = 3
    PENDING = 8
    USAGE = 2
    BUG = 1
    DONE = 0


EXIT_CODES: dict[ExitCode, str] = {
    ExitCode.DONE: "done",
    ExitCode.BUG: "a bug in mj",
    ExitCode.USAGE: "usage: an option, prompt or setting",
    ExitCode.FAILED: "a job failed or was refused",
    ExitCode.KEY: "no key, or the key was refused",
    ExitCode.QUOTA: "quota exhausted",
    ExitCode.IN_DOUBT: "in doubt: an answer was lost, the job may have been charged",
    ExitCode.SERVICE: "service unreachable or senseless after retries",
    ExitCode.PENDING: "still pending, or a limit you set was reached",
    ExitCode.LOCAL: "local file, disk or ledger failure",
    ExitCode.INTERRUPTED: "ended by Ctrl-C",
    ExitCode.TERMINATED: "ended by SIGTERM",
}
"""Exit codes with their meaning, in the order in which help and README list them."""


def first_of(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the code that wins when several apply: the first in the order of `ExitCode`."""
    found = set(codes)
    return next((code for code in ExitCode if code in found), ExitCode.DONE)


class MjError(Exception):
    """Anything that mj tells a user in one plain sentence.

    Attributes:
        message: what happened and why; one sentence without a full stop at its end.
        hint: what to do now, or None where the message says it all.
        slug: a stable word for scripts.
        exit_code: what the process ends with.
    """

    slug: str = "error"
    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, message: str, *, hint: str | None = None, slug: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if slug is not None:
            self.slug = slug


class UsageError(MjError):
    """An option or argument that cannot be meant; nothing was sent."""

    slug = "usage"
    exit_code = ExitCode.USAGE


class SettingError(UsageError):
    """A setting that cannot be used; the message names the file or variable."""

    slug = "setting"


class KeyRefusedError(MjError):
    """There is no key to use, or the service did not take it."""

    slug = "key"
    exit_code = ExitCode.KEY


class QuotaError(MjError):
    """The account has no quota left."""

    slug = "quota"
    exit_code = ExitCode.QUOTA


class InDoubtError(MjError):
    """The answer to a paid request was lost: the job may have been charged."""

    slug = "in_doubt"
    exit_code = ExitCode.IN_DOUBT


class ServiceError(MjError):
    """The service cannot be reached, or what it says makes no sense, after all retries."""

    slug = "service"
    exit_code = ExitCode.SERVICE


class LocalError(MjError):
    """A file, a directory or the disk did not do what it should."""

    slug = "local"
    exit_code = ExitCode.LOCAL


class LedgerError(LocalError):
    """The ledger cannot be read or written."""

    slug = "ledger"


class JobFailedError(MjError):
    """The service refused a job, or the job failed there."""

    slug = "job_failed"
    exit_code = ExitCode.FAILED


class PendingError(MjError):
    """Jobs are still running when the limit that the user set was reached."""

    slug = "pending"
    exit_code = ExitCode.PENDING


class StoppedError(MjError):
    """The user stopped the command with Ctrl-C, or somebody with SIGTERM."""

    slug = "stopped"
    exit_code = ExitCode.INTERRUPTED

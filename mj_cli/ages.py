"""Ages and dates as users write them: `90d`, `12h`, `2026-11-01`."""

from __future__ import annotations

import datetime as dt
import re

from mj_cli.errors import UsageError

AGE = re.compile(r"([0-9]{1,6})\s*([smhdw])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def moment_of(option: str, text: str, *, now: float) -> float:
    """Return the moment that an age or a date means.

    Args:
        option: named in the error.
        text: such as `90d`, or a date or time in ISO 8601 (local time unless it says otherwise).
        now: Unix seconds.

    Returns:
        Unix seconds.

    Raises:
        UsageError: when the text is neither.
    """
    age = AGE.fullmatch(text.strip())
    if age:
        return now - int(age[1]) * SECONDS[age[2]]
    try:
        return dt.datetime.fromisoformat(text.strip()).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"{option} takes an age such as 90d or 12h, or a date such as 2026-11-01 (it is"
            f" {text!r})"
        ) from None

"""When to try again: jittered exponential backoff with a limit, and Retry-After."""

from __future__ import annotations

import datetime as dt
import email.utils
import random

MAX_RETRY_AFTER_SECONDS = 120.0


class TemporaryError(Exception):
    """A call that costs nothing failed in a way that may pass.

    Attributes:
        reason: what happened, a sentence without a full stop.
        retry_after: seconds that the server asked for, or None.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class Patience:
    """Counts an unbroken row of failures and says how long to wait after each.

    Args:
        give_up_seconds: from `begin`, or the first failure, on; then there is no further try.
        first: the longest first delay in seconds; it doubles with each failure.
        longest: the longest delay in seconds.
    """

    def __init__(
        self, give_up_seconds: float, *, first: float = 1.0, longest: float = 30.0
    ) -> None:
        self._give_up = give_up_seconds
        self._first = first
        self._longest = longest
        self._failures = 0
        self._since: float | None = None

    def begin(self, *, now: float) -> None:
        """Count the time from here on, unless it is counted already."""
        if self._since is None:
            self._since = now

    def succeeded(self) -> None:
        """End the row of failures."""
        self._failures = 0
        self._since = None

    def failed(self, *, now: float, retry_after: float | None = None) -> float | None:
        """Return seconds until the next try; None when it is time to give up.

        Args:
            now: monotonic seconds.
            retry_after: what the server asked for, if it did.
        """
        self.begin(now=now)
        self._failures += 1
        delay = max(
            backoff(self._failures, first=self._first, longest=self._longest), retry_after or 0
        )
        since = now if self._since is None else self._since
        return delay if now + delay - since <= self._give_up else None


def backoff(failures: int, *, first: float, longest: float) -> float:
    """Return a delay in seconds: doubling with each failure, and between half and all of that."""
    ceiling = min(first * 2.0 ** min(failures - 1, 32), longest)
    return ceiling * (0.5 + random.random() / 2)  # noqa: S311 - spreads calls, hides nothing


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """Read a Retry-After header: seconds or an HTTP date; None for anything else.

    Args:
        value: the header, or None.
        now: Unix seconds.

    Returns:
        Seconds between 0 and `MAX_RETRY_AFTER_SECONDS`, so that no server can hold us for a day.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER_SECONDS)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return min(max(moment.timestamp() - now, 0.0), MAX_RETRY_AFTER_SECONDS)

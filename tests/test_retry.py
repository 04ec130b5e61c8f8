"""When to try again: growing, jittered delays with an end, and Retry-After with a cap."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mj_cli.retry import MAX_RETRY_AFTER_SECONDS, Patience, backoff, parse_retry_after

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("120", 120.0),
        ("121", MAX_RETRY_AFTER_SECONDS),
        ("9" * 5000, MAX_RETRY_AFTER_SECONDS),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        ("Fri, 15 Jan 2027 08:00:30", 30.0),
        ("Fri, 15 Jan 2027 09:00:30 +0100", 30.0),
        ("Fri, 15 Jan 2027 07:59:59 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER_SECONDS),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("nan", None),
        ("\u0667", None),
        ("Fri, 99 Jan 2027 08:00:30 GMT", None),
        ("1, 2", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_never_long(
    header: str | None, seconds: float | None
) -> None:
    assert parse_retry_after(header, now=NOW) == seconds


@given(st.text(max_size=40), st.floats(-1e12, 1e12))
@example("Mon, 01 Jan 0001 00:00:00 +2359", 0.0)
@example("Fri, 31 Dec 9999 23:59:59 -2359", 0.0)
def test_any_retry_after_gives_a_bearable_time(header: str, now: float) -> None:
    seconds = parse_retry_after(header, now=now)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_SECONDS


def test_delays_double_up_to_the_longest() -> None:
    for failures, ceiling in [(1, 2.0), (2, 4.0), (3, 8.0), (4, 9.0), (500, 9.0), (10**9, 9.0)]:
        delays = [backoff(failures, first=2.0, longest=9.0) for _ in range(50)]
        assert ceiling / 2 <= min(delays) <= max(delays) <= ceiling


def test_delays_are_jittered() -> None:
    assert len({backoff(3, first=1.0, longest=30.0) for _ in range(20)}) > 10


def test_patience_ends_when_the_time_is_over() -> None:
    patience, now, tries = Patience(30.0, first=1.0, longest=8.0), 100.0, 0
    while (delay := patience.failed(now=now)) is not None:
        now += delay
        tries += 1
    assert 22.0 < now - 100.0 <= 30.0
    assert 5 <= tries <= 12


def test_patience_counts_an_unbroken_row_only() -> None:
    patience = Patience(10.0, longest=1.0)
    assert patience.failed(now=0.0) is not None
    patience.succeeded()
    assert patience.failed(now=100.0) is not None
    assert patience.failed(now=109.5) is None


def test_patience_heeds_what_the_server_asks_for() -> None:
    assert Patience(60.0).failed(now=0.0, retry_after=20.0) == 20.0
    assert Patience(60.0).failed(now=0.0, retry_after=61.0) is None

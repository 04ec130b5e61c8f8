"""Ranges of versions, as the table writes them and as they are shown."""

from __future__ import annotations

import pytest

from mj_cli.prompts.versions import read_range


@pytest.mark.parametrize(
    "text", ["7", "5.1", "5.1+", "4-6.1", "3-7", "niji 6+", "niji 4-5", "8.1+", "test", "1-5.2"]
)
def test_a_range_is_shown_as_the_table_writes_it(text: str) -> None:
    assert str(read_range(text)) == text

"""The table of parameters is sound, and each of its rules holds in the checks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mj_cli.models import Mode
from mj_cli.prompts.checks import check
from mj_cli.prompts.findings import Finding, Level, level_of
from mj_cli.prompts.table import Limit, Row, slips, table
from mj_cli.prompts.versions import Version, read_range, read_version
from tests.prompts.samples import (
    OWN_SLUGS,
    URL,
    bad_value,
    company_of,
    good_prompt,
    good_value,
    known_versions,
    prompt_with,
    ratio_of,
    slugs,
    spelled,
    version_for,
    versions_of,
)

ROWS = table().rows
ALLOWED = [row.allow for row in ROWS if row.allow]
KINDS = [
    "flag",
    "integer",
    "number",
    "ratio",
    "version",
    "words",
    "choice",
    "urls",
    "refs",
    "profile",
]


def by_name(row: Row) -> str:
    return row.name


def named(text: str, slug: str) -> list[Finding]:
    return [one for one in check(text).findings if one.slug == slug]


def of_last(text: str, slug: str) -> list[Finding]:
    """What is said of the last parameter of a prompt."""
    return [one for one in named(text, slug) if one.start >= text.rindex("--")]


def rows_with(attribute: str) -> list[Row]:
    found = [row for row in ROWS if getattr(row, attribute)]
    assert found, attribute
    return found


def limits() -> Iterator[tuple[Row, Limit, Version]]:
    """Each rule about values, with a version in which it is the one that counts."""
    for row in ROWS:
        for limit in row.limits or ((row.general_limit,) if row.general_limit else ()):
            for version in versions_of(row, valid=True):
                if row.limit_for(version) == limit:
                    yield row, limit, version
                    break


def pairs() -> Iterator[tuple[Row, Row, str]]:
    """Who excludes whom, and by which value."""
    for row in ROWS:
        for conflict in row.conflicts:
            name, _, value = conflict.partition(" ")
            yield row, table().by_name[name], value.replace("*", "1234")


def test_every_name_is_given_once() -> None:
    names = [name for row in ROWS for name in (row.name, *row.aliases)]
    assert len(names) == len(set(names)) == len(table().by_name)


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_a_row_speaks_only_of_what_the_table_knows(row: Row) -> None:
    assert row.kind in KINDS
    assert row.status in {"current", "legacy", "dead"}
    assert set(row.source) <= table().sources.keys()
    assert {row.confidence, *row.confidences.values()} <= set("HMLI")
    assert row.confidences.keys() <= {
        "range",
        "versions",
        "conflicts",
        "needs",
        "only_with",
        "bare",
    }
    partners = [*row.needs, *row.only_with, *(name.partition(" ")[0] for name in row.conflicts)]
    assert {*partners} - {"image", "text"} <= table().by_name.keys()
    assert row.now is None or row.now.partition(" ")[0] in table().by_name
    assert row.meaning
    assert not row.meaning.endswith(".")
    assert row.notes == "" or row.notes.endswith(".")


def test_the_versions_of_the_table_are_versions() -> None:
    known = table()
    assert known.default_version == max(one for one in known.known if one.family == "v")
    assert known.newest_niji in known.known
    assert not known.withdrawn & known.known


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_a_right_parameter_is_found_right_under_each_of_its_names(row: Row) -> None:
    for name in (row.name, *row.aliases):
        text = good_prompt(row, name=name)
        checked = check(text, allow=ALLOWED, usual_mode=Mode.FAST)
        assert checked.errors == (), text
        assert slugs(checked) & OWN_SLUGS == set(), text


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_a_value_of_the_wrong_type_is_found(row: Row) -> None:
    expected = {
        "flag": "text-after-parameters",
        "words": "missing-value",
        "version": "bad-version",
        "choice": "out-of-range",
    }.get(row.kind, "wrong-type")
    (finding, *_) = named(prompt_with(row, bad_value(row), version_for(row)), expected)
    assert row.kind in {"flag", "choice"} or finding.level is level_of(row.confidence)


@pytest.mark.parametrize("row", [row for row in ROWS if row.kind != "flag"], ids=by_name)
def test_a_missing_value_is_found_unless_it_may_be_left_out(row: Row) -> None:
    found = named(prompt_with(row, "", version_for(row)), "missing-value")
    if row.optional:
        assert all(one.level is Level.WARNING for one in found)
    else:
        assert [one.level for one in found] == [level_of(row.confidence)]


@pytest.mark.parametrize("row", rows_with("default"), ids=by_name)
def test_the_default_is_a_right_value_in_every_version_with_the_parameter(row: Row) -> None:
    for version in versions_of(row, valid=True):
        default = row.default_for(version)
        assert default
        assert not slugs(check(prompt_with(row, default, version))) & {"out-of-range", "wrong-type"}


@pytest.mark.parametrize(
    ("row", "limit", "version"), [*limits()], ids=lambda one: getattr(one, "name", None)
)
def test_a_rule_about_values_holds_in_its_versions(
    row: Row, limit: Limit, version: Version
) -> None:
    good, bad = [], []
    if limit.ratio is not None:
        (good, bad) = ([one] for one in ratio_of(limit))
    elif limit.choices:
        good, bad = [*limit.choices], ["no-such"]
    elif limit.least is not None and limit.most is not None:
        good = [f"{limit.least:g}", f"{limit.most:.0f}"]
        bad = [f"{limit.least - 0.5:g}" if row.kind == "number" else f"{limit.least - 1:.0f}"]
        bad += [] if row.confidence_of("range") == "I" else [f"{limit.most + 7:.0f}"]
    elif limit.values:
        good, bad = [f"{one:g}" for one in limit.values], ["0.3" if row.kind == "number" else "999"]
    else:
        good = ["-5", "99999", "0"] if row.kind == "number" else ["any-code"]
    for value in good:
        assert named(prompt_with(row, value, version), "out-of-range") == [], value
    for value in bad:
        (found,) = named(prompt_with(row, value, version), "out-of-range")
        assert found.level is level_of(limit.confidence)


@pytest.mark.parametrize("row", rows_with("valid"), ids=by_name)
def test_a_version_without_the_parameter_is_told_and_an_unlisted_one_only_warns(row: Row) -> None:
    dead = row.status == "dead"
    for version in versions_of(row, valid=False):
        found = of_last(prompt_with(row, good_value(row, version), version), "not-in-version")
        expected = [] if dead else [level_of(row.confidence_of("versions"))]
        assert [one.level for one in found] == expected, version
    for unlisted in (Version("v", 1, 7), Version("niji", 1, 0)):
        if not dead and row.is_valid_in(unlisted) is False:
            text = prompt_with(row, good_value(row, unlisted), unlisted)
            assert [one.level for one in of_last(text, "not-in-version")] == [Level.WARNING]


@pytest.mark.parametrize("row", [*rows_with("unstated"), *rows_with("doubtful")], ids=by_name)
def test_a_version_of_which_nothing_is_sure_is_never_refused(row: Row) -> None:
    for version in versions_of(row, valid=False) + versions_of(row, valid=True):
        assert row.is_valid_in(version) is not None
    for version in known_versions():
        if row.is_valid_in(version) is None:
            found = of_last(prompt_with(row, good_value(row, version), version), "not-in-version")
            expected = [Level.WARNING] if row.is_doubtful_in(version) else []
            assert [one.level for one in found] == expected


@pytest.mark.parametrize(
    ("row", "other", "value"), [*pairs()], ids=lambda one: getattr(one, "name", None)
)
def test_parameters_that_exclude_each_other_are_told_once_at_the_later_one(
    row: Row, other: Row, value: str
) -> None:
    def said(one: Row, of: Row, value: str) -> str:
        return f"--{one.name} {value or good_value(one, version_for(of))}"

    texts = [said(row, row, ""), said(other, row, value)]
    for first, second in (texts, texts[::-1]):
        text = f"a fox {first} {second}"
        told = [one for one in check(text).findings if "exclude each other" in one.message]
        assert len(told) == 1, told
        assert told[0].start == text.index(second)
        if "H" not in (row.confidence_of("conflicts"), other.confidence_of("conflicts")):
            assert told[0].level is Level.WARNING


@pytest.mark.parametrize("row", rows_with("needs"), ids=by_name)
def test_a_parameter_without_its_partner_is_told(row: Row) -> None:
    alone = f"--{row.name} {good_value(row, version_for(row))}"
    text = alone if "text" in row.needs else f"a fox {alone}"
    found = named(text, "needs-partner")
    assert [one.level for one in found] == [level_of(row.confidence_of("needs"))] * len(row.needs)


@pytest.mark.parametrize("row", rows_with("only_with"), ids=by_name)
def test_only_some_go_with_a_parameter(row: Row) -> None:
    before, after = company_of(row)
    text = f"{before} a fox --{row.name}{after} --fast"
    for other in ROWS:
        if other.kind == "flag" and not other.allow and not other.mode:
            found = [
                one.level
                for one in named(f"{text} --{other.name}", "excludes")
                if "does not go with" in one.message
            ]
            allowed = other.name in row.only_with
            assert found == ([] if allowed else [level_of(row.confidence_of("only_with"))])


@pytest.mark.parametrize("row", rows_with("at_most"), ids=by_name)
def test_more_values_than_a_parameter_takes_are_told(row: Row) -> None:
    assert row.at_most is not None
    few = prompt_with(row, " ".join([URL] * row.at_most), version_for(row))
    assert named(few, "too-many-values") == []
    (found,) = named(f"{few} {URL}", "too-many-values")
    assert found.level is level_of(row.confidence)


@pytest.mark.parametrize("row", rows_with("allow"), ids=by_name)
def test_what_multiplies_the_cost_needs_to_be_allowed(row: Row) -> None:
    text = good_prompt(row)
    assert row.allow is not None
    assert [one.level for one in named(text, row.allow)] == [Level.ERROR]
    allowed = check(text, allow=[row.allow])
    assert allowed.errors == ()
    assert row.allow in slugs(allowed)


@pytest.mark.parametrize("row", rows_with("mode"), ids=by_name)
def test_a_mode_word_becomes_the_mode_unless_the_user_chose_another(row: Row) -> None:
    text = good_prompt(row)
    assert check(text).mode == row.mode
    for mode in Mode:
        refused = check(text, mode=mode).errors
        assert [one.slug for one in refused] == ([] if mode == row.mode else ["mode-conflict"])


@pytest.mark.parametrize("row", rows_with("max_ratio"), ids=by_name)
def test_a_flag_limits_the_ratio(row: Row) -> None:
    version = version_for(row)
    text = f"a fox {spelled(version)} --{row.name} --ar"
    assert named(f"{text} {row.max_ratio:g}:1", "excludes") == []
    (found,) = named(f"{text} 1:{row.max_ratio:g}1", "excludes")
    assert found.level is level_of(row.confidence)


@pytest.mark.parametrize("row", rows_with("ratios"), ids=by_name)
def test_a_value_limits_the_ratio(row: Row) -> None:
    for value, ratios in row.ratios.items():
        (version,) = [
            one
            for one in versions_of(row, valid=True)
            if (limit := row.limit_for(one)) and value in limit.choices
        ]
        text = f"a fox {spelled(version)} --{row.name} {value} --ar"
        assert all(named(f"{text} {ratio}", "excludes") == [] for ratio in ratios)
        assert [one.level for one in named(f"{text} 2:1", "excludes")] == [Level.ERROR]


@pytest.mark.parametrize("row", rows_with("codes"), ids=by_name)
def test_style_codes_work_with_some_values_only(row: Row) -> None:
    text = f"a fox --sref 123 --{row.name}"
    assert all(named(f"{text} {value}", "excludes") == [] for value in row.codes)
    assert [one.level for one in named(f"{text} 1", "excludes")] == [Level.WARNING]
    assert named(f"a fox --sref {URL} --{row.name} 1", "excludes") == []


@pytest.mark.parametrize("status", ["dead", "legacy"])
def test_what_is_of_the_past_warns_with_todays_name(status: str) -> None:
    rows = [row for row in ROWS if row.status == status]
    assert rows
    for row in rows:
        (found,) = named(good_prompt(row), f"{status}-parameter")
        assert found.level is Level.WARNING
        assert row.now is None or f"--{row.now}" in found.message


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("7", ["7"], ["6.1", "8.1"]),
        ("8", ["8.1", "8.2"], ["7"]),
        ("5.1", ["5.1"], ["5", "5.2"]),
        ("5.1+", ["5.1", "8.2"], ["5"]),
        ("4-6.1", ["4", "5.2", "6.1"], ["3", "7"]),
        ("4-6", ["6.1"], ["7"]),
    ],
)
def test_a_range_of_versions(text: str, inside: list[str], outside: list[str]) -> None:
    def is_in(one: str, family: str) -> bool:
        version = read_version(one, family=family)
        return version is not None and version in read_range(text)

    assert all(is_in(one, "v") for one in inside)
    assert not any(is_in(one, "v") for one in outside)
    assert not any(is_in(one, "niji") for one in inside)


def test_a_misspelt_range_in_the_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="6 to 7"):
        read_range("6 to 7")


@pytest.mark.parametrize("text", ["", "x", "7.", ".7", "7.1.1", "-7", "V7", "\u0667", "7,1"])
def test_other_text_is_no_version(text: str) -> None:
    assert read_version(text, family="v") is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("stylise", "stylize"),
        ("styliez", "stylize"),
        ("apsect", "aspect"),
        ("chaso", "chaos"),
        ("sede", "seed"),
        ("qualty", "quality"),
        ("AR1", "ar"),
        ("dref", "cref"),
        ("x", None),
        ("xy", None),
        ("personalize", None),
        ("style_ref", None),
        ("nothing-like-it", None),
    ],
)
def test_what_was_probably_meant(written: str, meant: str | None) -> None:
    assert table().close_to(written) == meant


def test_what_was_meant_may_be_a_name_from_elsewhere() -> None:
    assert table().close_to("wiat", more=["wait"]) == "wait"


short = st.text("abc", max_size=6)


@given(short, short)
def test_slips_are_symmetric_and_none_only_between_equals(one: str, other: str) -> None:
    assert slips(one, other) == slips(other, one)
    assert (slips(one, other) == 0) is (one == other)


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [("ab", "ba", 1), ("abc", "ab", 1), ("abc", "xbz", 2), ("", "abcd", 3)],
)
def test_a_slip_is_a_letter_more_less_other_or_swapped(one: str, other: str, count: int) -> None:
    assert slips(one, other) == count

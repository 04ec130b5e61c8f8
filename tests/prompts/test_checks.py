"""What the checks find in whole prompts, and that hostile ones cost no more than their length."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given

from mj_cli.models import Mode
from mj_cli.prompts.checks import check
from mj_cli.prompts.findings import Finding, Level
from mj_cli.prompts.fingerprint import fingerprint
from mj_cli.prompts.grammar import format_prompt
from mj_cli.prompts.table import table
from tests.prompts.strategies import prompts, texts

URL = "https://example.com/a.png"


def only(text: str, slug: str) -> Finding:
    (finding,) = [one for one in check(text).findings if one.slug == slug]
    return finding


ERRORS = [
    ("a fox --sw 50", "needs-partner", "--sw 50", None),
    ("a fox --bs 2", "needs-partner", "--bs 2", None),
    ("a fox --stylise 5", "unknown-parameter", "--stylise", "--stylize"),
    ("a fox --ar16:9", "unknown-parameter", "--ar16", "--ar 16"),
    ("a fox --v6", "unknown-parameter", "--v6", "--v 6"),
    ("a fox --dref x", "unknown-parameter", "--dref", "--cref"),
    ("a fox --personalize", "unknown-parameter", "--personalize", None),
    ("a fox --style_ref x", "unknown-parameter", "--style_ref", None),
    ("a fox --raw--tile", "unknown-parameter", "--raw--tile", "--raw --tile"),
    ("a fox --ar 1.39:1", "wrong-type", "1.39:1", "139:100"),
    ("a fox --ar 16x9", "wrong-type", "16x9", "16:9"),
    ("a fox --ar 0:1", "wrong-type", "0:1", None),
    ("a fox --ar 0.00:1", "wrong-type", "0.00:1", None),
    ("a fox --ar wide", "wrong-type", "wide", None),
    ("a fox --ar , 3:2", "wrong-type", ",", None),
    ("a fox --hd --ar", "missing-value", "--ar", None),
    ("a fox --ar 29:2", "out-of-range", "29:2", None),
    ("a fox --hd --ar 9:2", "excludes", "--ar 9:2", None),
    ("a fox --s 1001", "out-of-range", "1001", None),
    ("a fox --s -1", "out-of-range", "-1", None),
    ("a fox --c 50.5", "wrong-type", "50.5", None),
    ("a fox --w 3001", "out-of-range", "3001", None),
    ("a fox --q 2", "not-in-version", "--q 2", None),
    ("a fox --q 0.5 --v 7", "out-of-range", "0.5", None),
    ("a fox --seed 4294967296", "out-of-range", "4294967296", None),
    ("a fox --no", "missing-value", "--no", None),
    ("a fox --iw 2", "needs-partner", "--iw 2", None),
    ("a fox --sref abc", "wrong-type", "abc", None),
    ("a fox --sref 1 --v 5.2", "not-in-version", "--sref 1", None),
    ("a fox --cw 50 --v 6", "needs-partner", "--cw 50", None),
    (f"a fox --cref {URL}", "not-in-version", f"--cref {URL}", None),
    (f"a fox --oref {URL}", "not-in-version", f"--oref {URL}", None),
    (f"a fox --oref {URL} {URL} --v 7", "too-many-values", f"--oref {URL} {URL}", None),
    (f"a fox --oref {URL} --draft --v 7", "excludes", "--draft", None),
    (f"a fox --q 4 --oref {URL} --v 7", "excludes", f"--oref {URL}", None),
    (f"--oref {URL} --v 7", "needs-partner", f"--oref {URL}", None),
    ("a fox --raw --v 5", "not-in-version", "--raw", None),
    ("a fox --style 4a --ar 16:9 --v 4", "excludes", "--ar 16:9", None),
    ("a fox --style cute --v 6", "out-of-range", "cute", None),
    ("a fox --tile --v 4", "not-in-version", "--tile", None),
    ("a fox --stop 50", "not-in-version", "--stop 50", None),
    ("a fox --exp 5 --v 6", "not-in-version", "--exp 5", None),
    ("a fox --hd --sd", "excludes", "--sd", None),
    ("a fox --fast --relax", "excludes", "--relax", None),
    ("a fox --public --stealth", "excludes", "--stealth", None),
    ("a fox --turbo", "turbo", "--turbo", None),
    ("a fox --turbo", "not-in-version", "--turbo", None),
    ("a fox --r 3", "repeat", "--r 3", None),
    ("a fox --repeat 3 --relax", "excludes", "--relax", None),
    ("a fox --video", "needs-partner", "--video", None),
    ("a fox --motion low", "needs-partner", "--motion low", None),
    ("a fox --sameseed 5", "not-in-version", "--sameseed 5", None),
    ("a fox --v 7 --niji 7", "excludes", "--niji 7", None),
    ("a fox --v 8", "version-withdrawn", "8", "8.2"),
    ("a fox --v 8.0", "version-withdrawn", "8.0", "8.2"),
    ("a fox --v latest", "bad-version", "latest", None),
    ("a fox --v latest --v 7", "bad-version", "latest", None),
    ("a fox --niji six", "bad-version", "six", None),
    ("a field --ar 2:3 poppies", "text-after-parameters", "poppies", None),
    ("a field --ar 2:3 of red poppies", "text-after-parameters", "of red poppies", None),
    ("a field --raw poppies", "text-after-parameters", "poppies", None),
    ("a fox --ar {1:1, 2:3} poppies", "text-after-parameters", "poppies", None),
    ("a fox - - ar 2:3", "split-dashes", "- - ar", "--ar"),
    ("a fox -- ar 2:3", "split-dashes", "-- ar", "--ar"),
    ("a fox - -ar 2:3", "split-dashes", "- -ar", "--ar"),
    ("a fox -- ar", "split-dashes", "-- ar", "--ar"),
    ("a fox --ar(2:3)", "glued-punctuation", "(2:3)", " (2:3)"),
    ("a {red, green} fox", "permutation", "{red, green}", None),
    ("a fox --sref 1 {2, 3} 4", "permutation", "{2, 3}", None),
    ("a fox --ar {1:1, 2:3}", "permutation", "{1:1, 2:3}", None),
    ("hot:: dog::-1 --v 6.1", "weights-sum", "hot::", None),
]

WARNINGS = [
    ("a fox --ar 2:3,", "glued-punctuation", "2:3,", "2:3"),
    ("a fox --tile, --ar 2:3", "glued-punctuation", ",", ""),
    ("a fox \u2014ar 3:2", "long-dash", "\u2014ar", "--ar"),
    ("a fox \u2014s 5000", "out-of-range", "5000", None),
    ("a fox --no modern clothing", "no-words", "--no modern clothing", None),
    (f"a fox --oref {URL} --v 7", "oref-fast", f"--oref {URL}", None),
    ("hot:: dog", "weights", "hot::", None),
    ("hot:: dog --niji 7", "weights", "hot::", None),
    ("hot ::2 dog --v 6", "weights", "::2", None),
    ("a fox --s 5 --s 6", "given-twice", "--s 6", None),
    ("a fox --sref 1 --sw 5 --p m12", "excludes", "--p m12", None),
    ("a fox --sref 1 --sv 1 --v 7", "excludes", "--sv 1", None),
    ("a fox --sv 7 --v 8.1", "not-in-version", "--sv 7", None),
    ("a fox --niji", "missing-value", "--niji", None),
    ("a fox --edit x --tile", "excludes", "--tile", None),
    ("a fox --tile --edit x", "excludes", "--edit x", None),
    ("a fox --style raw --v 6", "renamed-parameter", "--style raw", "--raw"),
    ("a fox --draft", "not-in-version", "--draft", None),
    ("a fox --preview", "dead-parameter", "--preview", None),
    ("a fox --h 300", "dead-parameter", "--h", None),
    ("a fox --uplight", "legacy-parameter", "--uplight", None),
    ("a fox --p p12", "profile", "--p p12", None),
    ("a fox --p p12 in snow", "text-after-parameters", "in snow", None),
    ("a fox --v 99", "unlisted-version", "99", None),
    ("a fox --v 123456789012", "unlisted-version", "123456789012", None),
    ("a fox --niji 3", "unlisted-version", "3", None),
    ("a fox --v 99 --tile --q 7", "not-in-version", "--q 7", None),
    ("a fox --test --s 100", "out-of-range", "100", None),
    ("fox--ar 3:2", "glued-dashes", "--ar", " --ar"),
    ("now -- fast and furious", "split-dashes", "-- fast", "--fast"),
    ("now \u2014 ar 3:2", "split-dashes", "\u2014 ar", "--ar"),
    ('a "red fox" --v 5.2', "quoted-text", '"red fox"', None),
    (URL, "image-alone", URL, None),
    (f"{URL} --s 50", "needs-partner", "--s 50", None),
    ("https://example.com/page fox", "image-type", "https://example.com/page", None),
    ("a fox --sref https://example.com/x", "image-type", "https://example.com/x", None),
]


@pytest.mark.parametrize(("text", "slug", "place", "fix"), ERRORS)
def test_an_error_is_found_in_its_place(text: str, slug: str, place: str, fix: str | None) -> None:
    finding = only(text, slug)
    assert (finding.level, text[finding.start : finding.end], finding.fix) == (
        Level.ERROR,
        place,
        fix,
    )


@pytest.mark.parametrize(("text", "slug", "place", "fix"), WARNINGS)
def test_a_warning_is_found_in_its_place(text: str, slug: str, place: str, fix: str | None) -> None:
    finding = only(text, slug)
    assert (finding.level, text[finding.start : finding.end], finding.fix) == (
        Level.WARNING,
        place,
        fix,
    )


@pytest.mark.parametrize(
    "text",
    [
        "a red fox in the snow",
        "a red fox --ar 3:2 --niji 7 --seed 7",
        "a red fox --ar=3:2 --V 7.0 --Q 4",
        "a fox --ar 1920:1080 --v 6.1",
        "a fox --ar 14:1 --v 7",
        "a fox --hd --ar 4:1",
        "a fox --ar 99:1 --v 5.2",
        "a fox --no dogs, cats,birds",
        "a fox --no text --no text",
        f"{URL} {URL}",
        f"{URL} a fox --iw 3",
        f"{URL}?width=100 a fox",
        f"{URL}::2 a fox",
        f"a fox --sref {URL}::2 123456789 random::.5 --sw 0",
        "hot:: dog --v 6.1",
        "hot::2 dog::-1 --niji 6",
        "hot:: dog::-0.5 --v 6",
        "hot::2 dog::-1.5 --v 5.2",
        "a fox --style scenic --niji 5",
        "a fox --style anycode --v 5.2",
        "a fox --style 4a --ar 2:3 --v 4",
        "a fox --q 1.5 --v 3",
        "a fox --s 20000 --v 3",
        "a fox --v 8.1 --sd --exp 25",
        r"a fox {red\, green}",
        "a fox {red}",
        'a sign "saying hello"',
        "a well--known fox",
        "state -- of the art",
        "the end - no more",
        "an old man \u2014old and wise",
        "a fox \u2014 a dog",
        "a fox --fast",
        "a fox --relax",
    ],
)
def test_nothing_is_found_in_a_right_prompt(text: str) -> None:
    assert check(text).findings == ()


def test_every_sentence_is_short_and_has_no_full_stop() -> None:
    for text, *_ in ERRORS + WARNINGS:
        for finding in check(text).findings:
            assert not finding.message.endswith("."), finding.message
            assert len(finding.message) < 160
            assert finding.message.isprintable()


def test_long_pieces_of_the_prompt_are_shortened_in_sentences() -> None:
    text = f"a fox --s {'9' * 5000} {'x' * 5000} --{'y' * 5000}{'!' * 5000}"
    assert all(len(one.message) < 200 for one in check(text).findings)


@pytest.mark.parametrize(
    ("text", "version", "given"),
    [
        ("a fox", "8.2", False),
        ("a fox --v 7", "7", True),
        ("a fox --version 6.1", "6.1", True),
        ("a fox --niji 6", "niji 6", True),
        ("a fox --niji", "niji 7", True),
        ("a fox --v 6 --v 7", "7", True),
        ("a fox --v x", "8.2", False),
        ("a fox --v", "8.2", False),
        ("a fox --v {6, 7}", "8.2", False),
        ("a fox --testp", "test", True),
        ("a fox --test --v 3", "3", True),
    ],
)
def test_the_version_that_a_prompt_means(text: str, version: str, *, given: bool) -> None:
    checked = check(text)
    assert (str(checked.version), checked.version_given) == (version, given)


def test_a_version_rule_names_todays_default_when_the_prompt_names_none() -> None:
    assert "today's default, 8.2" in only("a fox --cref x", "not-in-version").message
    assert "version 7" in only("a fox --cref x --v 7", "not-in-version").message


def test_an_unlisted_version_leaves_other_rules_as_errors() -> None:
    assert [one.slug for one in check("a fox --v 99 --s 1001 --cw 5").errors] == [
        "out-of-range",
        "needs-partner",
    ]


def test_versions_in_braces_make_no_version_rule_an_error() -> None:
    checked = check("a fox --v {6, 7} --cref x.png", allow=["permutation", "wrong-type"])
    assert checked.errors == ()


def test_a_mode_word_may_not_contradict_the_users_choice() -> None:
    assert [one.slug for one in check("a fox --fast", mode=Mode.RELAXED).errors] == [
        "mode-conflict"
    ]
    assert check("a fox --fast", mode=Mode.FAST).findings == ()
    assert check("a fox --relax", usual_mode=Mode.FAST).mode is Mode.RELAXED


def test_what_needs_fast_mode_warns_in_relaxed_mode() -> None:
    allow = ["permutation", "repeat"]
    for text in ("a {red, green} fox", "a fox --repeat 2"):
        found = check(text, mode=Mode.RELAXED, allow=allow).findings
        assert "needs-fast-mode" in {one.slug for one in found}
        assert "needs-fast-mode" not in {one.slug for one in check(text, allow=allow).findings}


@pytest.mark.parametrize(
    ("mode", "text", "warns"),
    [
        (None, "", True),
        (Mode.RELAXED, "", False),
        (None, "--relax", False),
        (None, "--fast", True),
    ],
)
def test_oref_warns_in_fast_mode(mode: Mode | None, text: str, *, warns: bool) -> None:
    found = check(f"a fox --oref {URL} --v 7 {text}", mode=mode).findings
    assert ("oref-fast" in {one.slug for one in found}) is warns


def test_an_allowed_error_warns_and_the_others_stay() -> None:
    checked = check("a fox --turbo --v 7 --s 9999", allow=["turbo"])
    (turbo,) = [one for one in checked.findings if one.slug == "turbo"]
    assert turbo.level is Level.WARNING
    assert turbo.message.endswith("(allowed)")
    assert [one.slug for one in checked.errors] == ["out-of-range"]


def test_findings_come_in_the_order_of_their_places() -> None:
    starts = [one.start for one in check("hot:: dog --s 9999 --foo --ar 1").findings]
    assert starts == sorted(starts)
    assert len(starts) == 4


def test_a_fix_put_in_its_place_removes_the_finding() -> None:
    for text, slug, _, fix in ERRORS + WARNINGS:
        if fix is None:
            continue
        finding = only(text, slug)
        mended = check(text[: finding.start] + fix + text[finding.end :])
        assert (slug, finding.start) not in {(one.slug, one.start) for one in mended.findings}


@given(texts | prompts)
def test_any_text_can_be_checked_and_places_are_inside_it(text: str) -> None:
    checked = check(text)
    for one in checked.findings:
        assert 0 <= one.start <= one.end <= len(text)
    assert fingerprint(checked.prompt, table())


@given(prompts)
def test_the_formatted_prompt_has_the_same_errors(text: str) -> None:
    checked = check(text)
    formatted = check(format_prompt(checked.prompt))
    assert [one.slug for one in formatted.errors] == [one.slug for one in checked.errors]


HOSTILE: list[tuple[str, Callable[[int], str]]] = [
    ("open braces", lambda n: "{" * n),
    ("closed braces", lambda n: "}" * n),
    ("nested braces", lambda n: "{" * (n // 2) + "}" * (n // 2)),
    ("nested choices", lambda n: "{a," * (n // 4) + "}" * (n // 4)),
    ("braces open and shut", lambda n: "{}" * (n // 2)),
    ("many groups", lambda n: "{a, b} " * (n // 7)),
    ("braces with blanks", lambda n: "{ " * (n // 4) + "} " * (n // 4)),
    ("words", lambda n: "fox " * (n // 4)),
    ("one word", lambda n: "x" * n),
    ("hyphens", lambda n: "-" * n),
    ("apart hyphens", lambda n: "- " * (n // 2)),
    ("long dashes", lambda n: "\u2014a " * (n // 3)),
    ("blanks", lambda n: " " * n + "x"),
    ("blanks after a hyphen", lambda n: "- " + " " * n),
    ("open quotes", lambda n: ' "a' * (n // 3)),
    ("quotes", lambda n: '"' * n),
    ("quoted words", lambda n: '"a b" ' * (n // 6)),
    ("parameters", lambda n: "--raw " * (n // 6)),
    ("differing duplicates", lambda n: "--no " + "a " * (n // 4) + "--no b " * (n // 14)),
    ("unknown names", lambda n: "".join(f"--x{i:x} " for i in range(n // 8))),
    ("near misses", lambda n: "--styliez " * (n // 10)),
    ("a long name", lambda n: "--" + "a" * n),
    ("a long name of hyphens", lambda n: "--a" + "-" * n),
    ("a long value", lambda n: "fox --no " + "x" * n),
    ("a long number", lambda n: "fox --s " + "9" * n),
    ("a long decimal", lambda n: "fox --iw 0." + "1" * n + "x"),
    ("a long ratio", lambda n: "fox --ar " + "1" * n + ":x"),
    ("a long version", lambda n: "fox --v " + "1" * n),
    ("a long minor version", lambda n: "fox --v 1." + "1" * n + "x"),
    ("a long weight", lambda n: "fox --sref 1::" + "1" * n + "x"),
    ("colons in a reference", lambda n: "fox --sref " + ":" * n),
    ("a long profile", lambda n: "fox --p " + "a" * n + "::" + "1" * n + "x"),
    ("punctuation", lambda n: "fox --s " + "," * n),
    ("glued punctuation", lambda n: "fox --s" + "," * n),
    ("weights", lambda n: "a::1 " * (n // 5) + "--v 6"),
    ("a long weight in the text", lambda n: "a::" + "1" * n + "x --v 6"),
    ("image URLs", lambda n: "http://a " * (n // 9)),
    ("references", lambda n: "fox --sref " + "1 " * (n // 2)),
    ("items of no", lambda n: "fox --no " + "a," * (n // 2)),
    ("text after", lambda n: "fox --raw " + "a " * (n // 2)),
]


def seconds(text: str) -> float:
    start = time.process_time()
    fingerprint(check(text).prompt, table())
    return time.process_time() - start


@pytest.mark.parametrize("build", [one for _, one in HOSTILE], ids=[name for name, _ in HOSTILE])
def test_hostile_text_costs_no_more_than_its_length(build: Callable[[int], str]) -> None:
    # Quadratic work on a text twenty times as long takes four hundred times as long.
    small, large = 5_000, 100_000
    least = max(min(seconds(build(small)) for _ in range(3)), 0.002)
    assert min(seconds(build(large)) for _ in range(2)) < 200 * least


@pytest.mark.parametrize(
    "text",
    [
        "fox " * 250_000,
        "-" * 1_000_000,
        "fox --no " + "x" * 1_000_000,
        pytest.param("--raw " * 250_000, marks=pytest.mark.slow),
        pytest.param("".join(f"--x{i} " for i in range(250_000)), marks=pytest.mark.slow),
    ],
    ids=["words", "hyphens", "a value", "parameters", "unknown names"],
)
def test_a_megabyte_takes_seconds_at_most(text: str) -> None:
    assert seconds(text) < 30


def test_many_findings_are_told_fifty_times_and_errors_are_never_crowded_out() -> None:
    text = "a fox " + "--s 5, " * 200 + "--foo " * 200 + "--turbo"
    checked = check(text)
    counts = [one.slug for one in checked.findings]
    assert counts.count("unknown-parameter") == 50
    assert counts.count("glued-punctuation") == 50
    assert "turbo" in {one.slug for one in checked.errors}

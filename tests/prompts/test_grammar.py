"""The grammar takes any text, loses nothing, and formatting gives the same prompt."""

from __future__ import annotations

import pytest
from hypothesis import given

from mj_cli.prompts.grammar import Prompt, format_prompt, parse
from mj_cli.prompts.table import table
from tests.prompts.strategies import Draft, drafts, prompts, texts

Taken = tuple[list[str], list[str], list[tuple[str, list[str]]]]


def taken(text: str) -> Taken:
    """What a text is taken for: images, words, parameters with values."""
    prompt = parsed(text)
    return (
        [token.text for token in prompt.images],
        [token.text for token in prompt.words],
        [(one.name + one.junk, [value.text for value in one.values]) for one in prompt.parameters],
    )


def parsed(text: str) -> Prompt:
    return parse(text, after_long_dash=table().reads_as_parameter)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ([], [], [])),
        ("a red fox", ([], ["a", "red", "fox"], [])),
        ("a fox --ar 3:2 --raw", ([], ["a", "fox"], [("ar", ["3:2"]), ("raw", [])])),
        ("a fox --AR 3:2", ([], ["a", "fox"], [("ar", ["3:2"])])),
        ("a fox --ar=3:2 x", ([], ["a", "fox"], [("ar", ["3:2", "x"])])),
        ("fox --ar= 3:2", ([], ["fox"], [("ar", ["3:2"])])),
        ("fox --no dogs, cats --s 5", ([], ["fox"], [("no", ["dogs,", "cats"]), ("s", ["5"])])),
        ("https://a/b.png <HTTP://c/d> fox", (["https://a/b.png", "<HTTP://c/d>"], ["fox"], [])),
        ("fox https://a/b.png", ([], ["fox", "https://a/b.png"], [])),
        ("a:: b::-2 c", ([], ["a::", "b::-2", "c"], [])),
        ('a sign "two  words" end', ([], ["a", "sign", '"two  words"', "end"], [])),
        ('a 5" tall 6" wide fox', ([], ["a", '5"', "tall", '6"', "wide", "fox"], [])),
        ('say "fox --ar 3:2"', ([], ["say", '"fox'], [("ar", ['3:2"'])])),
        ('fox "--ar 3:2"', ([], ["fox", '"--ar', '3:2"'], [])),
        ("a {red,  green} fox", ([], ["a", "{red, green}", "fox"], [])),
        ("a { red fox --ar 3:2", ([], ["a", "{", "red", "fox"], [("ar", ["3:2"])])),
        ("fox --ar {1:1, 2:3} --raw", ([], ["fox"], [("ar", ["{1:1, 2:3}"]), ("raw", [])])),
        ('a "b  {c" d} e', ([], ["a", '"b  {c" d}', "e"], [])),
        (r"a {x\, y} fox", ([], ["a", r"{x\, y}", "fox"], [])),
        (r"a \{ b } c", ([], ["a", r"\{", "b", "}", "c"], [])),
        ("a {b {c, d} e} f", ([], ["a", "{b {c, d} e}", "f"], [])),
        (
            "a fox - quiet -x ---y -- --3",
            ([], ["a", "fox", "-", "quiet", "-x", "---y", "--", "--3"], []),
        ),
        ("fox\u00a0--ar\n3:2", ([], ["fox"], [("ar", ["3:2"])])),
        ("fox --ar,", ([], ["fox"], [("ar,", [])])),
        ("fox --ar=--raw", ([], ["fox"], [("ar=--raw", [])])),
        ("fox \u2014ar 3:2 \u2013raw", ([], ["fox"], [("ar", ["3:2"]), ("raw", [])])),
        ("fox \u2014ar=3:2", ([], ["fox"], [("ar", ["3:2"])])),
        ("fox \u2014no dogs", ([], ["fox"], [("no", ["dogs"])])),
        ("fox \u2014motion high", ([], ["fox"], [("motion", ["high"])])),
        ("a man \u2014old and wise", ([], ["a", "man", "\u2014old", "and", "wise"], [])),
        ("a man \u2014seed of evil", ([], ["a", "man", "\u2014seed", "of", "evil"], [])),
        ("a man \u2014unheard \u2014ar", ([], ["a", "man", "\u2014unheard", "\u2014ar"], [])),
        ("a man \u2014raw, bold", ([], ["a", "man", "\u2014raw,", "bold"], [])),
    ],
)
def test_a_prompt_is_taken_apart(text: str, expected: Taken) -> None:
    assert taken(text) == expected


def test_without_a_table_a_long_dash_is_punctuation() -> None:
    assert parse("fox \u2014ar 3:2").parameters == ()


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("a {red, green} fox", ["{red, green}"]),
        ("a {red} fox", []),
        (r"a {red\, green} fox", []),
        (r"a {red\, pale, green} fox", [r"{red\, pale, green}"]),
        ("a {b, {c, d}} {e,f}", ["{b, {c, d}}", "{e,f}"]),
        ("a } b, c {", []),
        ("{ a {b, c}", ["{b, c}"]),
    ],
)
def test_a_choice_in_braces_is_a_permutation(text: str, places: list[str]) -> None:
    assert [text[start:end] for start, end in parse(text).permutations] == places


@given(texts)
def test_every_place_points_to_its_text(text: str) -> None:
    prompt = parsed(text)
    tokens = [*prompt.images, *prompt.words]
    tokens += [value for one in prompt.parameters for value in one.values]
    for token in tokens:
        assert text[token.start : token.end].split() == token.text.split()


@given(texts)
def test_no_character_is_lost(text: str) -> None:
    prompt = parsed(text)
    pieces = [token.text for token in (*prompt.images, *prompt.words)]
    for one in prompt.parameters:
        pieces += [one.written, one.junk, *(value.text for value in one.values)]
    # An equals sign between name and value is the one thing that is no part of either.
    lost = len("".join(text.split())) - len("".join("".join(pieces).split()))
    assert 0 <= lost <= len(prompt.parameters)


@given(texts | prompts)
def test_formatting_gives_an_equivalent_prompt_and_doing_it_twice_changes_nothing(
    text: str,
) -> None:
    formatted = format_prompt(parsed(text))
    assert taken(formatted) == taken(text)
    assert format_prompt(parsed(formatted)) == formatted


@given(drafts)
def test_a_prompt_is_parsed_as_it_was_put_together(draft: Draft) -> None:
    images, words, parameters = taken(draft.spelled())
    assert images == list(draft.images)
    assert words == list(draft.words)
    assert parameters == [(name, list(values)) for name, values in draft.parameters]

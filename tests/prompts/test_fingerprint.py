"""Spellings of one prompt have one fingerprint; what could be another picture has another."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mj_cli.prompts.checks import check
from mj_cli.prompts.fingerprint import fingerprint, normalised, without_mode
from mj_cli.prompts.table import table
from tests.prompts.strategies import Draft, blanks, drafts, parameters, prompts, texts


def printed(text: str) -> str:
    return fingerprint(check(text).prompt, table())


def settled(draft: Draft) -> Draft:
    """The draft with each name once, as reordering may not change contradictions."""
    return replace(
        draft, parameters=tuple({name: (name, v) for name, v in draft.parameters}.values())
    )


SAME = [
    ("a fox --ar 3:2 --s 5", "a fox --stylize 5 --aspect 3:2"),
    ("a fox --ar 3:2", "a  fox\n--AR=3:2 "),
    ("a fox --ar 3:2", "a fox \u2014ar 3:2"),
    ("a fox --raw", "a fox --raw --raw"),
    ("a fox --s 5", "a fox --s 5 --stylize=5"),
    ("a fox", "a fox --fast"),
    ("a fox --s 5", "a fox --relax --s 5"),
    ("a {red, green} fox", "a {red,  green} fox"),
    ("fox --no a, b --s 5", "fox --s 5 --no a,  b"),
]

DIFFERENT = [
    ("a red fox", "red a fox"),
    ("a fox", "A fox"),
    ("a fox --s 5", "a fox --s 6"),
    ("a fox --s 5", "a fox"),
    ("a fox --s 100", "a fox"),
    ("a fox --v 6 --v 7", "a fox --v 7 --v 6"),
    ("a fox --v 6 --v 7", "a fox --v 6 --v 7 --v 6"),
    ("a fox --v 6 --v 7", "a fox --v 6 --v 6 --v 7"),
    ("a fox --no a --no b", "a fox --no b --no a"),
    ("a fox --no a, b", "a fox --no b, a"),
    ("a fox --sref 1 2", "a fox --sref 2 1"),
    ("a fox --sref 1::2 2", "a fox --sref 1 2::2"),
    ("http://a/1.png http://a/2.png fox", "http://a/2.png http://a/1.png fox"),
    ("http://a/1.png fox", "fox http://a/1.png"),
    ("a fox --turbo", "a fox"),
    ("a fox --fast slow", "a fox"),
    ("a fox --fast,", "a fox"),
    ("a fox --unknown 5", "a fox"),
    ("a fox --raw, x", "a fox --raw x"),
    ('a "red  fox"', 'a "red fox"'),
    ("a fox -- ar 3:2", "a fox --ar 3:2"),
    ("", "-"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_prompt_have_one_fingerprint(one: str, other: str) -> None:
    assert printed(one) == printed(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_prompts_that_could_differ_have_different_fingerprints(one: str, other: str) -> None:
    assert printed(one) != printed(other)


def test_every_alias_is_the_name_itself() -> None:
    for row in table().rows:
        for alias in row.aliases:
            assert printed(f"fox --{alias} 1") == printed(f"fox --{row.name} 1")


def test_a_fingerprint_names_the_rules_that_it_was_made_by_and_stays() -> None:
    assert printed("a red fox --ar 3:2") == "1:a6ab92d5b17698d34270fb21e4572f8c"


@pytest.mark.parametrize(
    ("text", "normal", "sent"),
    [
        ("a  fox --s 5 --ar=3:2", "a fox --ar 3:2 --stylize 5", "a fox --s 5 --ar 3:2"),
        ("a fox --fast --raw --raw", "a fox --raw", "a fox --raw --raw"),
        ("http://a/b.png fox --p", "http://a/b.png fox --profile", "http://a/b.png fox --p"),
        ("fox --relax poppies", "fox --relax poppies", "fox --relax poppies"),
    ],
)
def test_the_normal_form_and_what_is_sent(text: str, normal: str, sent: str) -> None:
    prompt = check(text).prompt
    assert normalised(prompt, table()) == normal
    assert without_mode(prompt, table()) == sent


@given(texts | prompts)
def test_the_normal_form_and_what_is_sent_have_the_fingerprint_of_the_prompt(text: str) -> None:
    prompt = check(text).prompt
    normal = normalised(prompt, table())
    assert printed(normal) == fingerprint(prompt, table())
    assert normalised(check(normal).prompt, table()) == normal
    assert printed(without_mode(prompt, table())) == fingerprint(prompt, table())


@given(drafts, blanks, st.randoms(use_true_random=False))
def test_order_of_names_aliases_and_white_space_do_not_matter(
    draft: Draft, blank: str, chance: random.Random
) -> None:
    draft = settled(draft)
    shuffled = list(draft.parameters)
    chance.shuffle(shuffled)
    respelled = replace(
        draft,
        parameters=tuple(
            (chance.choice([name, *table().by_name[name].aliases]), values)
            for name, values in shuffled
        ),
    )
    assert printed(respelled.spelled(blank=blank, end=blank)) == printed(draft.spelled())


@given(drafts, st.data())
def test_saying_it_twice_and_mode_words_do_not_matter(draft: Draft, data: st.DataObject) -> None:
    draft = settled(draft)
    again = data.draw(st.sampled_from(draft.parameters)) if draft.parameters else ("fast", ())
    longer = (*draft.parameters, again, (data.draw(st.sampled_from(["fast", "relax"])), ()))
    assert printed(replace(draft, parameters=longer).spelled()) == printed(draft.spelled())


@given(drafts, drafts)
def test_other_images_words_or_values_make_another_fingerprint(one: Draft, other: Draft) -> None:
    one, other = settled(one), settled(other)

    def content(draft: Draft) -> object:
        kept = {name: v for name, v in draft.parameters if name not in {"fast", "relax"}}
        return draft.images, draft.words, kept

    for changed in (
        other,
        replace(one, images=other.images),
        replace(one, words=other.words),
        replace(one, parameters=other.parameters),
        replace(one, images=one.images[::-1]),
        replace(one, words=one.words[::-1]),
        replace(one, parameters=tuple((name, v[::-1]) for name, v in one.parameters)),
    ):
        same = content(one) == content(changed)
        assert (printed(one.spelled()) == printed(changed.spelled())) is same


@given(drafts, parameters(), parameters())
def test_contradictory_duplicates_keep_their_order(
    draft: Draft, first: tuple[str, tuple[str, ...]], second: tuple[str, tuple[str, ...]]
) -> None:
    second = (first[0], second[1])
    assume(first != second)
    assume(first[0] not in {"fast", "relax"})
    one = replace(draft, parameters=(first, second))
    other = replace(draft, parameters=(second, first))
    assert printed(one.spelled()) != printed(other.spelled())
    assert printed(one.spelled()) != printed(replace(draft, parameters=(second,)).spelled())

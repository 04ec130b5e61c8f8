"""A command line without quotes is divided as the user would expect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mj_cli.errors import UsageError
from mj_cli.prompts.arguments import Divided, divide
from mj_cli.prompts.checks import check
from mj_cli.prompts.table import table

OPTIONS = {
    "--wait": False,
    "--json": False,
    "--profile": True,
    "--out": True,
    "--name": True,
    "--timeout": True,
    "--mode": True,
}
U = "https://a.b/c.png"


def divided(*arguments: str) -> Divided:
    return divide(arguments, options=OPTIONS, table=table())


def error(*arguments: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        divided(*arguments)
    return caught.value


PROMPTS = [
    # As people know it.
    ("a red fox in the snow --ar 3:2 --niji 7 --seed 7 --wait", "--wait", ...),
    ("a fox --wait in snow --raw", "--wait", "a fox in snow --raw"),
    ("--wait a fox", "--wait", "a fox"),
    ("a fox --ar=3:2", "", "a fox --ar=3:2"),
    ("--ar 3:2 a fox", "", "a fox --ar 3:2"),
    ("--ar=3:2 --raw a fox --s 5", "", "a fox --ar=3:2 --raw --s 5"),
    ("a fox --ar 3:2 in snow", "", "a fox in snow --ar 3:2"),
    ("a fox --AR 3:2", "", "a fox --AR 3:2"),
    (f"{U} a fox --iw 2", "", f"{U} a fox --iw 2"),
    # Options of mj with values.
    ("a fox --out pics --wait --raw", "--out pics --wait", "a fox --raw"),
    ("a fox --out=pics", "--out=pics", "a fox"),
    ("a fox --timeout -5", "--timeout -5", "a fox"),
    ("a fox --name - x", "--name -", "a fox x"),
    # A name that is both.
    ("a fox --profile work", "--profile work", "a fox"),
    ("a fox --p p123", "", "a fox --p p123"),
    ("a fox --p abcdefg --raw", "", "a fox --p abcdefg --raw"),
    ("a fox --p", "", "a fox --p"),
    ("--p a fox", "", "a fox --p"),
    ("--p p123 m456::2 a fox", "", "a fox --p p123 m456::2"),
    # The end of options.
    ("--wait -- a fox --ar 3:2", "--wait", "a fox --ar 3:2"),
    ("--raw -- a --wait", "", "a --wait --raw"),
    ("--no dogs -- a fox", "", "a fox --no dogs"),
    ("a fox --no dogs -- in snow", "", "a fox in snow --no dogs"),
    ("a fox --seed -- in snow", "", "a fox in snow --seed"),
    ("a -- b -- c", "", "a b -- c"),
    ("a fox --", "", "a fox"),
    # Text that looks like more.
    ("a -quiet fox - x ---y --3", "", "a -quiet fox - x ---y --3"),
    ("-", "", "-"),
    ("- --ar 3:2 --wait", "--wait", "- --ar 3:2"),
    # Values.
    ("a fox --seed -5", "", "a fox --seed -5"),
    ("a fox --ar --raw", "", "a fox --ar --raw"),
    ("a fox --ar --wait", "--wait", "a fox --ar"),
    ("a fox --ar", "", "a fox --ar"),
    ("a fox --style raw --raw", "", "a fox --style raw --raw"),
    ("--niji a fox", "", "a fox --niji"),
    ("--niji 7 a fox", "", "a fox --niji 7"),
    ("--niji {6, 7} a fox", "", "a fox --niji {6, 7}"),
    ("--v 7 foxes", "", "foxes --v 7"),
    ("--raw a fox", "", "a fox --raw"),
    ("a fox --tile, --ar 3:2,", "", "a fox --tile, --ar 3:2,"),
    (f"--sref {U} 123::2 random a fox", "", f"a fox --sref {U} 123::2 random"),
    (f"--sref={U} {U} a fox", "", f"a fox --sref={U} {U}"),
    (f"--cref {U} {U} a fox", "", f"a fox --cref {U} {U}"),
    ("--sref fox", "", "--sref fox"),
    # Words of --no.
    ("a fox --no a, b --raw", "", "a fox --no a, b --raw"),
    ("a fox --no hot dogs --wait", "--wait", "a fox --no hot dogs"),
    ("a fox --no=a, b", "", "a fox --no=a, b"),
    ("--no a, b a fox", "", "a fox --no a, b"),
    ("--no a , b a fox", "", "a fox --no a , b"),
    ("--no=a, b fox", "", "fox --no=a, b"),
    ("--no dogs a fox", "", "a fox --no dogs"),
    ("a fox --no \u2014and so on", "", "a fox --no \u2014and so on"),
    # Braces, with and without the shell.
    ("a fox --ar {1:1, 2:3} --raw", "", "a fox --ar {1:1, 2:3} --raw"),
    ("--ar {1:1, 2:3} a fox", "", "a fox --ar {1:1, 2:3}"),
    ("--ar={1:1, 2:3} a fox", "", "a fox --ar={1:1, 2:3}"),
    ("a fox --ar 1:1 2:3", "", "a fox --ar 1:1 2:3"),
    # Long dashes.
    ("a fox \u2014ar 3:2 \u2014raw", "", "a fox \u2014ar 3:2 \u2014raw"),
    ("an old man \u2014old and wise", "", "an old man \u2014old and wise"),
    ("a fox \u2014 a dog \u2013x", "", "a fox \u2014 a dog \u2013x"),
]


@pytest.mark.parametrize(("line", "options", "prompt"), PROMPTS)
def test_a_command_line_is_divided(line: str, options: str, prompt: object) -> None:
    found = divided(*line.split(" "))
    expected = line.removesuffix(" --wait") if prompt is ... else prompt
    assert (" ".join(found.options), " ".join(found.prompt)) == (options, expected)


@pytest.mark.parametrize(
    ("arguments", "options", "prompt"),
    [
        (["a red fox --ar 3:2"], [], "a red fox --ar 3:2"),
        (["--ar 3:2 and a fox"], [], "--ar 3:2 and a fox"),
        (["--wait for me"], [], "--wait for me"),
        (["a sign", "saying hello", "--ar", "3:2"], [], "a sign saying hello --ar 3:2"),
        (["a fox", "--no", "hot dogs, cats"], [], "a fox --no hot dogs, cats"),
        (["--no=hot dogs, cats", "a fox"], [], "a fox --no=hot dogs, cats"),
        (["--out=my pictures", "a fox"], ["--out=my pictures"], "a fox"),
        (["--out", "my pictures", "a fox"], ["--out", "my pictures"], "a fox"),
        (["--name=--odd", "a fox"], ["--name=--odd"], "a fox"),
        (["--name=", "a fox"], ["--name="], "a fox"),
        (["a fox", ""], [], "a fox "),
        ([], [], ""),
    ],
)
def test_quoted_pieces_stay_together(arguments: list[str], options: list[str], prompt: str) -> None:
    found = divided(*arguments)
    assert (found.options, " ".join(found.prompt)) == (options, prompt)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a fox --stylise 5", "did you mean --stylize?"),
        ("a fox --wiat", "did you mean --wait?"),
        ("a fox --profil x", "did you mean --profile?"),
        ("a fox --Wait", "did you mean --wait?"),
        ("a fox --ar16:9", "a blank belongs between --ar and its value"),
        ("a fox --v6", "a blank belongs between --v and its value"),
        ("a fox --ar:16:9", "a blank belongs between --ar and its value"),
        ("a fox --wait,", "did you mean --wait?"),
        ("a fox --nothing-like-it", "nor a parameter of prompts"),
    ],
)
def test_what_is_neither_an_option_nor_a_parameter_is_an_error(line: str, said: str) -> None:
    caught = error(*line.split())
    assert said in caught.message
    assert caught.slug == "unknown-parameter"
    assert "nothing was sent" in (caught.hint or "")


def test_a_long_name_is_shortened_in_the_sentence() -> None:
    assert len(error("--" + "x" * 5000).message) < 150


@pytest.mark.parametrize(
    "line", ["a fox --name", "a fox --name --wait", "a --name --ar 3:2", "--out -- a"]
)
def test_an_option_without_its_value_is_an_error(line: str) -> None:
    assert "needs a value" in error(*line.split()).message


def test_a_long_dash_before_an_option_of_mj_is_an_error() -> None:
    caught = error("a", "fox", "\u2014wait")
    assert caught.slug == "long-dash"
    assert "--wait" in caught.message


def test_two_ratios_from_a_shells_braces_are_refused_by_the_checks() -> None:
    found = divided("a", "fox", "--ar", "1:1", "2:3")
    assert [one.slug for one in check(" ".join(found.prompt)).errors] == ["text-after-parameters"]


pieces = st.sampled_from(
    [
        "fox",
        "-",
        "--",
        "--ar",
        "3:2",
        "--no",
        "a,",
        "--p",
        "--out",
        "--wait",
        "--sref",
        "1",
        "{a,",
        "b}",
    ]
)


@given(st.lists(st.one_of(pieces, st.text(max_size=4)), max_size=12))
def test_no_argument_is_lost_or_invented(arguments: list[str]) -> None:
    try:
        found = divided(*arguments)
    except UsageError:
        return
    taken = " ".join([*found.options, *found.prompt]).split()
    given_words = " ".join(arguments).split()
    if "--" in given_words:
        given_words.remove("--")
    assert sorted(taken) == sorted(given_words)

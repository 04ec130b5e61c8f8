"""Prompts on the command line: without quotes, checked before anything is paid, and explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Mj
from tests.support.service import Service

FOX = "a red fox in the snow --ar 3:2 --niji 7 --seed 7"


def sent(service: Service) -> dict[str, object]:
    """The body of the one submit."""
    (request,) = service.submits
    assert isinstance(request.json, dict)
    return request.json


def test_parameters_need_no_quotes_and_options_stay_mj_s(mj: Mj, service: Service) -> None:
    ran = mj("submit", *FOX.split(), "--wait", "--out", "art")
    assert ran.code == 0
    assert sent(service)["prompt"] == FOX
    assert all(line.startswith("art/") for line in ran.lines)


@pytest.mark.parametrize(
    ("arguments", "prompt"),
    [
        (["--ar", "3:2", "a", "fox"], "a fox --ar 3:2"),
        (["a", "--ar=3:2", "fox"], "a fox --ar 3:2"),
        (["a", "fox", "--no", "rain,", "fog"], "a fox --no rain, fog"),
        (["a fox --ar 3:2", "--seed", "5"], "a fox --ar 3:2 --seed 5"),
        (["a", "fox", "--p", "m123"], "a fox --p m123"),
        (["--tile", "--", "a", "fox", "--raw"], "a fox --raw --tile"),
        (["a", "-loud", "fox"], "a -loud fox"),
        (["a  red\tfox"], "a red fox"),
        (["a", "fox", "\u2014ar", "3:2"], "a fox --ar 3:2"),
    ],
)
def test_what_is_sent(mj: Mj, service: Service, arguments: list[str], prompt: str) -> None:
    assert mj("submit", *arguments).code == 0
    assert sent(service)["prompt"] == prompt


def test_stdin_takes_parameters_from_the_command_line(mj: Mj, service: Service) -> None:
    assert mj("submit", "-", "--ar", "3:2", stdin="a fox\n").code == 0
    assert sent(service)["prompt"] == "a fox --ar 3:2"


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["a", "fox", "--stylise", "5"], "--stylize"),
        (["a", "fox", "--wiat"], "--wait"),
        (["a", "fox", "-v", "7"], "--v"),
        (["a", "fox", "-ar", "3:2"], "--ar"),
        (["a", "fox", "-quiet"], "--quiet"),
        (["-h"], "--help"),
        (["a fox --stylise 5"], "--stylize"),
    ],
)
def test_a_slip_is_told_before_anything_is_sent(
    mj: Mj, service: Service, arguments: list[str], meant: str
) -> None:
    ran = mj("submit", *arguments)
    assert ran.code == 2
    assert f"did you mean {meant}?" in ran.err or f"write {meant};" in ran.err
    assert not service.requests


@pytest.mark.parametrize(
    ("prompt", "slug"),
    [
        ("a fox --ar 1.5:1", "wrong-type"),
        ("a fox --s 2000", "out-of-range"),
        ("a fox --ar 3:2 poppies", "text-after-parameters"),
        ("a fox --v 7 --niji 7", "excludes"),
        ("a fox --q 2", "not-in-version"),
        ("a fox --cw 5 --v 6", "needs-partner"),
        ("a fox --repeat 3", "repeat"),
        ("a {red, blue} fox", "permutation"),
        ("a fox --turbo --v 7", "turbo"),
        ("a fox --v x", "bad-version"),
        ("a fox -ar 3:2", "single-hyphen"),
        ("--ar 3:2", "no-text"),
    ],
)
def test_what_would_be_refused_or_cost_more_is_not_sent(
    mj: Mj, service: Service, prompt: str, slug: str
) -> None:
    ran = mj("submit", prompt, "--json")
    assert ran.code == 2
    assert ran.error["slug"] == slug
    assert not service.requests
    assert mj("submit", prompt, "--allow", slug).code == 0


def test_several_errors_are_shown_with_their_places(mj: Mj, service: Service) -> None:
    ran = mj("submit", "a fox --ar 1.5:1 --s 2000")
    assert ran.code == 2
    assert "[wrong-type]" in ran.err
    assert "           ^^^^^ 15:10" in ran.err
    assert "[out-of-range]" in ran.err
    assert "nothing was sent" in ran.err


def test_a_warning_is_told_and_the_prompt_sent(mj: Mj, service: Service) -> None:
    ran = mj("submit", "a fox --no modern clothing")
    assert ran.code == 0
    assert "warning" in ran.err
    assert mj("submit", "a fox --no modern clothing", "--quiet").err == ""


@pytest.mark.parametrize(("word", "mode"), [("--relax", "relaxed"), ("--fast", "fast")])
def test_mode_words_become_the_mode(mj: Mj, service: Service, word: str, mode: str) -> None:
    assert mj("submit", "a fox", word).code == 0
    assert sent(service) == {"prompt": "a fox", "mode": mode}


def test_a_mode_word_wins_over_the_settings_but_not_over_the_option(
    mj: Mj, service: Service
) -> None:
    assert mj("config", "set", "mode", "relaxed").code == 0
    assert mj("submit", "a fox", "--fast").code == 0
    assert sent(service)["mode"] == "fast"
    ran = mj("submit", "a fox", "--fast", "--mode", "relaxed", "--json")
    assert (ran.code, ran.error["slug"]) == (2, "mode-conflict")


def test_prompt_explains_without_a_key(mj: Mj) -> None:
    ran = mj("prompt", *FOX.split())
    assert ran.code == 0
    assert "text         a red fox in the snow" in ran.lines
    assert "version      niji 7 (as the prompt says)" in ran.lines
    assert "normalised   a red fox in the snow --ar 3:2 --niji 7 --seed 7" in ran.lines
    assert any(line.startswith("parameter    --ar 3:2") for line in ran.lines)


def test_the_json_of_a_prompt_has_these_keys(mj: Mj) -> None:
    (record,) = mj("prompt", "--json", "a fox --stylise 5 --s 50").records
    assert list(record) == [
        *("schema", "type", "file", "line", "prompt", "images", "text", "parameters"),
        *("version", "version_given", "mode", "findings", "normalised", "fingerprint"),
    ]
    assert record["parameters"][1] == {
        "written": "--s",
        "name": "stylize",
        "values": ["50"],
        "default": "100",
    }
    (finding,) = record["findings"]
    assert list(finding) == ["slug", "level", "start", "end", "message", "fix"]
    assert record["prompt"][finding["start"] : finding["end"]] == "--stylise"


def test_two_spellings_have_one_fingerprint(mj: Mj) -> None:
    prints = {
        mj("prompt", "--json", text).records[0]["fingerprint"]
        for text in ("a fox --ar 3:2 --s 50", "a  fox --stylize 50 --aspect 3:2 --fast")
    }
    assert len(prints) == 1


def test_a_file_is_checked_line_by_line(mj: Mj) -> None:
    Path("prompts.txt").write_text("a fox --ar 3:2\n\na cat --stylise 5\na dog --s 2000\r\n")
    ran = mj("prompt", "--file", "prompts.txt")
    assert ran.code == 2
    assert [line.split(": ")[:2] for line in ran.lines] == [
        ["prompts.txt:3:7", "error"],
        ["prompts.txt:4:11", "error"],
    ]
    Path("prompts.txt").write_text("a fox --ar 3:2\n")
    assert mj("prompt", "--file", "prompts.txt") == mj("prompt", "--file", "prompts.txt")
    assert mj("prompt", "--file", "prompts.txt").code == 0
    records = mj("prompt", "--file", "prompts.txt", "--json").records
    assert [(one["file"], one["line"]) for one in records] == [("prompts.txt", 1)]


def test_a_file_that_cannot_be_read_is_named(mj: Mj) -> None:
    ran = mj("prompt", "--file", "nowhere.txt")
    assert ran.code == 9
    assert "nowhere.txt" in ran.err
    Path("latin.txt").write_bytes(b"caf\xe9\n")
    assert mj("prompt", "--file", "latin.txt").code == 2


def test_explain_shows_a_row_with_its_source(mj: Mj) -> None:
    ran = mj("prompt", "--explain", "ar")
    assert ran.code == 0
    assert "--aspect" in ran.out
    assert "Version article" in ran.out
    (record,) = mj("prompt", "--explain", "ar", "--json").records
    assert (record["type"], record["confidence"]) == ("parameter", "H")
    ran = mj("prompt", "--explain", "stylise")
    assert (ran.code, "did you mean --stylize?" in ran.err) == (2, True)


def test_prompt_wants_one_thing_to_do(mj: Mj) -> None:
    assert mj("prompt").code == 2
    assert mj("prompt", "a fox", "--explain", "ar").code == 2


def test_findings_of_a_submit_are_objects_under_json(mj: Mj, service: Service) -> None:
    ran = mj("submit", "a fox --no modern clothing", "--json")
    (record,) = [json.loads(line) for line in ran.err.splitlines()]
    assert (record["type"], record["level"]) == ("finding", "warning")


def test_help_lists_common_parameters_from_the_table(mj: Mj) -> None:
    ran = mj("submit", "--help")
    heading, _, rest = ran.out.partition("Prompt parameters")
    assert "--no-queue" in heading
    assert "--ar, --aspect" in rest


def test_one_error_is_shown_in_its_place_too(mj: Mj, service: Service) -> None:
    assert "           ^^^^ " in mj("submit", "a fox --ar 15:1").err.replace("\n", " ")


def test_what_submit_refuses_prompt_calls_an_error(mj: Mj) -> None:
    assert mj("prompt", "").code == 2
    Path("long.txt").write_text("x" * 10_001)
    assert mj("prompt", "--file", "long.txt").code == 2


def test_json_after_a_slip_counts(mj: Mj) -> None:
    assert mj("submit", "a", "fox", "--wiat", "--json").error["slug"] == "unknown-parameter"


def test_what_was_allowed_has_an_unknown_cost(mj: Mj, service: Service) -> None:
    assert mj("config", "set", "cost_fast", "2").code == 0
    assert mj("submit", "a fox", "--dry-run", "--json").records[0]["cost"] == 2
    ran = mj("submit", "a fox --repeat 3", "--allow", "repeat", "--dry-run", "--json")
    assert ran.records[0]["cost"] is None

"""Settings, where each comes from, and what a cloned repository may not decide."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mj_cli.credentials import Key
from mj_cli.session import Account
from mj_cli.settings import TABLE
from tests.conftest import Mj, Ran, run_process
from tests.support import terminal
from tests.support.faults import Answer, Html, always
from tests.support.service import Service

KEY = "sk-verysecret-0123456789"


@pytest.fixture
def user_file(home: Path) -> Path:
    path = home / "config" / "config.toml"
    path.parent.mkdir()
    return path


@pytest.fixture
def project(home: Path) -> Path:
    return home / "work" / "mj.toml"


@pytest.fixture
def key_file(home: Path) -> Path:
    return home / "config" / "credentials.toml"


def listed(mj: Mj, *options: str) -> dict[str, dict[str, Any]]:
    ran = mj("config", "list", "--json", *options)
    assert ran.code == 0, ran.err
    return {line["name"]: line for line in ran.records}


# --- Precedence ---


def test_the_closest_source_wins(mj: Mj, user_file: Path, project: Path) -> None:
    def mode() -> tuple[str, str]:
        line = listed(mj)["mode"]
        return line["value"], line["source"]

    assert mode() == ("fast", "default")
    user_file.write_text('mode = "relaxed"\n')
    assert mode() == ("relaxed", str(user_file))
    user_file.write_text('mode = "fast"\n[profiles.default]\nmode = "relaxed"\n')
    assert mode() == ("relaxed", f"{user_file} [profiles.default]")
    project.write_text('mode = "fast"\n')
    assert mode() == ("fast", str(project))
    request = mj("submit", "x", "--mode", "relaxed", "--dry-run", "--json").records[0]
    assert request["body"]["mode"] == "relaxed"


def test_a_variable_beats_every_file(
    mj: Mj, user_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_file.write_text('base_url = "https://file.test"\n')
    monkeypatch.setenv("MIDJOURNEY_API_BASE_URL", "https://second.test/")
    line = listed(mj)["base_url"]
    assert (line["value"], line["source"]) == ("https://second.test", "MIDJOURNEY_API_BASE_URL")
    monkeypatch.setenv("MJ_BASE_URL", "https://first.test")
    line = listed(mj)["base_url"]
    assert (line["value"], line["source"]) == ("https://first.test", "MJ_BASE_URL")


def test_the_key_comes_from_its_own_variable_then_from_the_providers(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIDJOURNEY_API_KEY", "second-key")
    assert listed(mj)["api_key"]["source"] == "MJ_API_KEY"
    monkeypatch.delenv("MJ_API_KEY")
    assert listed(mj)["api_key"]["source"] == "MIDJOURNEY_API_KEY"
    mj("status", "some-task")
    assert service.polls[0].headers["api-key"] == "second-key"


def test_an_empty_variable_says_nothing(mj: Mj, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MJ_BASE_URL", "")
    assert listed(mj)["base_url"]["source"] == "default"


def test_the_profile_comes_from_the_option_the_variable_or_the_file(
    mj: Mj, user_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def profile(*options: str) -> tuple[str, str]:
        line = listed(mj, *options)["profile"]
        return line["value"], line["source"]

    assert profile() == ("default", "default")
    user_file.write_text('profile = "home"\n')
    assert profile() == ("home", str(user_file))
    monkeypatch.setenv("MJ_PROFILE", "work")
    assert profile() == ("work", "MJ_PROFILE")
    assert profile("--profile", "play") == ("play", "command line")


def test_the_sandbox_is_not_led_elsewhere(
    mj: Mj, user_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_file.write_text('base_url = "https://file.test"\ncost_fast = 2\n')
    monkeypatch.setenv("MJ_BASE_URL", "https://variable.test")
    lines = listed(mj, "--sandbox")
    assert lines["base_url"]["value"] == "http://sandbox.localhost"
    assert lines["api_key"]["source"] == "sandbox"
    assert lines["cost_fast"]["value"] == 2


def test_sandbox_and_profile_exclude_each_other(mj: Mj) -> None:
    assert mj("config", "list", "--sandbox", "--profile", "work").code == 2


# --- The project's file ---


@pytest.mark.parametrize("name", [name for name in TABLE if not TABLE[name].project])
def test_a_project_may_not_decide_where_to_send(
    mj: Mj, service: Service, project: Path, name: str
) -> None:
    project.write_text(f'{name} = "https://evil.test"\n')
    ran = mj("submit", "a fox")
    assert ran.code == 2
    assert str(project) in ran.err
    assert name in ran.err
    assert not service.requests


@pytest.mark.parametrize("name", ["exec", "forward_to", "profile", "profiles", "proxy", "api_key"])
def test_a_project_sets_nothing_that_is_no_setting(
    mj: Mj, service: Service, project: Path, name: str
) -> None:
    project.write_text(f'{name} = "x"\n')
    ran = mj("submit", "a fox", "--json")
    assert (ran.code, ran.error["slug"]) == (2, "setting")
    assert str(project) in ran.error["message"]
    assert not service.requests


def test_the_nearest_project_file_upwards_counts(
    mj: Mj, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write_text('mode = "relaxed"\nslots = 3\n')
    inner = project.parent / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert listed(mj)["slots"]["source"] == str(project)
    (inner.parent / "mj.toml").write_text("slots = 4\n")
    assert listed(mj)["slots"]["value"] == 4
    assert listed(mj)["mode"]["source"] == "default"


def test_a_projects_out_is_relative_to_its_file(
    mj: Mj, service: Service, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write_text('out = "art"\nimages = "1"\ntemplate = "fox-{index}.{ext}"\n')
    inner = project.parent / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    ran = mj("submit", "a fox", "--wait", "--json")
    (image,) = [image for image in ran.records[0]["images"] if image["path"]]
    assert Path(image["path"]).parent == project.parent / "art"


@pytest.mark.parametrize("out", ["..", "a/../../b", "/tmp", "link"])
def test_a_projects_out_stays_in_the_project(
    mj: Mj, service: Service, project: Path, home: Path, out: str
) -> None:
    (project.parent / "link").symlink_to(home)
    project.write_text(f'out = "{out}"\n')
    ran = mj("submit", "a fox", "--wait", "--json")
    assert (ran.code, ran.error["slug"]) == (2, "project_setting")
    assert str(project) in ran.error["message"]
    assert not service.requests


def test_the_command_line_may_write_where_a_project_may_not(
    mj: Mj, service: Service, project: Path, home: Path
) -> None:
    project.write_text('out = ".."\n')
    assert mj("submit", "a fox", "--wait", "--out", str(home / "else")).code == 0
    assert len(list((home / "else").iterdir())) == 4


# --- Broken files ---

BROKEN = {
    "no toml": "mode = ",
    "no text": "\x00",
    "a wrong type": "mode = 3",
    "a truth for a number": "slots = true",
    "a fraction": "slots = 1.5",
    "a wrong value": 'timeout = "soon"',
    "a value out of range": "timeout = 12",
    "an unknown name": 'mod = "fast"',
    "a doubled name": 'mode = "fast"\nmode = "fast"',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("whose", ["user_file", "project"])
def test_a_broken_file_is_named_and_left_alone(
    mj: Mj, service: Service, request: pytest.FixtureRequest, whose: str, content: str
) -> None:
    path: Path = request.getfixturevalue(whose)
    path.write_text(content)
    ran = mj("submit", "a fox")
    assert ran.code == 2
    assert str(path) in ran.err
    if whose == "user_file" and content in (BROKEN["no toml"], BROKEN["an unknown name"]):
        assert mj("config", "set", "mode", "fast").code == 2
    assert path.read_text() == content
    assert not service.requests


@pytest.mark.parametrize(
    "content",
    [
        "profiles = 3",
        "[profiles]\nwork = 3",
        '[profiles.work]\nprofile = "x"',
        "profile = 3",
        'profile = "sandbox"',
        'profile = "a b"',
    ],
)
def test_broken_profiles_are_named_with_their_file(mj: Mj, user_file: Path, content: str) -> None:
    user_file.write_text(content)
    ran = mj("config", "list")
    assert ran.code == 2
    assert str(user_file) in ran.err


def test_a_file_that_is_not_utf_8_is_named(mj: Mj, user_file: Path) -> None:
    user_file.write_bytes(b'mode = "\xff"')
    ran = mj("config", "list")
    assert ran.code == 2
    assert f"{user_file} cannot be read" in ran.err


def test_a_misspelt_name_is_guessed(mj: Mj, user_file: Path) -> None:
    user_file.write_text('templat = "x"')
    assert "did you mean template?" in mj("config", "list").err


def test_hosts_can_be_a_list(mj: Mj, user_file: Path) -> None:
    user_file.write_text('allow_image_hosts = ["A.test", "b.test"]\n')
    assert mj("config", "get", "allow_image_hosts").out == "a.test,b.test\n"
    user_file.write_text('allow_image_hosts = ["a.test", 3]\ncost_fast = [1]\n')
    assert "allow_image_hosts" in mj("config", "get", "allow_image_hosts").err
    assert "cost_fast" in mj("config", "get", "cost_fast").err


def test_a_bad_variable_is_named(mj: Mj, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MJ_PROFILE", "a b")
    assert "MJ_PROFILE" in mj("config", "list").err
    monkeypatch.delenv("MJ_PROFILE")
    monkeypatch.setenv("MJ_POLL_MIN_SECONDS", "often")
    assert "poll_min_seconds in MJ_POLL_MIN_SECONDS must be a number" in mj("config", "list").err


def test_a_working_directory_that_is_gone_is_no_bug(
    mj: Mj, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = home / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    ran = mj("config", "list")
    assert ran.code == 9
    assert "the working directory cannot be used" in ran.err


# --- get, set, unset, list, path, use ---


def test_a_setting_is_stored_shown_and_removed(mj: Mj, home: Path) -> None:
    path = home / "config" / "config.toml"
    assert str(path) in mj("config", "set", "images", "1, 3").err
    assert mj("config", "get", "images").out == "1,3\n"
    assert mj("config", "unset", "images").err == "mj: images is back to its default\n"
    assert mj("config", "get", "images").out == "all\n"
    assert mj("config", "unset", "images").err == "mj: images was not set\n"
    assert mj("config", "path").out == f"{path}\n"


def test_a_setting_can_be_one_profiles_own(mj: Mj) -> None:
    mj("config", "set", "slots", "3", "--profile", "work")
    assert mj("config", "get", "slots").out == "10\n"
    assert mj("config", "get", "slots", "--profile", "work").out == "3\n"
    mj("config", "unset", "slots", "--profile", "work")
    assert mj("config", "get", "slots", "--profile", "work").out == "10\n"


@pytest.mark.parametrize("mode", [(), ("--quiet",)])
def test_a_list_is_shown_as_it_is_written(mj: Mj, mode: tuple[str, ...]) -> None:
    assert mj("config", "set", "allow_image_hosts", "cdn.test,B.test").code == 0
    assert mj("config", "get", "allow_image_hosts", *mode).out == "cdn.test,b.test\n"
    assert "cdn.test,b.test" in mj("config", "list", *mode).out


def test_what_is_not_set_is_shown_as_nothing(mj: Mj) -> None:
    assert mj("config", "get", "cost_fast").out == "\n"
    assert "cost_fast\t-\tdefault\t" in mj("config", "list").out
    assert "cost_fast=\n" in mj("config", "list", "--quiet").out


GOOD = [
    ("base_url", "https://api.test/v/", "https://api.test/v"),
    ("base_url", "http://localhost:8788", "http://localhost:8788"),
    ("base_url", "http://[::1]:8788", "http://[::1]:8788"),
    ("base_url", "http://play.localhost", "http://play.localhost"),
    ("mode", "relaxed", "relaxed"),
    ("timeout", "1200", "1200"),
    ("hook_url", "https://hook.test/x?y=1", "https://hook.test/x?y=1"),
    ("template", "{slug}-{index}.{ext}", "{slug}-{index}.{ext}"),
    ("images", "grid", "grid"),
    ("max_image_mb", "1.5", "1.5"),
    ("cost_fast", "0", "0.0"),
]
BAD = [
    ("base_url", "http://api.test", "plain http is for this machine only"),
    ("base_url", "http://localhost.evil.test", "plain http"),
    ("base_url", "http://192.168.0.1", "plain http"),
    ("base_url", "ftp://api.test", "must be an https URL"),
    ("base_url", "api.test", "must be an https URL"),
    ("base_url", "https://user:pw@api.test", "without user"),
    ("base_url", "https://api.test?x", "without user, query"),
    ("base_url", "https://api.test:99999", "possible host and port"),
    ("base_url", "https://[::1", "possible host and port"),
    ("hook_url", "https://[::1", "possible host and port"),
    ("base_url", " ", "must be text"),
    ("base_url", "https://api.test/\n", "without blanks and line breaks"),
    ("hook_url", "https://api .test", "without blanks and line breaks"),
    ("mode", "relax", "must be fast or relaxed"),
    ("timeout", "299", "must be 300 to 1200 seconds"),
    ("timeout", "1201", "must be 300 to 1200 seconds"),
    ("timeout", "10m", "must be a whole number"),
    ("hook_url", "hook.test", "must be an http or https URL"),
    ("template", "{nope}.png", "nope"),
    ("images", "1;3", "must be all, grid, or indexes"),
    ("images", "1,", "must be all, grid, or indexes"),
    ("slots", "0", "must be 1 to 1000"),
    ("max_image_mb", "0", "must be 0.001 to 100000"),
    ("max_image_mb", "nan", "must be"),
    ("max_image_mb", "many", "must be a number"),
    ("allow_image_hosts", "a b", "must be host names"),
    ("profile", "work", "mj config use PROFILE"),
    ("api_key", KEY, "mj config login"),
]


@pytest.mark.parametrize(("name", "text", "shown"), GOOD)
def test_what_is_set_is_what_is_shown(mj: Mj, name: str, text: str, shown: str) -> None:
    assert mj("config", "set", name, text).code == 0
    assert mj("config", "get", name).out == f"{shown}\n"


@pytest.mark.parametrize(("name", "text", "words"), BAD)
def test_nonsense_is_not_stored(mj: Mj, home: Path, name: str, text: str, words: str) -> None:
    ran = mj("config", "set", name, text)
    assert ran.code == 2
    assert words in ran.err
    assert KEY not in ran.err
    assert not (home / "config" / "config.toml").exists()


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ("# mine", True),
        ("slots = 3 # mine", True),
        ('template = "a#b-{index}.{ext}"', False),
        ("slots = 3", False),
    ],
)
def test_lost_comments_are_told(mj: Mj, user_file: Path, line: str, lost: bool) -> None:
    user_file.write_text(f"{line}\n")
    ran = mj("config", "set", "mode", "relaxed")
    assert ran.code == 0
    assert ("the comments in" in ran.err) is lost


def test_a_profile_is_used_from_now_on(mj: Mj) -> None:
    ran = mj("config", "use", "work")
    assert "mj config login --profile work" in ran.err
    assert mj("config", "list", "--json").records[0]["value"] == "work"
    mj("config", "use", "default")
    assert mj("config", "list", "--json").records[0]["source"] == "default"


@pytest.mark.parametrize("name", ["sandbox", "a b", "-x", ""])
def test_a_profile_has_a_plain_name(mj: Mj, home: Path, name: str) -> None:
    assert mj("config", "use", "--", name).code == 2
    assert not (home / "config").exists()


@pytest.mark.parametrize(
    "command", [("set", "mode", "fast"), ("unset", "mode"), ("login",), ("logout",)]
)
def test_the_sandbox_stores_nothing(mj: Mj, home: Path, command: tuple[str, ...]) -> None:
    ran = mj("config", *command, "--sandbox", stdin=KEY)
    assert ran.code == 2
    assert not (home / "config").exists()


def test_a_directory_that_cannot_be_written_is_named(mj: Mj, home: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "config.toml").mkdir()
    ran = mj("config", "set", "mode", "fast")
    assert ran.code == 2
    assert "config.toml" in ran.err


def test_a_settings_file_is_replaced_whole_or_not_at_all(
    mj: Mj, user_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_file.write_text("slots = 3\n")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ran = mj("config", "set", "mode", "fast")
    assert ran.code == 9
    assert f"cannot write {user_file}: No space left" in ran.err
    assert [path.name for path in user_file.parent.iterdir()] == ["config.toml"]
    assert user_file.read_text() == "slots = 3\n"


def test_without_variables_the_platforms_own_places_are_used(
    mj: Mj, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MJ_CONFIG_DIR")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    path = Path(mj("config", "path").out.strip())
    assert path.is_relative_to(home / "home")
    assert path.parts[-2:] == ("mj-cli", "config.toml")


# --- Keys ---


@pytest.fixture
def account(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service with a key that has to be stored: the environment has none."""
    monkeypatch.delenv("MJ_API_KEY")
    return service


def test_login_checks_the_key_for_free_and_stores_it(
    mj: Mj, account: Service, key_file: Path
) -> None:
    ran = mj("config", "login", stdin="test-key\n")
    assert ran.code == 0
    assert str(key_file) in ran.err
    assert [seen.kind for seen in account.requests] == ["poll"]
    assert mj("submit", "a fox").code == 0


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_the_key_file_is_its_owners_alone(
    mj: Mj, account: Service, key_file: Path, mask: int
) -> None:
    former = os.umask(mask)
    try:
        assert mj("config", "login", stdin="test-key").code == 0
    finally:
        os.umask(former)
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert key_file.parent.stat().st_mode & 0o777 == 0o700


def test_a_refused_key_is_not_stored(mj: Mj, account: Service, key_file: Path) -> None:
    ran = mj("config", "login", stdin=KEY)
    assert ran.code == 4
    assert not key_file.exists()
    assert KEY not in ran.err


@pytest.mark.parametrize("fault", [Answer(503), Html()], ids=["down", "a captive portal"])
def test_a_key_that_cannot_be_checked_is_not_stored(
    mj: Mj, account: Service, key_file: Path, fault: Answer | Html
) -> None:
    account.on_status("", always(fault))
    ran = mj("config", "login", stdin="test-key")
    assert ran.code == 7
    assert not key_file.exists()


def test_a_key_is_checked_again_after_a_passing_fault(
    mj: Mj, account: Service, key_file: Path
) -> None:
    account.on_status("", Answer(503))
    assert mj("config", "login", stdin="test-key").code == 0
    assert key_file.exists()


@pytest.mark.parametrize(
    "key", ["", "two\nlines", "a b", "kéy", "x" * 5000, "tab\t", "nul\0", "\n"]
)
def test_what_is_no_key_is_not_even_sent(
    mj: Mj, account: Service, key_file: Path, key: str
) -> None:
    ran = mj("config", "login", stdin=key)
    assert ran.code == 4
    assert not account.requests
    assert not key_file.exists()


def test_input_that_is_no_text_is_no_key(
    mj: Mj, account: Service, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    (home / "key").write_bytes(b"\xff\xfe")
    with (home / "key").open(encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert mj("config", "login").code == 4


def test_a_key_in_the_environment_is_checked_too(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MJ_API_KEY", f"{KEY}\nX-Evil: 1")
    ran = mj("submit", "a fox")
    assert ran.code == 4
    assert "MJ_API_KEY" in ran.err
    assert KEY not in ran.err
    assert not service.requests


def test_a_key_as_an_argument_is_refused_and_not_repeated(
    mj: Mj, account: Service, key_file: Path
) -> None:
    ran = mj("config", "login", KEY)
    assert ran.code == 2
    assert KEY not in ran.err
    assert not key_file.exists()


def test_a_stored_key_goes_to_its_own_base_url_only(
    mj: Mj, account: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    mj("config", "login", stdin="test-key")
    with Service() as other:
        monkeypatch.setenv("MJ_BASE_URL", other.url)
        ran = mj("submit", "a fox", "--json")
        assert (ran.code, ran.error["slug"]) == (4, "key_elsewhere")
        assert account.url in ran.error["message"]
        assert not other.connections
        assert listed(mj)["api_key"]["value"] == "not usable"


def test_a_key_file_that_others_may_read_is_not_used(
    mj: Mj, account: Service, key_file: Path
) -> None:
    mj("config", "login", stdin="test-key")
    key_file.chmod(0o640)
    ran = mj("submit", "a fox")
    assert ran.code == 4
    assert f"chmod 600 {key_file}" in ran.err
    assert not account.submits


@pytest.mark.parametrize("content", ["= broken", "[default]\nkey = 3\n", "default = 3\n"])
def test_a_broken_key_file_sends_nothing(
    mj: Mj, account: Service, key_file: Path, content: str
) -> None:
    key_file.parent.mkdir()
    key_file.touch(0o600)
    key_file.write_text(content)
    assert mj("submit", "a fox").code in {2, 4}
    assert not account.requests
    assert key_file.read_text() == content


def test_logout_removes_one_profiles_key(mj: Mj, account: Service) -> None:
    mj("config", "login", stdin="test-key")
    mj("config", "login", "--profile", "work", stdin="test-key")
    assert mj("config", "logout").code == 0
    assert mj("submit", "a fox").code == 4
    assert mj("submit", "a fox", "--profile", "work").code == 0
    assert "has no stored key" in mj("config", "logout").err


def test_a_profile_with_a_key_needs_no_advice(mj: Mj, account: Service) -> None:
    mj("config", "login", "--profile", "work", stdin="test-key")
    assert "log in" not in mj("config", "use", "work").err


def test_without_a_key_it_says_how_to_log_in(mj: Mj, account: Service) -> None:
    ran = mj("submit", "a fox", "--profile", "work", "--json")
    assert (ran.code, ran.error["slug"]) == (4, "no_key")
    assert "mj config login" in ran.error["hint"]
    assert "--sandbox needs no key" in ran.error["hint"]
    assert "--profile work" in ran.error["hint"]


def test_the_key_shows_nowhere(
    mj: Mj, service: Service, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.api.key = KEY
    monkeypatch.delenv("MJ_API_KEY")
    service.on_submit("broken", Answer(500, KEY.encode()))
    said = [
        mj("config", "login", "--verbose", stdin=KEY),
        mj("config", "list", "--verbose"),
        mj("submit", "a fox", "--wait", "--verbose"),
        mj("submit", "a fox", "--dry-run", "--verbose"),
        mj("submit", "broken", "--verbose", "--json"),
        mj("jobs", "show", "nope", "--verbose"),
        _crash(mj, monkeypatch),
    ]
    assert [ran.code for ran in said] == [0, 0, 0, 0, 6, 2, 1]
    assert not [ran for ran in said if KEY in ran.out + ran.err]
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path.name for path in files if KEY.encode() in path.read_bytes()] == [
        "credentials.toml"
    ]


def test_no_value_in_memory_shows_the_key() -> None:
    for holder in (Key(KEY, "somewhere"), Account("hash", KEY, "https://api.test")):
        assert KEY not in repr(holder)


def _crash(mj: Mj, monkeypatch: pytest.MonkeyPatch) -> Ran:
    def bug(self: object, *args: object, **kwargs: object) -> None:
        raise RuntimeError(f"with the account at hand: {self!r}")

    with monkeypatch.context() as patch:
        patch.setattr("mj_cli.session.Session.execute", bug)
        return mj("submit", "a fox", "--verbose")


@pytest.fixture
def screen(account: Service) -> Iterator[terminal.Terminal]:
    with terminal.Terminal("config", "login") as opened:
        yield opened


def test_the_key_is_typed_hidden(
    screen: terminal.Terminal, account: Service, key_file: Path
) -> None:
    screen.read_until("API key (hidden):")
    screen.type("test-key\n")
    assert screen.end() == 0
    assert "test-key" not in screen.text
    assert "test-key" in key_file.read_text()


def test_end_of_input_at_the_key_prompt_stops(screen: terminal.Terminal, key_file: Path) -> None:
    screen.read_until("API key (hidden):")
    screen.type("\x04")
    assert screen.end() == 130
    assert screen.screen[-1].startswith("mj: stopped; nothing was changed")
    assert not key_file.exists()


def test_a_process_finds_its_settings_without_variables(home: Path) -> None:
    ran = run_process("config", "get", "mode", env={"MJ_CONFIG_DIR": "~/settings"})
    assert ran.out == "fast\n"


def test_an_output_directory_without_sense_is_refused(mj: Mj) -> None:
    Path("mj.toml").write_text('out = "x\\u0000y"\n')
    ran = mj("submit", "a fox", "--sandbox")
    assert ran.code == 2
    assert "mj.toml" in ran.err

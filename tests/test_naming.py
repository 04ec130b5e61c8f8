"""Any template that is accepted gives every image a legal name of its own, inside the directory."""

from __future__ import annotations

import re
import string
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from mj_cli.naming import (
    DEFAULT_TEMPLATE,
    FIELDS,
    TemplateError,
    check_template,
    possible_paths,
    render,
    seed_of,
    slug,
)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For machines that have other work to do."""

VALUES: dict[str, str | int] = {
    "slug": "a-red-fox",
    "task": "task_1",
    "index": 3,
    "ext": "png",
    "job": "k7",
    "name": "hero",
    "seed": "42",
    "date": "2025-01-31",
    "mode": "fast",
}


def named(template: str, **values: str | int) -> str:
    """Check and render a template with usual values, or with those given."""
    check_template(template, FIELDS)
    return render(template, VALUES | values).as_posix()


@pytest.mark.parametrize(
    ("template", "path"),
    [
        (DEFAULT_TEMPLATE, "a-red-fox-task_1-3.png"),
        ("{name}-{index}.{ext}", "hero-3.png"),
        ("{date}/{mode}/{job}-{index:03}.{ext}", "2025-01-31/fast/k7-003.png"),
        ("{index:01}-{seed:09}", "3-000000042"),
        ("my pictures/{index}", "my pictures/3"),
        ("{{{index}}}.{ext}", "{3}.png"),
        ("{{slug}}{index}", "{slug}3"),
        ("\u00e9-e\u0301-{index}", "\u00e9-\u00e9-3"),
    ],
)
def test_a_template_is_filled_in(template: str, path: str) -> None:
    assert named(template) == path


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("a/b\\c", "a-b-c"),
        ("../../etc/passwd", "..-..-etc-passwd"),
        ('<16:9> "really?"', "16-9-really"),
        ("  two \t\n words  ", "two-words"),
        ("bi\u202edi\u200bzero\ufeff\x00\x1b", "bidizero"),
        ("half \ud800 pair", "half-pair"),
        ("\u3164fill\ufe0f", "fill"),
        ("e\u0301", "\u00e9"),
        ("e\u200b\u0301", "\u00e9"),
        ("\U000e0080", ""),
        ("---", "---"),
        ("\u65e5\u672c", "\u65e5\u672c"),
        (7, "7"),
    ],
)
def test_a_value_is_made_safe(value: str | int, part: str) -> None:
    assert named("x{name}y-{index}", name=value) == f"x{part}y-3"


@pytest.mark.parametrize(
    ("template", "name", "path"),
    [
        ("{name}-{index}.{ext}", "", "3.png"),
        ("{name}-{index}.{ext}", "-rf", "rf-3.png"),
        ("{name}-{index}.{ext}", "..", "3.png"),
        ("{name}-{index}.{ext}", ".hidden", "hidden-3.png"),
        ("{index}/{name}", "", "3/_"),
        ("{index}/{name}", "..", "3/_"),
        ("{index}/..{name}", "", "3/_"),
        ("{index}/{name}.{ext}", "", "3/_.png"),
        ("{index}/{name}", "dots. ..", "3/dots.-"),
        ("{index}/{name}", "end...", "3/end"),
        ("{name}/{index}", "/", "_/3"),
        (" {name} /{index}.", "a", "a/3"),
        ("{index}/{name}", "con", "3/_con"),
        ("{index}/{name}.{ext}", "NUL", "3/_NUL.png"),
        ("{index}/{name} .{ext}", "aux", "3/_aux .png"),
        ("{index}/{name}", "Com1.tar.gz", "3/_Com1.tar.gz"),
        ("{index}/{name}", "lpt\u00b2", "3/_lpt\u00b2"),
        ("{index}/{name}", "CONOUT$", "3/_CONOUT$"),
        ("{index}/{name}", "console", "3/console"),
        ("COM{index}.{ext}", "", "_COM3.png"),
    ],
)
def test_a_component_is_never_empty_hidden_an_option_or_a_device(
    template: str, name: str, path: str
) -> None:
    assert named(template, name=name) == path


def test_the_longest_value_is_shortened_and_the_tail_kept() -> None:
    path = named("{name}-{task}-{index:04}.{ext}", name="x" * 500, task="t" * 30)
    assert re.fullmatch(r"x{140,}-[0-9a-f]{8}-t{30}-0003\.png", path)
    assert len(path) <= 200


def test_several_long_values_share_the_room() -> None:
    path = named("{name}+{task}+{index}.{ext}", name="n" * 300, task="t" * 300)
    first, second, tail = path.split("+")
    assert abs(len(first) - len(second)) <= 1
    assert tail == "3.png"
    assert len(path) > 180


def test_characters_are_never_cut_in_two() -> None:
    for shift in range(4):
        path = named("{name}-{index}.{ext}", name="x" * shift + "\U0001f98a" * 100)
        assert re.fullmatch(r"x*\U0001f98a{40,}-[0-9a-f]{8}-3\.png", path)
        assert len(path.encode()) <= 200


def test_long_values_that_begin_alike_stay_apart() -> None:
    begin = "the same beginning " * 30
    one, other = (named("{name}-{index}.{ext}", name=begin + end) for end in ("day", "night"))
    assert one != other


def test_an_index_cannot_meet_another_one_where_a_value_was_cut() -> None:
    paths = [
        named("{name}{index}", name="1" * 500, index=index) for index in (0, 1, 10, 11, 111, 1111)
    ]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("", r"the template is empty; the usual one is \{slug\}"),
        (" ", "is empty"),
        ("{slug}.{ext}", r"gives all images of a job one name; put \{index\} into it"),
        ("{{index}}", "one name"),
        ("{indx}", r"unknown field \{indx\}, did you mean \{index\}\? \(known fields: \{date\}, "),
        ("{index}{zzz}", r"unknown field \{zzz\} \(known fields: "),
        ("{ index }", r"did you mean \{index\}\?"),
        ("{index", r"unmatched \{ at character 1; write \{\{ for the brace itself"),
        ("{index}}", r"unmatched \} at character 8; write \}\} for the brace itself"),
        ("{index:{seed}}", "unmatched {"),
        ("{index}{}", "plain name of a field"),
        ("{index.real}", "plain name of a field"),
        ("{index[0]}", "plain name of a field"),
        ("{index!r}", "plain name of a field"),
        ("{index:}", "only zeros"),
        ("{index:2}", "only zeros"),
        ("{index:00}", "only zeros"),
        ("{index:010}", "only zeros"),
        ("{index:02x}", "only zeros"),
        ("{index}{slug:02}", r"has \{slug:02\}; only zeros"),
        ("/tmp/{index}", "is an absolute path"),
        ("~/{index}", "is an absolute path"),
        ("C:{index}", "is an absolute path"),
        ("c:\\x\\{index}", "is an absolute path"),
        ("x\\{index}", r"has a \\ that not every system allows .*; write / between directories"),
        ("x:{index}|", "is an absolute path"),
        ("{index}:x", "has a : that not every system allows in names$"),
        ("{index}?", r"has a \?"),
        ("../{index}", r"has '\.\.' as a part of a path"),
        ("a/ .. /{index}", "every part needs a name"),
        ("./{index}", r"has '\.'"),
        ("a//{index}", "has ''"),
        ("{index}/", "has ''"),
        ("\0{index}", "invisible characters"),
        ("{index}\n", "invisible characters"),
        ("{index}\u202e", "invisible characters"),
        ("{index}\ud800", "invisible characters"),
        ("{index\x1b}", "invisible characters"),
        ("x" * 200 + "{index}", "is too long"),
        ("{index}" + "{slug}" * 30, "is too long"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused(template: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        check_template(template, FIELDS)


def test_the_columns_of_a_table_are_fields_too() -> None:
    check_template("{Main colour}/{index}", ["Main colour", "index"])
    path = render("{Main colour}/{index}", {"Main colour": "sea green", "index": 1})
    assert path == PurePosixPath("sea-green/1")


def test_an_emoji_in_a_template_is_no_invisible_character() -> None:
    assert named("\u2764\ufe0f{index}") == "\u2764\ufe0f3"


def test_a_value_that_is_not_there_is_an_error() -> None:
    with pytest.raises(TemplateError, match=r"there is no value for \{task\}"):
        render(DEFAULT_TEMPLATE, {"slug": "x", "index": 1, "ext": "png"})


@pytest.mark.parametrize("index", [-1, "", "a", 10**10, "\u0663"])
def test_an_index_is_a_number(index: str | int) -> None:
    with pytest.raises(TemplateError, match="not the index of an image"):
        render("{index}", {"index": index})


def test_an_index_may_have_ten_digits() -> None:
    assert named("{index}", index=10**10 - 1) == "9999999999"


def test_all_paths_that_may_come_are_known_before() -> None:
    paths = possible_paths("{slug}/{index:02}.{ext}", {"slug": "fox"}, range(2), ("png", "jpg"))
    assert list(map(str, paths)) == ["fox/00.png", "fox/00.jpg", "fox/01.png", "fox/01.jpg"]


def test_paths_without_an_extension_are_listed_once() -> None:
    assert possible_paths("{index}", {}, iter([4, 1])) == [PurePosixPath("4"), PurePosixPath("1")]


def test_the_paths_known_before_hold_the_path_that_comes() -> None:
    fields = {name: value for name, value in VALUES.items() if name not in {"index", "ext"}}
    for ext in ("png", "jpg", "webp", "gif", "avif"):
        assert render(DEFAULT_TEMPLATE, VALUES | {"ext": ext}) in possible_paths(
            DEFAULT_TEMPLATE, fields, [3]
        )


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("A red fox, in the SNOW --ar 16:9 --seed 5", "a-red-fox-in-the-snow"),
        ("https://a.example/1.png <HTTP://b.example/2.png> Two cats", "two-cats"),
        ("a link https://a.example", "a-link-https-a-example"),
        ("https://a.example/1.png --ar 1:1", "image"),
        ("--ar 1:1", "image"),
        ("", "image"),
        ("!!! \U0001f98a\ufe0f ???", "image"),
        ("a dog \u2014ar 3:2", "a-dog"),
        ("a dog \u2014 running", "a-dog-running"),
        ("black--white and -- so on", "black-white-and-so-on"),
        ("hot::2 dog::-1", "hot-2-dog-1"),
        ("don\u2019t stop 'em", "dont-stop-em"),
        ("line\none\ttwo_three", "line-one-two-three"),
        ("\uff26\uff55\uff4c\uff4c Stra\u00dfe", "full-strasse"),
        ("\u65e5\u672c\u8a9e \u043c\u0438\u0440", "\u65e5\u672c\u8a9e-\u043c\u0438\u0440"),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", "\u0939\u093f\u0928\u094d\u0926\u0940"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645",
        ),
        ("\ud800broken\x00text", "brokentext"),
        ("a " * 50, "a-" * 19 + "a"),
        ("x" * 50 + " y", "x" * 40),
        ("four " + "x" * 40, "four"),
    ],
)
def test_a_slug_is_the_first_words_of_a_prompt(prompt: str, words: str) -> None:
    assert slug(prompt) == words


def test_a_slug_ends_with_a_whole_word() -> None:
    assert slug("a red fox", limit=5) == "a-red"
    assert slug("a red fox", limit=4) == "a"
    assert slug("crimson fox", limit=3) == "cri"


@unhurried
@given(prompt=st.text(), limit=st.integers(1, 60))
def test_a_slug_is_short_and_not_empty(prompt: str, limit: int) -> None:
    result = slug(prompt, limit=limit)
    assert result == "image" or 0 < len(result) <= limit
    assert not result.startswith("-")
    assert not result.endswith("-")


@pytest.mark.parametrize(
    ("prompt", "seed"),
    [
        ("a fox --seed 42", "42"),
        ("a fox --seed 1 --ar 1:1 --SEED=2", "2"),
        ("--seed 7", "7"),
        ("a fox \u2014seed 8", "8"),
        ("a fox", ""),
        ("a fox --seed", ""),
        ("a fox --seed x1", ""),
        ("a fox --seed 1x", ""),
        ("a fox--seed 1", ""),
        ("a fox --seed \u0663", ""),
    ],
)
def test_the_last_seed_counts(prompt: str, seed: str) -> None:
    assert seed_of(prompt) == seed


VISIBLE = st.characters(exclude_categories=["C"], exclude_characters='<>:"/\\|?*{}')
LITERALS = st.text(VISIBLE, max_size=8) | st.sampled_from(
    ["-", ".", "..", " ", "_", "COM", "nul.", "{{", "}}", "~", "1", "\u0301", "\u0323", "x" * 99]
)
FIELD_PARTS = st.sampled_from([*(f"{{{name}}}" for name in sorted(FIELDS)), "{seed:05}"])
INDEX_PARTS = st.sampled_from(["{index}", "{index:02}", "{index:09}"])
COMPONENTS = st.builds(
    lambda before, field, after: "".join([*before, field, *after]),
    st.lists(LITERALS | FIELD_PARTS, max_size=3),
    FIELD_PARTS | INDEX_PARTS,
    st.lists(LITERALS | FIELD_PARTS | INDEX_PARTS, max_size=3),
)
TEMPLATES = st.builds(
    lambda begin, index, end: "/".join([*begin, index, *end]),
    st.lists(COMPONENTS, max_size=1),
    st.builds("{}{}{}".format, LITERALS | FIELD_PARTS, INDEX_PARTS, LITERALS | FIELD_PARTS),
    st.lists(COMPONENTS, max_size=1),
)
ODD = ["", ".", "..", "/", "\\", "C:", "con", "Nul.x", "-", " ", "~", "\u0323", "\u1100\u1161", "1"]
STRINGS = (
    st.sampled_from(ODD)
    | st.text(st.characters(codec=None), max_size=40)
    | st.text(string.printable, max_size=40)
    | st.builds(lambda text, times: text * times, st.text(min_size=1), st.integers(50, 400))
)
FILLED = st.fixed_dictionaries(dict.fromkeys(sorted(FIELDS - {"index"}), STRINGS))
INDEXES = st.integers(0, 120) | st.integers(0, 10**10 - 1)

# Written from the rules of the three systems, with nothing taken from the module.
DEVICE = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[1-9\xb9\xb2\xb3]) *(\..*)?", re.IGNORECASE
)


def assert_legal(component: str) -> None:
    """Fail unless a name can be given on Windows, macOS and Linux alike."""
    assert 0 < len(component.encode()) <= 200
    assert not set(component) & set('<>:"/\\|?*')
    assert not any(unicodedata.category(char).startswith("C") for char in component)
    assert component[0] not in ".- "
    assert component[-1] not in ". "
    assert not DEVICE.fullmatch(component)
    assert unicodedata.is_normalized("NFC", component)


def assert_inside(path: PurePosixPath) -> None:
    """Fail unless a path stays below any directory it is joined to."""
    root = Path("/root/of/all")
    assert root in Path(root, path).resolve().parents
    windows = PureWindowsPath(path)
    assert not windows.drive
    assert not windows.root
    assert ".." not in windows.parts


def accepted(template: str) -> bool:
    try:
        check_template(template, FIELDS)
    except TemplateError:
        return False
    return True


@unhurried
@example("{slug}/{index}", dict.fromkeys(FIELDS, "\ud800.\u202e."), 1, 2)
@example("{name}{index}", dict.fromkeys(FIELDS, "1" * 400), 0, 10)
@example("{name}\u0323{index}", dict.fromkeys(FIELDS, "\u00e1" * 400), 0, 10)
@example("{index}{index}/{index:09}", dict.fromkeys(FIELDS, ""), 1, 11)
@given(template=TEMPLATES, values=FILLED, one=INDEXES, other=INDEXES)
def test_an_accepted_template_names_every_image_safely(
    template: str, values: dict[str, str], one: int, other: int
) -> None:
    assume(accepted(template))
    first = render(template, values | {"index": one})
    second = render(template, values | {"index": other})
    for path in (first, second):
        assert_inside(path)
        for component in path.parts:
            assert_legal(component)
    assert first == render(template, values | {"index": one})
    assert (str(first).casefold() == str(second).casefold()) == (one == other)


@unhurried
@given(template=st.text())
def test_any_text_is_accepted_or_refused_in_words(template: str) -> None:
    assert accepted(template) in {True, False}


@unhurried
@given(values=FILLED, index=INDEXES, ext=st.sampled_from(["png", "jpg", "webp", "gif", "avif"]))
def test_index_and_extension_outlive_any_value(
    values: dict[str, str], index: int, ext: str
) -> None:
    path = render("{slug} {name}-{task}-{index}.{ext}", values | {"index": index, "ext": ext})
    assert path.name.endswith(f"-{index}.{ext}") or path.name == f"{index}.{ext}"


@unhurried
@given(value=st.characters(codec=None))
def test_no_character_makes_a_name_illegal(value: str) -> None:
    for text in (value, f"a{value}", f"{value}b", f"a{value}\u0338"):
        for component in named("{name}/{index}{name}", name=text).split("/"):
            assert_legal(component)

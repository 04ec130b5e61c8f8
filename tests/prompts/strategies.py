"""Texts for the property tests: real prompts made from the table, and noise like them."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from mj_cli.prompts.table import Row, table

any_text = st.text(st.characters(exclude_categories=()), max_size=200)
"""Any Unicode text, lone surrogates too."""

PIECES = [*'- \n\t{}"=,:;.\\<>/\u2014\u2013\u00a0abA1', "--", " --", "::", "https://a.b/c.png"]
noise = st.lists(
    st.one_of(
        st.sampled_from(PIECES), st.sampled_from(sorted(table().by_name)), st.text(max_size=3)
    ),
    max_size=40,
).map("".join)
"""Text full of what means something in prompts."""

texts = st.one_of(any_text, noise)

blanks = st.sampled_from([" ", "  ", "\n", "\t ", "\u00a0"])
words = st.sampled_from(
    [
        "fox",
        "snow",
        "35mm",
        "-quiet",
        "a::",
        "b::2",
        '"two  words"',
        "{red, green}",
        "\u2014",
        "it's",
    ]
)
urls = st.sampled_from(["https://a.b/c.png", "https://a.b/d.jpg?x=1", "<https://a.b/e.webp>"])
numbers = st.integers(0, 5000).map(str)


def values_of(row: Row) -> st.SearchStrategy[tuple[str, ...]]:
    """Values as people write them, right or nearly right."""
    match row.kind:
        case "flag":
            return st.just(())
        case "urls":
            return st.lists(urls, min_size=1, max_size=3).map(tuple)
        case "refs":
            ref = st.one_of(urls, numbers, st.just("random"), numbers.map("{}::2".format))
            return st.lists(ref, min_size=1, max_size=3).map(tuple)
        case "words":
            return st.lists(st.sampled_from(["dogs,", "cats", "old"]), min_size=1, max_size=3).map(
                tuple
            )
        case "ratio":
            one = st.tuples(numbers, numbers).map(":".join)
        case "choice":
            one = st.sampled_from(row.choices)
        case "profile":
            one = st.sampled_from(["p123abc", "m456::2"])
        case "version":
            one = st.sampled_from(["6", "6.1", "7", "8.1", "99"])
        case _:
            one = st.one_of(numbers, st.just("0.5"), st.just("{1, 2}"))
    return st.tuples(one)


VALUES = {row.name: values_of(row) for row in table().rows}


@dataclass(frozen=True)
class Draft:
    """A prompt that was put together, for the tests to spell in several ways."""

    images: tuple[str, ...]
    words: tuple[str, ...]
    parameters: tuple[tuple[str, tuple[str, ...]], ...]

    def spelled(self, *, blank: str = " ", end: str = "") -> str:
        """The prompt as text."""
        pieces = [*self.images, *self.words]
        for name, values in self.parameters:
            pieces += [f"--{name}", *values]
        return blank.join(pieces) + end


@st.composite
def parameters(draw: st.DrawFn) -> tuple[str, tuple[str, ...]]:
    """A parameter under its name, with values."""
    name = draw(st.sampled_from(sorted(VALUES)))
    return name, draw(VALUES[name])


drafts = st.builds(
    Draft,
    images=st.lists(urls, max_size=2).map(tuple),
    words=st.lists(words, max_size=6).map(tuple),
    parameters=st.lists(parameters(), max_size=6).map(tuple),
)
prompts = st.builds(lambda draft, blank: draft.spelled(blank=blank), drafts, blanks)
"""Prompts made of real parameters."""

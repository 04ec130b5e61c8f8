"""The prompt grammar: any text becomes image URLs, words and parameters, and text again.

    prompt = URL* text ("--" name value*)*

It judges nothing and never fails: what a name or value means is the business of the checks. All
steps are linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

WORD = re.compile(r"\S+")
URL = re.compile(r"<?https?://\S+", re.IGNORECASE)
HEAD = re.compile(r"(--|[\u2014\u2013])([A-Za-z][A-Za-z0-9_-]*)")
QUOTED = re.compile(r'(?:(?<=\s)|(?<=[(\[{,=])|\A)"[^"]*"(?=[\s.,;:!?)\]}]|\Z)')
BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
COMMA = re.compile(r"\\.|,", re.DOTALL)
HIDDEN = re.compile(r'["\s]--[A-Za-z]')
DASHES = ("-", "\u2014", "\u2013")

IsParameter = Callable[[str, str | None], bool]
"""Tells whether a name after a long dash is a parameter, from the name and the next word."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text that white space does not divide.

    Attributes:
        text: its text, white space in braces folded.
        start: where it starts in the original.
        end: where it ends there.
    """

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Parameter:
    """One `--name` with its values.

    Attributes:
        name: the name as written, without dashes, in lower case.
        written: the name with its dashes, as written.
        junk: what is glued to the name and is no value, such as a comma.
        values: what follows, up to the next parameter.
        start: where it starts in the original.
        end: where the last value ends.
    """

    name: str
    written: str
    junk: str
    values: tuple[Token, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt taken apart.

    Attributes:
        images: leading image URLs.
        words: the tokens of the text.
        parameters: in the order in which they were written.
        groups: places of outermost `{...}` groups in the original.
        source: the original.
    """

    images: tuple[Token, ...]
    words: tuple[Token, ...]
    parameters: tuple[Parameter, ...]
    groups: tuple[tuple[int, int], ...]
    source: str

    @property
    def text(self) -> str:
        """The text between images and parameters, white space folded."""
        return " ".join(word.text for word in self.words)

    @property
    def permutations(self) -> tuple[tuple[int, int], ...]:
        """The places of groups that offer a choice, which those with escaped commas do not."""
        return tuple(place for place in self.groups if self._offers_choice(*place))

    def _offers_choice(self, start: int, end: int) -> bool:
        return any(match[0] == "," for match in COMMA.finditer(self.source, start, end))


def parse(source: str, *, after_long_dash: IsParameter | None = None) -> Prompt:
    """Take a prompt apart.

    Args:
        source: any text.
        after_long_dash: tells what is a parameter after a long dash, since that dash before a word
            is ordinary punctuation. None takes nothing for one.
    """
    groups = tuple(_groups(source))
    tokens = list(_tokens(source, groups))
    first = 0
    while first < len(tokens) and URL.fullmatch(tokens[first].text):
        first += 1
    heads = list(_heads(tokens, after_long_dash or _nothing))
    ends = [*(number for number, _ in heads[1:]), len(tokens)]
    return Prompt(
        images=tuple(tokens[:first]),
        words=tuple(tokens[first : heads[0][0] if heads else len(tokens)]),
        parameters=tuple(
            _parameter(head, tokens[number], tokens[number + 1 : end])
            for (number, head), end in zip(heads, ends, strict=False)
        ),
        groups=groups,
        source=source,
    )


def format_prompt(prompt: Prompt) -> str:
    """Return a prompt as text: single blanks, two hyphens, a blank before each value."""
    pieces = [token.text for token in (*prompt.images, *prompt.words)]
    pieces += [format_parameter(parameter) for parameter in prompt.parameters]
    return " ".join(pieces)


def format_parameter(parameter: Parameter) -> str:
    """Return one parameter as text."""
    values = [value.text for value in parameter.values]
    return " ".join([f"--{parameter.name}{parameter.junk}", *values])


def read_head(
    text: str, following: str | None, after_long_dash: IsParameter
) -> re.Match[str] | None:
    """Return the match of a parameter's name at the start of a word; None if it is text.

    Args:
        text: the word.
        following: the next word, None at the end.
        after_long_dash: as for `parse`.
    """
    match = HEAD.match(text)
    if match is None or match[1] == "--":
        return match
    rest = text[match.end() :]
    if rest and rest[0] != "=":
        return None
    return match if after_long_dash(match[2], rest[1:] or following) else None


def _nothing(name: str, following: str | None) -> bool:
    del name, following
    return False


def _heads(
    tokens: list[Token], after_long_dash: IsParameter
) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield where parameters begin, with the matches of their names."""
    for number, token in enumerate(tokens):
        if token.text.startswith(DASHES):
            following = tokens[number + 1].text if number + 1 < len(tokens) else None
            head = read_head(token.text, following, after_long_dash)
            if head is not None:
                yield number, head


def _parameter(head: re.Match[str], token: Token, following: list[Token]) -> Parameter:
    rest = token.text[head.end() :]
    values = list(following)
    junk = rest
    if rest.startswith("=") and not HEAD.match(rest, 1):
        junk = ""
        if len(rest) > 1:
            values.insert(0, Token(rest[1:], token.end - len(rest) + 1, token.end))
    end = values[-1].end if values else token.end
    return Parameter(head[2].lower(), head[0], junk, tuple(values), token.start, end)


def _tokens(source: str, groups: tuple[tuple[int, int], ...]) -> Iterator[Token]:
    """Yield tokens; white space inside a group or inside quotes divides nothing."""
    spans = _merged(groups, list(_quotes(source)))
    if not spans:
        for match in WORD.finditer(source):
            yield Token(match[0], match.start(), match.end())
        return
    start = end = -1
    is_joined = False
    position = 0
    for match in WORD.finditer(source):
        if start >= 0:
            while position < len(spans) and spans[position][1] <= end:
                position += 1
            if position < len(spans) and spans[position][0] < end:
                end = match.end()
                is_joined = True
                continue
            yield _token(source, start, end, fold=is_joined)
        start, end = match.span()
        is_joined = False
    yield _token(source, start, end, fold=is_joined)  # where a span is, there is a word


def _token(source: str, start: int, end: int, *, fold: bool) -> Token:
    text = source[start:end]
    if fold and '"' not in text:  # in quotes white space can be meant
        text = " ".join(text.split())
    return Token(text, start, end)


def _quotes(source: str) -> Iterator[tuple[int, int]]:
    """Yield places of quoted text; quotes around a parameter are a slip, not a quotation."""
    if '"' not in source:
        return
    for match in QUOTED.finditer(source):
        if not HIDDEN.search(match[0]):
            yield match.span()


def _groups(source: str) -> Iterator[tuple[int, int]]:
    """Yield places of outermost matched braces; a brace without its partner is a character."""
    if "{" not in source:
        return
    opened: list[int] = []
    pairs: list[tuple[int, int]] = []
    for match in BRACE.finditer(source):
        if match[0] == "{":
            opened.append(match.start())
        elif match[0] == "}" and opened:
            start = opened.pop()
            while pairs and pairs[-1][0] > start:
                pairs.pop()  # inside this one
            pairs.append((start, match.end()))
    yield from pairs


def _merged(
    groups: tuple[tuple[int, int], ...], quotes: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return the union of places in order; they can touch or overlap."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted([*groups, *quotes]):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged

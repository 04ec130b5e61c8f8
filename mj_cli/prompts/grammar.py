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
HIDDEN = re.compile(r"(?:\A|\s)--[A-Za-z]")


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


def parse(source: str, *, is_known: Callable[[str], bool] | None = None) -> Prompt:
    """Take a prompt apart.

    Args:
        source: any text.
        is_known: tells names of parameters; only these count after a long dash, since a dash
            before a word is ordinary punctuation. None takes none of them.
    """
    groups = tuple(_groups(source))
    tokens = list(_tokens(source, groups))
    known = is_known or _nothing
    first = 0
    while first < len(tokens) and URL.fullmatch(tokens[first].text):
        first += 1
    heads = [_head(token, known) for token in tokens]
    starts = [number for number in range(first, len(tokens)) if heads[number] is not None]
    text_end = starts[0] if starts else len(tokens)
    parameters = []
    for position, number in enumerate(starts):
        stop = starts[position + 1] if position + 1 < len(starts) else len(tokens)
        head = heads[number]
        assert head is not None
        parameters.append(_parameter(head, tokens[number], tokens[number + 1 : stop]))
    return Prompt(
        images=tuple(tokens[:first]),
        words=tuple(tokens[first:text_end]),
        parameters=tuple(parameters),
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


def _nothing(name: str) -> bool:
    del name
    return False


def _head(token: Token, is_known: Callable[[str], bool]) -> re.Match[str] | None:
    """Return the match of a parameter's name at the start of a token; None if it is a word."""
    match = HEAD.match(token.text)
    if match is None or match[1] == "--":
        return match
    rest = token.text[match.end() :]
    return match if is_known(match[2].lower()) and (not rest or rest[0] == "=") else None


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
    position = 0
    for match in WORD.finditer(source):
        if start >= 0:
            while position < len(spans) and spans[position][1] <= end:
                position += 1
            if position < len(spans) and spans[position][0] < end:
                end = match.end()
                continue
            yield _token(source, start, end, groups)
        start, end = match.span()
    if start >= 0:
        yield _token(source, start, end, groups)


def _token(source: str, start: int, end: int, groups: tuple[tuple[int, int], ...]) -> Token:
    text = source[start:end]
    if '"' not in text and groups and len(text.split(None, 1)) > 1:
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

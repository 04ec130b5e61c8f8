"""Templates to safe file names: what the user wishes for, cut to what every file system takes.

A template such as `{slug}/{task}-{index:02}.{ext}` is literal text with fields in braces. Its
slashes make sub-directories; nothing in a value ever does. The literal text is the user's own, so
what is wrong with it is an error before anything is paid. The values come from prompts, tables and
servers, so they are made safe without a word.

The same template and fields give the same path on every system, and two images of one job differ
in their index even where case makes no difference: the index is never shortened.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

DEFAULT_TEMPLATE = "{slug}-{task}-{index}.{ext}"

FIELDS: frozenset[str] = frozenset(
    {"slug", "task", "index", "ext", "job", "name", "seed", "date", "mode"}
)
"""The fields that `submit` and `wait` fill in; `date` is written YYYY-MM-DD."""

EXTENSIONS = ("png", "jpg", "webp", "gif", "avif")

_MAX_BYTES = 200
"""Of one component, in UTF-8: 255 is the usual limit, and a name in the making gets a suffix."""

_ROOM = _MAX_BYTES - 2
"""What is left when two underscores may still be put in front (see `_tidy`)."""

_INDEX_DIGITS = 10
_LEAST = 10
"""Bytes that every field can count on, however long the others are."""

_TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+")
_PADDING = re.compile(r"0([1-9])")
_FORBIDDEN = re.compile(r'[<>:"\\|?*]')
_BREAKS = re.compile(r'[\s<>:"/\\|?*]+')

_BLANKS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that show nothing: fillers and variation selectors."""

_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{port}{digit}" for port in ("COM", "LPT") for digit in "123456789\u00b9\u00b2\u00b3"}
)
"""Names that Windows takes for a device, whatever extension follows."""

_LEADING_URLS = re.compile(r"(?:\s*<?https?://\S+)+", re.IGNORECASE)
_PARAMETER = re.compile(r"(?:^|\s)(?:--|[\u2013\u2014])(?=[^\W\d_])")
"""The begin of a parameter; phones turn its two hyphens into one dash."""
_SEED = re.compile(r"(?:^|\s)(?:--|[\u2013\u2014])seed[\s=]+([0-9]+)(?!\S)", re.IGNORECASE)


class TemplateError(ValueError):
    """A template that cannot be used; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a template.

    Attributes:
        text: literal text, or the name of a field.
        is_field: which of the two it is.
        width: digits to which a field is padded with zeros; 0 for as it is.
    """

    text: str
    is_field: bool = False
    width: int = 0

    @property
    def is_index(self) -> bool:
        """Whether the piece tells one image of a job from the next."""
        return self.is_field and self.text == "index"


def check_template(template: str, fields: Collection[str]) -> None:
    """Make sure that a template gives every image a safe name of its own.

    Args:
        template: the template, as the user wrote it.
        fields: the names it may use, such as `FIELDS` or the columns of a table.

    Raises:
        TemplateError: it cannot be used; the message says why and what to write instead.
    """
    names = [piece.text for part in _parse(template) for piece in part if piece.is_field]
    for name in names:
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            guess = f", did you mean {{{near[0]}}}?" if near else ""
            allowed = ", ".join(f"{{{field}}}" for field in sorted(fields))
            raise TemplateError(
                f"the template has an unknown field {{{name}}}{guess} (known fields: {allowed})"
            )
    if "index" not in names:
        # All other fields are the same for every image of a job.
        raise TemplateError(
            f"the template {template!r} gives all images of a job one name; put {{index}} into it"
        )


def render(template: str, fields: Mapping[str, str | int]) -> PurePosixPath:
    """Fill in a template.

    Args:
        template: a template that `check_template` has passed.
        fields: a value for each field it uses; `index` is a number of at most ten digits.

    Returns:
        A relative path of one or more components. Each is a legal name on Windows, macOS and
        Linux, neither hidden nor like an option, and at most 200 bytes long; where it would be
        longer, the longest values are shortened and end in a digest of the whole value.

    Raises:
        TemplateError: the template cannot be used, a value is missing, or the index is no number.
    """
    return PurePosixPath(*(_component(part, fields) for part in _parse(template)))


def possible_paths(
    template: str,
    fields: Mapping[str, str | int],
    indexes: Iterable[int],
    extensions: Iterable[str] = EXTENSIONS,
) -> list[PurePosixPath]:
    """Return every path that the images of a job may get, in order and each once.

    Args:
        template: a template that `check_template` has passed.
        fields: all fields but `index` and `ext`.
        indexes: the images wished for.
        extensions: the types they may turn out to be.

    Raises:
        TemplateError: as from `render`.
    """
    types = tuple(extensions)
    return list(
        dict.fromkeys(
            render(template, {**fields, "index": index, "ext": extension})
            for index in indexes
            for extension in types
        )
    )


def slug(prompt: str, *, limit: int = 40) -> str:
    """Return the first words of a prompt in lower case, joined by hyphens.

    Args:
        prompt: the prompt; leading image URLs and everything from the first `--parameter` on do
            not count as words. Letters and digits of any script do.
        limit: the most characters to return, at least 1. Whole words only, unless the first one
            alone is too long.

    Returns:
        Words for a file name; "image" where the prompt has none.
    """
    urls = _LEADING_URLS.match(prompt)
    text = prompt[urls.end() :] if urls else prompt
    parameter = _PARAMETER.search(text)
    text = text[: parameter.start()] if parameter else text
    result = ""
    for word in _words(_fold(text)):
        longer = f"{result}-{word}" if result else word[:limit]
        if len(longer) > limit:
            break
        result = longer
    return result or "image"


def seed_of(prompt: str) -> str:
    """Return the digits of the last `--seed N` in a prompt, or an empty string."""
    seeds = _SEED.findall(prompt)
    return seeds[-1] if seeds else ""


def _fold(text: str) -> str:
    """Return one form for all ways to write the same letters."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded)


def _words(text: str) -> Iterator[str]:
    """Yield runs of letters, digits and the marks that belong to them."""
    word = ""
    for char in _visible(text, keep_breaks=True):
        kind = unicodedata.category(char)[0]
        if kind in "LN" or (kind == "M" and word):
            word += char
        elif char not in "'\u2019" and word:  # "don't" is one word
            yield word
            word = ""
    if word:
        yield word


@lru_cache(maxsize=64)
def _parse(template: str) -> tuple[tuple[_Piece, ...], ...]:
    """Split a template into components and these into pieces; raise for what can never be used."""
    if not template.strip():
        raise TemplateError(f"the template is empty; the usual one is {DEFAULT_TEMPLATE}")
    if any(unicodedata.category(char)[0] == "C" for char in template):
        _refuse(template, "has invisible characters; type it anew rather than paste it")
    if re.match(r"~?/|[A-Za-z]:", template):
        _refuse(template, "is an absolute path; write a path inside the output directory")
    parts: list[list[_Piece]] = [[]]
    for token in _TOKEN.finditer(template):
        text = token[0]
        if text in {"{", "}"}:
            where = f"has an unmatched {text} at character {token.start() + 1}"
            _refuse(template, f"{where}; write {text}{text} for the brace itself")
        if text in {"{{", "}}"}:
            parts[-1].append(_Piece(text[0]))
        elif text.startswith("{"):
            parts[-1].append(_field(template, text[1:-1]))
        else:
            first, *rest = text.split("/")
            parts[-1].append(_Piece(first))
            parts.extend([_Piece(more)] for more in rest)
    for part in parts:
        _check_part(template, part)
    return tuple(map(tuple, parts))


def _field(template: str, inside: str) -> _Piece:
    """Read what stands between two braces: a name, for numbers with the width to pad to."""
    name, colon, spec = inside.partition(":")
    if not name or re.search(r"[.!\[\]]", name):
        _refuse(template, f"has {{{inside}}}; only the plain name of a field can be in braces")
    if not colon:
        return _Piece(name, is_field=True)
    padding = _PADDING.fullmatch(spec)
    if name not in {"index", "seed"} or not padding:
        zeros = "only zeros can be asked for, as in {index:02} and {seed:09}"
        _refuse(template, f"has {{{inside}}}; {zeros}")
    return _Piece(name, is_field=True, width=int(padding[1]))


def _check_part(template: str, part: list[_Piece]) -> None:
    """Raise if one component of a template can never become a name."""
    fields = sum(piece.is_field for piece in part)
    literals = [piece.text for piece in part if not piece.is_field]
    literal = "".join(literals)
    if not fields and not literal.strip(". "):
        _refuse(template, f"has {literal!r} as a part of a path; every part needs a name")
    if forbidden := _FORBIDDEN.search(literal):
        hint = "; write / between directories" if forbidden[0] == "\\" else ""
        _refuse(template, f"has a {forbidden[0]} that not every system allows in names{hint}")
    length = sum(len(unicodedata.normalize("NFC", text).encode()) for text in literals)
    if length + _LEAST * fields > _ROOM - _LEAST:
        _refuse(template, "is too long for the name of a file; shorten it")


def _refuse(template: str, why: str) -> NoReturn:
    raise TemplateError(f"the template {template!r} {why}")


def _component(part: tuple[_Piece, ...], fields: Mapping[str, str | int]) -> str:
    """Fill in one component, its longest values shortened until it fits."""
    values = [(piece, _value(piece, fields)) for piece in part]
    # An index counts as if it had all its digits. Were the room for the others to depend on it,
    # "a1" with 0 and "a" with 10 could come out the same.
    widest = [
        (piece, value.zfill(_INDEX_DIGITS) if piece.is_index else value) for piece, value in values
    ]
    most = _ROOM
    while len(_joined(widest, most).encode()) > _ROOM:
        most -= 1
    return _tidy(_joined(values, most))


def _joined(values: Iterable[tuple[_Piece, str]], most: int) -> str:
    """Return the text of a component, no value but the index longer than `most` bytes."""
    text = "".join(
        _shorten(value, most) if piece.is_field and not piece.is_index else value
        for piece, value in values
    )
    return unicodedata.normalize("NFC", text)


def _value(piece: _Piece, fields: Mapping[str, str | int]) -> str:
    """Return what a piece stands for, safe as a part of a name."""
    if not piece.is_field:
        return piece.text
    if piece.text not in fields:
        raise TemplateError(f"there is no value for {{{piece.text}}} of the template")
    value = _safe(str(fields[piece.text]))
    if piece.text == "index" and not re.fullmatch(rf"[0-9]{{1,{_INDEX_DIGITS}}}", value):
        raise TemplateError(f"{value!r} is not the index of an image")
    return value.zfill(piece.width) if value.isdecimal() else value


@lru_cache(maxsize=256)  # a job has the same values in twenty possible names
def _safe(value: str) -> str:
    """Return a value with a hyphen for blanks and special characters, none at its ends."""
    words = (unicodedata.normalize("NFC", _visible(word)) for word in _BREAKS.split(value))
    return "-".join(filter(None, words))


def _visible(text: str, *, keep_breaks: bool = False) -> str:
    """Leave out what cannot be seen or written: controls, direction marks, half and no characters.

    `keep_breaks` keeps line ends and tabs, which are controls too.
    """
    return "".join(
        char
        for char in _BLANKS.sub("", text)
        if unicodedata.category(char)[0] != "C" or (keep_breaks and char.isspace())
    )


def _shorten(value: str, most: int) -> str:
    """Return a value in at most so many bytes, told from its like by a digest where it is cut."""
    data = value.encode()
    if len(data) <= most:
        return value
    digest = f"-{hashlib.sha256(data).hexdigest()[:8]}"
    begin = data[: max(most - len(digest), 0)].decode(errors="ignore")
    return begin.rstrip("-") + digest[-most:]


def _tidy(name: str) -> str:
    """Keep a component from being empty, hidden, like an option, or the name of a device."""
    stem, dot, extension = name.rstrip(". ").rpartition(".")
    if not dot:
        stem, extension = extension, ""
    stem = stem.lstrip(".- ") or "_"
    device = stem.partition(".")[0].rstrip(" ").upper()
    return f"{'_' if device in _DEVICES else ''}{stem}{dot}{extension}"

"""Words of a command line told apart: options of mj, parameters of the prompt, and its text.

People type prompts as they know them: `mj submit a red fox --ar 3:2 --seed 7 --wait`. What is an
option of mj is mj's; what is a known parameter goes to the prompt with its values; anything else
that looks like an option is a slip, and told before anything is paid for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mj_cli.errors import UsageError
from mj_cli.prompts.grammar import read_head
from mj_cli.prompts.table import Row, Table
from mj_cli.prompts.values import GLUED, RATIO, fits_several
from mj_cli.prompts.versions import VERSION

END = "--"
LONGEST_NAME = 40


SHORT = re.compile(r"-([A-Za-z][A-Za-z_-]*)(?:=.*)?", re.DOTALL)


@dataclass(slots=True)
class Divided:
    """A command line after division.

    Attributes:
        options: mj's own options with their values, as they stood.
        words: text of the prompt, in its order.
        parameters: parameters with their values, as text.
    """

    options: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)

    @property
    def prompt(self) -> list[str]:
        """The words and then the parameters, wherever these stood."""
        return [*self.words, *self.parameters]


def divide(arguments: Sequence[str], *, options: Mapping[str, bool], table: Table) -> Divided:
    """Tell mj's options, prompt parameters and text apart.

    Args:
        arguments: what follows the command's name.
        options: mj's long options with their hyphens; True for those that take a value.
        table: the parameters.

    Raises:
        UsageError: for what looks like an option and is none, with a did-you-mean, and for an
            option without its value.
    """
    divided = Divided()
    left = _Left(arguments, table)
    while left:
        named = left.has_name()
        argument = left.pop()
        if argument == END:
            divided.words += left.rest()
        elif named is None:
            divided.words.append(_text(argument, options, table))
        elif f"--{named}" in options:
            divided.options += _option(argument, f"--{named}", options, left)
        elif (row := table.find(named.rstrip(GLUED))) is not None:
            divided.parameters.append(_parameter(argument, row, left, has_text=bool(divided.words)))
        else:
            raise _unknown(named, options, table)
    return divided


class _Left:
    """The arguments that are left, the next one first."""

    def __init__(self, arguments: Sequence[str], table: Table) -> None:
        self._table = table
        self._reversed = list(reversed(arguments))

    def __bool__(self) -> bool:
        return bool(self._reversed)

    @property
    def next(self) -> str:
        return self._reversed[-1]

    def pop(self) -> str:
        return self._reversed.pop()

    def rest(self) -> list[str]:
        """Take all that is left."""
        taken = self._reversed[::-1]
        self._reversed.clear()
        return taken

    def has_value(self) -> bool:
        """Tell whether the next argument can be a value or text: neither a name nor the end."""
        return bool(self) and self.next != END and self.has_name() is None

    def has_name(self) -> str | None:
        """Return the name of what looks like an option; None for text.

        An argument with white space is a quoted prompt, or a part of one, except for the value
        after an equals sign.
        """
        following = self._reversed[-2] if len(self._reversed) > 1 else None
        head = read_head(self.next, following, self._table.reads_as_parameter)
        if head is None:
            return None
        rest = self.next[head.end() :]
        if not rest or rest[0] == "=":
            return head[2]
        return None if any(map(str.isspace, rest)) else head[2] + rest


def _text(argument: str, options: Mapping[str, bool], table: Table) -> str:
    """Return an argument that is text, unless it is an option with the wrong kind of hyphens."""
    short = SHORT.fullmatch(argument)
    if short and (len(short[1]) == 1 or f"--{short[1]}" in options or table.find(short[1])):
        name = "help" if short[1] == "h" else short[1]
        close = name if f"--{name}" in options or table.find(name) else None
        raise UsageError(
            f"{argument} has one hyphen, and there are no short options",
            hint=(f"write --{close}; " if close else "")
            + "nothing was sent; what follows -- is text",
            slug="single-hyphen",
        )
    meant = f"--{argument[1:]}"
    if argument.startswith(("\u2014", "\u2013")) and meant in options:
        raise UsageError(
            f"a long dash stands for the two hyphens of {meant}",
            hint=f"write {meant}; nothing was sent; what follows -- is text",
            slug="long-dash",
        )
    return argument


def _option(argument: str, option: str, options: Mapping[str, bool], left: _Left) -> list[str]:
    """Return an option of mj with its value."""
    if not options[option] or "=" in argument:
        return [argument]
    if not left.has_value():
        raise UsageError(
            f"{option} needs a value",
            hint=f"nothing was sent; a value that begins with hyphens: {option}=VALUE",
        )
    return [argument, left.pop()]


def _parameter(argument: str, row: Row, left: _Left, *, has_text: bool) -> str:
    """Return a parameter with as many of the following arguments as are its values.

    Where the text came first, as Midjourney has it, what follows is meant as a value.
    """
    _, equals, value = argument.partition("=")
    taken = [value] if equals else []
    if row.kind == "words":
        _take_words(taken, left, has_text=has_text)
    elif row.kind != "flag":
        if not taken and left.has_value() and _fits_first(row, left.next, has_text=has_text):
            taken.append(left.pop())
        _take_further(row, taken, left)
    return " ".join([argument, *(taken[1:] if equals else taken)])


def _fits_first(row: Row, value: str, *, has_text: bool) -> bool:
    """Tell whether an argument is the value; one that can be left out must look like one."""
    if not row.optional:
        return True
    if row.kind == "version":
        return VERSION.fullmatch(value.rstrip(GLUED)) is not None or value.startswith("{")
    return has_text or fits_several(row, value)


def _take_words(taken: list[str], left: _Left, *, has_text: bool) -> None:
    """Take the words of --no: all that follow the text; before it, one, or more with commas."""
    while left.has_value():
        goes_on = taken and (taken[-1].endswith(",") or left.next.startswith(","))
        if taken and not has_text and not goes_on:
            return
        taken.append(left.pop())


def _take_further(row: Row, taken: list[str], left: _Left) -> None:
    """Take further values of a parameter that has several, and the rest of a group in braces."""
    opened = sum(value.count("{") - value.count("}") for value in taken)
    while taken and left.has_value():
        value = left.next.rstrip(GLUED)
        # A shell made two ratios of {1:1,2:3}: the checks tell of the second.
        is_value = fits_several(row, value) if _takes_several(row) else RATIO.fullmatch(value)
        if opened <= 0 and not is_value:
            return
        taken.append(left.pop())
        opened += taken[-1].count("{") - taken[-1].count("}")


def _takes_several(row: Row) -> bool:
    return row.kind in {"refs", "urls", "profile"}


def _unknown(name: str, options: Mapping[str, bool], table: Table) -> UsageError:
    shown = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..."
    if base := table.lacks_blank(name):
        meant = f", a blank belongs between --{base} and its value"
    else:
        close = table.close_to(name, more=[option.removeprefix("--") for option in options])
        meant = f", did you mean --{close}?" if close else ""
    return UsageError(
        f"--{shown} is neither an option of mj nor a parameter of prompts{meant}",
        hint="nothing was sent; what follows -- is text",
        slug="unknown-parameter",
    )

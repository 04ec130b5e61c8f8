"""Words of a command line told apart: options of mj, parameters of the prompt, and its text.

People type prompts as they know them: `mj submit a red fox --ar 3:2 --seed 7 --wait`. What is an
option of mj is mj's; what is a known parameter goes to the prompt with its values; anything else
that looks like an option is a slip, and told before anything is paid for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mj_cli.errors import UsageError
from mj_cli.prompts.grammar import HEAD, URL
from mj_cli.prompts.table import Row, Table
from mj_cli.prompts.values import CODE, PROFILE, REF_WEIGHT
from mj_cli.prompts.versions import VERSION


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
        UsageError: for what looks like an option and is none, with a did-you-mean.
    """
    divided = Divided()
    left = list(reversed(arguments))
    while left:
        argument = left.pop()
        if argument == "--":
            divided.words += reversed(left)
            return divided
        name = _name_of(argument, table)
        if name is None:
            divided.words.append(argument)
        elif f"--{name}" in options:
            _take_option(argument, f"--{name}", options, left, divided)
        elif (row := table.find(name)) is not None:
            _take_parameter(argument, row, left, divided)
        else:
            raise _unknown(name, options, table)
    return divided


def _name_of(argument: str, table: Table) -> str | None:
    """Return the name of what looks like an option; None for text.

    An argument with white space is a quoted prompt, or a part of one.
    """
    head = HEAD.match(argument)
    if head is None or len(argument.split()) > 1:
        return None
    rest = argument[head.end() :]
    if head[1] != "--" and table.find(head[2]) is None:
        return None  # a dash as punctuation
    return head[2] if not rest or rest[0] == "=" else head[2] + rest


def _take_option(
    argument: str, option: str, options: Mapping[str, bool], left: list[str], divided: Divided
) -> None:
    divided.options.append(argument)
    if options[option] and "=" not in argument and left:
        divided.options.append(left.pop())


def _take_parameter(argument: str, row: Row, left: list[str], divided: Divided) -> None:
    """Take a parameter with as many of the following arguments as are its values."""
    pieces = [argument]
    if "=" not in argument:
        pieces += _values(row, left, has_text=bool(divided.words))
    elif row.kind in {"refs", "urls"}:
        pieces += _further(row, left)
    divided.parameters.append(" ".join(pieces))


def _values(row: Row, left: list[str], *, has_text: bool) -> list[str]:
    if row.kind == "flag" or not left or HEAD.match(left[-1]):
        return []
    if row.kind == "words":
        return _words(left, has_text=has_text)
    if row.kind == "profile":
        return _further(row, left)
    if row.name == "niji" and not VERSION.fullmatch(left[-1]):
        return []
    return [left.pop(), *(_further(row, left) if row.kind in {"refs", "urls"} else [])]


def _words(left: list[str], *, has_text: bool) -> list[str]:
    """Take the words of --no: all that follow the text; before it, one, or more with commas."""
    taken: list[str] = []
    while left and not HEAD.match(left[-1]):
        if taken and not has_text and not taken[-1].endswith(","):
            break
        taken.append(left.pop())
    return taken


def _further(row: Row, left: list[str]) -> list[str]:
    """Take further values of a parameter that has several, as long as they look like some."""
    taken: list[str] = []
    while left and (row.most is None or len(taken) < row.most - 1) and _fits(row, left[-1]):
        taken.append(left.pop())
    return taken


def _fits(row: Row, argument: str) -> bool:
    if row.kind == "profile":
        # A word of the text looks the same; ids start with p or m and have digits.
        return PROFILE.fullmatch(argument) is not None and any(map(str.isdigit, argument))
    if URL.fullmatch(argument):
        return True
    return row.kind == "refs" and CODE.fullmatch(REF_WEIGHT.sub("", argument)) is not None


def _unknown(name: str, options: Mapping[str, bool], table: Table) -> UsageError:
    close = table.close_to(name, more=[option.removeprefix("--") for option in options])
    meant = f", did you mean --{close}?" if close else ""
    return UsageError(
        f"--{name} is neither an option of mj nor a parameter of prompts{meant}",
        hint="nothing was sent; -- ends the options, what follows is sent as it is checked",
        slug="unknown_parameter",
    )

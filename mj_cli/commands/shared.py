"""What all commands share: options before and after the subcommand, and how values are checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from mj_cli.errors import UsageError
from mj_cli.models import TASK_ID
from mj_cli.session import Session

OPTION_LIKE = re.compile(r"--?[a-z-]*")
IDS = {"ignore_unknown_options": True}
"""Context settings of commands that take ids, since one task id in sixty begins with a hyphen."""


OutOption = Annotated[str | None, typer.Option(metavar="DIR", help="Output directory.")]
TemplateOption = Annotated[
    str | None, typer.Option(metavar="T", help="File names, such as {slug}-{index}.{ext}.")
]
ImagesOption = Annotated[
    str | None, typer.Option(metavar="all|grid|1,3", help="Which images to save.")
]


def session_of(context: typer.Context) -> Session:
    """Return the session of this run of the program."""
    session = context.obj
    assert isinstance(session, Session)
    return session


def _options() -> list[TyperOption]:
    """Return the shared options; each parse makes a new list, since commands own theirs."""

    def remember(context: typer.Context, parameter: Any, value: Any) -> None:
        if value:
            setattr(session_of(context).shared, parameter.name, value)

    def flag(name: str, help_text: str) -> TyperOption:
        return TyperOption(
            param_decls=[f"--{name}"],
            is_flag=True,
            default=False,
            expose_value=False,
            callback=remember,
            help=help_text,
        )

    profile = TyperOption(
        param_decls=["--profile"],
        metavar="NAME",
        expose_value=False,
        callback=remember,
        help="Account to use (MJ_PROFILE).",
    )
    return [
        profile,
        flag("sandbox", "Play: no key, no network, no cost; drawn pictures."),
        flag("json", "JSON Lines on stdout, errors as JSON on stderr."),
        flag("quiet", "Bare ids or paths on stdout, nothing else unless it fails."),
        flag("verbose", "Log requests; show the traceback of a bug."),
    ]


class Command(TyperCommand):
    """A command with the shared options after its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["params"] = [*(kwargs.get("params") or []), *_options()]
        super().__init__(*args, **kwargs)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Name required arguments as manuals do, without braces."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]


class Group(TyperGroup):
    """A group with the shared options after its own."""

    default_command: str | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["params"] = [*(kwargs.get("params") or []), *_options()]
        super().__init__(*args, **kwargs)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse options; where no subcommand is named, the default one is meant."""
        own = {"--help", "--json", "--quiet", "--verbose", "--sandbox"}
        is_own_help = "--help" in args and own.issuperset(args)
        if self.default_command is not None and not is_own_help and _first_word(args) is None:
            args = [self.default_command, *args]
        return super().parse_args(ctx, args)


class ListingGroup(Group):
    """A group that lists when no subcommand is named."""

    default_command = "list"


def _first_word(args: Sequence[str]) -> str | None:
    """Return the first argument that is neither a shared option nor its value.

    Any other option belongs to the default command, so there is no word then.
    """
    words = iter(args)
    for word in words:
        if word == "--profile":
            next(words, None)
        elif word.startswith("-") and word not in {"--json", "--quiet", "--verbose", "--sandbox"}:
            return None if not word.startswith("--profile=") else _first_word(list(words))
        elif not word.startswith("-"):
            return word
    return None


def checked_ids(values: Sequence[str]) -> list[str]:
    """Return ids, each once, after telling them from misspelt options.

    Raises:
        UsageError: for what can be no id.
    """
    for value in values:
        if OPTION_LIKE.fullmatch(value):
            raise UsageError(f"no such option: {value}", hint="see the options with --help")
        if not TASK_ID.fullmatch(value):
            raise UsageError(
                f"{value!r} is no job or task id",
                hint="ids have letters, digits, hyphens and underscores; see: mj jobs",
            )
    return list(dict.fromkeys(values))


def parsed_option(name: str, value: object | None) -> Any:
    """Parse the value of an option by the settings table; None stays None.

    Raises:
        UsageError: naming the option.
    """
    from mj_cli.naming import TemplateError  # noqa: PLC0415 - help needs no settings
    from mj_cli.settings import TABLE  # noqa: PLC0415

    if value is None:
        return None
    try:
        return TABLE[name].parse(value)
    except TemplateError as error:
        raise UsageError(str(error), hint="nothing was sent", slug="template") from error
    except ValueError as error:
        option = "--" + name.replace("_", "-")
        raise UsageError(f"{option} {error} (it is {value!r})", hint="nothing was sent") from error


def set_flags(session: Session, **options: object | None) -> None:
    """Give the options of a command to the settings, where they win over everything else."""
    session.flags = {name: parsed_option(name, value) for name, value in options.items()}

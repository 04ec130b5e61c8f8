"""`mj config`: settings with their sources, keys, and profiles."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mj_cli.commands.shared import Command, Group, session_of
from mj_cli.errors import KeyRefusedError, UsageError
from mj_cli.session import Session

if TYPE_CHECKING:
    from mj_cli.output.interface import SettingLine

app = typer.Typer(
    cls=Group,
    help="Settings, keys and profiles.",
    rich_markup_mode=None,
    add_completion=False,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a setting.")]


@app.command("get", cls=Command)
def get(context: typer.Context, name: Name) -> int:
    """Print one setting's value."""
    from mj_cli.output.text import setting_text  # noqa: PLC0415
    from mj_cli.settings import setting_named  # noqa: PLC0415

    session = session_of(context)
    if name == "profile":
        session.output.value(session.settings.profile)
        return 0
    setting_named(name)
    session.output.value(setting_text(session.settings.get(name)))
    return 0


@app.command("set", cls=Command)
def set_value(
    context: typer.Context,
    name: Name,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Its new value.")],
) -> int:
    """Store a setting in your own file; with --profile, for that profile alone."""
    from mj_cli import settings_file  # noqa: PLC0415

    session = session_of(context)
    path, lost_comments = settings_file.store(name, value, profile=_profile(session))
    session.output.note(f"{name} is stored in {path}")
    if lost_comments:
        session.output.warn(f"the comments in {path} were not kept")
    return 0


@app.command("unset", cls=Command)
def unset(context: typer.Context, name: Name) -> int:
    """Remove a setting from your own file."""
    from mj_cli import settings_file  # noqa: PLC0415

    session = session_of(context)
    if settings_file.remove(name, profile=_profile(session)):
        session.output.note(f"{name} is back to its default")
    else:
        session.output.note(f"{name} was not set")
    return 0


@app.command("list", cls=Command)
def list_settings(context: typer.Context) -> int:
    """Show every setting with its value and where that came from."""
    from mj_cli.output.interface import SettingLine  # noqa: PLC0415
    from mj_cli.settings import TABLE  # noqa: PLC0415

    session = session_of(context)
    lines = [
        SettingLine(
            name="profile",
            value=session.settings.profile,
            source=session.settings.profile_source,
            meaning="account to use",
        ),
        _key_line(session),
    ]
    for name, value in session.settings.all().items():
        lines.append(
            SettingLine(
                name=name, value=value.value, source=value.source, meaning=TABLE[name].meaning
            )
        )
    session.output.settings(lines)
    return 0


@app.command("path", cls=Command)
def path(context: typer.Context) -> int:
    """Print the path of your settings file."""
    from mj_cli import paths  # noqa: PLC0415

    session_of(context).output.value(str(paths.config_file()))
    return 0


@app.command("login", cls=Command, context_settings={"allow_extra_args": True})
def login(context: typer.Context) -> int:
    """Read an API key, check it with a call that costs nothing, and store it.

    The key is read hidden at a terminal, or from stdin, and is bound to the base URL.
    """
    from mj_cli import credentials  # noqa: PLC0415

    session = session_of(context)
    _refuse_sandbox(session)
    if context.args:
        raise UsageError(
            "login takes no key as an argument, where the shell's history would keep it",
            hint="type it when asked, or pipe it into: mj config login",
        )
    base_url = session.settings.get("base_url")
    key = credentials.check_key(_read_key(), "your input")
    session.check_key(key)
    path = credentials.store_key(key, profile=session.settings.profile, base_url=base_url)
    session.output.note(f"the key works and is stored in {path} for {base_url}")
    return 0


@app.command("logout", cls=Command)
def logout(context: typer.Context) -> int:
    """Remove the stored key of the profile."""
    from mj_cli import credentials  # noqa: PLC0415

    session = session_of(context)
    _refuse_sandbox(session)
    profile = session.settings.profile
    if credentials.remove_key(profile):
        session.output.note(f"the key of the profile {profile!r} is removed")
    else:
        session.output.note(f"the profile {profile!r} has no stored key")
    return 0


@app.command("use", cls=Command)
def use(
    context: typer.Context,
    profile: Annotated[str, typer.Argument(metavar="PROFILE", help="Name of a profile.")],
) -> int:
    """Make a profile the one that counts when none is named."""
    from mj_cli import credentials, settings_file  # noqa: PLC0415

    session = session_of(context)
    settings_file.use_profile(profile)
    session.output.note(f"the profile {profile!r} is used from now on")
    if profile not in credentials.stored_profiles():
        session.output.note(f"it has no key yet; log in with: mj config login --profile {profile}")
    return 0


def _profile(session: Session) -> str | None:
    """Return the profile that --profile names, whose section is meant then."""
    from mj_cli.settings import check_profile  # noqa: PLC0415

    _refuse_sandbox(session)
    named = session.shared.profile
    return None if named is None else check_profile(named)


def _refuse_sandbox(session: Session) -> None:
    if session.shared.sandbox:
        raise UsageError("the sandbox has no settings or keys to store", hint="leave out --sandbox")


def _read_key() -> str:
    """Read a key hidden from a terminal, or the first line of stdin."""
    if not sys.stdin.isatty():
        try:
            return sys.stdin.read(8192).removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            return ""  # which is no key either
    import getpass  # noqa: PLC0415

    return getpass.getpass("API key (hidden): ", stream=sys.stderr).strip()


def _key_line(session: Session) -> SettingLine:
    from mj_cli import credentials  # noqa: PLC0415
    from mj_cli.output.interface import SettingLine  # noqa: PLC0415

    value, source, meaning = "set", "", "never shown"
    if session.shared.sandbox:
        source = "sandbox"
    else:
        try:
            source = credentials.find_key(
                profile=session.settings.profile, base_url=session.settings.get("base_url")
            ).source
        except KeyRefusedError as error:
            value = "not set" if error.slug == "no_key" else "not usable"
            source, meaning = "-", error.message
    return SettingLine(name="api_key", value=value, source=source, meaning=meaning)

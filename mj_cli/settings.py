"""Settings: a table that knows each value's type, default, and where it may come from.

flag > environment > project `mj.toml` > profile in the user's `config.toml` > top of that file >
default. A project file comes with a cloned repository and is not trusted: it may say what to
build, never where to send, what to run or whom to tell.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from mj_cli import naming, paths
from mj_cli.addresses import is_loopback
from mj_cli.errors import LocalError, SettingError
from mj_cli.models import DEFAULT_TIMEOUT, TIMEOUT_RANGE, Mode

DEFAULT_BASE_URL = "https://api.midjourney-api.com"
SANDBOX_URL = "http://sandbox.localhost"
SANDBOX_PROFILE = "sandbox"
DEFAULT_PROFILE = "default"
PROFILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
IMAGE_SELECTION = re.compile(r"all|grid|[0-9]{1,2}(,[0-9]{1,2})*")

Parser = Callable[[object], Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    Attributes:
        name: as in files and on the command line.
        parse: turns text or a TOML value into the value; raises ValueError with what it must be.
        default: the value when nobody says anything; None means not set.
        meaning: one line for `config list`.
        variables: environment variables, the first one wins.
        project: whether a project file may set it.
    """

    name: str
    parse: Parser
    default: object
    meaning: str
    variables: tuple[str, ...] = ()
    project: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value and where it came from."""

    value: Any
    source: str


def parse_base_url(value: object) -> str:
    """Accept https anywhere and plain http on this machine; return it without a final slash."""
    parts = _url(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("must be an https URL")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be an https URL without user, query or fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https: plain http is for this machine only")
    return parts.geturl().rstrip("/")


def parse_mode(value: object) -> Mode:
    """Accept `fast` or `relaxed`."""
    try:
        return Mode(_text(value))
    except ValueError:
        raise ValueError("must be fast or relaxed") from None


def parse_timeout(value: object) -> int:
    """Accept 300 to 1200 seconds."""
    number = _integer(value)
    if number not in TIMEOUT_RANGE:
        raise ValueError(f"must be {TIMEOUT_RANGE.start} to {TIMEOUT_RANGE.stop - 1} seconds")
    return number


def parse_hook_url(value: object) -> str:
    """Accept an http or https URL."""
    parts = _url(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("must be an http or https URL")
    return _text(value)


def parse_template(value: object) -> str:
    """Accept a template for file names (see `mj_cli.naming`)."""
    text = _text(value)
    naming.check_template(text, naming.FIELDS)
    return text


def parse_out(value: object) -> str:
    """Accept a path that a system can have."""
    text = _text(value)
    if "\0" in text:
        raise ValueError("must be a path, without a NUL character")
    return text


def parse_images(value: object) -> str:
    """Accept `all`, `grid`, or indexes such as `1,3`."""
    text = _text(value).replace(" ", "")
    if not IMAGE_SELECTION.fullmatch(text):
        raise ValueError("must be all, grid, or indexes such as 1,3 (0 is the grid)")
    return text


def parse_hosts(value: object) -> tuple[str, ...]:
    """Accept a list of host names, or text with commas."""
    items = value if isinstance(value, list) else _text(value).split(",")
    hosts = tuple(_text(item).strip().lower() for item in items)
    if not all(re.fullmatch(r"[a-z0-9.:-]+", host) for host in hosts):
        raise ValueError("must be host names, separated by commas")
    return hosts


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text")
    return value


def _url(value: object) -> SplitResult:
    text = _text(value)
    if not text.isprintable() or " " in text:  # urlsplit would drop some of them in silence
        raise ValueError("must be a URL without blanks and line breaks")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("must be a URL with a possible host and port") from None
    return parts


def _integer(value: object) -> int:
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        return int(value)
    except ValueError:
        raise ValueError("must be a whole number") from None


def _number(low: float, high: float) -> Parser:
    def parse(value: object) -> float:
        try:
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise ValueError
            number = float(value)
        except ValueError:
            raise ValueError("must be a number") from None
        if not low <= number <= high:
            raise ValueError(f"must be {low:g} to {high:g}")
        return number

    return parse


def _whole(low: int, high: int) -> Parser:
    def parse(value: object) -> int:
        number = _integer(value)
        if not low <= number <= high:
            raise ValueError(f"must be {low} to {high}")
        return number

    return parse


TABLE: dict[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting(
            "base_url",
            parse_base_url,
            DEFAULT_BASE_URL,
            "where the API is",
            ("MJ_BASE_URL", "MIDJOURNEY_API_BASE_URL"),
        ),
        Setting("mode", parse_mode, Mode.FAST, "speed: fast or relaxed", project=True),
        Setting(
            "timeout",
            parse_timeout,
            None,
            f"a task's own limit, 300 to 1200 s (service: {DEFAULT_TIMEOUT})",
            project=True,
        ),
        Setting("hook_url", parse_hook_url, None, "where the service posts results"),
        Setting("out", parse_out, ".", "output directory", project=True),
        Setting(
            "template",
            parse_template,
            naming.DEFAULT_TEMPLATE,
            "names of image files",
            project=True,
        ),
        Setting("images", parse_images, "all", "all, grid, or indexes such as 1,3", project=True),
        Setting("slots", _whole(1, 1000), 10, "unfinished jobs at a time", project=True),
        Setting(
            "poll_min_seconds",
            _number(0.01, 3600),
            1.0,
            "shortest time between two job-status calls",
            ("MJ_POLL_MIN_SECONDS",),
        ),
        Setting("ids_per_call", _whole(1, 1000), 50, "task ids in one job-status call"),
        Setting("answer_seconds", _number(0.1, 600), 60.0, "limit of one API call"),
        Setting("connect_give_up_seconds", _number(0, 3600), 30.0, "tries to reach the service"),
        Setting("give_up_seconds", _number(0, 86400), 300.0, "unbroken failure of job-status"),
        Setting("image_seconds", _number(1, 86400), 300.0, "limit of one image download"),
        Setting("max_image_mb", _number(0.001, 100_000), 64.0, "largest image in MB"),
        Setting("allow_image_hosts", parse_hosts, (), "hosts that images may come from as well"),
        Setting(
            "sandbox_seconds",
            _number(0, 3600),
            4.0,
            "how long a fast job takes in the sandbox",
            ("MJ_SANDBOX_SECONDS",),
        ),
        Setting("cost_fast", _number(0, 1e9), None, "quota that a fast job costs"),
        Setting("cost_relaxed", _number(0, 1e9), None, "quota that a relaxed job costs"),
    )
}


class Settings:
    """Every setting's value for this run, each with its source.

    Args:
        profile: which profile of the user's file counts.
        profile_source: where that came from.
        flags: values from the command line, already parsed; None means not given.
        user: the user's file, decoded.
        project: path and content of the project's file, or None.
        defaults: defaults that differ from the table's, for the sandbox.
    """

    def __init__(
        self,
        *,
        profile: str,
        profile_source: str,
        flags: Mapping[str, object],
        user: Mapping[str, Any],
        project: tuple[Path, Mapping[str, Any]] | None,
        defaults: Mapping[str, object] | None = None,
    ) -> None:
        self.profile = profile
        self.profile_source = profile_source
        self._flags = flags
        self._user = user
        self._project = project
        self._defaults = defaults or {}

    def value(self, name: str) -> Value:
        """Return a setting's value and source.

        Raises:
            SettingError: naming the variable or file that holds something unusable.
        """
        setting = TABLE[name]
        if self._flags.get(name) is not None:
            return Value(self._flags[name], "command line")
        for variable in setting.variables:
            if os.environ.get(variable) and name not in self._defaults:
                return Value(parsed(setting, os.environ[variable], variable), variable)
        return self._from_files(setting) or Value(
            self._defaults.get(name, setting.default), "default"
        )

    def get(self, name: str) -> Any:
        """Return a setting's value."""
        return self.value(name).value

    def all(self) -> dict[str, Value]:
        """Return every setting with its source."""
        return {name: self.value(name) for name in TABLE}

    def out_directory(self) -> Path:
        """Return the absolute output directory; a project's is relative to its file."""
        found = self.value("out")
        if self._project is not None and found.source == str(self._project[0]):
            return self._project[0].parent / str(found.value)
        return Path(str(found.value)).expanduser().absolute()

    def _from_files(self, setting: Setting) -> Value | None:
        if self._project is not None and setting.name in self._project[1]:
            path, content = self._project
            value = parsed(setting, content[setting.name], str(path))
            if setting.name == "out":
                _keep_inside(path, str(value))
            return Value(value, str(path))
        if setting.name in self._defaults:
            return None
        path = paths.config_file()
        profiles = self._user.get("profiles", {})
        section = profiles.get(self.profile, {})
        if setting.name in section:
            where = f"{path} [profiles.{self.profile}]"
            return Value(parsed(setting, section[setting.name], where), where)
        if setting.name in self._user:
            return Value(parsed(setting, self._user[setting.name], str(path)), str(path))
        return None


def load(*, profile: str | None, sandbox: bool, flags: Mapping[str, object]) -> Settings:
    """Read the settings files that apply in the working directory.

    Args:
        profile: from the command line, or None.
        sandbox: whether this run talks to the sandbox.
        flags: parsed values from the command line.

    Raises:
        SettingError: when a file is malformed or sets what it may not; it names the file.
    """
    user = read_user_file()
    project_path = paths.project_file(_working_directory())
    project = None
    if project_path is not None:
        project = (project_path, read_project_file(project_path))
    if sandbox:
        return Settings(
            profile=SANDBOX_PROFILE,
            profile_source="command line",
            flags=flags,
            user=user,
            project=project,
            defaults={"base_url": SANDBOX_URL, "poll_min_seconds": 0.2},
        )
    name, source = _profile_of(profile, user)
    return Settings(
        profile=check_profile(name, source),
        profile_source=source,
        flags=flags,
        user=user,
        project=project,
    )


def _profile_of(flag: str | None, user: Mapping[str, Any]) -> tuple[object, str]:
    """Return which profile counts, and who said so."""
    if flag:
        return flag, "command line"
    if os.environ.get("MJ_PROFILE"):
        return os.environ["MJ_PROFILE"], "MJ_PROFILE"
    if "profile" in user:
        return user["profile"], str(paths.config_file())
    return DEFAULT_PROFILE, "default"


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        raise LocalError(
            f"the working directory cannot be used: {error.strerror}",
            hint="change to one that exists",
        ) from error


def check_profile(name: object, source: str = "command line") -> str:
    """Return a profile's name if it can be one.

    Raises:
        SettingError: naming the source otherwise; `sandbox` is taken by the sandbox.
    """
    if not isinstance(name, str) or not PROFILE_NAME.fullmatch(name):
        raise SettingError(
            f"{name!r} ({source}) is no profile name",
            hint="use letters, digits, dots, hyphens, underscores",
        )
    if name == SANDBOX_PROFILE:
        raise SettingError(
            f"the profile name 'sandbox' ({source}) is taken by the sandbox",
            hint="use --sandbox instead",
        )
    return name


def parsed(setting: Setting, value: object, source: str) -> Any:
    """Parse one value.

    Raises:
        SettingError: naming the source.
    """
    try:
        return setting.parse(value)
    except naming.TemplateError as error:
        raise SettingError(
            f"{error} ({setting.name} in {source})", hint=f"see: mj config get {setting.name}"
        ) from error
    except ValueError as error:
        raise SettingError(
            f"{setting.name} in {source} {error} (it is {value!r})",
            hint=f"set it right there, or see: mj config get {setting.name}",
        ) from error


def read_user_file() -> dict[str, Any]:
    """Return the content of the user's settings file; empty when there is none."""
    path = paths.config_file()
    content = read_toml(path)
    profiles = content.get("profiles", {})
    if not isinstance(profiles, dict) or not all(isinstance(v, dict) for v in profiles.values()):
        raise SettingError(f"profiles in {path} must be tables such as [profiles.work]")
    for section in (content, *profiles.values()):
        for name in section:
            if name not in TABLE and (
                section is not content or name not in {"profile", "profiles"}
            ):
                raise _unknown(name, path)
    return content


def read_project_file(path: Path) -> dict[str, Any]:
    """Return the content of a project's file.

    Raises:
        SettingError: when it sets anything that a project may not.
    """
    content = read_toml(path)
    for name in content:
        if name not in TABLE:
            raise _unknown(name, path)
        if not TABLE[name].project:
            allowed = ", ".join(setting.name for setting in TABLE.values() if setting.project)
            raise SettingError(
                f"the project file {path} may not set {name}: it may set {allowed}",
                hint=f"set it for yourself with: mj config set {name} VALUE",
                slug="project_setting",
            )
    return content


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's content; empty when there is none.

    Raises:
        SettingError: when it cannot be read or is malformed.
    """
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingError(
            f"the settings file {path} cannot be read: {reason}",
            hint="mend it by hand; mj changed nothing",
        ) from error


def setting_named(name: str) -> Setting:
    """Return a row of the table.

    Raises:
        SettingError: with a did-you-mean.
    """
    if name not in TABLE:
        raise _unknown(name, None)
    return TABLE[name]


def _unknown(name: str, path: Path | None) -> SettingError:
    import difflib  # noqa: PLC0415 - only for a misspelt name

    close = difflib.get_close_matches(name, TABLE, n=1)
    where = f" in {path}" if path else ""
    hint = f"did you mean {close[0]}?" if close else "see the names with: mj config list"
    return SettingError(f"there is no setting {name!r}{where}", hint=hint)


def _keep_inside(path: Path, out: str) -> None:
    parent = path.parent.resolve()
    if Path(out).is_absolute() or not (parent / out).resolve().is_relative_to(parent):
        raise SettingError(
            f"the project file {path} may not set out to {out!r}: it leaves the project",
            hint="use --out on the command line",
            slug="project_setting",
        )

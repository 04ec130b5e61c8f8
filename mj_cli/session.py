"""What a command needs at hand: settings, account, ledger, service and output, each when needed."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mj_cli import paths, settings
from mj_cli.clock import Clock
from mj_cli.errors import ExitCode, LocalError, MjError, UsageError, first_of
from mj_cli.models import Destination, Job
from mj_cli.output import Output, Shows, open_output

if TYPE_CHECKING:
    from mj_cli.api.service import Service
    from mj_cli.downloads import Downloader
    from mj_cli.ledger import Ledger
    from mj_cli.pipeline.run import Plan
    from mj_cli.sandbox import Store
    from mj_cli.transport import SandboxTransport

SANDBOX_KEY = "sandbox"
RELAXED_FACTOR = 2.5
COMMAND = re.compile(
    r"\bmj (?:submit|status|wait|config login|jobs(?: (?:list|show|resolve|forget|prune))?)\b"
)
"""Commands in hints that need to be told the profile or the sandbox again."""


@dataclass(slots=True)
class Shared:
    """The options that every command has, before and after its name."""

    profile: str | None = None
    sandbox: bool = False
    json: bool = False
    quiet: bool = False
    verbose: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays: a hash for the ledger, and the key that never leaves this process but in calls."""

    hash: str
    key: str
    base_url: str

    def __repr__(self) -> str:
        return f"Account({self.hash})"


class Session:
    """One run of the program.

    Args:
        clock: the time.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.shared = Shared()
        self.flags: Mapping[str, object] = {}
        self._ledger: Ledger | None = None
        self._store: Store | None = None

    @functools.cached_property
    def output(self) -> Output:
        """Where everything is shown."""
        return open_output(
            json=self.shared.json,
            quiet=self.shared.quiet,
            verbose=self.shared.verbose,
            monotonic=self.clock.monotonic,
        )

    @functools.cached_property
    def settings(self) -> settings.Settings:
        """The settings that apply here."""
        if self.shared.sandbox and self.shared.profile:
            raise UsageError(
                "--sandbox and --profile exclude each other",
                hint="the sandbox has an account of its own",
            )
        return settings.load(
            profile=self.shared.profile, sandbox=self.shared.sandbox, flags=self.flags
        )

    @functools.cached_property
    def account(self) -> Account:
        """The account that pays.

        Raises:
            KeyRefusedError: when there is no key for it.
        """
        from mj_cli import credentials  # noqa: PLC0415

        base_url = self.settings.get("base_url")
        if self.shared.sandbox:
            key = SANDBOX_KEY
        else:
            key = credentials.find_key(profile=self.settings.profile, base_url=base_url).text
        return Account(credentials.account_of(key=key, base_url=base_url), key, base_url)

    @functools.cached_property
    def ledger(self) -> Ledger:
        """The ledger, after what dead processes left in it has been settled and told."""
        from mj_cli.ledger.sqlite import SqliteLedger  # noqa: PLC0415

        ledger = SqliteLedger(paths.state_dir(), now=self.clock.time)
        self._ledger = ledger
        for job_id in ledger.attempts.recover().rescued:
            self.output.note(f"the task of job {job_id} was found in the rescue file")
        doubts = ledger.jobs.in_doubt(self.settings.profile)
        if doubts:
            what = "1 job is" if doubts == 1 else f"{doubts} jobs are"
            sandbox = " --sandbox" if self.shared.sandbox else ""
            self.output.warn(
                f"{what} in doubt and may have been charged; see:"
                f" mj jobs list --state in_doubt{sandbox}"
            )
        return ledger

    @property
    def ledger_of_account(self) -> Ledger:
        """The ledger, with the account known to it."""
        ledger = self.ledger
        account = self.account
        ledger.use_account(account.hash, profile=self.settings.profile, base_url=account.base_url)
        foreign = ledger.jobs.foreign_unfinished(account.hash, self.settings.profile)
        if foreign:
            what = "1 unfinished job runs" if foreign == 1 else f"{foreign} unfinished jobs run"
            self.output.warn(
                f"{what} under another key or base URL of the profile {self.settings.profile!r}"
            )
        return ledger

    @functools.cached_property
    def service(self) -> Service:
        """The API as the account sees it."""
        from mj_cli.api.service import Endpoint, Service  # noqa: PLC0415

        endpoint = Endpoint(
            base_url=self.account.base_url,
            key=self.account.key,
            answer_seconds=self.settings.get("answer_seconds"),
            transport=self._transport,
        )
        return Service(endpoint, now=self.clock.time)

    def check_key(self, key: str) -> None:
        """See whether the service takes a key, by a call that costs nothing.

        Raises:
            KeyRefusedError: when it does not.
            ServiceError: when the service cannot be asked.
        """
        from mj_cli.api.service import Endpoint, Service  # noqa: PLC0415
        from mj_cli.pipeline.asking import patiently  # noqa: PLC0415

        get = self.settings.get
        endpoint = Endpoint(base_url=get("base_url"), key=key, answer_seconds=get("answer_seconds"))
        service = Service(endpoint, now=self.clock.time)
        try:
            patiently(
                service.check_key,
                seconds=get("connect_give_up_seconds"),
                clock=self.clock,
                emit=self.output.event,
            )
        finally:
            service.close()

    def destination(self) -> Destination:
        """Return where images go when nobody said so for the job itself."""
        return Destination(
            out=str(self.settings.out_directory()),
            template=self.settings.get("template"),
            images=self.settings.get("images"),
        )

    def execute(
        self,
        plan: Plan,
        *,
        shows: Shows,
        new: Iterable[Job] = (),
        known: Iterable[Job] = (),
        foreign: Iterable[str] = (),
    ) -> ExitCode:
        """Run jobs through the pipeline, show what happens, and return how to end."""
        from mj_cli.pipeline.engine import Engine  # noqa: PLC0415
        from mj_cli.pipeline.run import Run  # noqa: PLC0415

        self.output.start_run(shows)
        run = Run(
            ledger=self.ledger,
            service=self.service,
            account=self.account.hash,
            plan=plan,
            clock=self.clock,
            emit=self.output.event,
            open_downloader=self._open_downloader,
        )
        try:
            report = Engine(run, new=new, known=known, foreign=foreign).run()
        finally:
            self.output.close()
        return self.show_errors(report.errors)

    def show_errors(self, errors: Iterable[MjError]) -> ExitCode:
        """Show errors, and return the exit code that wins."""
        codes = []
        for error in errors:
            self.show_error(error)
            codes.append(error.exit_code)
        return first_of(codes)

    def show_error(self, error: MjError) -> None:
        """Show an error; a hint that names a command must work as it stands."""
        option = "--sandbox" if self.shared.sandbox else None
        if self.shared.profile:
            option = f"--profile {self.shared.profile}"
        if option and error.hint:
            error.hint = COMMAND.sub(rf"\g<0> {option}", error.hint)
        self.output.error(error)

    def plan(self, **changes: Any) -> Plan:
        """Return a plan by the settings, with some things changed."""
        from mj_cli.pipeline.run import Plan  # noqa: PLC0415

        get = self.settings.get
        given: dict[str, Any] = {
            "slots": get("slots"),
            "destination": self.destination(),
            "poll_min_seconds": get("poll_min_seconds"),
            "ids_per_call": get("ids_per_call"),
            "connect_give_up_seconds": get("connect_give_up_seconds"),
            "give_up_seconds": get("give_up_seconds"),
        }
        return Plan(**{**given, **changes})

    def cost(self, mode: str) -> float | None:
        """Return what a job of a mode costs in quota; None while that is not set."""
        cost: float | None = self.settings.get(f"cost_{mode}")
        return cost

    def close(self) -> None:
        """Release what was opened."""
        if "service" in self.__dict__:
            self.service.close()
        if self._ledger is not None:
            self._ledger.close()
        if self._store is not None:
            self._store.close()
        if "output" in self.__dict__:
            self.output.close()

    @functools.cached_property
    def _transport(self) -> SandboxTransport | None:
        """The sandbox in place of the network, where it is asked for."""
        if not self.shared.sandbox:
            return None
        from mj_cli.sandbox import Options  # noqa: PLC0415
        from mj_cli.transport import SandboxTransport  # noqa: PLC0415

        seconds = self.settings.get("sandbox_seconds")
        options = Options(
            key=SANDBOX_KEY, fast_seconds=seconds, relaxed_seconds=seconds * RELAXED_FACTOR
        )
        self._store = open_sandbox(sandbox_file(paths.state_dir()))
        return SandboxTransport(self._store, options, now=self.clock.time)

    def _open_downloader(self) -> Downloader:
        from mj_cli.downloads import Downloader, Policy  # noqa: PLC0415

        get = self.settings.get
        policy = Policy(
            base_host=urlsplit(self.account.base_url).netloc.lower(),
            allowed_hosts=get("allow_image_hosts"),
            max_bytes=int(get("max_image_mb") * 1_000_000),
            total_seconds=get("image_seconds"),
        )
        return Downloader(self.ledger, policy, now=self.clock.time, transport=self._transport)


def sandbox_file(state_dir: Path) -> Path:
    """Return the file of the sandbox's state."""
    return state_dir / "sandbox.db"


def open_sandbox(path: Path) -> Store:
    """Open the sandbox's state.

    Raises:
        LocalError: when the file cannot be used.
    """
    from mj_cli.sandbox import StateError, Store  # noqa: PLC0415

    try:
        return Store(path)
    except (StateError, OSError) as error:
        raise LocalError(
            f"the sandbox's state {path} cannot be used: {error}",
            hint="it holds play jobs only: remove the file, or set MJ_STATE_DIR",
            slug="sandbox",
        ) from error

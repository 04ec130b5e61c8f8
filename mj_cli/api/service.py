"""The calls to the hosted API, each over httpx's plain client."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from mj_cli.api.messages import (
    STATUS_PATH,
    SUBMIT_PATH,
    SenselessError,
    decode_envelope,
    decode_message,
    decode_status,
    encode_status,
    encode_submit,
)
from mj_cli.api.outcomes import Doubtful, Outcome, classify
from mj_cli.errors import KeyRefusedError, ServiceError
from mj_cli.models import JobRequest, TaskReport
from mj_cli.retry import TemporaryError, parse_retry_after
from mj_cli.transport import Answer, CutOffError, Line, TooLargeError, open_client

SUBMIT_LIMIT_BYTES = 1 << 20
STATUS_LIMIT_BYTES = 64 << 20
TEMPORARY = frozenset({408, 425, 429})


class NotSentError(Exception):
    """The request never left: no byte of it was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where and as whom to call.

    Attributes:
        base_url: scheme, host and path prefix, without a slash at its end.
        key: the API key.
        answer_seconds: the limit for one whole call.
        transport: replaces the network (the sandbox), or None.
    """

    base_url: str
    key: str
    answer_seconds: float
    transport: httpx.BaseTransport | None = None

    def __repr__(self) -> str:  # the key must not reach a log or traceback
        return f"Endpoint(base_url={self.base_url!r})"


class Service:
    """The hosted API as one account sees it. Safe for threads, but for one job-status at a time.

    Raises:
        SettingError: when a proxy or the certificates of the environment cannot be used.
    """

    def __init__(self, endpoint: Endpoint, *, now: Callable[[], float]) -> None:
        self._endpoint = endpoint
        self._now = now
        self._status_line = self._open_line(keep_alive=True)
        self._submit_lines: set[Line] = set()

    def submit(self, request: JobRequest, *, before_sending: Callable[[], None]) -> Outcome:
        """Send one submit, once, on a connection of its own.

        Args:
            request: what to ask for.
            before_sending: called when the connection stands and before a byte leaves; what it
                raises stops the request unsent and is raised here.

        Raises:
            NotSentError: when no byte left.
        """
        sending = False

        def mark() -> None:
            nonlocal sending
            before_sending()
            sending = True

        line = self._open_line(keep_alive=False)
        self._submit_lines.add(line)
        try:
            answer = line.fetch(
                "POST",
                self._endpoint.base_url + SUBMIT_PATH,
                deadline=self._endpoint.answer_seconds,
                limit=SUBMIT_LIMIT_BYTES,
                headers={"content-type": "application/json"},
                content=encode_submit(request),
                before_sending=mark,
            )
        except (httpx.HTTPError, CutOffError, TooLargeError, OSError) as error:
            reason = describe(error)
            if not sending:
                raise NotSentError(reason) from error
            return Doubtful(f"the answer was lost: {reason}")
        finally:
            self._submit_lines.discard(line)
            with contextlib.suppress(httpx.HTTPError, OSError):
                line.close()
        return classify(answer.status, answer.headers, answer.body, now=self._now())

    def status(self, task_ids: Sequence[str]) -> dict[str, TaskReport]:
        """Ask for tasks, all in one call; a task that the service does not know is missing.

        Raises:
            TemporaryError: when the call may be repeated.
            KeyRefusedError: when the key was refused.
            ServiceError: when repeating would not help.
        """
        try:
            answer = self._status_line.fetch(
                "POST",
                self._endpoint.base_url + STATUS_PATH,
                deadline=self._endpoint.answer_seconds,
                limit=STATUS_LIMIT_BYTES,
                headers={"content-type": "application/json"},
                content=encode_status(task_ids),
            )
        except (httpx.HTTPError, CutOffError, TooLargeError, OSError) as error:
            raise TemporaryError(f"{self._host} cannot be reached: {describe(error)}") from error
        self._raise_for(answer)
        try:
            return decode_status(answer.body, frozenset(task_ids))
        except SenselessError as error:
            raise TemporaryError(f"the answer of {self._host} makes no sense: {error}") from error

    def check_key(self) -> None:
        """Ask for a task that cannot exist, which is free, to see whether the key is taken.

        Raises:
            TemporaryError, KeyRefusedError, ServiceError: as `status`.
        """
        self.status([f"mj-key-check-{secrets.token_hex(6)}"])

    def cut_submits(self) -> None:
        """Stop every submit on the wire, from another thread; their outcome is in doubt."""
        for line in list(self._submit_lines):
            line.cut()

    def close(self) -> None:
        """Close the connections; a job-status call under way ends at once."""
        self._status_line.cut()
        with contextlib.suppress(httpx.HTTPError, OSError):
            self._status_line.close()

    @property
    def _host(self) -> str:
        return httpx.URL(self._endpoint.base_url).host

    def _open_line(self, *, keep_alive: bool) -> Line:
        client = open_client(
            self._endpoint.base_url,
            headers={"api-key": self._endpoint.key, "accept": "application/json"},
            read_seconds=self._endpoint.answer_seconds,
            keep_alive=keep_alive,
            transport=self._endpoint.transport,
        )
        return Line(client)

    def _raise_for(self, answer: Answer) -> None:
        """Turn the HTTP status of a job-status answer into the error that it means."""
        if 200 <= answer.status < 300:
            return
        words = _words(answer)
        if answer.status in {401, 403}:
            raise KeyRefusedError(
                f"{self._host} refused the key{words}",
                hint="check MJ_API_KEY, or log in again with: mj config login",
                slug="key_refused",
            )
        if answer.status >= 500 or answer.status in TEMPORARY:
            wait = parse_retry_after(answer.headers.get("retry-after"), now=self._now())
            raise TemporaryError(f"{self._host} answered HTTP {answer.status}", retry_after=wait)
        raise ServiceError(
            f"{self._host} answered HTTP {answer.status} to job-status{words}",
            hint="check the base URL with: mj config get base_url",
        )


def describe(error: Exception) -> str:
    """Return what went wrong on the way, in plain words."""
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection within the time limit"
    if isinstance(error, httpx.TimeoutException):
        return "no answer within the time limit"
    if isinstance(error, httpx.ProxyError):
        return f"the proxy refused: {error}"
    text = re.sub(r"^\[Errno -?[0-9]+\] ", "", str(error).strip())
    if isinstance(error, httpx.RemoteProtocolError):
        return f"the connection broke ({text})"
    return text or type(error).__name__


def _words(answer: Answer) -> str:
    """Return the service's own words of a refusal, if there are any, to follow a sentence."""
    try:
        message = decode_message(decode_envelope(answer.body))
    except SenselessError:
        return ""
    return f": {message}" if message else ""

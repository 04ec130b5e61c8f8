"""One image URL to one file on disk: all of it, verified, under its final name, or nothing.

One call is one try; who calls decides when to try again. The order of steps makes every crash
harmless: part file complete and synced, ledger row with the hash, rename, directory synced, ledger
row confirmed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from mj_cli.addresses import is_public
from mj_cli.errors import LocalError
from mj_cli.ledger import Claimed, FileConflict, Ledger, SavedFile, TakenByOther
from mj_cli.models import Image, Job
from mj_cli.pictures import NotAPicture, inspect
from mj_cli.retry import TemporaryError, parse_retry_after
from mj_cli.transport import CutOffError, Line, TooLargeError, decoded, open_client

MAX_REDIRECTS = 5
RESUME_FROM_BYTES = 1 << 20
READ_SECONDS = 30.0
GONE = frozenset({400, 401, 403, 410})


class GoneError(Exception):
    """The URL no longer serves the image; a fresh one may."""


class RefusedError(Exception):
    """The image cannot be had in a way that trying again would change."""


class TakenError(Exception):
    """Another living process is fetching this file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Where images may come from, and how large and slow they may be.

    Attributes:
        base_host: host (with port, if any) of the API's base URL; it may serve images itself.
        allowed_hosts: further hosts, with or without port, that need neither https nor a public
            address.
        max_bytes: the largest image.
        total_seconds: the longest time for one image.
    """

    base_host: str
    allowed_hosts: Sequence[str] = ()
    max_bytes: int
    total_seconds: float

    def exempts(self, url: str) -> bool:
        """True when the user's own settings vouch for the host of a URL."""
        parts = urlsplit(url)
        host = parts.netloc.lower()
        return host == self.base_host or not {host, parts.hostname}.isdisjoint(self.allowed_hosts)

    def check_url(self, url: str) -> None:
        """Refuse what is not https, unless its host is exempt.

        Raises:
            RefusedError: saying why.
        """
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise RefusedError(f"its URL makes no sense ({url[:200]})") from error
        if parts.scheme == "https" and parts.hostname:
            return
        if parts.scheme != "http" or not self.exempts(url):
            raise RefusedError(f"its URL is not https ({url[:200]})")


@dataclass(frozen=True, slots=True)
class Target:
    """Where one image goes.

    Attributes:
        directory: the output directory.
        paths: absolute path for each extension that the content may turn out to have.
        guess: the extension that the URL suggests.
    """

    directory: Path
    paths: dict[str, Path]
    guess: str


class Downloader:
    """Fetches images one at a time; one object a thread, stopped from any other.

    Args:
        ledger: claims and hashes.
        policy: what is allowed.
        now: Unix seconds.
        transport: replaces the network (the sandbox), or None.
    """

    def __init__(
        self,
        ledger: Ledger,
        policy: Policy,
        *,
        now: Callable[[], float],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._ledger = ledger
        self._policy = policy
        self._now = now
        self._transport = transport
        self._lines: dict[tuple[str, bool], Line] = {}
        self._stopped = False
        self._resumable = False

    def save(
        self,
        job: Job,
        image: Image,
        target: Target,
        *,
        progress: Callable[[int, int | None], None],
        last: bool,
    ) -> tuple[Image, bool]:
        """Bring one image to its place.

        Args:
            job: the job with the attempt that the image belongs to.
            image: index and URL.
            target: where it goes.
            progress: called with bytes received and bytes in all, or None.
            last: whether nobody will try again in this run, so that a failure leaves nothing.

        Returns:
            The image with path, size, hash and pixels; and False if nothing had to be fetched.

        Raises:
            TemporaryError: when another try may help.
            GoneError: when a fresh URL may help.
            RefusedError: when nothing will help.
            TakenError: when another process is at it.
            LocalError: when disk or directory do not play along.
        """
        known = self._ledger.files.of_image(job, image.index)
        for file in known:
            if Path(file.path) in target.paths.values() and is_intact(file):
                return self._settle(job, image, file), False
        _find_conflict(target)
        path = target.paths[target.guess]
        claim = self._ledger.files.claim(job, image, str(path))
        match claim:
            case TakenByOther():
                raise TakenError(str(path))
            case FileConflict():
                raise LocalError(
                    f"{path} is being written for another job right now",
                    hint="give the jobs different names with --template",
                    slug="file_exists",
                )
            case Claimed():
                return self._fetch_claimed(image, target, claim, known, progress, last=last)

    def stop(self) -> None:
        """End the download under way, from another thread."""
        self._stopped = True
        for line in list(self._lines.values()):
            line.cut()

    def close(self) -> None:
        """Close the connections."""
        for line in self._lines.values():
            line.close()

    def _settle(self, job: Job, image: Image, file: SavedFile) -> Image:
        """Confirm a file that is in place; its last confirmation may have been lost in a crash."""
        former = self._ledger.files.confirm(job, image, file)
        if former is not None and not self._ledger.owner_alive(former):
            with contextlib.suppress(OSError):
                part_path(Path(file.path), former).unlink()
        return _saved_image(image, file)

    def _fetch_claimed(
        self,
        image: Image,
        target: Target,
        claim: Claimed,
        known: Sequence[SavedFile],
        progress: Callable[[int, int | None], None],
        *,
        last: bool,
    ) -> tuple[Image, bool]:
        self._resumable = False
        part = part_path(target.paths[target.guess], claim.owner)
        try:
            _make_directory(target.directory, part.parent)
            with _explained(part.parent):
                _take_over(part, target.paths[target.guess], claim)
                if not _copy_local(known, part):
                    self._fetch(image.url, part, claim, progress)
                return self._finish(image, target, part, claim), True
        except (TemporaryError, CutOffError) as error:
            if not self._resumable or (last and not self._stopped):
                self._abandon(part, claim)
            if isinstance(error, CutOffError):
                raise TemporaryError(str(error)) from error
            raise
        except BaseException:
            self._abandon(part, claim)
            raise

    def _abandon(self, part: Path, claim: Claimed) -> None:
        with contextlib.suppress(OSError):
            part.unlink()
        self._ledger.files.drop(claim)

    def _fetch(
        self,
        url: str,
        part: Path,
        claim: Claimed,
        progress: Callable[[int, int | None], None],
    ) -> None:
        """Fetch a URL into the part file, going on where it ends if the server lets us."""
        have = part.stat().st_size if claim.etag and part.exists() else 0
        self._resumable = have > 0
        headers = {}
        if have and claim.etag:
            headers = {"range": f"bytes={have}-", "if-range": claim.etag}
        with self._response(url, headers) as response:
            self._resumable = False
            offset = _offset_of(response, have, claim.etag)
            total = _announced(response, offset)
            limit = self._policy.max_bytes
            if total is not None and total > limit:
                raise RefusedError(_too_large(total, limit))
            etag = response.headers.get("etag", "")
            if etag.startswith('"') and (total or 0) > RESUME_FROM_BYTES:
                self._ledger.files.resumable(claim, etag=etag)
                self._resumable = True
            received = offset
            with part.open("r+b" if offset else "wb") as file:
                file.seek(offset)
                try:
                    for chunk in decoded(response, limit - offset):
                        file.write(chunk)
                        received += len(chunk)
                        progress(received, total)
                except TooLargeError:
                    raise RefusedError(_too_large(None, limit)) from None

    @contextlib.contextmanager
    def _response(self, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """Yield the answer that serves the image, after at most five redirects."""
        for _ in range(MAX_REDIRECTS + 1):
            self._policy.check_url(url)
            try:
                with self._line(url).stream(
                    "GET", url, deadline=self._policy.total_seconds, headers=headers
                ) as response:
                    location = response.headers.get("location")
                    if response.is_redirect and location:
                        url = urljoin(url, location)
                        continue
                    self._raise_for(response)
                    yield response
                    return
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise TemporaryError(str(error) or type(error).__name__) from error
        raise RefusedError(f"its URL redirects more than {MAX_REDIRECTS} times")

    def _line(self, url: str) -> Line:
        """Return the line for a URL; only hosts that the user vouches for may be private."""
        exempt = self._policy.exempts(url)
        kind = (urlsplit(url).scheme, exempt)
        if kind not in self._lines:
            client = open_client(
                url,
                headers={"accept": "image/*"},
                read_seconds=min(READ_SECONDS, self._policy.total_seconds),
                keep_alive=True,
                transport=self._transport,
            )
            self._lines[kind] = Line(client, on_connect=None if exempt else check_public)
        if self._stopped:
            self._lines[kind].cut()
        return self._lines[kind]

    def _raise_for(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in {200, 206}:
            return
        if status < 500 and status != 429:
            self._resumable = False  # it may be the range that it does not like
        if status in GONE:
            raise GoneError(f"the server answered HTTP {status}")
        wait = parse_retry_after(response.headers.get("retry-after"), now=self._now())
        raise TemporaryError(f"the server answered HTTP {status}", retry_after=wait)

    def _finish(self, image: Image, target: Target, part: Path, claim: Claimed) -> Image:
        """Verify the part file and give it its final name."""
        try:
            picture = inspect(part)
        except NotAPicture as error:
            self._resumable = False  # nothing in it is worth going on with
            raise TemporaryError(str(error)) from error
        path = target.paths[picture.extension]
        file = SavedFile(
            path=str(path),
            bytes=part.stat().st_size,
            sha256=_hash_and_sync(part),
            width=picture.width,
            height=picture.height,
        )
        self._ledger.files.expect(claim, file)
        _rename_new(part, path, file)
        self._ledger.files.saved(claim)
        return _saved_image(image, file)


def part_path(target: Path, owner: str) -> Path:
    """Return the name of the file that grows while its owner fetches it."""
    return target.with_name(f".{target.name[:100]}.{owner}.part")


def is_intact(file: SavedFile) -> bool:
    """True when the file is there and has the size and hash that the ledger expects."""
    path = Path(file.path)
    try:
        if not path.is_file() or path.stat().st_size != file.bytes:
            return False
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def check_public(address: str) -> None:
    """Refuse a peer in a private network: an image URL must not reach into the user's own.

    Raises:
        RefusedError: for an address that is not global.
    """
    if not is_public(address):
        raise RefusedError(
            f"its host is at the private address {address}"
            " (name the host in allow_image_hosts if that is right)"
        )


def _find_conflict(target: Target) -> None:
    """Refuse to fetch what has no place to go, since a file that is not ours has it."""
    with _explained(target.directory):
        taken = [path for path in target.paths.values() if path.exists() or path.is_symlink()]
    if taken:
        raise LocalError(
            f"{taken[0]} exists already and is not what mj saved there, so it is kept",
            hint="move it away, or choose another place with --out or --template",
            slug="file_exists",
        )


def _take_over(part: Path, path: Path, claim: Claimed) -> None:
    """Go on with the part file of a dead owner if it can be resumed; else remove it."""
    if claim.former_owner is None:
        return
    former = part_path(path, claim.former_owner)
    if former.is_symlink() or not claim.etag:
        former.unlink(missing_ok=True)
    elif former != part and former.exists():
        former.replace(part)


def _copy_local(known: Sequence[SavedFile], part: Path) -> bool:
    """Copy the image from where it was saved before; False when no such file is intact."""
    for file in known:
        if is_intact(file):
            shutil.copyfile(file.path, part)
            return True
    return False


def _offset_of(response: httpx.Response, have: int, etag: str | None) -> int:
    """Return where the body of this answer starts in the file."""
    if response.status_code == 200 or not have:
        return 0
    place = response.headers.get("content-range", "")
    if not place.startswith(f"bytes {have}-") or response.headers.get("etag") != etag:
        raise TemporaryError("the server resumed another file, or at another place, than asked")
    return have


def _announced(response: httpx.Response, offset: int) -> int | None:
    """Return the size of the whole file as the server announces it."""
    if "content-encoding" in response.headers:
        return None
    length = response.headers.get("content-length", "")
    return offset + int(length) if length.isascii() and length.isdigit() else None


def _too_large(total: int | None, limit: int) -> str:
    size = f"it has {total / 1e6:.1f} MB" if total is not None else "it"
    verb = ", more than" if total is not None else " is larger than"
    return f"{size}{verb} the limit of {limit / 1e6:g} MB (setting max_image_mb)"


def _hash_and_sync(path: Path) -> str:
    with path.open("r+b") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        os.fsync(stream.fileno())
    return digest


def _rename_new(part: Path, path: Path, file: SavedFile) -> None:
    """Give the file its final name unless something has that name; then sync the directory."""
    try:
        os.link(part, path)
    except FileExistsError:
        if not is_intact(file):  # if it is: another process came first with the same image
            raise LocalError(
                f"{path} appeared while it was being fetched, so it is kept",
                hint="move it away, or choose another place with --out or --template",
                slug="file_exists",
            ) from None
        part.unlink()
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}:
            raise
        if path.exists():  # no hard links here: look, then rename
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        part.rename(path)
    else:
        part.unlink()
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    with contextlib.suppress(OSError):  # not every system can open a directory
        fd = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _make_directory(directory: Path, leaf: Path) -> None:
    try:
        leaf.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalError(
            f"the output directory {directory} cannot be made: {error.strerror or error}",
            hint="choose another one with --out; what was paid for can be fetched later",
            slug="output",
        ) from error


@contextlib.contextmanager
def _explained(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LocalError(
            f"cannot write into {directory}: {error.strerror or error}",
            hint="mend that, or choose another directory with --out; nothing paid for is lost",
            slug="output",
        ) from error


def _saved_image(image: Image, file: SavedFile) -> Image:
    return Image(
        index=image.index,
        url=image.url,
        path=file.path,
        bytes=file.bytes,
        sha256=file.sha256,
        width=file.width,
        height=file.height,
    )

"""Small files that only their owner may read, replaced all at once or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from mj_cli.errors import LocalError


def write_private(path: Path, content: bytes) -> None:
    """Replace a file: mode 0600 in a directory of mode 0700, durable before it is renamed.

    Raises:
        LocalError: naming the file; what was there before is untouched.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise LocalError(
            f"cannot write {path}: {error.strerror or error}",
            hint="see that the directory is writable and the disk has room",
        ) from error

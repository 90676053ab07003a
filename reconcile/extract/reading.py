"""One regular file, opened once and read once: the bytes that are hashed are the bytes that are scanned and parsed.

A path may be swapped and a file may grow between two openings (`reference/reliability.md` F010, F110), so nothing
here opens a path a second time; a file that changes while it is read is refused.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from reconcile.errors import SourceError
from reconcile.model import Side


def role(side: Side, label: str, path: Path) -> str:
    """How messages call a file: `left CS (export.csv)`. The name only, never the folder."""
    return f"{side.value} {label} ({path.name})" if label else f"{side.value} ({path.name})"


class Reader:
    """An opened file. `size` is in bytes and was taken when it was opened; `sha256` is complete after `blocks`."""

    def __init__(self, file: BinaryIO, where: str, pool: Executor) -> None:
        self.file = file
        self.where = where
        self._pool = pool
        self._opened = os.fstat(file.fileno())
        self.size = self._opened.st_size
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The digest of the bytes that `blocks` has yielded, in hexadecimal."""
        return self._digest.hexdigest()

    def blocks(self, block_bytes: int) -> Iterator[bytes]:
        """The whole file from its first byte, in blocks of `block_bytes`; the last may be shorter.

        Raises:
            SourceError: E_READ, the device failed; E_UNSTABLE, the file changed meanwhile.
        """
        # hashlib releases the GIL: in another thread the digest costs the one that scans no time.
        pending: Future[None] | None = None
        left = self.size
        while left:
            try:
                block = self.file.read(min(block_bytes, left))
            except OSError as error:
                name = errno.errorcode.get(error.errno or 0, "an error")
                raise SourceError(self.where, f"got {name} while reading", code="E_READ") from None
            if not block:
                break
            left -= len(block)
            if pending is not None:
                pending.result()
            pending = self._pool.submit(self._digest.update, block)
            yield block
        if pending is not None:
            pending.result()
        self._check_unchanged()

    def peek(self, begin: int, count: int) -> bytes:
        """Up to `count` bytes from `begin` on, without moving the reading position or the digest."""
        return os.pread(self.file.fileno(), count, begin)

    def _check_unchanged(self) -> None:
        now = os.fstat(self.file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._opened.st_size, self._opened.st_mtime_ns):
            raise SourceError(
                self.where,
                "got a file that changed while it was read, expected a finished one",
                hint="wait for the export to end",
                code="E_UNSTABLE",
            )


@contextmanager
def open_regular(path: Path, where: str) -> Iterator[Reader]:
    """Open a file that is a file: no folder, pipe, socket or device, and not empty.

    A symbolic link is resolved first and the result opened with `O_NOFOLLOW`: a person may name a link, but nobody
    may put one in its place afterwards.

    Raises:
        SourceError: E_NOT_FOUND, E_ACCESS, E_NOT_A_FILE, E_EMPTY.
    """
    try:
        # O_NONBLOCK: opening a pipe would wait for its other end.
        descriptor = os.open(path.resolve(strict=True), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links in a circle; ValueError: NUL in the path
        raise _unopened(where, error) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SourceError(where, "got a folder, pipe or device, expected a file", code="E_NOT_A_FILE")
    with os.fdopen(descriptor, "rb") as file, ThreadPoolExecutor(1, thread_name_prefix="sha256") as pool:
        reader = Reader(file, where, pool)
        if not reader.size:
            raise SourceError(where, "got an empty file, expected records", code="E_EMPTY")
        yield reader


def _unopened(where: str, error: Exception) -> SourceError:
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EACCES, errno.EPERM):
        return SourceError(where, "got no permission to read it", hint="chmod or chown the file", code="E_ACCESS")
    if number in (errno.ENXIO, errno.ENODEV, errno.EISDIR):
        return SourceError(where, "got a folder, pipe or device, expected a file", code="E_NOT_A_FILE")
    return SourceError(where, "got no such file", hint="check the path", code="E_NOT_FOUND")

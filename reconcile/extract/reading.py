"""One regular file, opened once and read once: the bytes that are hashed are the bytes that are scanned and parsed.

A path may be swapped and a file may grow between two openings (`reference/reliability.md` F010, F110), so nothing
here opens a path a second time; a file that changes while it is read is refused.

What a library opens by a path of its own gets one that cannot be swapped: `Held.path`, or a private copy.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reconcile.errors import SourceError
from reconcile.model import Side

ARCHIVES: tuple[tuple[int, bytes], ...] = (
    (0, b"PK\x03\x04"),  # zip, and so xlsx
    (0, b"PK\x05\x06"),  # an empty zip
    (0, b"\x1f\x8b"),  # gzip
    (0, b"7z\xbc\xaf\x27\x1c"),
    (0, b"Rar!\x1a\x07"),
    (0, b"\xfd7zXZ\x00"),
    (0, b"BZh"),
    (0, b"\x28\xb5\x2f\xfd"),  # zstd
    (0, b"MSCF\x00"),  # cab
    (2, b"-lh"),  # LHA: -lh0- to -lh7-
    (257, b"ustar"),  # tar
)
"""Where in a file, and by which bytes, an archive is known."""


@dataclass(frozen=True, slots=True)
class Custody:
    """How an input is taken into custody (`reference/reliability.md` F029, F109-F111).

    Attributes:
        max_bytes: What a file has at most; 0 for no limit.
        owners: The users (uid) to whom a file and its folder may belong; then neither may be writable for everybody, and
            no other name may lead to the file. None: whoever named the file answers for it.
        copied: Whether a file that is read in place is copied first, so that other processes may read it, and later.
    """

    max_bytes: int = 0
    owners: frozenset[int] | None = None
    copied: bool = False


TRUSTING = Custody()
"""Of a person who names two files: no limit, anybody's, read where they lie."""


class Held:
    """An open file, held for whoever reads it by a path: `path` means this very file, whatever becomes of its name.

    Only as long as this object lives; and only where the system has /proc (else it is the name after all, and what
    `check_unchanged` sees is what there is).
    """

    def __init__(self, reader: Reader) -> None:
        self._descriptor = os.dup(reader.file.fileno())
        self._where = reader.where
        self._opened = reader.opened
        by_descriptor = Path(f"/proc/self/fd/{self._descriptor}")
        self.path = by_descriptor if by_descriptor.exists() else reader.path

    def __del__(self) -> None:
        """Let the file go."""
        os.close(self._descriptor)

    def read(self, begin: int, count: int) -> bytes:
        """Up to `count` bytes from `begin` on.

        Raises:
            SourceError: E_READ, the device failed.
        """
        try:
            return os.pread(self._descriptor, count, begin)
        except OSError as error:
            raise _unread(self._where, error) from None

    def check_unchanged(self) -> None:
        """Hold the file against what it was when it was hashed.

        Raises:
            SourceError: E_UNSTABLE, somebody has written to it since.
        """
        _unchanged(self._descriptor, self._opened, self._where)


def role(side: Side, label: str, path: Path) -> str:
    """How messages call a file: `left CS (export.csv)`. The name only, never the folder."""
    return f"{side.value} {label} ({path.name})" if label else f"{side.value} ({path.name})"


class Reader:
    """An opened file. `size` is in bytes and was taken when it was opened; `sha256` is complete after `blocks`.

    `path` is the name it had, links resolved.
    """

    def __init__(self, file: BinaryIO, path: Path, where: str, pool: Executor) -> None:
        self.file = file
        self.path = path
        self.where = where
        self._pool = pool
        self.opened = os.fstat(file.fileno())
        self.size = self.opened.st_size
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
                raise _unread(self.where, error) from None
            if not block:
                break
            left -= len(block)
            if pending is not None:
                pending.result()
            pending = self._pool.submit(self._digest.update, block)
            yield block
        if pending is not None:
            pending.result()
        _unchanged(self.file.fileno(), self.opened, self.where)

    def copy(self, path: Path, block_bytes: int = 4 * 1024 * 1024) -> None:
        """Write the whole file to `path`, new and for its owner only. Afterwards `sha256` is that of the copy.

        Raises:
            SourceError: As `blocks`; E_DISK, it cannot be written.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                for block in self.blocks(block_bytes):
                    file.write(block)
        except OSError as error:
            path.unlink(missing_ok=True)
            problem = f"it could not be copied ({errno.errorcode.get(error.errno or 0, 'an error')})"
            hint = "is the disk full, the folder writable?"
            raise SourceError(self.where, problem, hint=hint, code="E_DISK") from None
        except SourceError:
            path.unlink(missing_ok=True)
            raise

    def peek(self, begin: int, count: int) -> bytes:
        """Up to `count` bytes from `begin` on, without moving the reading position or the digest."""
        return os.pread(self.file.fileno(), count, begin)


def _unread(where: str, error: OSError) -> SourceError:
    name = errno.errorcode.get(error.errno or 0, "an error")
    return SourceError(where, f"got {name} while reading", code="E_READ")


def _unchanged(descriptor: int, opened: os.stat_result, where: str) -> None:
    now = os.fstat(descriptor)
    names = ["st_size", "st_mtime_ns"]
    if now.st_nlink == opened.st_nlink:
        # mtime can be set back by whoever may write, ctime cannot. A file that only lost its name is still whole.
        names.append("st_ctime_ns")
    if any(getattr(now, name) != getattr(opened, name) for name in names):
        raise SourceError(
            where,
            "got a file that changed while it was read, expected a finished one",
            hint="wait for the export to end",
            code="E_UNSTABLE",
        )


@contextmanager
def open_regular(path: Path, where: str, custody: Custody = TRUSTING) -> Iterator[Reader]:
    """Open a file that is a file: no folder, pipe, socket, device or archive, and not empty.

    A symbolic link is resolved first and the result opened with `O_NOFOLLOW`: a person may name a link, but nobody
    may put one in its place afterwards.

    Raises:
        SourceError: E_NOT_FOUND, E_ACCESS, E_NOT_A_FILE, E_EMPTY, E_ARCHIVE; E_TOO_LARGE and E_PATH as `custody` says.
    """
    try:
        resolved = path.resolve(strict=True)
        # O_NONBLOCK: opening a pipe would wait for its other end.
        descriptor = os.open(resolved, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links in a circle; ValueError: NUL in the path
        raise _unopened(where, error) from None
    opened = os.fstat(descriptor)
    if not stat.S_ISREG(opened.st_mode):
        os.close(descriptor)
        raise SourceError(where, "got a folder, pipe or device, expected a file", code="E_NOT_A_FILE")
    with os.fdopen(descriptor, "rb") as file, ThreadPoolExecutor(1, thread_name_prefix="sha256") as pool:
        if custody.owners is not None:
            _only_ours(opened, resolved.parent, custody.owners, where)
        reader = Reader(file, resolved, where, pool)
        _admit(reader, custody)
        yield reader


def _admit(reader: Reader, custody: Custody) -> None:
    if not reader.size:
        raise SourceError(reader.where, "got an empty file, expected records", code="E_EMPTY")
    if custody.max_bytes and reader.size > custody.max_bytes:
        problem = f"got {reader.size:,} bytes, expected at most {custody.max_bytes:,}"
        hint = "if the file is right, raise max_input_bytes in [gates] of the run file"
        raise SourceError(reader.where, problem, hint=hint, code="E_TOO_LARGE")
    if any(reader.peek(offset, len(mark)) == mark for offset, mark in ARCHIVES):
        hint = "unpack it where it was made, and deliver the file itself"
        raise SourceError(reader.where, "got an archive, expected a plain file", hint=hint, code="E_ARCHIVE")


def _only_ours(opened: os.stat_result, folder: Path, owners: frozenset[int], where: str) -> None:
    """Nobody but the owners can have written the file, or put it there."""
    try:
        around = folder.stat()
    except OSError as error:
        raise _unopened(where, error) from None
    faults = (
        (opened.st_nlink > 1, "the file has another name elsewhere (hard link)", "copy it into the folder"),
        (opened.st_mode & stat.S_IWOTH, "the file is writable for everybody", "chmod o-w"),
        (around.st_mode & stat.S_IWOTH, "its folder is writable for everybody", "chmod o-w"),
        (opened.st_uid not in owners, "the file belongs to another account", "name it: owners in [gates]"),
        (around.st_uid not in owners, "its folder belongs to another account", "name it: owners in [gates]"),
    )
    for found, problem, hint in faults:
        if found:
            raise SourceError(where, problem, hint=hint, code="E_PATH")


def _unopened(where: str, error: Exception) -> SourceError:
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EACCES, errno.EPERM):
        return SourceError(where, "got no permission to read it", hint="chmod or chown the file", code="E_ACCESS")
    if number in (errno.ENXIO, errno.ENODEV, errno.EISDIR):
        return SourceError(where, "got a folder, pipe or device, expected a file", code="E_NOT_A_FILE")
    return SourceError(where, "got no such file", hint="check the path", code="E_NOT_FOUND")

"""Is every installed file the one that its package brought? What pip never asks again after it has unpacked a wheel.

pip compares a wheel with the lock (`--require-hashes`) and writes the digest of every file into the package's RECORD; from
then on nobody looks (pip issue 4705). Here every file is read and compared, and files that run without having been asked
for are looked for: a `.pth` with code, and modules (`sitecustomize` among them) that no package brought.

Not covered: compiled copies (`__pycache__`), which have no digest in a RECORD, and a RECORD that was rewritten together
with its files. For the second, `digest` says in one line what all RECORDs said; compare it with the line of the day of
installation (PyPA, "Recording installed projects").
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

RECORDS = "*.dist-info/RECORD"
_MODULES = (".py", ".so")
_READ_BYTES = 1 << 20


class Installed(NamedTuple):
    """What stands in the folders that modules are imported from.

    Attributes:
        packages: How many packages have a RECORD.
        files: How many of their files were compared.
        changed: Files that are not what their RECORD says, as `package: file`.
        missing: Files that a RECORD names and that are not there.
        foreign: Modules and code that run at start and that no RECORD names.
        digest: SHA-256 over all RECORDs, by name.
    """

    packages: int
    files: int
    changed: tuple[str, ...]
    missing: tuple[str, ...]
    foreign: tuple[str, ...]
    digest: str


class _Entry(NamedTuple):
    package: str
    path: Path
    algorithm: str
    expected: str


def check_installed(folders: Iterable[Path] | None = None) -> Installed:
    """Compare every file of every installed package with its RECORD.

    Args:
        folders: `site-packages` folders; those of this process if left out.

    Returns:
        What is not as it was installed, sorted. Files are named by their place below the folder.
    """
    places = [Path(folder).resolve() for folder in (sys.path if folders is None else folders)]
    records = sorted({record for place in places for record in place.glob(RECORDS)})
    named: set[Path] = set()
    entries: list[_Entry] = []
    whole = hashlib.sha256()
    for record in records:
        content = record.read_bytes()
        whole.update(f"{record.parent.name}\0{len(content)}\0".encode() + content)
        for entry in _entries(record, content):
            named.add(entry.path)
            if entry.expected and entry.path.suffix != ".pyc":
                entries.append(entry)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # hashing lets other threads run
        found = list(pool.map(_digest_of, entries))
    pairs = list(zip(entries, found, strict=True))
    return Installed(
        packages=len(records),
        files=len(entries),
        changed=_told(entry for entry, digest in pairs if digest is not None and digest != entry.expected),
        missing=_told(entry for entry, digest in pairs if digest is None),
        foreign=tuple(sorted(_foreign({record.parents[1] for record in records}, named))),
        digest=whole.hexdigest(),
    )


def _entries(record: Path, content: bytes) -> Iterator[_Entry]:
    package, site = record.parent.name.removesuffix(".dist-info"), record.parents[1]
    for row in csv.reader(content.decode("utf-8").splitlines()):
        if row:
            algorithm, _, expected = (row[1] if len(row) > 1 else "").partition("=")
            # Not `resolve`, which follows links: a link in the place of a file is looked at through it.
            yield _Entry(package, Path(os.path.normpath(site / row[0])), algorithm, expected)


def _digest_of(entry: _Entry) -> str | None:
    """As a RECORD writes it: URL-safe base64 without padding; None if the file cannot be read."""
    try:
        digest = hashlib.new(entry.algorithm, usedforsecurity=False)
        with entry.path.open("rb") as file:
            while part := file.read(_READ_BYTES):
                digest.update(part)
    except (OSError, ValueError):
        return None
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode("ascii")


def _told(entries: Iterable[_Entry]) -> tuple[str, ...]:
    return tuple(sorted(f"{entry.package}: {entry.path.name}" for entry in entries))


def _foreign(sites: Iterable[Path], named: set[Path]) -> Iterator[str]:
    for site in sites:
        for folder, folders, files in os.walk(site):
            if "__pycache__" in folders:
                folders.remove("__pycache__")
            for name in files:
                path = Path(folder, name)
                if path in named:
                    continue
                if path.suffix in _MODULES or (path.suffix == ".pth" and _runs_code(path)):
                    yield path.relative_to(site).as_posix()


def _runs_code(path: Path) -> bool:
    """Whether `site` would execute a line of it; the other lines only name folders."""
    lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    return any(line.startswith(("import ", "import\t")) for line in lines)

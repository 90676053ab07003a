"""The log: one line of JSON an event, each with the hash of the line before, and never a line without a signed head.

An entry is written in three steps, each flushed to the disk: the new head, signed, aside (`checkpoint.next`); the
line; then the head in its place. So a process may die anywhere: the log as it stands always matches one of the two
heads, and an entry that was added without the key matches neither. A line that was cut in the middle of its writing
was never acknowledged; the next entry removes it and says so.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from reconcile.errors import ConfigError, DeclarationError, EvidenceError, SourceError
from reconcile.evidence import checkpoint, merkle
from reconcile.evidence.checkpoint import Checkpoint
from reconcile.evidence.details import Detail, Details, checked

FOLDER = "evidence"
LOG = "log.jsonl"
HEAD = "checkpoint"
NEXT = "checkpoint.next"
PUBLIC = "key.pub"
LOCK = ".lock"
FIRST = "0" * 64
"""What the first entry names as the one before it."""

PATIENCE = timedelta(minutes=5)
"""How far an entry's time may lie before the last one's: two processes wait for each other, clocks are corrected."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log.

    Attributes:
        seq: Its place, from 0.
        prev: RFC 6962 leaf hash of the line before, hexadecimal.
        at: When, as the caller said.
        event: One of `details.EVENTS`.
        details: What else it says: counts, digests, codes.
        line: The bytes as they stand, without the line end.
    """

    seq: int
    prev: str
    at: datetime
    event: str
    details: Details
    line: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """The log as it stands: whole lines, the bytes after the last line end, and the heads beside it (None: no file)."""

    lines: tuple[bytes, ...]
    tail: bytes
    heads: tuple[bytes | None, bytes | None]


def append(folder: Path, event: str, at: datetime, *, key: bytes, **details: Detail) -> Entry:
    """Record an event, flushed to the disk and signed before this returns.

    Args:
        folder: The run file's `out`; the log stands in its folder `evidence`, which is made if nothing was ever run.
        event: One of `details.EVENTS`.
        at: When, with a time zone.
        key: The signing key (`config.signing_key`), 32 bytes.
        details: Names and values out of the list in `details`: counts, digests, codes, never a personal value.

    Raises:
        EvidenceError: E_TAMPERED, the log as it stands is not the one that was signed. Nothing was written.
        ConfigError: A value does not have the form of its name; or E_CLOCK, the time lies before the last entry's.
        DeclarationError: The event or a name is not in the list, or the time has no zone.
        SourceError: E_OUT, it cannot be written.
    """
    said = checked(event, details)
    if at.tzinfo is None:
        raise DeclarationError("evidence.at", "got a time without a zone")
    with _written(folder) as place:
        stored = read(place)
        _trusted(folder, stored, checkpoint.public_key(key))
        entries = [entry(line) for line in stored.lines[-1:]]
        last = entries[0] if entries else None
        if last is not None and at < last.at - PATIENCE:
            hint = "set the clock of this machine"
            raise ConfigError("clock", "got a time before the last entry of the evidence", hint=hint, code="E_CLOCK")
        lines = list(stored.lines)
        _replace(place / PUBLIC, checkpoint.public_key(key).encode() + b"\n")
        if stored.tail:
            removed: Details = {"removed_bytes": len(stored.tail), "removed_sha256": sha256(stored.tail).hexdigest()}
            os.truncate(place / LOG, sum(len(line) + 1 for line in lines))
            _add(place, lines, _line(lines, "torn_entry_removed", at, removed), key)
        line = _line(lines, event, at, said)
        _add(place, lines, line, key)
    return entry(line)


def head(folder: Path, verifier: str) -> Checkpoint | None:
    """The signed head of the log under an output folder; None if there is none that this key signed."""
    try:
        return checkpoint.open_note((folder / FOLDER / HEAD).read_bytes(), verifier)
    except FileNotFoundError:
        return None


def read(place: Path) -> Stored:
    """The files of a folder `evidence`, as they stand."""
    *lines, tail = (_content(place / LOG) or b"").split(b"\n")
    return Stored(lines=tuple(lines), tail=tail, heads=(_content(place / HEAD), _content(place / NEXT)))


def said_of_ledger(stored: Stored) -> list[str]:
    """The digests of the ledger in the last two entries that have one: where it is, or where a crash left it.

    An entry is written before the ledger's own transaction is committed, so the ledger is at the last of them or, if the
    commit never came, at the one before. Empty if no entry has one: nothing is known of it.
    """
    said: list[str] = []
    for line in reversed(stored.lines):
        if b'"ledger_sha256":' in line:
            said.append(str(entry(line).details["ledger_sha256"]))
        if len(said) == 2:
            break
    return said


def matching(stored: Stored, verifier: str) -> Checkpoint | None:
    """The signed head whose size and root are the log's; None if there is none, and the log is not to be trusted."""
    heads = [checkpoint.open_note(note, verifier) for note in stored.heads if note is not None]
    fitting = [one for one in heads if one is not None and one.size == len(stored.lines)]
    if not fitting:
        return None
    root = merkle.root([merkle.leaf(line) for line in stored.lines])
    return next((one for one in fitting if one.root == root), None)


def entry(line: bytes) -> Entry:
    """A line of the log.

    Raises:
        ValueError: It is not an entry, or not in its canonical spelling.
    """
    try:
        said = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(said, dict) or canonical(said) != line:
        raise ValueError("not canonical")
    try:
        seq, prev, at, event = (said.pop(name) for name in ("seq", "prev", "at", "event"))
        return Entry(seq, prev, datetime.fromisoformat(at), event, said, line)
    except (KeyError, TypeError):
        raise ValueError("not an entry") from None


def canonical(said: object) -> bytes:
    """JSON in one spelling: names sorted, no spaces, ASCII only (so that no character can end a line)."""
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _line(lines: list[bytes], event: str, at: datetime, details: Details) -> bytes:
    prev = merkle.leaf(lines[-1]).hex() if lines else FIRST
    when = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return canonical({"seq": len(lines), "prev": prev, "at": when, "event": event, **details})


def _trusted(folder: Path, stored: Stored, verifier: str) -> None:
    """Refuse to sign what is not known to be right: that would make an alteration good."""
    if not stored.lines and stored.heads[0] is None:
        # Nothing yet, or everything gone. A log is never begun beside runs that it would not know.
        if not any(folder.glob("*/manifest.json")):
            return
    elif matching(stored, verifier) is not None:
        return
    hint = "touch nothing, keep a copy of the folder, tell the 統括責任者"
    raise EvidenceError("evidence", "the log is not the one that was signed", hint=hint)


def _add(place: Path, lines: list[bytes], line: bytes, key: bytes) -> None:
    lines.append(line)
    signed = checkpoint.sign(key, len(lines), merkle.root([merkle.leaf(one) for one in lines]))
    _replace(place / NEXT, signed.note.encode())
    descriptor = os.open(place / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    _sync(place)
    (place / NEXT).replace(place / HEAD)
    _sync(place)


@contextmanager
def _written(folder: Path) -> Iterator[Path]:
    """The folder `evidence`, held against others who append; what the disk refuses comes out as a `SourceError`."""
    place = folder / FOLDER
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(place / LOCK, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield place
        finally:
            os.close(descriptor)
    except OSError as error:
        hint = "free some space, or see to the rights of the folder"
        raise SourceError(FOLDER, f"cannot be written: {error.strerror}", hint=hint, code="E_OUT") from None


def _replace(path: Path, content: bytes) -> None:
    if _content(path) == content:
        return
    aside = path.with_name(f".{path.name}.part")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None

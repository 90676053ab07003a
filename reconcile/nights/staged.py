"""What stands in the stage folder between two steps of a run: the snapshots, and the digests that they are held to.

A step may run in another process, and hours later; the snapshots are files of ours that carry no checksum of their own
(one flipped bit in a Parquet file gives other data without an error in most cases, `reference/reliability.md` E-3).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reconcile.errors import SourceError
from reconcile.model import Layout, Preflight, Side, Snapshot


def write(work: Path, snapshot: Snapshot, preflight: Preflight) -> None:
    """Note a snapshot, and the digest of every file of its side below `work`.

    Args:
        work: The folder of both sides.
        snapshot: One side, its files below `work`.
        preflight: What is known of it, with what the run file adds.
    """
    said = {
        "label": snapshot.label,
        "path": snapshot.path.name,
        "columns": snapshot.columns,
        "rows": snapshot.rows,
        "native": dict(snapshot.native),
        "temporary": snapshot.temporary,
        "preflight": asdict(preflight),
        "files": {
            str(path.relative_to(work)): _digest(path) for path in sorted(work.rglob(f"{snapshot.side}.*parquet"))
        },
    }
    text = json.dumps(said, ensure_ascii=False)
    _note(work, snapshot.side).write_text(f"{text}\n{_digest_of(text)}\n", encoding="utf-8")


def read(work: Path, side: Side, layout: Layout | None) -> Snapshot:
    """A side as `write` noted it.

    Raises:
        SourceError: E_STAGE, the note is not as it was written.
    """
    said = _said(work, side)
    return Snapshot(
        side=side,
        label=said["label"],
        path=work / said["path"],
        columns=tuple(said["columns"]),
        rows=said["rows"],
        native=said["native"],
        temporary=said["temporary"],
        preflight=Preflight(**said["preflight"]),
        layout=layout,
    )


def check(work: Path) -> None:
    """Hold every file of both sides against its digest: before they are read, and once they have been.

    Raises:
        SourceError: E_STAGE, a file is not as it was written.
    """
    for side in Side:
        for name, digest in _said(work, side)["files"].items():
            path = work / name
            if not path.is_file() or _digest(path) != digest:
                raise _altered(side)


def _note(work: Path, side: Side) -> Path:
    return work / f"{side}.json"


def _said(work: Path, side: Side) -> dict[str, Any]:
    try:
        text, digest, rest = _note(work, side).read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):
        raise _altered(side) from None
    if rest or digest != _digest_of(text):
        raise _altered(side)
    said: dict[str, Any] = json.loads(text)
    return said


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _altered(side: Side) -> SourceError:
    problem = "what was read is not on the disk as it was written"
    return SourceError(f"{side} snapshot", problem, hint="is the disk sound? Run it again", code="E_STAGE")

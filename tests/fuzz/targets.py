"""What is fuzzed: one function for each reader of bytes that come from outside; whatever it raises is a finding.

Each knows which refusals are right (`ReconcileError` with a code) and which law holds for what is accepted, checked in
plain Python. `run.py` drives them with atheris, `test_targets.py` replays the corpus and a few thousand examples.
"""

from __future__ import annotations

import atexit
import csv
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np

from reconcile import deliver
from reconcile.characters import codec
from reconcile.config import read_config
from reconcile.errors import ReconcileError
from reconcile.evidence import log
from reconcile.extract import fixed_width
from reconcile.extract.encoding import as_utf8
from reconcile.extract.layout import read_layout
from reconcile.extract.preflight import DelimitedScan, FixedScan
from reconcile.extract.reading import Reader
from reconcile.ledger import NAME, open_ledger
from reconcile.model import Verdict
from tests.extract.forms import csv_layout, fixed_layout

Target = Callable[[bytes], None]

_POOL = ThreadPoolExecutor(1)
_DELIMITERS = ",\t;|"


@cache
def folder() -> Path:
    """Where targets that read a path put it: in memory where there is such a place."""
    memory = Path("/dev/shm")  # noqa: S108  a private folder is made in it
    place = Path(tempfile.mkdtemp(prefix="fuzz-", dir=memory if os.access(memory, os.W_OK) else None))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def preflight(data: bytes) -> None:
    """The scanner of delimited text. The first byte says how it is read. Accepted: the standard library reads the same."""
    if not data:
        return
    how, content = data[0], data[1:]
    layout = csv_layout("utf-8") if how & 1 else None
    encoding = "cp932" if how & 2 else "utf-8"
    delimiter = "," if layout else _DELIMITERS[how >> 2 & 3]
    size = 1 + (how >> 4) * 3
    blocks = (content[i : i + size] for i in range(0, len(content), size))
    try:
        scan = DelimitedScan(as_utf8(blocks, encoding, "left"), layout, delimiter, "left")
        bodies = list(scan.bodies())
        scan.preflight(len(content), "")
    except ReconcileError:
        return
    text = content.decode(encoding).removeprefix("\ufeff" if encoding == "utf-8" else "")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    data_rows = rows[2:-1] if layout else rows[1:]
    assert scan.records == len(data_rows)
    assert sum(body.records for body in bodies) == len(data_rows)
    values = sum(len(value.encode()) for row in data_rows for value in row)
    assert sum(body.value_bytes for body in bodies) == values
    width = len(scan.names)
    assert all(len(row) == width for row in data_rows)


def fixed(data: bytes) -> None:
    """The scanner and slicer of fixed-width records. Accepted: every ASCII value is the bytes at its place."""
    if not data:
        return
    layout = fixed_layout(end_of_record=("", "\n", "\r\n", "")[data[0] & 3])
    content = data[1:]
    if not content:
        return
    descriptor = os.memfd_create("fixed")
    with os.fdopen(descriptor, "w+b") as file:
        file.write(content)
        file.flush()
        file.seek(0)
        try:
            scan = FixedScan(Reader(file, Path("fixed"), "left", _POOL), layout)
            tables = [fixed_width.cut(records, layout, number, "left") for number, records in scan.bodies()]
            scan.preflight()
        except ReconcileError:
            return
    stride = layout.record_bytes + len(layout.end_of_record)
    assert len(content) == (scan.records + 2) * stride
    records = [content[i : i + stride] for i in range(stride, len(content) - stride, stride)]
    expected = [record[1:12].decode().rstrip(" ") or None for record in records]
    assert [code for table in tables for code in table["code"]] == expected


def layouts(data: bytes) -> None:
    """A layout file. Accepted: columns lie in the record and apart from each other."""
    path = folder() / "layout.toml"
    path.write_bytes(data)
    try:
        layout = read_layout(path)
    except ReconcileError:
        return
    assert layout.columns
    if layout.kind == "fixed_width":
        taken = sorted((column.offset, column.offset + column.length) for column in layout.columns)
        assert all(0 <= begin < end <= layout.record_bytes for begin, end in taken)
        assert all(one[1] <= two[0] for one, two in pairwise(taken))


def config(data: bytes) -> None:
    """A run file. Accepted: both sides are sources of it."""
    path = folder() / "run.toml"
    path.write_bytes(data)
    try:
        run = read_config(path)
    except ReconcileError:
        return
    assert {run.left, run.right} <= set(run.sources)


def characters(data: bytes) -> None:
    """The codec of 住基ネット統一文字. Every code is decoded, and comes back as it was."""
    if len(data) < 3:
        return
    width = 1 + data[0] % 8
    codes = np.frombuffer(data[1 : 1 + (len(data) - 1) // (2 * width) * 2 * width], ">u2").reshape(-1, width)
    again, damaged = codec.encode(codec.decode(codes), width)
    assert not damaged.any()
    for one, other in zip(codes.tolist(), again.astype(np.uint16).tolist(), strict=True):
        assert _stripped(one) == _stripped(other)


def _stripped(codes: list[int]) -> list[int]:
    codes = [0x3005 if code == 0xAD1D else code for code in codes]  # 々 has two codes, and one character
    while codes and codes[-1] in (0x3000, 0x0020):
        codes.pop()
    return codes


@cache
def _ledger() -> bytes:
    at = datetime(2026, 11, 2, tzinfo=UTC)
    place = folder() / "whole"
    place.mkdir(exist_ok=True)
    with open_ledger(place) as one:
        one.begin("20261101T000000Z-000000", date(2026, 11, 1), at)
        one.give_up("20261101T000000Z-000000", Verdict.FAILED, "E_FAILED")
        one.begin("20261102T000000Z-000000", date(2026, 11, 2), at)
    return (place / NAME).read_bytes()


def ledger(data: bytes) -> None:
    """The ledger's file with some bytes altered (three of place, one of change), or cut. Refused, or all of it is read."""
    content = bytearray(_ledger())
    for i in range(0, len(data) - 3, 4):
        content[int.from_bytes(data[i : i + 3], "big") % len(content)] ^= data[i + 3]
    if len(data) % 4 == 3:
        del content[int.from_bytes(data[-3:], "big") % len(content) :]
    place = folder() / "damaged"
    place.mkdir(exist_ok=True)
    for left in place.iterdir():
        left.unlink()
    descriptor = os.open(place / NAME, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    with suppress(ReconcileError), open_ledger(place, expected=True) as one:
        one.nights()
        one.breaks()
        one.breaks(before=date(2026, 11, 2))
        one.decisions()
        one.sightings("0" * 32)


def manifest(data: bytes) -> None:
    """A run's folder whose manifest, or summary under a manifest that names it, is these bytes: a verdict, or tampered."""
    place = folder() / "run"
    place.mkdir(exist_ok=True)
    (place / "summary.json").write_bytes(data)
    (place / deliver.MANIFEST).write_bytes(data)
    assert deliver.reread(place) in Verdict
    with suppress(ReconcileError):
        deliver.summary_of(place)
    named = json.dumps({"files": {"summary.json": sha256(data).hexdigest()}}).encode()
    (place / deliver.MANIFEST).write_bytes(named)
    assert deliver.reread(place) in Verdict
    with suppress(ReconcileError):
        deliver.summary_of(place)
    (place / deliver.MANIFEST).write_bytes(data)
    deliver._forget(place)
    assert not (place / deliver.MANIFEST).exists()


def evidence(data: bytes) -> None:
    """A line of the evidence. Accepted: it is in its one spelling."""
    try:
        entry = log.entry(data)
    except ValueError:
        return
    said = {"seq": entry.seq, "prev": entry.prev, "at": json.loads(data)["at"], "event": entry.event, **entry.details}
    assert log.canonical(said) == data


TARGETS: dict[str, Target] = {
    "preflight": preflight,
    "fixed": fixed,
    "layouts": layouts,
    "config": config,
    "characters": characters,
    "ledger": ledger,
    "manifest": manifest,
    "evidence": evidence,
}

if __name__ == "__main__":
    print("\n".join(TARGETS))  # noqa: T201  for the loop of `make fuzz`

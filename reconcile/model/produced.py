"""What a run produces, from the byte scanner's count to the report, and the schema of every frame in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Protocol
from zoneinfo import ZoneInfo

import polars as pl

from reconcile.model.declared import Dataset, Layout, Side
from reconcile.model.history import Tracked
from reconcile.model.overall import Overall

TOKYO = ZoneInfo("Asia/Tokyo")
"""The zone of every day and hour that is said to officials."""

SIDE_LABELS: Mapping[Side, str] = MappingProxyType({Side.LEFT: "左", Side.RIGHT: "右"})
"""What a side is called that has no label of its own."""

ROW = "_row"
"""The record number in the source, from 1: UInt32, header and trailer records not counted."""

REJECTS = pl.Schema({ROW: pl.UInt32, "field": pl.String, "check": pl.String})
"""One row a refused record and check. No values. `field` is null where the check is about the record."""

PARTNERS = pl.Schema({"left_row": pl.UInt32, "right_row": pl.UInt32, "rule": pl.String, "hint": pl.String})
"""Leftover rows that are one record under two keys, one row a pair, with what says so."""

REASONS = pl.Schema({"left_row": pl.UInt32, "right_row": pl.UInt32, "reason": pl.String, "evidence": pl.String})
"""Why a pair differs or a row stands alone, one row each (the other side's row null); `reason` is a key of the
dataset's codes."""

PART_OF = "part_of:"
"""Before the code of an event, in the rule of a finding that is a part of it."""

PARTS = "ほかに相違する項目: "
"""Before the labels of its parts, in the hint of an event."""

HINTS = pl.Schema({"side": pl.String, "key": pl.String, "hint": pl.String})
"""Why a key found no partner, one row a diagnosed key."""

FINGERPRINTS = pl.Schema({ROW: pl.UInt32, "_key": pl.UInt64, "_one": pl.UInt64, "_two": pl.UInt64})
"""One row a comparable record: the hash of its key and two independent hashes of key and values. Plain numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What the byte-level scanner found, independent of any parser. A gate failed is a `SourceError`, not a field here.

    `records` counts data records. `trailer_count`, `control_total` are None where the source has none; where it has,
    they agreed. `header` holds the header's items as text. `proven` is False where a flipped bit could be read as another
    value, or as the other side's: a Parquet file in place without a digest beside it.
    """

    records: int
    source_bytes: int
    sha256: str
    trailer_count: int | None = None
    control_total: int | None = None
    header: Mapping[str, str] = field(default_factory=dict)
    proven: bool = True


class Held(Protocol):
    """An open file of somebody else's."""

    def check_unchanged(self) -> None:
        """Raise `SourceError` (E_UNSTABLE) if it is not as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A side at a point in time: a Parquet file of text exactly as it stood, in source order.

    The file has the columns `columns`, all `pl.String`, nulls allowed; the row number is its position, from 1.
    `native` names the columns of a Parquet source whose type is not text (they are cast when read).
    """

    side: Side
    label: str
    path: Path
    columns: tuple[str, ...]
    rows: int
    preflight: Preflight
    layout: Layout | None = None
    native: Mapping[str, str] = field(default_factory=dict)
    temporary: bool = True  # text that we wrote; False for a Parquet input, in place or copied
    held: Held | None = field(default=None, repr=False, compare=False)
    """Keeps a file that is read in place what it was; None where nobody else can reach it."""

    @property
    def called(self) -> str:
        """What people call the side, also where it has no label."""
        return self.label or SIDE_LABELS[self.side]


def extracted(snapshot: Snapshot) -> datetime | None:
    """When a side was extracted, as its header or the run file says: Asia/Tokyo, without a zone. None if unknown."""
    said = snapshot.preflight.header.get("extracted_at")
    try:
        return None if said is None else datetime.strptime(said, "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError:
        return None


def with_instant(preflight: Preflight, declared: str | None) -> Preflight:
    """The preflight, with the time of the extract that the run file declares where the source itself says none."""
    if declared is None or "extracted_at" in preflight.header:
        return preflight
    return replace(preflight, header={**preflight.header, "extracted_at": declared})


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The rows of one side, accounted for once each (`architecture.md` §4)."""

    records: int
    rows: int
    out_of_scope: int
    rejected: int
    duplicate: int
    matched: int
    mismatched: int
    only: int

    @property
    def closes(self) -> bool:
        """Whether every row is in exactly one place."""
        parts = self.out_of_scope + self.rejected + self.duplicate + self.matched + self.mismatched + self.only
        return self.records == self.rows == parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """All that findings are made of. Keys under their internal names `k0`, `k1`, …, as text.

    Attributes:
        values: every differing value (`diff.compare.values_schema`).
        repeated: one row a repeated key (`diff.pair.Pairs.repeated`).
        swapped: keys whose people crossed over (`diff.compare.swaps`).
        only: side -> key, ROW, `_second` (the second key's value, null if none), `_person` (a hash of who it is), and
            `_former` (the key it had before, null if none or unknown).
        partners: PARTNERS: leftovers of both sides that belong together under two keys.
        rejects: side -> key (as it stood, may be null), REJECTS.
        notices: side -> key, REJECTS: what was noticed about single rows; `check` names the kind.
        counterparts: side -> key, ROW: rows whose counterpart on the other side was rejected.
        hints: key hints: `side`, `key`, `hint`; only for a key of one part.
        types: field -> hint, where the two sides' columns are of different types.
        reasons: REASONS: what explains whole pairs and leftover rows.
    """

    values: pl.DataFrame
    repeated: pl.DataFrame
    swapped: pl.DataFrame
    only: Mapping[Side, pl.DataFrame]
    rejects: Mapping[Side, pl.DataFrame]
    notices: Mapping[Side, pl.DataFrame]
    counterparts: Mapping[Side, pl.DataFrame]
    hints: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=HINTS))
    types: Mapping[str, str] = field(default_factory=dict)
    reasons: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REASONS))
    partners: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PARTNERS))


class Verdict(StrEnum):
    """What a run may claim (`architecture.md` §4)."""

    CONSISTENT = "consistent"
    MISMATCH = "mismatch"
    PARTIAL = "partial"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"
    TAMPERED = "tampered"

    @property
    def exit_code(self) -> int:
        """The process's exit status."""
        return EXIT_CODES[self]

    @property
    def claims(self) -> bool:
        """Whether anything is claimed: counts may be shown as a result, and a difference may be resolved."""
        return self in {Verdict.CONSISTENT, Verdict.MISMATCH, Verdict.PARTIAL}


EXIT_CODES: Mapping[Verdict, int] = MappingProxyType(
    {
        Verdict.CONSISTENT: 0,
        Verdict.MISMATCH: 1,
        Verdict.PARTIAL: 1,
        Verdict.INCONCLUSIVE: 2,
        Verdict.FAILED: 2,
        Verdict.TAMPERED: 3,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Which run this is: given by the edge, never looked up."""

    run_id: str
    started_at: datetime
    as_of: datetime
    version: str
    site_key: bytes = field(repr=False, default=b"")


TERMS = ("kind", "code", "severity", "field", "rule", "hint")
"""The columns of findings and variants that have few different texts. Until they are written they are `pl.Categorical`,
4 bytes a row and not 16: a code that differs on every record makes millions of findings."""


def compact(frame: pl.DataFrame) -> pl.DataFrame:
    """Findings or variants with `TERMS` as `pl.Categorical`."""
    return frame.with_columns(pl.col(name).cast(pl.Categorical) for name in TERMS if name in frame.columns)


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame without `pl.Categorical`: every such column as the text that it stands for."""
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def findings_schema(key: tuple[str, ...]) -> pl.Schema:
    """The frame of findings: one row a finding, sorted by key, then field order, then kind."""
    return pl.Schema(
        {
            "finding_id": pl.String(),
            **dict.fromkeys(key, pl.String()),
            "kind": pl.String(),
            "code": pl.String(),
            "severity": pl.String(),
            "field": pl.String(),
            "left_raw": pl.String(),
            "right_raw": pl.String(),
            "left_row": pl.UInt32(),
            "right_row": pl.UInt32(),
            "rule": pl.String(),
            "hint": pl.String(),
        }
    )


def variants_schema(key: tuple[str, ...]) -> pl.Schema:
    """The frame of values that differ as written and agree under a rule: one row a value, sorted by key and field."""
    return pl.Schema(
        {
            **dict.fromkeys(key, pl.String()),
            "field": pl.String(),
            "code": pl.String(),
            "left_raw": pl.String(),
            "right_raw": pl.String(),
            "left_row": pl.UInt32(),
            "right_row": pl.UInt32(),
            "rule": pl.String(),
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SideReport:
    """One side as a report shows it."""

    label: str
    balance: Balance
    preflight: Preflight


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What a paper carries out of the reach of whoever keeps the evidence: a signed checkpoint, and the public key."""

    note: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All a renderer may use. `summary` is the JSON object of §5.

    Frames: `findings_schema`, `variants_schema`, or the same `compact`.
    `context` holds one row a key of `findings`: the key columns, `list_key` (text, null if unknown) and `protected`
    (Boolean). Where the dataset declares neither, it is None. `overall` says what concerns the run as a whole.
    `witness` is the evidence before this run's own result, None where no evidence is kept.
    `trend` holds the nights before, oldest first, `tracked` tonight against them; empty and None without a memory.
    """

    run: Run
    dataset: Dataset
    verdict: Verdict
    sides: Mapping[Side, SideReport]
    findings: pl.DataFrame
    variants: pl.DataFrame
    summary: Mapping[str, object]
    context: pl.DataFrame | None = None
    trend: tuple[Mapping[str, object], ...] = ()
    overall: Overall = field(default_factory=Overall)
    witness: Witness | None = None
    tracked: Tracked | None = None

    def in_text(self) -> Report:
        """The same report with frames of plain text, as `findings_schema` and `variants_schema` have them."""
        return replace(self, findings=plain(self.findings), variants=plain(self.variants))

"""Where every row went: from the checks of each side and the comparison of both, the balance and the findings' material.

A row of one side is refused, or the counterpart of a refused row, or left over in a repeated key, or paired and equal,
or paired and not, or alone. The counts come from different places (the checks, the sort of the fingerprints, the
pairing), so that their sum proves something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

import polars as pl

from reconcile.model import REJECTS, ROW, Balance, ColumnProfile, Material, Side, join_columns

SECOND = pl.Schema({ROW: pl.UInt32, "_second": pl.UInt64})
"""The hash of a row's second key (個人番号), for rows that have one."""

DOUBTFUL = "doubtful"
"""The check of a name that proves nothing where it is equal: private use, or a sign for a lost character."""

SHARED = "shared"
"""The check of a row whose second key another key of the same side has too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What streaming one side gave.

    Attributes:
        rejects: REJECTS, and after `with_keys` the key's columns.
        notices: the same, of what does not stop a comparison.
        second: SECOND.
        columns: the compared columns as a whole, name -> profile; none for an ad-hoc dataset.
    """

    rejects: pl.DataFrame
    notices: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REJECTS))
    second: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SECOND))
    columns: Mapping[str, ColumnProfile] = field(default_factory=dict)

    @classmethod
    def merge(cls, parts: Sequence[Checks]) -> Checks:
        """The checks of consecutive batches as one; none at all if there are no batches."""
        parts = parts or [cls(rejects=pl.DataFrame(schema=REJECTS))]
        return cls(
            rejects=pl.concat([part.rejects for part in parts]),
            notices=pl.concat([part.notices for part in parts]),
            second=pl.concat([part.second for part in parts]),
            columns=reduce(join_columns, (part.columns for part in parts)),
        )

    def with_keys(self, keys: Callable[[pl.Series], pl.DataFrame], second_key: str) -> Checks:
        """Put the key beside every reject and notice, and notice second keys that two keys share.

        Args:
            keys: Record numbers -> ROW, the key's columns, `_second` as text. Called at most once.
            second_key: The name of the second key's field, for the notice.
        """
        twice = self.second.filter(pl.col("_second").is_duplicated())[ROW]
        rows = pl.concat([self.rejects[ROW], self.notices[ROW], twice]).unique().sort()
        # Called even for no rows: the frame's columns are needed.
        known = keys(rows)
        names = [name for name in known.columns if name not in (ROW, "_second")]
        shared = (
            known.filter(pl.col(ROW).is_in(twice.implode()))
            .filter(pl.struct(names).n_unique().over("_second") > 1)
            .select(ROW, field=pl.lit(second_key), check=pl.lit(SHARED))
            .match_to_schema(REJECTS)
        )
        known = known.drop("_second")
        notices = pl.concat([self.notices, shared])
        return replace(
            self,
            rejects=self.rejects.join(known, on=ROW, how="left", maintain_order="left"),
            notices=notices.join(known, on=ROW, how="left", maintain_order="left"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What comparing every partition gave, as one: the fields of `diff.Diff`, and `equal`, the pairs surely equal."""

    only: Mapping[Side, pl.DataFrame]
    repeated: pl.DataFrame
    values: pl.DataFrame
    swapped: pl.DataFrame
    matched: int
    mismatched: int


def account(
    records: Mapping[Side, int],
    rows: Mapping[Side, int],
    checks: Mapping[Side, Checks],
    found: Found,
    outside: Mapping[Side, int],
) -> tuple[Material, dict[Side, Balance]]:
    """The material of the findings, and both sides' balance.

    Args:
        records: What the byte-level scanner counted.
        rows: What the parser gave.
        checks: With keys.
        found: The comparison.
        outside: Rows that are out of scope, which neither the checks nor the comparison have seen.
    """
    counterparts = {side: _counterparts(found.only[side], checks[side.other].rejects) for side in Side}
    only = {side: found.only[side].join(counterparts[side], on=ROW, how="anti", maintain_order="left") for side in Side}
    material = Material(
        values=found.values,
        repeated=found.repeated,
        swapped=found.swapped,
        only=only,
        rejects={side: checks[side].rejects for side in Side},
        notices={side: _unexplained(checks[side].notices, found.values, side) for side in Side},
        counterparts=counterparts,
    )
    balance = {
        side: Balance(
            records=records[side],
            rows=rows[side],
            out_of_scope=outside[side] + int(found.repeated[f"{side}_beside"].sum()),
            rejected=checks[side].rejects[ROW].n_unique() + counterparts[side].height,
            duplicate=int(found.repeated[f"{side}_over"].sum()),
            matched=found.matched,
            mismatched=found.mismatched,
            only=only[side].height,
        )
        for side in Side
    }
    return material, balance


def _unexplained(notices: pl.DataFrame, values: pl.DataFrame, side: Side) -> pl.DataFrame:
    """The notices but those about a doubtful character in a value that is a finding already."""
    if notices.is_empty():
        return notices
    reported = values.filter(~pl.col("equal")).select(
        pl.col(f"{side}_row").alias(ROW), pl.col("field").cast(pl.String), check=pl.lit(DOUBTFUL)
    )
    return notices.join(reported, on=[ROW, "field", "check"], how="anti", maintain_order="left")


def _counterparts(only: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    """Rows without a partner because their partner was refused: key, ROW."""
    key = [name for name in only.columns if not name.startswith("_")]
    refused = refused.select(key).drop_nulls().unique()
    return only.join(refused, on=key, how="semi", maintain_order="left").select(*key, ROW)

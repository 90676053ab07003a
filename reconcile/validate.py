"""Stage 2: is every row well formed? A row that is not becomes a reject, with the reason; none is dropped.

pandera says what the dataset is. It is run on eager frames, a batch at a time: on a `LazyFrame` it checks no values
and says nothing. Its exception texts hold the failing values, so only row, column and check leave this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import polars as pl

from reconcile.model import REJECTS, ROW, Dataset

if TYPE_CHECKING:
    import pandera.polars as pa

NULL_KEY = "null_key"


def validate(batch: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    """What is refused of one batch of canonical text.

    Args:
        batch: ROW and the dataset's columns, as far as the side has them.
        dataset: Declares the key and, if it is not ad hoc, a pandera model.

    Returns:
        REJECTS: one row a refused record and check, in row order. `null_key` where a part of the key is null or
        blank (those records are not checked further); else the name of pandera's check.
    """
    null_keys = batch.select(
        ROW, field=pl.coalesce(*(pl.when(blank(k)).then(pl.lit(k)) for k in dataset.key)), check=pl.lit(NULL_KEY)
    ).filter(pl.col("field").is_not_null())
    if dataset.schema is None:
        return null_keys.match_to_schema(REJECTS)
    rest = batch.join(null_keys, on=ROW, how="anti", maintain_order="left") if null_keys.height else batch
    return pl.concat([null_keys.match_to_schema(REJECTS), _failures(rest, dataset)]).sort(ROW, "field", "check")


def blank(column: str) -> pl.Expr:
    """Whether a text is null, empty, or white space only (the ideographic space included)."""
    return pl.col(column).is_null() | (pl.col(column).str.strip_chars() == "")


def _failures(batch: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    from pandera.errors import SchemaErrors  # noqa: PLC0415  0.3 s that an ad-hoc diff does not need

    model = cast("type[pa.DataFrameModel]", dataset.schema)
    schema: Any = model.to_schema()
    present = [name for name in schema.columns if name in batch.columns]
    try:
        schema.select_columns(present).validate(batch.select(present), lazy=True)
    except SchemaErrors as errors:
        # `index` is the position in the batch; "failure_case" holds the value and is left behind.
        cases: pl.DataFrame = errors.failure_cases
        return (
            cases.select(
                at=pl.col("index").cast(pl.UInt32),
                field=pl.col("column").cast(pl.String),
                check=pl.col("check").cast(pl.String).str.replace(r"\(.*", ""),
            )
            .join(batch.select(ROW).with_row_index("at"), on="at", how="left")
            .select(ROW, "field", "check")
            .match_to_schema(REJECTS)
        )
    return pl.DataFrame(schema=REJECTS)

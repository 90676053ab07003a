"""What a reader of a list may see of a value.

Two rules, applied in this one place: 個人番号 is shown to nobody (`architecture.md` §8), and where a person under
支援措置 lives is not shown on any list (`reference/domain.md` §6: 住所 appears as 「支援措置」).
"""

from __future__ import annotations

import polars as pl

from reconcile.model import Dataset, Report, Secrecy

PROTECTED = "支援措置"
UNKNOWN = "非表示(支援措置の有無不明)"
LIST_KEY = "_list_key"
"""The column that `for_list` adds: by what the office looks a person up, null if unknown."""

_VALUES = ("left_raw", "right_raw")
_CONTEXT = pl.Schema({"list_key": pl.String, "protected": pl.Boolean})


def without_secrets(frame: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    """Findings or variants without the values of secret fields, which become null.

    The stages before never let them out; this is the second lock, at the door to the disk.
    """
    secret = [f.name for f in dataset.fields if f.secrecy is Secrecy.MY_NUMBER]
    if not secret or not frame["field"].is_in(secret).any():
        return frame
    return frame.with_columns(
        pl.when(pl.col("field").is_in(secret).not_().fill_null(value=True)).then(pl.col(name)).alias(name)
        for name in _VALUES
    )


def for_list(report: Report) -> pl.DataFrame:
    """The findings as a list may show them, in their order, with the column `_list_key` added.

    `left_raw` and `right_raw` of a field that tells where a person lives are replaced, both and also when absent, by
    「支援措置」 for a protected person, and by a text that says so where nobody knows whether the person is one:
    not knowing is no permission.
    """
    findings = without_secrets(report.findings, report.dataset)
    key = report.dataset.key
    if report.context is None:
        known = findings.with_columns(
            pl.lit(None, pl.String).alias(LIST_KEY),
            pl.lit(None if report.dataset.protected else False, pl.Boolean).alias("_protected"),
        )
    else:
        dataset = report.dataset
        named = {dataset.list_key: "list_key", dataset.protected: "protected"}
        # The pipeline names the two columns as the dataset does.
        context = report.context.rename(named, strict=False)
        lacking = {name: dtype for name, dtype in _CONTEXT.items() if name not in context.columns}
        context = context.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in lacking.items())
        about = context.group_by(key, maintain_order=True).agg(
            pl.col("list_key").drop_nulls().first().alias(LIST_KEY),
            # One row that says so is enough; one that does not know leaves it open.
            pl.when(pl.col("protected").any())
            .then(True)
            .when(pl.col("protected").is_null().any())
            .then(None)
            .otherwise(False)
            .alias("_protected"),
        )
        known = findings.join(about, on=list(key), how="left", nulls_equal=True, maintain_order="left")
        if not report.dataset.protected:
            known = known.with_columns(pl.lit(False).alias("_protected"))
    places = [f.name for f in report.dataset.fields if f.location]
    hidden = pl.col("field").is_in(places) & pl.col("_protected").ne_missing(False)
    words = pl.when(pl.col("_protected")).then(pl.lit(PROTECTED)).otherwise(pl.lit(UNKNOWN))
    return known.with_columns(pl.when(hidden).then(words).otherwise(pl.col(name)).alias(name) for name in _VALUES).drop(
        "_protected"
    )

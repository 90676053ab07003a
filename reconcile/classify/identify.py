"""The id of a finding: a keyed hash of dataset, key, field and kind group.

The same finding has the same id every night, whatever its row number, its values, or whether it is "only left" today
and paired by another key tomorrow. The hash is HMAC-SHA-256 under the site's key: a plain hash of an eleven-digit
code is undone in minutes by trying them all (`reference/reliability.md` §5.2).
"""

from __future__ import annotations

import hmac

import polars as pl

GROUPS = {"only_left": "existence", "only_right": "existence", "other_key": "existence"}
"""Kinds that are one fact seen differently; every other kind is its own group."""


def finding_ids(found: pl.DataFrame, key: list[str], dataset: str, site_key: bytes) -> pl.Series:
    """One id a row: 32 hexadecimal digits.

    Several findings of one dataset, key, field and group (records without a key, two failed checks of one field) are
    numbered in the order of the frame.

    Args:
        found: key, `field`, `kind`; sorted.
        key: The key's columns.
        dataset: Its name.
        site_key: 32 random bytes.
    """
    group = pl.col("kind").replace(GROUPS)
    # Length before text: no two lists of parts write the same message.
    parts = [pl.lit(dataset), *(pl.col(k) for k in key), pl.col("field"), group]
    message = pl.concat_str(
        *(pl.format("{}:{}", p.str.len_bytes().cast(pl.String), p).fill_null("-") for p in parts), separator=";"
    )
    messages = found.select(message=message).with_columns(n=pl.int_range(pl.len()).over("message"))
    numbered = messages.select(
        pl.when(pl.col("n") > 0).then(pl.format("{};{}", "message", "n")).otherwise(pl.col("message"))
    ).to_series()
    return pl.Series(
        "finding_id", [hmac.digest(site_key, text.encode(), "sha256").hex()[:32] for text in numbered], pl.String
    )

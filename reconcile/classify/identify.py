"""The id of a finding: a keyed hash of dataset, key, field and kind group.

The same finding has the same id every night, whatever its row number, its values, or whether it is "only left" today
and paired by another key tomorrow. The hash is HMAC-SHA-256 under the site's key: a plain hash of an eleven-digit
code is undone in minutes by trying them all (`reference/reliability.md` §5.2).
"""

from __future__ import annotations

from hashlib import sha256

import polars as pl

_BLOCK_BYTES = 64
_NUMBER = "_number"
ROWS_AT_ONCE = 200_000

GROUPS = {"only_left": "existence", "only_right": "existence", "other_key": "existence"}
"""Kinds that are one fact seen differently; every other kind is its own group."""

KINDS = (
    *("value", "only_left", "only_right", "other_key", "identity_swap", "mixed_identity", "shared_across"),
    *(
        f"{kind}_{side}"
        for kind in (
            *("reject", "duplicate", "two_kinds", "unassigned", "shared", "check_digit", "code_range", "town"),
            *("undeclared", "doubtful", "disordered"),
        )
        for side in ("left", "right")
    ),
)
"""Every kind there is: an id is not reversible, so whoever has a key and a finding must try them."""


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
    first, number = message(key, dataset), pl.col(_NUMBER)
    said = first
    if (numbers := _numbers(found, key, first)).sum():
        found = found.with_columns(numbers)
        said = pl.when(number == 0).then(first).otherwise(numbered(first, number))
    # So many at a time: the digests of millions, as objects, take more than all that they are made of.
    parts = [id_of(part.select(said).to_series(), site_key) for part in found.iter_slices(ROWS_AT_ONCE)]
    return pl.concat(parts) if parts else pl.Series("finding_id", dtype=pl.String)


def _numbers(found: pl.DataFrame, key: list[str], message: pl.Expr) -> pl.Series:
    """How many of the same message stand before each finding."""
    same = pl.all_horizontal(pl.lit(value=True), *(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in key))
    follows = found.select((same & (pl.int_range(pl.len()) > 0)).alias(_NUMBER)).to_series()
    # Sorted: only neighbors have one key, and only findings of one key can have one message.
    shared = follows | follows.shift(-1, fill_value=False)
    numbers = pl.zeros(found.height, pl.UInt32, eager=True).alias(_NUMBER)
    if not shared.any():
        return numbers
    told = found.filter(shared).select(message.alias("message"))
    own = told.select(pl.int_range(pl.len(), dtype=pl.UInt32).over("message")).to_series()
    return numbers.scatter(shared.arg_true(), own)


def message(key: list[str], dataset: str) -> pl.Expr:
    """What is hashed of the first finding of its dataset, key, `field` and group of `kind`."""
    parts = [pl.lit(dataset), *(pl.col(k) for k in key), _text("field"), _text("kind").replace(GROUPS)]
    # Length before text: no two lists of parts write the same message.
    return pl.concat_str(
        *(pl.format("{}:{}", p.str.len_bytes().cast(pl.String), p).fill_null("-") for p in parts), separator=";"
    )


def _text(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String)


def numbered(message: pl.Expr, number: pl.Expr) -> pl.Expr:
    """What is hashed of the others of them, from 1."""
    return pl.format("{};{}", message, number)


def id_of(messages: pl.Series, site_key: bytes) -> pl.Series:
    """The id of each message: 32 hexadecimal digits."""
    return authenticated(messages, site_key).bin.slice(0, 16).bin.encode("hex").alias("finding_id")


def authenticated(messages: pl.Series, key: bytes) -> pl.Series:
    """HMAC-SHA-256 of each text (RFC 2104, FIPS 180-4), 32 bytes.

    Written out: a code that differs on every record makes millions of findings, and the library's one-shot call looks
    up its hash again each time, which takes twice as long as the two hashes.

    Args:
        messages: Texts, none null.
        key: At most 64 bytes, the block of the hash.
    """
    padded = key.ljust(_BLOCK_BYTES, b"\0")
    inner, outer = bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)
    digests = [sha256(outer + sha256(inner + text).digest()).digest() for text in messages.cast(pl.Binary)]
    return pl.Series(digests, dtype=pl.Binary)

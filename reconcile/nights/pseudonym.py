"""The keyed hash by which a person is recognized from night to night without being known.

HMAC-SHA-256 (RFC 2104) under the site's key: a plain hash of an eleven-digit code is undone in minutes by trying them
all (`reference/reliability.md` §5.2). It is computed by the column, in DuckDB, because tonight's keys are all of them.
"""

from __future__ import annotations

import hashlib

import polars as pl

BLOCK_BYTES = 64
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "512MB",
    "threads": "1",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "temp_directory": "",
}


def pseudonyms(keys: pl.DataFrame, dataset: str, site_key: bytes) -> pl.Series:
    """One hash a row, 32 hexadecimal digits, in the order of the frame; null where a part of the key is.

    Args:
        keys: The key's columns, text.
        dataset: Its name; the same code in another dataset is another person.
        site_key: 32 random bytes.
    """
    import duckdb  # noqa: PLC0415  an ad-hoc diff does not need it

    padded = (hashlib.sha256(site_key).digest() if len(site_key) > BLOCK_BYTES else site_key).ljust(BLOCK_BYTES, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in padded) for pad in (0x36, 0x5C))
    # Length before text: no two lists of parts write the same message.
    parts = [pl.lit("person"), pl.lit(dataset), *(pl.col(name) for name in keys.columns)]
    message = pl.concat_str(
        *(pl.format("{}:{}", part.str.len_bytes().cast(pl.String), part) for part in parts), separator=";"
    )
    messages = keys.select(message=message).with_row_index("n").to_arrow()
    with duckdb.connect(":memory:", config=_SETTINGS) as connection:
        connection.register("messages", messages)
        hashed = connection.sql(
            "SELECT n, sha256($outer || unhex(sha256($inner || encode(message)))) AS person FROM messages",
            params={"outer": outer, "inner": inner},
        ).to_arrow_table()
    frame = pl.DataFrame(pl.from_arrow(hashed)).sort("n")
    return frame["person"].cast(pl.String).str.slice(0, 32)

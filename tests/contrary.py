"""A polars that keeps no order but what its documentation promises: what else we rely on comes out in another one.

A join, `unique` or `group_by` without `maintain_order` may give its rows in any order, in another version or on another
night. Ours happens to keep many of them. This one puts the first row last, and takes the last where it may take any, so
that a promise of order that was left out is seen with three rows; to reverse them would show nothing if done twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import polars as pl
from polars.lazyframe.group_by import LazyGroupBy


@contextmanager
def contrary() -> Iterator[None]:
    """Within, frames and lazy frames are contrary: what an eager frame does, it does as a lazy one."""
    join, unique, group_by = pl.LazyFrame.join, pl.LazyFrame.unique, pl.LazyFrame.group_by
    series_unique = pl.Series.unique

    def joined(self: pl.LazyFrame, *arguments: object, **words: object) -> pl.LazyFrame:
        order, how = words.get("maintain_order"), words.get("how", "inner")
        found = join(self, *arguments, **words)  # type: ignore[arg-type]
        # These have rows of the left only: the order of the right promises nothing of them.
        kept = order in ("left", "left_right") if how in ("anti", "semi") else order not in (None, "none")
        return found if kept else _turned(found)

    def made_unique(self: pl.LazyFrame, *arguments: object, **words: object) -> pl.LazyFrame:
        if words.get("keep", "any") == "any":
            words["keep"] = "last"
        found = unique(self, *arguments, **words)  # type: ignore[arg-type]
        return found if words.get("maintain_order") else _turned(found)

    def grouped(self: pl.LazyFrame, *by: object, maintain_order: bool = False, **words: object) -> LazyGroupBy:
        # In the order of the groups first: polars may well take one of its own.
        groups = group_by(self, *by, maintain_order=True, **words)  # type: ignore[arg-type]
        return groups if maintain_order else _Turned(groups.lgb)

    def values(self: pl.Series, *, maintain_order: bool = False) -> pl.Series:
        found = series_unique(self, maintain_order=True)
        return found if maintain_order else pl.concat([found.slice(1), found.head(1)])

    with (
        mock.patch.object(pl.LazyFrame, "join", joined),
        mock.patch.object(pl.LazyFrame, "unique", made_unique),
        mock.patch.object(pl.LazyFrame, "group_by", grouped),
        mock.patch.object(pl.Series, "unique", values),
    ):
        yield


def _turned(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.sort((pl.int_range(pl.len()) - 1) % pl.len().cast(pl.Int64))


class _Turned(LazyGroupBy):
    def agg(self, *aggregates: object, **named: object) -> pl.LazyFrame:
        return _turned(super().agg(*aggregates, **named))  # type: ignore[arg-type]

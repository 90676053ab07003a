"""One event, one thing to do: the items of a person whose very identity or existence is in question (A, B, X).

Where two people are mixed up under a code, every item differs, and none of it is a mistake of its own. So those items
stay findings, each with its own code and values, but as *parts* of the event: at the severity of information, with
`part_of:<code>` before their own rule, and named in the event's hint. Nothing is dropped and nothing is counted twice
as work (`reference/domain.md` §11, last paragraph).

What is never a part: an item graver than the event; an item that timing explains; and an event of its own, unless the
whole record is somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from reconcile.model import PART_OF, PARTS, Dataset, Events

_WHOLE = ("identity_swap", "mixed_identity")
"""Kinds that say of a whole record that it is another person's."""


def with_parts(found: pl.DataFrame, swapped: pl.DataFrame, dataset: Dataset, key: Sequence[str]) -> pl.DataFrame:
    """Findings, with the items of an event made its parts.

    Args:
        found: The key, `kind`, `field`, `code`, `severity`, `rule`, `hint`, `reason`, `_order` (of the fields).
        swapped: Pairs of keys whose people crossed over (`diff.compare.swaps`); an event of the smaller key.
        dataset: Declares the events.
        key: The names of the key's columns.

    Returns:
        The same rows, in the same order, with `rule`, `severity` and `hint` of parts and events changed.
    """
    if dataset.events is None or found.is_empty():
        return found
    key = list(key)
    about = _gravest(found, swapped, dataset.events, key)
    told = found.with_row_index("_at").join(about, on=key, how="left", maintain_order="left")
    own = pl.col("code").is_in(dataset.events.codes)
    part = (
        pl.col("_event").is_not_null()
        & (pl.col("kind") == "value")
        & pl.col("reason").is_null()
        & (pl.col("_at") != pl.col("_event"))
        & (pl.col("_whole") | (~own & (pl.col("_gravity") <= _gravity(dataset.events))))
    )
    told = told.with_columns(_part=part.fill_null(value=False))
    labels = {field.name: field.label for field in dataset.fields}
    return (
        told.join(_named(told, key, labels), left_on="_at", right_on="_event", how="left", maintain_order="left")
        .with_columns(
            rule=pl.when("_part").then(_joined(PART_OF + pl.col("_code"), pl.col("rule"), "+")).otherwise("rule"),
            severity=pl.when("_part").then(pl.lit(dataset.events.part_severity)).otherwise("severity"),
            hint=pl.when(pl.col("_parts").is_not_null())
            .then(_joined(pl.col("hint"), pl.col("_parts"), "; "))
            .otherwise("hint"),
        )
        .select(found.columns)
    )


def _gravest(found: pl.DataFrame, swapped: pl.DataFrame, events: Events, key: list[str]) -> pl.DataFrame:
    """The event of each person: key, `_event` (its place in `found`), `_code`, `_gravity`, `_whole`."""
    about = (
        found.with_row_index("_event")
        .filter(pl.col("code").is_in(events.codes) & pl.col("reason").is_null())
        .with_columns(_gravity=_gravity(events), _whole=pl.col("kind").is_in(_WHOLE))
    )
    # Under the other key of a swap stands the same event.
    other = swapped.select(*key, **{f"{name}:other": pl.col(f"{name}:right") for name in key})
    others = (
        about.filter(pl.col("kind") == "identity_swap")
        .join(other, on=key, how="inner")
        .with_columns(pl.col(f"{name}:other").alias(name) for name in key)
        .select(about.columns)
    )
    return (
        pl.concat([about, others])
        .sort(~pl.col("_whole"), "_gravity", "_order", "_event", maintain_order=True)
        .unique(key, keep="first", maintain_order=True)
        .select(*key, "_event", "_gravity", "_whole", _code="code")
    )


def _gravity(events: Events) -> pl.Expr:
    """The rank of a severity, 0 for the gravest; an unknown one is the gravest, and never a part."""
    ranks = {severity: rank for rank, severity in enumerate(events.severities)}
    return pl.col("severity").replace_strict(ranks, default=-1, return_dtype=pl.Int32)


def _named(told: pl.DataFrame, key: list[str], labels: Mapping[str, str]) -> pl.DataFrame:
    """What each event has for parts: `_event`, `_parts`. Not told of a whole record: there it is everything."""
    parts = told.filter(pl.col("_part") & ~pl.col("_whole"))
    word = pl.col("field").replace(dict(labels))
    return parts.group_by("_event", *key, maintain_order=True).agg(_parts=PARTS + word.str.join("、")).drop(key)


def _joined(first: pl.Expr, last: pl.Expr, separator: str) -> pl.Expr:
    return pl.concat_str([first, last], separator=separator, ignore_nulls=True)

"""Where few columns make most of the differences: every row once more, and of each suspect only what comparing it needs.

A row that agrees with its partner in all other columns needs the key, the few columns and some numbers: a tenth of its
text. So these are kept while the hashes of the other columns are made, both in one reading a side, and nothing has to
be fetched afterwards. They are kept in pieces by the hash of the key, so that a piece can be compared by itself and
then goes away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from reconcile.diff import DiffPlan, suspects
from reconcile.diff.fingerprint import VALUE_HASHES, keyed, repeated, second_of_key, second_sum, value_hashes
from reconcile.model import ROW, Dataset, Side
from reconcile.search.check import ROWS_PER_BATCH, Input, Progress

ROWS_PER_PIECE = 250_000

NUMBERS_BYTES = 28
"""Of a suspect that is kept, beside its texts: its number and three hashes."""

_ONE, _REST, _TWO = "_others", "_rest", "_two"
# Of a row: the first hash of the other columns without the key; the second one with it; the second one of all columns.

Frames = Mapping[Side, pl.DataFrame]


class Columns(NamedTuple):
    """A comparison in two parts.

    Attributes:
        few: Of the columns that make most of the differences.
        rest: Of all others.
    """

    few: DiffPlan
    rest: DiffPlan


class Piece(NamedTuple):
    """The suspects of some keys, both sides.

    Attributes:
        rows: ROW and `_key` of all of them.
        whole: The record numbers of those that differ in the other columns, too, or whose key repeats.
        narrow: Of the rest, what `diff` needs with the plan of the few columns.
        seconds: Of `narrow`, the sums of the second hashes of whole rows, and of the other columns.
        alike: Record numbers of the left side: no other pair can have crossed over with another (`diff.swaps`).
    """

    rows: Frames
    whole: Mapping[Side, pl.Series]
    narrow: Frames
    seconds: Mapping[Side, tuple[int, int]]
    alike: pl.Series


class Kept:
    """What is kept of the suspects of both sides, given back a piece at a time.

    Attributes:
        size_bytes: How much that is.
    """

    def __init__(self, columns: Columns, none: Frames, pieces: int) -> None:
        """Nothing yet.

        Args:
            columns: The comparison.
            none: What is kept of a side, without rows.
            pieces: How many parts it is given back in.
        """
        self.size_bytes = 0
        self._columns = columns
        self._pieces = {side: [[none[side]] for _ in range(pieces)] for side in Side}

    def add(self, side: Side, batch: pl.DataFrame) -> None:
        """Add suspects of a side."""
        held = self._pieces[side]
        # All partitions come here, so the remainder is not spoken for; the upper half cuts suspects that do not fit.
        parts = batch.with_columns(_at=pl.col("_key") % len(held)).partition_by("_at", as_dict=True, include_key=False)
        for (at,), part in parts.items():
            own = part.with_columns(pl.col(pl.String) + pl.lit(""))  # lets the page go that it was read from
            self.size_bytes += int(own.estimated_size())
            held[at].append(own)

    def pieces(self) -> Iterator[Piece]:
        """All of them; each can be had once."""
        few = self._columns.few
        again = repeated(pl.concat(part[_ONE] for parts in self._pieces[Side.LEFT] for part in parts))
        one, two = value_hashes([pl.col(name) for name in few.fields], few.seed, few.positions)
        key = second_of_key([pl.col(name) for name in few.key], few.seed)
        hashes = dict(zip(VALUE_HASHES, (pl.col(_ONE) + one, keyed(key, pl.col(_REST)) + two), strict=True))
        hashes[_TWO] = keyed(key, hashes[VALUE_HASHES[-1]])
        for number in range(len(self._pieces[Side.LEFT])):
            rows = {side: self._taken(side, number) for side in Side}
            found = suspects(*(frame.select(ROW, "_key", "_one") for frame in rows.values()))
            whole = {Side.LEFT: found.left, Side.RIGHT: found.right}
            narrow = {
                # Where a side was printed as it was read, its second hash is that of its lines, and came with it.
                side: frame.filter(~pl.col(ROW).is_in(whole[side].implode())).with_columns(**(hashes | _own(frame)))
                for side, frame in rows.items()
            }
            yield Piece(
                rows={side: frame.select(ROW, "_key") for side, frame in rows.items()},
                whole=whole,
                narrow={side: frame.drop("_key", "_one", _ONE, _REST, _TWO) for side, frame in narrow.items()},
                seconds={side: (second_sum(frame, _TWO), second_sum(frame, _REST)) for side, frame in narrow.items()},
                alike=narrow[Side.LEFT].filter(pl.col(_ONE).is_in(again.implode()))[ROW],
            )

    def _taken(self, side: Side, number: int) -> pl.DataFrame:
        held = self._pieces[side]
        parts, held[number] = held[number], []
        return pl.concat(parts).with_columns(_one=keyed(pl.col("_key"), pl.col(_ONE)))


def keep(
    inputs: Mapping[Side, Input],
    dataset: Dataset,
    columns: Columns,
    wanted: Mapping[Side, pl.Series],
    about: tuple[int, Progress],
) -> Kept | None:
    """Read both sides once, and keep what comparing few columns of their suspects needs.

    Args:
        inputs: Both sides.
        dataset: What is declared of them.
        columns: The comparison.
        wanted: The record numbers of the suspects.
        about: How many bytes may be kept, and what is told of every batch.

    Returns:
        None as soon as it is seen that they are too many or their texts too long.
    """
    most_bytes, progress = about
    queries = {side: _query(entry, dataset, columns) for side, entry in inputs.items()}
    none = {side: pl.DataFrame(schema=query.collect_schema()) for side, query in queries.items()}
    every = sum(map(len, wanted.values()))
    kept = Kept(columns, none, 1 + every // (len(Side) * ROWS_PER_PIECE))
    seen = 0
    for side, query in queries.items():
        rows = inputs[side].snapshot.rows
        mine = np.zeros(rows + inputs[side].sentinels + 1, dtype=np.bool_)
        mine[wanted[side].to_numpy()] = True
        for done, batch in enumerate(query.collect_batches(chunk_size=ROWS_PER_BATCH, engine="streaming"), 1):
            suspect = batch.filter(pl.Series(mine[batch[ROW].to_numpy()]))
            kept.add(side, suspect)
            seen += suspect.height
            if kept.size_bytes * every > most_bytes * seen:
                return None
            progress(f"narrow {side}", min(done * ROWS_PER_BATCH, rows), rows)
    return kept


def _query(entry: Input, dataset: Dataset, columns: Columns) -> pl.LazyFrame:
    """ROW, `_key`, the hashes, and the key and few columns as `DiffPlan.select` has them."""
    few, rest = columns
    canonical = entry.canonical(dataset)
    texts = few.select(canonical, decoded=entry.snapshot.layout is not None, hashed=False)
    key = [canonical[source] for source in few.key.values()]
    one, two = value_hashes([canonical[field.name] for field in rest.fields.values()], rest.seed, rest.positions)
    return entry.rows.select(
        *few.fingerprint(canonical)[:2],  # ROW, `_key`
        *texts,
        one.alias(_ONE),
        keyed(second_of_key(key, few.seed), two).alias(_REST),
        *([entry.printed.second.alias(_TWO)] if entry.printed else []),
    )


def _own(frame: pl.DataFrame) -> dict[str, pl.Expr]:
    return {_TWO: pl.col(_TWO)} if _TWO in frame.columns else {}

"""From the fingerprints of both sides to what differs: suspects are found, fetched and compared, as many as may be held.

A run seldom has more suspects than fit. Where it has, they are compared in pieces, and every piece reads both sources
once more. That would be a reading for every 300,000 rows when one column differs everywhere, as it does when a code
list is wrong. So a sample of the suspects is compared first. If few columns make most of their differences, the rest of
the columns get fingerprints of their own: rows that agree in the rest need only those few columns, and many more of
them fit (decision "One column that differs everywhere").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import polars as pl

from reconcile.diff import Diff, DiffPlan, diff, prove_equal, second_sum, suspects
from reconcile.machine.budget import Budget
from reconcile.model import ROW, Dataset, Side
from reconcile.search.check import ROWS_PER_BATCH, Input, Progress
from reconcile.search.narrow import NUMBERS_BYTES, Columns, Kept, keep
from reconcile.search.packed import Packed
from reconcile.search.prints import Prints

_SAMPLE = 2_000
"""Suspects compared to see which columns differ: enough to find one that differs in a tenth of them, and no burden."""

_OFTEN = 0.1
"""Of the sampled pairs: a column that differs in so many is one of the few."""

_REST = "_rest"
"""A fetched row's second hash over the columns that were not fetched."""

Wanted = Mapping[Side, pl.DataFrame]
"""ROW and `_key` of suspects."""


class Work(NamedTuple):
    """What is compared, and how.

    Attributes:
        inputs: Both sides.
        dataset: What is declared of them.
        plan: The comparison.
        held: How much may be held.
        prints: Makes room for the fingerprints of both sides.
        progress: Told of every partition.
    """

    inputs: Mapping[Side, Input]
    dataset: Dataset
    plan: DiffPlan
    held: Budget
    prints: Callable[[], Mapping[Side, Prints]]
    progress: Progress


def differences(work: Work, prints: Mapping[Side, Prints]) -> Iterator[tuple[int, Diff]]:
    """So many suspects at a time: how many pairs are surely equal, and what comparing the suspects gave.

    Args:
        work: What is compared.
        prints: Of every row of both sides that takes part; they are used up.

    Raises:
        BalanceError: A pair passed as equal that is not.
    """
    compare = _Compare(work, {side: prints[side].second for side in Side})
    waiting = _suspects(work, compare, prints)
    asked = False
    for number, wanted in waiting:
        about = _most(wanted) * prints[Side.LEFT].partitions
        if not asked and about > work.held.many:
            asked = True
            columns = _few(work, compare, _sample(wanted))
            if columns is not None:
                yield from _few_first(work, compare, columns, chain([(number, wanted)], waiting), about)
                break
        yield from compare.add(work.plan, wanted)
    yield from compare.rest()


def _suspects(work: Work, compare: _Compare, prints: Mapping[Side, Prints]) -> Iterator[tuple[int, Wanted]]:
    """The suspects of every partition, and its number."""
    partitions = prints[Side.LEFT].partitions
    for number in range(partitions):
        parts = {side: prints[side].part(number) for side in Side}
        found = suspects(parts[Side.LEFT], parts[Side.RIGHT])
        compare.matched += found.matched
        work.progress("compare", number + 1, partitions)
        yield number, _of(parts, {Side.LEFT: found.left, Side.RIGHT: found.right})


def _few_first(
    work: Work, compare: _Compare, columns: Columns, waiting: Iterable[tuple[int, Wanted]], about: int
) -> Iterator[tuple[int, Diff]]:
    """Suspects, about so many a side, of which most differ in few columns: only what those take is held, or read again."""
    if about * len(Side) * NUMBERS_BYTES < work.held.kept_bytes:
        waiting = list(waiting)
        every = _together([wanted for _, wanted in waiting])
        kept = keep(work.inputs, work.dataset, columns, _rows(every), (work.held.kept_bytes, work.progress))
        if kept is not None:
            yield from compare.kept(columns, kept)
            return
    prints = _others(work, columns)
    for number, wanted in waiting:
        others = {side: _those(prints[side].part(number), wanted[side][ROW]) for side in Side}
        wide = suspects(others[Side.LEFT], others[Side.RIGHT])
        wide_rows = {Side.LEFT: wide.left, Side.RIGHT: wide.right}
        yield from compare.add(work.plan, _of(others, wide_rows))
        narrow = {side: wanted[side].filter(~pl.col(ROW).is_in(wide_rows[side].implode())) for side in Side}
        yield from compare.add(columns.few, narrow, columns.rest)


class _Compare:
    """Suspects put together until as many are there as may be held; then fetched and compared.

    Attributes:
        matched: Pairs that are surely equal, and have not been told yet.
    """

    def __init__(self, work: Work, seconds: dict[Side, int]) -> None:
        """Begin.

        Args:
            work: What is compared.
            seconds: The sums of the second hashes of all rows; those of suspects are taken off as they are fetched.
        """
        self.matched = 0
        self._work = work
        self._seconds = seconds
        self._rest_seconds = dict.fromkeys(Side, 0)
        self._held: dict[bool, tuple[DiffPlan, DiffPlan | None, list[Wanted]]] = {}

    def add(self, plan: DiffPlan, wanted: Wanted, rest: DiffPlan | None = None) -> Iterator[tuple[int, Diff]]:
        """Suspects of a partition, all rows of a key among them.

        Args:
            plan: How they are compared.
            wanted: They.
            rest: The columns in which they are said to agree.
        """
        for piece in _pieces(wanted, 1 + _most(wanted) // self._scaled(plan, self._work.held.suspects)):
            *_, held = self._held.setdefault(rest is not None, (plan, rest, []))
            if held and _most(*held, piece) > self._scaled(plan, self._work.held.at_once):
                yield from self._compared(narrow=rest is not None)
                held.clear()
            held.append(piece)

    def rest(self) -> Iterator[tuple[int, Diff]]:
        """What is still held; then the proof of everything that passed as equal.

        Raises:
            BalanceError: A pair passed as equal that is not.
        """
        for narrow in self._held:
            yield from self._compared(narrow=narrow)
        prove_equal(self._seconds[Side.LEFT], self._seconds[Side.RIGHT])
        prove_equal(self._rest_seconds[Side.LEFT], self._rest_seconds[Side.RIGHT])

    def sample(self, plan: DiffPlan, wanted: Wanted) -> Diff:
        """Fetch suspects of both sides and compare them, to see what they are like."""
        return _found(plan, next(_fetched(self._work, [wanted], plan, None)))

    def kept(self, columns: Columns, kept: Kept) -> Iterator[tuple[int, Diff]]:
        """Suspects of which enough is at hand, and those of them that have to be fetched after all."""
        for piece in kept.pieces():
            yield from self.add(self._work.plan, _of(piece.rows, piece.whole))
            for side, (whole, rest) in piece.seconds.items():
                self._seconds[side] -= whole
                self._rest_seconds[side] += rest
            found = _owned(diff(columns.few, *piece.narrow.values()))
            alike = pl.col("left_row").is_in(piece.alike.implode())
            yield self._told(), found._replace(people=found.people.filter(alike))

    def _compared(self, *, narrow: bool) -> Iterator[tuple[int, Diff]]:
        """What is held, fetched in one reading a side and compared group by group."""
        plan, rest, held = self._held[narrow]
        groups = list(_grouped(held, self._scaled(plan, self._work.held.suspects)))
        for fetched in _fetched(self._work, groups, plan, rest):
            for side, frame in fetched.items():
                self._seconds[side] -= second_sum(frame)
                self._rest_seconds[side] += second_sum(frame, _REST) if rest else 0
            yield self._told(), _found(plan, fetched)

    def _told(self) -> int:
        matched, self.matched = self.matched, 0
        return matched

    def _scaled(self, plan: DiffPlan, suspects: int) -> int:
        # Budgeted by values: with fewer columns a row takes less; its numbers take as much as three.
        every, here = len(self._work.plan.fields) + 1, len(plan.fields) + 1
        return suspects if every == here else max(1, suspects * every // (here + 3))


def _pieces(wanted: Wanted, number: int) -> Iterator[Wanted]:
    """Suspects in so many pieces, those of a key together."""
    if number == 1:
        yield wanted
        return
    # A partition is a remainder of the key's hash: its upper half is not spoken for.
    piece = (pl.col("_key") // (1 << 32)) % number
    mine = {side: frame.with_columns(piece=piece) for side, frame in wanted.items()}
    for i in range(number):
        yield {side: frame.filter(pl.col("piece") == i).drop("piece") for side, frame in mine.items()}


def _grouped(held: Sequence[Wanted], most: int) -> Iterator[Wanted]:
    """Pieces put together, as many rows at most, or one piece."""
    group: list[Wanted] = []
    for piece in held:
        if group and _most(*group, piece) > most:
            yield _together(group)
            group = []
        group.append(piece)
    yield _together(group)


def _together(group: Sequence[Wanted]) -> Wanted:
    return {side: pl.concat([piece[side] for piece in group]) for side in Side}


def _of(parts: Mapping[Side, pl.DataFrame], rows: Mapping[Side, pl.Series]) -> Wanted:
    return {side: _those(part, rows[side]).select(ROW, "_key") for side, part in parts.items()}


def _those(part: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    return part if part.height == len(rows) else part.filter(pl.col(ROW).is_in(rows.implode()))


def _rows(wanted: Wanted) -> dict[Side, pl.Series]:
    return {side: frame[ROW] for side, frame in wanted.items()}


def _most(*held: Wanted) -> int:
    return max(sum(one[side].height for one in held) for side in Side)


# ------------------------------------------------------------------------------------------- few columns, many rows


def _sample(wanted: Wanted) -> Wanted:
    """Suspects of both sides by the hashes of their keys, which are as good as drawn."""
    share = max(1, _most(wanted) // _SAMPLE)
    drawn = (pl.col("_key") // (1 << 32)) % share == 0
    return {side: frame.filter(drawn) for side, frame in wanted.items()}


def _few(work: Work, compare: _Compare, sample: Wanted) -> Columns | None:
    """The columns that make most differences, if they are few."""
    this = work.plan
    met = compare.sample(this, sample)
    pairs = met.values.select("left_row", "right_row", "field").unique()
    count = pairs.select(pl.struct("left_row", "right_row").n_unique()).item()
    often = set(pairs.group_by("field").len().filter(pl.col("len") >= _OFTEN * count)["field"])
    names = {name for name, field in this.fields.items() if field.name in often}
    if not names or 2 * len(names) > len(this.fields):
        return None
    return Columns(this.narrowed(names), this.narrowed(set(this.fields) - names))


def _others(work: Work, columns: Columns) -> Mapping[Side, Prints]:
    """All rows are read for the prints of the other columns."""
    prints = work.prints()
    for side, entry in work.inputs.items():
        numbers = columns.rest.fingerprint(entry.canonical(work.dataset))
        batches = entry.rows.select(numbers).collect_batches(chunk_size=ROWS_PER_BATCH, engine="streaming")
        for done, batch in enumerate(batches, 1):
            prints[side].add(batch)
            work.progress(f"narrow {side}", min(done * ROWS_PER_BATCH, entry.snapshot.rows), entry.snapshot.rows)
    return prints


# ----------------------------------------------------------------------------------------------------------- fetching


def _fetched(
    work: Work, groups: Sequence[Wanted], plan: DiffPlan, rest: DiffPlan | None
) -> Iterator[dict[Side, pl.DataFrame]]:
    """Suspects group by group, out of one reading a side."""
    every = _together(groups)
    queries = {side: _query(work, side, every[side], plan, rest) for side in Side}
    if len(groups) == 1:
        # Who asks by the key gets those, too, whose hash collides with it, or that were refused.
        yield {side: _those(query.collect(engine="streaming"), every[side][ROW]) for side, query in queries.items()}
        return
    packed = {}
    for side, query in queries.items():
        none = pl.DataFrame(schema=query.collect_schema())
        packed[side] = Packed(none, [wanted[side][ROW] for wanted in groups])
        query.sink_batches(packed[side].add, chunk_size=work.held.suspects, engine="streaming")
    for number in range(len(groups)):
        yield {side: one.take(number) for side, one in packed.items()}


def _query(work: Work, side: Side, wanted: pl.DataFrame, plan: DiffPlan, rest: DiffPlan | None) -> pl.LazyFrame:
    """Suspects with all that is compared, canonical and raw, and `_two`: their second hash; and that of the rest."""
    entry = work.inputs[side]
    expressions = entry.canonical(work.dataset)
    columns = plan.select(expressions, decoded=entry.snapshot.layout is not None)
    second = [entry.printed.second if entry.printed else work.plan.fingerprint(expressions)[-1]]
    if rest is not None:
        second.append(rest.fingerprint(expressions)[-1].alias(_REST))
    rows = _asked_for(entry, work.plan.hashed_key(expressions), wanted)
    return rows.select(ROW, *columns, *second).with_columns(_own(pl.col(pl.String)))


def _asked_for(entry: Input, key: pl.Expr, wanted: pl.DataFrame) -> pl.LazyFrame:
    """Rows of a side, few others among them."""
    if wanted.is_empty():
        return entry.rows.head(0)  # must not cost a reading
    if wanted.height == entry.snapshot.rows + entry.sentinels:
        return entry.rows
    if entry.printed is not None:  # whose reader finds records by their numbers
        return entry.rows.filter(pl.col(ROW).is_in(wanted[ROW].implode()))
    # A reader of Parquet cannot know record numbers beforehand. Asked for keys, it decodes these first, and of the other
    # columns only what it needs: two thirds of the time, and half the memory.
    return entry.rows.filter(key.is_in(wanted["_key"].unique().implode()))


def _found(plan: DiffPlan, fetched: Mapping[Side, pl.DataFrame]) -> Diff:
    return _owned(diff(plan, *(frame.drop("_two", _REST, strict=False) for frame in fetched.values())))


def _own(text: pl.Expr) -> pl.Expr:
    """The same text, of its own.

    A filtered text column is a list of views into what it was cut from: a hundred suspects of a page would hold all of
    the page, and a hundred differences all the suspects. Appending nothing makes new texts, and lets the old ones go.
    """
    return text + pl.lit("")


def _owned(found: Diff) -> Diff:
    return found._replace(
        only_left=_own_texts(found.only_left),
        only_right=_own_texts(found.only_right),
        repeated=_own_texts(found.repeated),
        values=_own_texts(found.values),
        people=_own_texts(found.people),
    )


def _own_texts(found: pl.DataFrame) -> pl.DataFrame:
    return found.with_columns(_own(pl.col(pl.String)))

"""Two delimited files of one header, one delimiter and one encoding: compared as lines, in the pass that reads them.

Scanner, digest and fingerprints take the same block of bytes, and no snapshot is written. What differs is read again from
the open file and compared value by value, as always; so is a line that is only written differently. All that a report
says is what it says without this: `extract` and `check` stay the oracle (`tests/search/test_alike.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from reconcile.diff import fingerprint_lines, second_hash
from reconcile.errors import ReconcileError
from reconcile.extract import locate, name_of
from reconcile.extract.delimited import delimiter_of
from reconcile.extract.encoding import is_utf8
from reconcile.extract.lines import LINE, Batch, Lines, names_of, read_lines, records_about
from reconcile.extract.reading import Reader, open_regular, role
from reconcile.machine.budget import budget
from reconcile.model import REJECTS, ROW, DelimitedSource, Side, Snapshot, Source
from reconcile.search.check import ROWS_PER_BATCH, Input, Printed, Progress
from reconcile.search.prints import Prints
from reconcile.validate import NULL_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How they are compared.

    Attributes:
        key: The columns that name a record.
        seed: This run's.
        partitions: Of the fingerprints; 0 chooses by size.
        memory_limit: In bytes, 0 for none.
        work: A folder for the fingerprints of sides that have too many for memory.
        progress: Told of what has been read.
    """

    key: tuple[str, ...]
    seed: int
    partitions: int
    memory_limit: int
    work: Path
    progress: Progress


def read_alike(sources: Mapping[Side, Source], asked: Asked) -> dict[Side, Input] | None:
    """Read both sides at once.

    Returns:
        The sides, their rows printed; None if they are no such files, or if one cannot be opened or has no such names:
        then `extract` says what is wrong.

    Raises:
        SourceError: A file is refused, as `extract` refuses it; the left one first.
    """
    with ExitStack() as opened:
        try:
            files = {side: _delimited(locate(source, side)) for side, source in sources.items()}
            delimited = {side: one for side, one in files.items() if one is not None}
            if len(delimited) < len(Side):
                return None
            readers = {
                side: opened.enter_context(open_regular(one.path, role(side, one.label, one.path)))
                for side, one in delimited.items()
            }
            left, right = ((names_of(readers[side], one), delimiter_of(one)) for side, one in delimited.items())
        except ReconcileError:
            return None
        if left != right or not asked.key or not set(asked.key) <= set(left[0]) or len(set(asked.key)) < len(asked.key):
            return None
        numbers = [left[0].index(name) for name in asked.key]
        number, folder = _room(list(readers.values()), asked, len(left[0]))
        taking = {side: _Taking(side, asked, Prints(number, folder)) for side in Side}
        with ThreadPoolExecutor(len(Side)) as pool:
            reading = [
                pool.submit(read_lines, readers[side], one, numbers, taking[side]) for side, one in delimited.items()
            ]
            lines = dict(zip(Side, [one.result() for one in reading], strict=True))
    if any(one.names != left[0] for one in lines.values()):
        return None  # somebody has put another first line there meanwhile
    return {side: _input(side, delimited[side], lines[side], taking[side]) for side in Side}


def _delimited(source: Source) -> DelimitedSource | None:
    one = source if isinstance(source, DelimitedSource) else None
    return one if one and one.layout is None and is_utf8(one.encoding) else None


def _room(readers: Sequence[Reader], asked: Asked, columns: int) -> tuple[int, Path | None]:
    """In how many parts the fingerprints are kept, and where; as `pipeline` does it, but before they are counted."""
    held = budget(asked.memory_limit, columns - len(asked.key), pl.thread_pool_size())
    parts = held.partitions(max(records_about(reader) for reader in readers))
    return asked.partitions or parts, asked.work if parts > 1 else None


class _Taking:
    """Turns the lines of a side into numbers."""

    def __init__(self, side: Side, asked: Asked, prints: Prints) -> None:
        self.prints = prints
        self.seed = asked.seed
        self._side = side
        self._key = asked.key
        self._progress = asked.progress
        self._held: list[pl.DataFrame] = []
        self._rejects = [pl.DataFrame(schema=REJECTS)]
        self._rows = 0

    def __call__(self, batch: Batch) -> None:
        numbers = fingerprint_lines(batch.first, batch.key, batch.line, self.seed)
        self._rows += numbers.height
        if any(blank.any() for blank in batch.blank):
            blank = [pl.Series(one) for one in batch.blank]
            named = zip(blank, self._key, strict=True)
            field = pl.coalesce(*(pl.when(one).then(pl.lit(name)) for one, name in named))
            told = numbers.with_columns(field=field)
            refused = told.filter(pl.col("field").is_not_null())
            rejects = refused.select(ROW, "field", check=pl.lit(NULL_KEY)).match_to_schema(REJECTS)
            self._rejects.append(rejects)
            numbers = told.filter(pl.col("field").is_null()).drop("field")
        self._held.append(numbers)
        if sum(one.height for one in self._held) >= ROWS_PER_BATCH:
            self._add()

    def printed(self, lines: Lines) -> Printed:
        """What they became."""
        self._add()
        return Printed(self.prints, pl.concat(self._rejects), pl.col(LINE).alias("_two"), lines.count)

    def _add(self) -> None:
        if self._held:
            self.prints.add(pl.concat(self._held))
            self._held = []
        self._progress(f"read {self._side}", self._rows, 0)


def _input(side: Side, source: DelimitedSource, lines: Lines, taking: _Taking) -> Input:
    snapshot = Snapshot(
        side=side,
        label=source.label or name_of(source, side),
        path=lines.held.path,
        columns=lines.names,
        rows=lines.preflight.records,
        preflight=lines.preflight,
        temporary=False,
        held=lines.held,
    )
    rows = lines.rows(lambda line: second_hash(line, taking.seed))
    return Input(snapshot, rows, printed=taking.printed(lines))

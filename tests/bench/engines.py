"""`make engines`: the tasks of `reconcile.search.slices` on three engines in local mode, beside one process with as many cores."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from tests.bench.data import Pair, make_pair
from tests.bench.measure import interleave
from tests.bench.rivals import ENGINES, contestant, rivals, wrong_counts
from tests.bench.sections import Size, diff
from tests.bench.tables import Line, Section, markdown, put, show

EMPTY_ROWS = 1000


def main() -> int:
    """Measure, print the table, and write it down if asked."""
    parser = argparse.ArgumentParser(description="which engine carries the partition function beyond one machine")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=Size.parse, default=Size(1_000_000, 20))
    parser.add_argument("--write", type=Path, help="the document whose marked part is replaced")
    options = parser.parse_args()
    size: Size = options.size
    with tempfile.TemporaryDirectory(prefix="reconcile-engines-") as name:
        folder = Path(name)
        pairs = [
            make_pair(folder / str(rows), rows, kind="parquet", columns=size.columns)
            for rows in (EMPTY_ROWS, size.rows)
        ]
        sections = [
            _section(pair, rows, options.rounds) for pair, rows in zip(pairs, (EMPTY_ROWS, size.rows), strict=True)
        ]
    show(sections)
    if options.write:
        put(options.write, "engines", markdown(sections, "make engines"))
    return 0


def _section(pair: Pair, rows: int, rounds: int) -> Section:
    folder = pair.left.parent
    here, absent = rivals(ENGINES)
    ours, *theirs = interleave(rounds, diff(pair, folder), *(contestant(who, pair, folder) for who in here))
    lines = [Line(what="reconcile diff, one process, findings written", costs=ours)]
    for who, costs in zip(here, theirs, strict=True):
        ratios = [a.wall_seconds / b.wall_seconds for a, b in zip(costs, ours, strict=True)]
        note = wrong_counts(costs[0], pair.planted)
        lines.append(Line(what=who.label, costs=costs, ratios=ratios, against="one process", note=note))
    lines += [Line(what="not measured", note=sentence) for sentence in absent]
    median = statistics.median(cost.wall_seconds for cost in ours)
    title = (
        f"engines in local mode, two workers of one thread, {rows:,} rows a side, start included ({median:.1f} s alone)"
    )
    return Section(title=title, lines=lines)


if __name__ == "__main__":
    sys.exit(main())

"""`make bench`: what the comparison costs, in pairs with the bare operation on the same files; one table.

Claims are ratios of processes that ran beside each other in the same minute, because absolute times on a shared
machine move by a factor of two to three (`reference/performance.md`). Every run's counts are held against what was
planted: a fast wrong answer ends the benchmark.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fixtures.ward import make_ward
from reconcile.model import Verdict
from tests.bench.characters import Ratio, ratios
from tests.bench.data import Pair, make_pair
from tests.bench.measure import MEBIBYTE, Cost, interleave, measure

LOG_COLUMNS = 140
GOAL_ROWS = 1_000_000
GOAL_RESIDENTS = 287_302  # of the real ward
ROOT = Path(__file__).resolve().parents[2]
RECONCILE = (sys.executable, "-m", "reconcile")
# The floor: what anyone would type first. It only joins; it does not yet say which values differ.
BARE_JOIN = """
import sys
import polars as pl
left, right = map(pl.scan_parquet, sys.argv[1:3])
print(left.join(right, on="id", how="full").collect(engine=sys.argv[3]).height)
"""


RUN_FILE = """
dataset = "schemas.identity_record"
left = "cs"
right = "register"
out = "{out}"
site_key = "{key}"

[sources.cs]
label = "CS"
path = "{cs}"
layout = "cs_fixed"

[sources.register]
label = "register"
url = "duckdb:///{register}"
layout = "register_table"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the table. `ratios`: per round, to the line that is named in `against`."""

    what: str
    costs: Sequence[Cost]
    ratios: Sequence[float] = ()
    against: str = ""
    goal: str = ""
    met: bool | None = None

    @property
    def wall_seconds(self) -> float:
        """The median over the rounds."""
        return statistics.median(cost.wall_seconds for cost in self.costs)

    @property
    def peak_mebibytes(self) -> float:
        """The worst over the rounds: a limit is a limit."""
        return max(cost.peak_anonymous_bytes for cost in self.costs) / MEBIBYTE


def main() -> int:
    """Measure, print the table, and exit 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description="what the comparison costs, in pairs with the bare operation")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=GOAL_ROWS)
    parser.add_argument("--residents", type=int, default=GOAL_RESIDENTS, help="of the synthetic ward; 0 leaves it out")
    parser.add_argument("--records", type=int, default=1_000_000, help="fixed-length records to decode")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reconcile-bench-") as name:
        folder = Path(name)
        lines = [
            *against_the_bare_join(folder, options.rows, options.rounds),
            *start_up(folder, options.rounds),
            *(ward(folder, options.residents, options.rounds) if options.residents else ()),
        ]
    console = Console()
    # Into a file or a CI log, a table of 80 columns would break every line.
    console = console if console.is_terminal else Console(width=LOG_COLUMNS)
    console.print(_table(lines))
    inside = list(ratios(options.rounds, options.records))
    console.print(_ratio_table(inside))
    missed = any(line.met is False for line in lines) or any(one.ratio > one.goal for one in inside)
    return int(missed)


def against_the_bare_join(folder: Path, rows: int, rounds: int) -> Iterable[Line]:
    """`reconcile diff` with every difference written, beside polars' full join of the same columns."""
    pair = make_pair(folder, rows, kind="parquet")
    ours, bare, streaming = interleave(
        rounds,
        _diff(pair, folder),
        _bare_join(pair, folder, "in-memory"),
        _bare_join(pair, folder, "streaming"),
    )
    ratios = [a.wall_seconds / b.wall_seconds for a, b in zip(ours, bare, strict=True)]
    size = f"{rows:,} × 12 Parquet"
    peak = max(cost.peak_anonymous_bytes for cost in ours) / MEBIBYTE
    met = statistics.median(a.wall_seconds for a in ours) <= statistics.median(b.wall_seconds for b in bare)
    yield Line(
        what=f"reconcile diff, {size}",
        costs=ours,
        ratios=ratios,
        against="bare full join",
        goal="≤ 1.00 ×, ≤ 350 MiB",
        met=met and peak <= 350 if rows == GOAL_ROWS else None,
    )
    yield Line(what=f"bare full join (polars), {size}", costs=bare)
    yield Line(what=f"the same, streaming engine, {size}", costs=streaming)


def start_up(folder: Path, rounds: int) -> Iterable[Line]:
    """What a person waits for who asks little."""
    pair = make_pair(folder, 1000, kind="csv")
    helping, small = interleave(
        rounds,
        lambda: _expect(0, measure([*RECONCILE, "--help"], cwd=ROOT)),
        _diff(pair, folder),
    )
    for what, costs, limit_seconds in (
        ("reconcile --help", helping, 0.5),
        ("reconcile diff, two CSV of 1,000 rows", small, 1.5),
    ):
        median = statistics.median(cost.wall_seconds for cost in costs)
        yield Line(what=what, costs=costs, goal=f"< {limit_seconds} s", met=median < limit_seconds)


def ward(folder: Path, residents: int, rounds: int) -> Iterable[Line]:
    """The two systems' own forms, fixed length against DuckDB, from extract to findings; process start included."""
    forms = make_ward(folder / "ward", residents, 1, date(2026, 11, 20), ("cs_fixed", "register_duckdb")).paths
    config = folder / "run.toml"
    config.write_text(
        RUN_FILE.format(
            out=folder / "nights", key=folder / "site.key", cs=forms["cs_fixed"], register=forms["register_duckdb"]
        ),
        encoding="utf-8",
    )
    command: list[str | Path] = [*RECONCILE, "diff", "cs", "register", "--config", config, "--out", folder / "ward-out"]
    command += ["--report", "parquet,json", "--quiet"]
    expected = Verdict.PARTIAL.exit_code  # rows are planted that cannot be compared
    (costs,) = interleave(rounds, lambda: _expect(expected, measure(command, cwd=ROOT)))
    wall = statistics.median(cost.wall_seconds for cost in costs)
    peak = max(cost.peak_anonymous_bytes for cost in costs) / MEBIBYTE
    yield Line(
        what=f"ward of {residents:,}: CS fixed length × register DuckDB",
        costs=costs,
        goal="≤ 5 s, ≤ 600 MiB",
        met=wall <= 5 and peak <= 600 if residents == GOAL_RESIDENTS else None,
    )


def _diff(pair: Pair, folder: Path) -> Callable[[], Cost]:
    out = folder / "out"
    command: list[str | Path] = [
        *RECONCILE, "diff", pair.left, pair.right, "--key", "id", "--out", out, "--report", "parquet,json", "--quiet",
    ]  # fmt: skip

    def contestant() -> Cost:
        cost = _expect(1, measure(command, cwd=ROOT))  # 1 = mismatch
        found = json.loads((out / "summary.json").read_text(encoding="utf-8"))["findings"]["by_kind"]
        if {kind: n for kind, n in found.items() if n} != pair.planted:
            raise SystemExit(f"found {found}, planted {pair.planted}")
        return cost

    return contestant


def _bare_join(pair: Pair, folder: Path, engine: str) -> Callable[[], Cost]:
    command: list[str | Path] = [sys.executable, "-c", BARE_JOIN, pair.left, pair.right, engine]
    return lambda: _expect(0, measure(command, cwd=folder))


def _expect(exit_code: int, cost: Cost) -> Cost:
    if cost.exit_code != exit_code:
        raise SystemExit(f"exit {cost.exit_code}, expected {exit_code}\n{cost.output}")
    return cost


def _table(lines: Sequence[Line]) -> Table:
    table = Table(title="median wall; peak: most anonymous memory of the process and its children, worst round")
    table.add_column("what")
    for heading in ("wall s", "peak MiB", "ratio", "goal"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for line in lines:
        ratio = ""
        if line.ratios:
            low, high = min(line.ratios), max(line.ratios)
            ratio = f"{statistics.median(line.ratios):.2f} × {line.against} ({low:.2f}-{high:.2f})"
        met = {True: "✓", False: "✗", None: ""}[line.met]
        table.add_row(line.what, f"{line.wall_seconds:.2f}", f"{line.peak_mebibytes:,.0f}", ratio, line.goal, met)
    return table


def _ratio_table(ratios: Sequence[Ratio]) -> Table:
    table = Table(title="inside one process, medians")
    table.add_column("what")
    for heading in ("ours s", "bare s", "ratio", "goal"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for one in ratios:
        said = f"{one.ratio:.1f} × {one.bare}"
        met = "✓" if one.ratio <= one.goal else "✗"
        table.add_row(one.what, f"{one.ours_seconds:.3f}", f"{one.bare_seconds:.4f}", said, f"≤ {one.goal:g} ×", met)
    return table


if __name__ == "__main__":
    sys.exit(main())

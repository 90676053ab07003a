"""What is measured, a function a section. Every run's counts are held against what was planted."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from fixtures.ward import make_ward
from reconcile.model import Verdict
from tests.bench.data import Pair, Shape, make_pair
from tests.bench.measure import Cost, interleave, measure
from tests.bench.rivals import PEERS, ROOT, contestant, rival, rivals, wrong_counts
from tests.bench.tables import Line

RECONCILE = (sys.executable, "-m", "reconcile")
TIGHT_MEBIBYTES = 300  # the least that `--memory-limit` takes
WARD_RESIDENTS = 287_302  # of the real ward
# What anyone would type first. It only joins; it does not yet say which values differ.
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


class Size(NamedTuple):
    """Rows a side, and columns besides the key."""

    rows: int
    columns: int

    def __str__(self) -> str:
        return f"{self.rows:,} × {self.columns}"

    @classmethod
    def parse(cls, text: str) -> Size:
        """From `ROWSxCOLUMNS`."""
        rows, _, columns = text.partition("x")
        return cls(int(rows), int(columns))


MILLION, NATION_SLICE, LARGE = Size(1_000_000, 12), Size(3_800_000, 20), Size(14_000_000, 20)


def against_the_bare_join(folder: Path, size: Size, rounds: int) -> Iterator[Line]:
    """`reconcile diff` with every difference written, beside polars' full join of the same columns."""
    pair = make_pair(folder, size.rows, kind="parquet", columns=size.columns)
    ours, bare, streaming = interleave(
        rounds, diff(pair, folder), _bare_join(pair, folder, "in-memory"), _bare_join(pair, folder, "streaming")
    )
    line = _line(f"reconcile diff, {size} Parquet", ours, bare, "bare full join")
    met = line.wall_seconds <= _median(bare) and line.peak_mebibytes <= 350
    yield _with_goal(line, "≤ 1.00 ×, ≤ 350 MiB", met if size == MILLION else None)
    yield Line(what=f"bare full join (polars), {size} Parquet", costs=bare)
    yield Line(what="the same, streaming engine", costs=streaming)


def start_up(folder: Path, rounds: int) -> Iterator[Line]:
    """What a person waits for who asks little."""
    pair = make_pair(folder, 1000, kind="csv")
    helping, small = interleave(
        rounds, lambda: _expect(0, measure([*RECONCILE, "--help"], cwd=ROOT)), diff(pair, folder)
    )
    for what, costs, limit_seconds in (
        ("reconcile --help", helping, 0.5),
        ("reconcile diff, two CSV of 1,000 rows", small, 1.5),
    ):
        yield Line(what=what, costs=costs, goal=f"< {limit_seconds} s", met=_median(costs) < limit_seconds)


def ward(folder: Path, residents: int, rounds: int) -> Iterator[Line]:
    """The two systems' own forms, fixed length against DuckDB, from extract to findings; process start included."""
    forms = make_ward(folder / "ward", residents, 1, date(2026, 11, 20), ("cs_fixed", "register_duckdb")).paths
    config = folder / "run.toml"
    config.write_text(
        RUN_FILE.format(
            out=folder / "nights", key=folder / "site.key", cs=forms["cs_fixed"], register=forms["register_duckdb"]
        ),
        encoding="utf-8",
    )
    command: list[str | Path] = ["diff", "cs", "register", "--config", config, "--out", folder / "ward-out"]
    command += ["--report", "parquet,json", "--quiet"]
    expected = Verdict.PARTIAL.exit_code  # rows are planted that cannot be compared
    (costs,) = interleave(rounds, lambda: _expect(expected, measure([*RECONCILE, *command], cwd=ROOT)))
    line = Line(what=f"ward of {residents:,}: CS fixed length × register DuckDB", costs=costs)
    met = line.wall_seconds <= 2.5 and line.peak_mebibytes <= 450
    yield _with_goal(line, "≤ 2.5 s, ≤ 450 MiB", met if residents == WARD_RESIDENTS else None)
    yield _classification(f"classification, ward of {residents:,}", command, expected, rounds)


def beside_peers(folder: Path, size: Size, rounds: int, names: Sequence[str] = PEERS) -> Iterator[Line]:
    """Ours, the bare operations and the peers on one pair of Parquet files, in turn."""
    pair = make_pair(folder, size.rows, kind="parquet", columns=size.columns)
    bare = [rival(name) for name in ("scan", "polars", "duckdb")]
    peers, absent = rivals(names)
    everyone = [*bare, *peers]
    ours, *others = interleave(rounds, diff(pair, folder), *(contestant(who, pair, folder) for who in everyone))
    scan = others[0]
    line = _line(f"reconcile diff, {size}", ours, scan, "scan")
    wrong = {who.name: wrong_counts(costs[0], pair.planted) for who, costs in zip(everyone, others, strict=True)}
    goal, met = "≤ 1.8 × scan, ≤ 450 MiB", statistics.median(line.ratios) <= 1.8 and line.peak_mebibytes <= 450
    yield _with_goal(line, goal, met) if size == NATION_SLICE else line
    for who, costs in zip(everyone, others, strict=True):
        note = "reads only" if who.name == "scan" else wrong[who.name]
        yield _line(who.label, costs, ours, "reconcile", note)
    complete = [
        Line(what=who.label, costs=costs)
        for who, costs in zip(everyone, others, strict=True)
        if who.name in PEERS and not wrong[who.name]
    ]
    if complete:
        yield _lead(line, complete, size)
    yield from (Line(what="not measured", note=sentence) for sentence in absent)


def _lead(ours: Line, complete: Sequence[Line], size: Size) -> Line:
    """Ours beside the fastest and the smallest peer that counted everything right."""
    fastest, smallest = (
        min(complete, key=lambda one: one.wall_seconds),
        min(complete, key=lambda one: one.peak_mebibytes),
    )
    faster = fastest.wall_seconds / ours.wall_seconds
    smaller = fastest.peak_mebibytes / ours.peak_mebibytes
    least = smallest.peak_mebibytes / ours.peak_mebibytes
    said = f"{faster:.1f} × as fast as {fastest.what} with 1/{smaller:.1f} of its memory; "
    said += f"1/{least:.1f} of the memory of {smallest.what}"
    line = Line(what="reconcile beside the fastest and the smallest", note=said)
    if size == MILLION:
        return _with_goal(line, "faster and smaller than every one", faster > 1 and least > 1)
    if size == NATION_SLICE:
        return _with_goal(line, "≥ 2 × as fast as the fastest, ≥ 15 × smaller", faster >= 2 and smaller >= 15)
    return line


def everywhere(folder: Path, size: Size, rounds: int) -> Iterator[Line]:
    """One column different in every row, as when a code list is wrong; every finding is written."""
    pair = make_pair(folder, size.rows, kind="parquet", columns=size.columns, shape=Shape(everywhere=True))
    duckdb = rival("duckdb")
    ours, theirs = interleave(rounds, diff(pair, folder), contestant(duckdb, pair, folder))
    if wrong := wrong_counts(theirs[0], pair.planted):
        raise SystemExit(f"{duckdb.label}: {wrong}")
    line = _line(f"reconcile diff, {size}, one column differs everywhere", ours, theirs, duckdb.label)
    met = statistics.median(line.ratios) <= 1 and line.peak_mebibytes <= 1024
    yield _with_goal(line, "≤ 1.0 ×, ≤ 1 GiB", met if size == NATION_SLICE else None)
    yield Line(what=f"the same by {duckdb.label}", costs=theirs)


def csv(folder: Path, size: Size, rounds: int) -> Iterator[Line]:
    """Two CSV files of one layout, beside the prototype's two passes over `scan_csv`."""
    pair = make_pair(folder, size.rows, kind="csv", columns=size.columns)
    prototype = rival("two_passes")
    ours, theirs = interleave(rounds, diff(pair, folder), contestant(prototype, pair, folder))
    if wrong := wrong_counts(theirs[0], pair.planted):
        raise SystemExit(f"{prototype.label}: {wrong}")
    line = _line(f"reconcile diff, {size} CSV", ours, theirs, "two passes")
    met = statistics.median(line.ratios) <= 0.6 and line.peak_mebibytes <= 700
    yield _with_goal(line, "≤ 0.6 ×, ≤ 700 MiB", met if size == NATION_SLICE else None)
    yield Line(what="fingerprint over scan_csv, two passes", costs=theirs)


def classification(folder: Path, size: Size, rounds: int) -> Line:
    """What explaining costs beside comparing, on two Parquet files."""
    pair = make_pair(folder, size.rows, kind="parquet", columns=size.columns)
    command: list[str | Path] = ["diff", pair.left, pair.right, "--key", "id", "--out", folder / "out", "--quiet"]
    return _classification(f"classification, {size} Parquet", command, 1, rounds)


def large(folder: Path, size: Size, rounds: int) -> Iterator[Line]:
    """Ours beside the scan, where peers no longer fit the memory; the files are deleted at the end."""
    pair = make_pair(folder, size.rows, kind="parquet", columns=size.columns)
    every = [diff(pair, folder), contestant(rival("scan"), pair, folder)]
    if size.rows <= LARGE.rows:  # of more rows the findings alone, which no limit bounds, are larger than this one
        every.append(diff(pair, folder, "--memory-limit", f"{TIGHT_MEBIBYTES}MiB"))
    ours, scan, *limited = interleave(rounds, *every)
    line = _line(f"reconcile diff, {size}", ours, scan, "scan")
    met = statistics.median(line.ratios) <= 2.0 and line.peak_mebibytes <= 600
    if size == LARGE:
        yield _with_goal(line, "≤ 2.0 × scan, ≤ 600 MiB", met)
    elif size.rows > LARGE.rows:
        yield _with_goal(line, "≤ 2 GiB", line.peak_mebibytes <= 2048)
    else:
        yield line
    for costs in limited:
        line = _line(f"the same with --memory-limit {TIGHT_MEBIBYTES}MiB", costs, scan, "scan")
        met = statistics.median(line.ratios) <= 3.0 and line.peak_mebibytes <= TIGHT_MEBIBYTES
        yield _with_goal(line, f"≤ 3.0 × scan, ≤ {TIGHT_MEBIBYTES} MiB", met if size == LARGE else None)
    yield Line(what=f"bare scan (polars), {size}", costs=scan)
    for path in (pair.left, pair.right):
        path.unlink()


def diff(pair: Pair, folder: Path, *options: str) -> Callable[[], Cost]:
    """`reconcile diff` of the pair with every difference written; a wrong count ends the benchmark."""
    out = folder / "out"
    command: list[str | Path] = [
        *RECONCILE, "diff", pair.left, pair.right, "--key", "id", "--out", out, "--report", "parquet,json", "--quiet",
        *options,
    ]  # fmt: skip

    def contestant() -> Cost:
        cost = _expect(1, measure(command, cwd=ROOT))  # 1 = mismatch
        found = json.loads((out / "summary.json").read_text(encoding="utf-8"))["findings"]["by_kind"]
        if {kind: n for kind, n in found.items() if n} != {kind: n for kind, n in pair.planted.items() if n}:
            raise SystemExit(f"found {found}, planted {pair.planted}")
        return cost

    return contestant


def _classification(what: str, command: Sequence[str | Path], expected: int, rounds: int) -> Line:
    program = [sys.executable, "-m", "tests.bench.inside", *command]
    costs = [_expect(expected, measure(program, cwd=ROOT)) for _ in range(rounds)]
    inside = [json.loads(cost.output.splitlines()[-1]) for cost in costs]
    ratios = [one["classify_seconds"] / one["diff_seconds"] for one in inside]
    line = Line(what=what, costs=costs, ratios=ratios, against="the diff itself")
    return _with_goal(line, "≤ 1.0 ×", statistics.median(ratios) <= 1)


def _bare_join(pair: Pair, folder: Path, engine: str) -> Callable[[], Cost]:
    command: list[str | Path] = [sys.executable, "-c", BARE_JOIN, pair.left, pair.right, engine]
    return lambda: _expect(0, measure(command, cwd=folder))


def _line(what: str, costs: Sequence[Cost], beside: Sequence[Cost], against: str, note: str = "") -> Line:
    ratios = [a.wall_seconds / b.wall_seconds for a, b in zip(costs, beside, strict=True)]
    return Line(what=what, costs=costs, ratios=ratios, against=against, note=note)


def _with_goal(line: Line, goal: str, met: bool | None) -> Line:  # noqa: FBT001  None: not of the goal's size
    return replace(line, goal=goal, met=met)


def _median(costs: Iterable[Cost]) -> float:
    return statistics.median(cost.wall_seconds for cost in costs)


def _expect(exit_code: int, cost: Cost) -> Cost:
    if cost.exit_code != exit_code:
        raise SystemExit(f"exit {cost.exit_code}, expected {exit_code}\n{cost.output}")
    return cost

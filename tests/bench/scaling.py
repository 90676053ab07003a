"""`make scaling`: how the time of `reconcile diff` grows with each thing that could make it grow; a table and a plot.

Rows are fitted: wall = start-up + a · rows^b, the start-up measured on a thousand rows, a and b by least squares of the
logarithms. b is the exponent that must stay at 1: without taking the start-up off, small sizes would flatter it.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.bench.data import MOST_COLUMNS, PLAIN, Pair, Shape, make_pair
from tests.bench.measure import Cost, interleave
from tests.bench.sections import diff
from tests.bench.tables import Line, Section, markdown, put, show

ROWS = "280000,1000000,3800000,14000000"
COLUMNS = (4, 8, 12, 16, MOST_COLUMNS)
SHARES = (0.0, 0.001, 0.01, 0.1, 0.5)
REPEATED = (0.0, 0.001, 0.01, 0.1)
PARTITIONS = (1, 2, 4, 8, 16, 32)
THREADS = (1, 2, 4)
SMALL_ROWS = 1000
GOAL = 1.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Costs along one axis; `expected` says what is hoped for."""

    axis: str
    points: Mapping[float, Sequence[Cost]]
    fixed: str

    def walls(self) -> tuple[list[float], list[float]]:
        """Positions, and the medians there in seconds."""
        return list(self.points), [
            statistics.median(cost.wall_seconds for cost in costs) for costs in self.points.values()
        ]


def main() -> int:
    """Measure every axis, draw, write, and exit 1 if time grows faster than the rows."""
    parser = argparse.ArgumentParser(description="how the time grows")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", default=ROWS, help="sizes for the fit, ascending")
    parser.add_argument("--base", type=int, default=1_000_000, help="rows where another axis is varied")
    parser.add_argument("--work", type=Path, help="where the inputs are made; default: the system's own")
    parser.add_argument("--write", type=Path, help="the document whose marked part is replaced")
    parser.add_argument("--plot", type=Path, help="the SVG file to write")
    options = parser.parse_args()
    sizes = [int(text) for text in options.rows.split(",")]
    with tempfile.TemporaryDirectory(prefix="reconcile-scaling-", dir=options.work) as name:
        folder = Path(name)
        start_up = _start_up(folder / "start", options.rounds)
        curves = list(curves_of(folder, sizes, options.base, options.rounds))
    factor, exponent = fit(*curves[0].walls(), start_up)
    section = Section(
        title="how the time grows", lines=[*_fitted(curves[0], start_up, factor, exponent), *_rest(curves)]
    )
    show([section])
    if options.write:
        link = f"![time against each axis]({options.plot.name})\n\n" if options.plot else ""
        put(options.write, "scaling", link + markdown([section], "make scaling", _rounds(options.rounds)))
    if options.plot:
        draw(curves, start_up, options.plot)
    return int(section.missed)


def _rounds(rounds: int) -> str:
    return f", medians of {rounds} rounds" if rounds > 1 else ", one round"


def curves_of(folder: Path, sizes: Sequence[int], base: int, rounds: int) -> Iterator[Curve]:
    """Rows first; then every other axis at `base` rows."""
    varied: tuple[tuple[str, Sequence[float], Callable[[Path, float], Pair], str], ...] = (
        ("rows", sizes, lambda to, n: _pair(to, int(n), MOST_COLUMNS), f"{MOST_COLUMNS} columns"),
        ("columns", COLUMNS, lambda to, n: _pair(to, base, int(n)), f"{base:,} rows"),
        ("share of rows that differ", SHARES, lambda to, n: _pair(to, base, 12, Shape(differing=n)), f"{base:,} rows"),
        (
            "share of keys that stand twice",
            REPEATED,
            lambda to, n: _pair(to, base, 12, Shape(repeated=n)),
            f"{base:,} rows",
        ),
    )
    for axis, values, pair_of, fixed in varied:
        yield _over_inputs(folder, axis, values, pair_of, rounds=rounds, fixed=fixed)
    for axis, option, counts in (("partitions", "--partitions", PARTITIONS), ("threads", "--threads", THREADS)):
        pair = _pair(folder / axis, base, 12)
        costs = interleave(rounds, *(diff(pair, pair.left.parent, option, str(n)) for n in counts))
        yield Curve(axis=axis, points=dict(zip(map(float, counts), costs, strict=True)), fixed=f"{base:,} rows")
        shutil.rmtree(pair.left.parent)


def fit(rows: Sequence[float], walls: Sequence[float], start_up: float) -> tuple[float, float]:
    """a and b of wall = start_up + a · rows^b."""
    beyond = np.maximum(np.asarray(walls) - start_up, 1e-3)
    exponent, logarithm = np.polyfit(np.log(rows), np.log(beyond), 1)
    return float(np.exp(logarithm)), float(exponent)


def draw(curves: Sequence[Curve], start_up: float, path: Path) -> None:
    """One small plot an axis; the same figures give the same bytes."""
    import matplotlib as mpl  # noqa: PLC0415  half a second that measuring does not need

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "reconcile", "svg.fonttype": "path", "font.size": 8})
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(2, 3, figsize=(10, 6), layout="constrained")
    for curve, axis in zip(curves, axes.flat, strict=True):
        positions, walls = curve.walls()
        axis.plot(positions, walls, "o-", color="#1f4e79")
        axis.set(xlabel=curve.axis, ylabel="wall s", title=curve.fixed)
        if curve.axis == "rows":
            factor, exponent = fit(positions, walls, start_up)
            line = np.geomspace(min(positions), max(positions), 50)
            axis.plot(line, start_up + factor * line**exponent, "--", color="#b03a2e", label=f"exponent {exponent:.2f}")
            axis.set(xscale="log", yscale="log")
            axis.legend()
            continue
        axis.set_ylim(0, None)
        if curve.axis == "partitions":
            axis.set_xscale("log", base=2)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _over_inputs(
    folder: Path,
    axis: str,
    values: Sequence[float],
    pair_of: Callable[[Path, float], Pair],
    *,
    rounds: int,
    fixed: str,
) -> Curve:
    """A pair of files for each value, compared in turn; deleted afterwards."""
    pairs = [pair_of(folder / f"{axis} {value}", value) for value in values]
    costs = interleave(rounds, *(diff(pair, pair.left.parent) for pair in pairs))
    for pair in pairs:
        shutil.rmtree(pair.left.parent)
    return Curve(axis=axis, points=dict(zip(map(float, values), costs, strict=True)), fixed=fixed)


def _pair(folder: Path, rows: int, columns: int, shape: Shape = PLAIN) -> Pair:
    return make_pair(folder, rows, kind="parquet", columns=columns, shape=shape)


def _start_up(folder: Path, rounds: int) -> float:
    pair = _pair(folder, SMALL_ROWS, MOST_COLUMNS)
    (costs,) = interleave(rounds, diff(pair, folder))
    return statistics.median(cost.wall_seconds for cost in costs)


def _fitted(curve: Curve, start_up: float, factor: float, exponent: float) -> Iterator[Line]:
    note = f"wall = {start_up:.2f} s + {factor:.3g} s · rows^{exponent:.3f}"
    yield Line(
        what="rows, fitted exponent", ratios=[exponent], against="in the exponent", goal=f"≤ {GOAL}", met=exponent <= GOAL,
        note=note,
    )  # fmt: skip
    for rows, costs in curve.points.items():
        wall = statistics.median(cost.wall_seconds for cost in costs)
        each = (wall - start_up) / rows * 1e6
        yield Line(what=f"rows: {rows:,.0f}", costs=costs, note=f"{each:.2f} µs a row beyond the start-up")


def _rest(curves: Sequence[Curve]) -> Iterator[Line]:
    for curve in curves[1:]:
        first = next(iter(curve.points.values()))
        for value, costs in curve.points.items():
            ratios = [a.wall_seconds / b.wall_seconds for a, b in zip(costs, first, strict=True)]
            yield Line(what=f"{curve.axis}: {value:g} ({curve.fixed})", costs=costs, ratios=ratios, against="the first")


if __name__ == "__main__":
    sys.exit(main())

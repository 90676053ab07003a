"""The scaling law: the fit finds what is in the figures, and every axis is measured and drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.measure import Cost
from tests.bench.scaling import Curve, draw, fit


def cost(wall_seconds: float) -> Cost:
    return Cost(wall_seconds=wall_seconds, peak_anonymous_bytes=0, exit_code=1, output="")


@pytest.mark.parametrize("exponent", [0.9, 1.0, 1.3, 2.0])
def test_the_fit_finds_the_exponent_beyond_the_start_up(exponent: float) -> None:
    rows = [280_000.0, 1_000_000.0, 3_800_000.0, 14_000_000.0]
    walls = [0.4 + 1e-6 * n**exponent for n in rows]
    factor, found = fit(rows, walls, 0.4)
    assert found == pytest.approx(exponent, abs=1e-6)
    assert factor == pytest.approx(1e-6, rel=1e-3)


def test_the_same_figures_give_the_same_plot(tmp_path: Path) -> None:
    axes = ("rows", "columns", "share of rows that differ", "share of keys that stand twice", "partitions", "threads")
    curves = [Curve(axis=axis, points={1.0: [cost(1)], 2.0: [cost(2.5)]}, fixed="1,000 rows") for axis in axes]
    for name in ("one.svg", "two.svg"):
        draw(curves, 0.5, tmp_path / name)
    one = (tmp_path / "one.svg").read_bytes()
    assert one == (tmp_path / "two.svg").read_bytes()
    assert one.count(b'<g id="axes_') == len(axes)

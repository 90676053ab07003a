"""The benchmark itself: it charges what it says, and its inputs hold what it says was planted."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from tests.bench.data import COLUMNS, make_pair
from tests.bench.measure import MEBIBYTE, Cost, interleave, measure

HOLD = "import time; held = bytearray(b'x') * (64 << 20); time.sleep(0.2)"
NEST = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}], check=True)"


def test_the_peak_holds_what_the_process_and_its_children_took(tmp_path: Path) -> None:
    empty = measure([sys.executable, "-c", "import time; time.sleep(0.1)"], cwd=tmp_path)
    for program in (HOLD, NEST):
        cost = measure([sys.executable, "-c", program], cwd=tmp_path)
        assert 60 * MEBIBYTE <= cost.peak_anonymous_bytes - empty.peak_anonymous_bytes <= 96 * MEBIBYTE
        assert cost.wall_seconds >= 0.2


def test_exit_code_and_output_are_the_process_s_own(tmp_path: Path) -> None:
    cost = measure([sys.executable, "-c", "print('said'); raise SystemExit(3)"], cwd=tmp_path)
    assert (cost.exit_code, cost.output) == (3, "said\n")


def test_contestants_take_turns_and_nobody_is_always_first() -> None:
    order: list[str] = []

    def contestant(name: str) -> Cost:
        order.append(name)
        return Cost(wall_seconds=0.0, peak_anonymous_bytes=0, exit_code=0, output=name)

    first, second = interleave(3, lambda: contestant("a"), lambda: contestant("b"))
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert [cost.output for cost in (*first, *second)] == ["a", "a", "a", "b", "b", "b"]


def test_the_inputs_hold_what_was_planted(tmp_path: Path) -> None:
    pair = make_pair(tmp_path, 2000, kind="csv")
    sides = []
    for path in (pair.left, pair.right):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        sides.append({row["id"]: row for row in rows})
        assert len(sides[-1]) == len(rows)
    left, right = sides
    both = left.keys() & right.keys()
    assert pair.planted == {
        "only_left": len(left.keys() - right.keys()),
        "only_right": len(right.keys() - left.keys()),
        "value": sum(left[key][column] != right[key][column] for key in both for column in COLUMNS),
    }
    assert pair.planted == {"only_left": 2, "only_right": 2, "value": 30}
    assert list(left) != [key for key in right if key in left]

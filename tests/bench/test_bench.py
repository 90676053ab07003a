"""The benchmark itself: it charges what it says, and its inputs hold what it says was planted."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from tests.bench import rivals
from tests.bench.data import COLUMNS, MOST_COLUMNS, Shape, make_pair
from tests.bench.measure import MEBIBYTE, Cost, interleave, measure
from tests.bench.rivals import ask, contestant, rival, wrong_counts
from tests.bench.sections import Size, beside_peers, classification, large
from tests.bench.tables import Section, markdown, put

HOLD = "import time; held = bytearray(b'x') * (64 << 20); time.sleep(0.2)"
NEST = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}], check=True)"

FROM_A_THREAD = f"import threading\nt = threading.Thread(target=exec, args=({NEST!r},))\nt.start()\nt.join()"


def test_the_peak_holds_what_the_process_and_its_children_took(tmp_path: Path) -> None:
    empty = measure([sys.executable, "-c", "import time; time.sleep(0.1)"], cwd=tmp_path)
    for program in (HOLD, NEST, FROM_A_THREAD):
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


def test_every_share_is_planted_as_asked_and_the_parts_are_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make_pair(tmp_path / "whole", 1000, kind="parquet", columns=MOST_COLUMNS, shape=Shape(repeated=0.01))
    monkeypatch.setattr("tests.bench.data.ROWS_PER_PART", 300)
    parts = make_pair(tmp_path / "parts", 1000, kind="parquet", columns=MOST_COLUMNS, shape=Shape(repeated=0.01))
    for one, other in ((whole.left, parts.left), (whole.right, parts.right)):
        assert pl.read_parquet(one).equals(pl.read_parquet(other))
        assert {path.name for path in other.parent.iterdir()} == {"left.parquet", "right.parquet"}
        twice = [key for key, n in Counter(pl.read_parquet(one)["id"]).items() if n == 2]
        assert len(twice) == whole.planted["duplicate_left"] == whole.planted["duplicate_right"] == 10


def test_one_column_differs_everywhere_and_no_other(tmp_path: Path) -> None:
    pair = make_pair(tmp_path, 500, kind="parquet", shape=Shape(missing=0.01, everywhere=True))
    left, right = ({row["id"]: row for row in pl.read_parquet(path).to_dicts()} for path in (pair.left, pair.right))
    both = left.keys() & right.keys()
    assert pair.planted == {"only_left": 5, "only_right": 5, "value": len(both)}
    for key in both:
        assert [column for column in COLUMNS if left[key][column] != right[key][column]] == ["note"]


@pytest.mark.parametrize(("name", "kind"), [("duckdb", "parquet"), ("polars", "parquet"), ("two_passes", "csv")])
def test_what_we_are_measured_beside_finds_what_was_planted(name: str, kind: str, tmp_path: Path) -> None:
    pair = make_pair(tmp_path, 1000, kind=kind)
    cost = contestant(rival(name), pair, tmp_path)()
    assert wrong_counts(cost, pair.planted) == ""
    assert wrong_counts(cost, {**pair.planted, "value": 16}) == "value 15 of 16"
    assert wrong_counts(Cost(wall_seconds=1, peak_anonymous_bytes=1, exit_code=3, output=""), {}) == "failed, exit 3"


def test_a_table_beside_the_bare_operations_is_written_between_its_marks(tmp_path: Path) -> None:
    lines = tuple(beside_peers(tmp_path, Size(1000, 20), 1, ()))
    assert [line.what for line in lines[:2]] == ["reconcile diff, 1,000 × 20", "bare scan (polars)"]
    assert not [line.note for line in lines if line.note not in ("", "reads only")]
    document = tmp_path / "document.md"
    document.write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n", encoding="utf-8")
    put(document, "bench", markdown([Section(title="one", lines=lines)], "make bench"))
    text = document.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- bench -->\nWritten by `make bench` on ")
    assert text.endswith("\n<!-- /bench -->\nafter\n")
    assert "| reconcile diff, 1,000 × 20 |" in text
    assert "old" not in text
    with pytest.raises(ValueError, match="has no marks large"):
        put(document, "large", "")


def test_a_peer_that_cannot_be_installed_is_named_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "diffly.txt").write_text("--no-index\ndiffly==0.0.0\n", encoding="utf-8")
    monkeypatch.setattr(rivals, "PINS", tmp_path)
    monkeypatch.setattr(rivals, "ENVIRONMENTS", tmp_path / "environments")
    here, absent = rivals.rivals(["diffly", "duckdb"])
    assert [one.name for one in here] == ["duckdb"]
    assert len(absent) == 1
    assert absent[0].startswith("diffly 0.0.0 cannot be installed here: ")


def test_a_question_that_kills_a_peer_costs_only_that_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for a peer that dies: the protocol is what is tried, in real processes."""
    program = tmp_path / "dies.py"
    program.write_text(
        "import json, os, sys\n"
        "for line in sys.stdin:\n"
        "    left = json.loads(line)[0]\n"
        "    if left == 'deadly': os._exit(7)\n"
        "    print('answer', json.dumps({'said': left}), flush=True)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(rivals.Rival, "command", lambda _self: [sys.executable, program])
    who = rivals.Rival("dies", "dies", Path(sys.executable))
    answers = list(ask(who, [["a"], ["deadly"], ["b"], ["deadly"]]))
    assert answers == [{"said": "a"}, {"refused": "crash", "exit": 7}, {"said": "b"}, {"refused": "crash", "exit": 7}]


def test_small_questions_are_answered_and_a_refusal_is_one_answer(tmp_path: Path) -> None:
    pair = make_pair(tmp_path, 200, kind="csv")
    out = str(tmp_path / "out")
    question = [str(pair.left), str(pair.right), "id", out]
    first, second = ask(rival("duckdb"), [question, [str(tmp_path / "absent.csv"), *question[1:]]])
    assert first == {"equal": False, "only_left": 0, "only_right": 0, "changed": 3, "repeated": None}
    assert second == {"refused": "IOException", "exit": 2}


def test_what_only_the_large_sizes_ask_runs_on_a_small_one_too(tmp_path: Path) -> None:
    lines = list(large(tmp_path, Size(1000, 12), 1))
    assert [line.costs for line in lines if "scan" in line.against] != []
    assert any("--memory-limit 300MiB" in line.what and line.ratios for line in lines)
    assert not list(tmp_path.glob("*.parquet"))


def test_what_explaining_costs_is_a_share_of_the_run(tmp_path: Path) -> None:
    (ratio,) = classification(tmp_path, Size(1000, 12), 1).ratios
    assert 0 < ratio < 100

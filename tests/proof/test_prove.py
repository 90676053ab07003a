"""The run's own proofs: a comparison that is broken is noticed by what was planted, and by a second way of comparing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.ward import make_ward
from reconcile import nightly
from reconcile.config import load_dataset, load_layout
from reconcile.diff import Suspects
from reconcile.diff import compare as comparing
from reconcile.errors import BalanceError
from reconcile.model import ROW, Field, Layout, Side
from reconcile.proof import oracle, sentinel
from reconcile.search import differences
from schemas.identity_record import DATASET

RUN_FILE = """\
dataset = "schemas.identity_record"
left = "cs"
right = "register"
out = "results"
site_key = "site.key"

[gates]
oracle_rows = {oracle}

[sources.cs]
path = "{path}"
layout = "{cs}"

[sources.register]
{register}
"""
FORMS = {
    "cs_fixed": "cs.dat",
    "cs_csv_utf8": "cs_utf8.csv",
}
DATABASE = 'url = "duckdb:///register.duckdb"\nlayout = "register_table"'


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ward of a thousand, read and never written to."""
    folder = tmp_path_factory.mktemp("proof")
    make_ward(folder, 1_000, 5, date(2026, 11, 20), ("cs_fixed", "register_duckdb"))
    return folder


@pytest.fixture
def site(ward: Path, tmp_path: Path) -> Path:
    return written(ward, tmp_path, oracle_rows=500_000)


def written(ward: Path, folder: Path, oracle_rows: int) -> Path:
    for path in ward.iterdir():
        if path.is_file():
            (folder / path.name).symlink_to(path)
    config = folder / "run.toml"
    text = RUN_FILE.format(oracle=oracle_rows, path="cs.dat", cs="cs_fixed", register=DATABASE)
    config.write_text(text, encoding="utf-8")
    return config


def run(config: Path) -> dict[str, Any]:
    summary, _ = nightly.run(config, "2026-11-20", lambda _step, _done, _total: None)
    return summary


def test_the_planted_differences_are_found_and_stand_in_no_count_and_no_file(site: Path) -> None:
    truth = json.loads((site.parent / "ward.json").read_text(encoding="utf-8"))

    summary = run(site)

    gates = {gate["gate"]: gate for gate in summary["gates"]}
    assert gates["sentinels"]["outcome"] == "passed"
    assert gates["oracle"]["outcome"] == "passed"
    folder = next((site.parent / "results").glob("*/findings.parquet")).parent
    found = pl.read_parquet(folder / "findings.parquet")
    assert not found["juminhyo_code"].drop_nulls().str.starts_with("00000000").any()
    for name in ("findings.parquet", "variants.parquet"):
        assert "見本" not in str(pl.read_parquet(folder / name).to_dicts())
    assert "見本町" not in (folder / "page.html").read_text(encoding="utf-8")
    sides = summary["sides"]
    for side in Side:
        parts = ("out_of_scope", "rejected", "duplicate", "matched", "mismatched", "only")
        assert sum(sides[side.value][part] for part in parts) == sides[side.value]["records"]
    assert truth  # the ward says of itself what was written


def test_every_finding_has_a_rule_and_every_value_equal_under_a_rule_is_counted_under_it(site: Path) -> None:
    summary = run(site)

    folder = next((site.parent / "results").glob("*/findings.parquet")).parent
    findings = pl.read_parquet(folder / "findings.parquet")
    variants = pl.read_parquet(folder / "variants.parquet")
    assert findings.height > 100
    assert findings["rule"].null_count() == 0
    assert variants["rule"].null_count() == 0
    assert summary["equal_by_rule"] == dict(variants["rule"].value_counts(name="n").iter_rows())


def nothing_differs(*_: object) -> pl.DataFrame:
    return pl.DataFrame(schema=comparing.values_schema(["k0"]))


def blind(field: str) -> Callable[..., pl.DataFrame]:
    """A comparison that skips one field."""
    real = comparing._differing

    def differing(
        both: pl.DataFrame, key: list[str], name: str, declared: Field, approved: pl.DataFrame | None
    ) -> pl.DataFrame:
        found = real(both, key, name, declared, approved)
        return found.clear() if declared.name == field else found

    return differing


# Town codes are not compared here: the two sides' are of different systems.
@pytest.mark.parametrize("field", [field.name for field in DATASET.compared if not field.code_system])
def test_a_comparison_that_skips_a_column_is_noticed_by_the_sentinels(
    ward: Path, tmp_path: Path, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = written(ward, tmp_path, oracle_rows=0)
    monkeypatch.setattr(comparing, "_differing", blind(field))
    dataset = load_dataset("schemas.identity_record")
    layouts = {Side.LEFT: load_layout("schemas.x", "cs_fixed"), Side.RIGHT: load_layout("schemas.x", "register_table")}
    columns = {side: tuple(column.name for column in layout.columns) for side, layout in layouts.items()}
    assert any(name == field for _, name in sentinel.expected(dataset, columns).differing)

    with pytest.raises(BalanceError, match=f"not found: a difference of {field}") as failure:
        run(config)

    assert failure.value.code == "E_SELFTEST"
    assert json.loads((tmp_path / "results" / "status.json").read_bytes())["verdict"] == "failed"


def test_a_search_that_takes_suspects_for_equal_is_noticed_by_each_of_three_proofs(
    ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trusting(left: pl.DataFrame, right: pl.DataFrame) -> Suspects:
        none = pl.Series(ROW, [], pl.UInt32)
        return Suspects(left=none, right=none, matched=min(left.height, right.height))

    monkeypatch.setattr(differences, "suspects", trusting)
    with pytest.raises(BalanceError) as failure:
        run(written(ward, tmp_path, 0))
    assert failure.value.code == "E_BALANCE"  # the sum of the second hashes notices it first
    monkeypatch.setattr(differences, "prove_equal", lambda _left, _right: None)
    for number, (oracle_rows, code) in enumerate(((0, "E_SELFTEST"), (500_000, "E_ORACLE"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(BalanceError) as failure:
            run(written(ward, folder, oracle_rows))
        assert failure.value.code == code


def test_a_code_list_that_is_read_wrongly_is_noticed_by_the_sentinels(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """男 and 女 exchanged in the layout of one side: every resident differs, and so do the two people whom we know."""
    from reconcile import config as configuration  # noqa: PLC0415

    real = configuration.load_layout

    def exchanged(dataset: str, name: str) -> Layout:
        layout = real(dataset, name)
        if name == "cs_fixed":
            return replace(layout, code_lists={**layout.code_lists, "sex": {"1": "女", "2": "男"}})
        return layout

    monkeypatch.setattr(configuration, "load_layout", exchanged)
    with pytest.raises(BalanceError, match="found, not planted: a difference of sex"):
        run(site)


@pytest.mark.parametrize("name", ["cs_fixed", "cs_csv", "cs_csv_cp932", "register_csv", "register_table"])
def test_every_layout_says_how_the_test_people_are_written(name: str) -> None:
    layout = load_layout("schemas.x", name)
    for side in Side:
        frame = sentinel.planted(DATASET, layout, side)
        assert frame.height == len(DATASET.compared) + 1 + 1 + (2 if side is Side.LEFT else 1) + 1
        assert frame["juminhyo_code"].null_count() == 1


# ------------------------------------------------------------------------------------------------------ the oracle itself

VALUES = st.sampled_from(["a", "b", None])
ROWS = st.lists(st.tuples(st.sampled_from("123456"), VALUES, VALUES), max_size=14)


def records(rows: Sequence[tuple[str, str | None, str | None]]) -> oracle.Records:
    return lambda _wanted: iter((number, (key,), (one, two)) for number, (key, one, two) in enumerate(rows, 1))


@settings(max_examples=300)
@given(left=ROWS, right=ROWS)
def test_the_plain_comparison_accounts_for_every_record(left: list[Any], right: list[Any]) -> None:
    outcome = oracle.compare(records(left), records(right))

    pairs = len({(one, other) for one, other, _ in outcome.differing})
    assert outcome.equal is not None
    for side, rows in ((Side.LEFT, left), (Side.RIGHT, right)):
        assert outcome.equal + pairs + len(outcome.only[side]) + outcome.left_over[side] == len(rows)
    mirrored = oracle.compare(records(right), records(left))
    assert {(other, one, field) for one, other, field in mirrored.differing} == outcome.differing


def test_the_plain_comparison_tells_nothing_from_an_empty_text_and_pairs_copies_in_record_order() -> None:
    left = [("1", "a", None), ("2", "a", "b"), ("2", "b", "b"), ("3", "a", "a")]
    right = [("1", "a", ""), ("2", "b", "b"), ("2", "b", "a"), ("4", "a", "a")]

    assert oracle.compare(records(left), records(right)) == oracle.Outcome(
        equal=1,
        differing=frozenset({(1, 1, 1), (2, 3, 0), (2, 3, 1)}),
        only={Side.LEFT: frozenset({4}), Side.RIGHT: frozenset({4})},
        left_over={Side.LEFT: 0, Side.RIGHT: 0},
        beside={Side.LEFT: 0, Side.RIGHT: 0},
    )


def test_above_the_limit_a_share_of_the_keys_is_compared_and_the_gate_says_which(ward: Path, tmp_path: Path) -> None:
    summary = run(written(ward, tmp_path, oracle_rows=250))

    (gate,) = [gate for gate in summary["gates"] if gate["gate"] == "oracle"]
    assert gate["outcome"] == "passed"
    assert gate["en"] == "a plain comparison of one key in 5 came to the same"

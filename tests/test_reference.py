"""The oracle itself, on tables small enough to answer by hand: traps 1-11, 14 and 23 of `reference/peers.md` §5."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden import CASES, Case, read_case, read_cells
from tests.reference import Finding, Row, Values, reference
from tests.strategies import Tables, tables

PLAIN = [
    case
    for case in map(read_case, sorted(path.parent for path in CASES.glob("*/case.toml")))
    if case.exit < 2 and not case.parquet
]
"""Golden cases whose inputs the oracle can read: CSV, without types."""


def table(header: str, *lines: str) -> list[Row]:
    """Rows from comma separated text; an empty cell is null."""
    names = header.split(",")
    return [dict(zip(names, (cell or None for cell in line.split(",")), strict=True)) for line in lines]


def counts(answer: dict[str, int]) -> dict[str, int]:
    """The buckets that hold a row."""
    return {name: n for name, n in answer.items() if n and name not in ("records", "rows")}


def test_a_key_with_a_leading_zero_is_another_key() -> None:
    answer = reference(table("id,zip", "0123,0100"), table("id,zip", "123,100"), ["id"])
    assert answer["findings"] == {
        Finding(("0123",), "only_left", left_row=1),
        Finding(("123",), "only_right", right_row=1),
    }
    assert answer["verdict"] == "mismatch"


def test_duplicates_on_both_sides_in_another_order_pair_and_are_findings() -> None:
    answer = reference(table("id,v", "1,A", "1,Z", "2,B"), table("id,v", "1,Z", "1,A", "2,B"), ["id"])
    assert answer["findings"] == {
        Finding(("1",), "duplicate_left", left_row=1, hint="2 × 2"),
        Finding(("1",), "duplicate_right", right_row=1, hint="2 × 2"),
    }
    assert counts(answer["balance"]["left"]) == {"matched": 3}
    assert answer["verdict"] == "mismatch"


def test_a_surplus_copy_is_a_duplicate_and_never_a_field_mismatch() -> None:
    answer = reference(table("id,v", "1,A", "1,A", "2,B"), table("id,v", "1,A", "2,B"), ["id"])
    assert answer["findings"] == {Finding(("1",), "duplicate_left", left_row=1, hint="2 × 1")}
    assert counts(answer["balance"]["left"]) == {"matched": 2, "duplicate": 1}
    assert counts(answer["balance"]["right"]) == {"matched": 2}
    assert answer["verdict"] == "partial"


def test_one_row_left_over_on_each_side_is_compared() -> None:
    answer = reference(table("id,v", "1,A", "1,B"), table("id,v", "1,C", "1,A"), ["id"])
    assert Finding(("1",), "value", "v", "B", "C", 2, 1) in answer["findings"]
    assert len(answer["findings"]) == 3
    assert counts(answer["balance"]["right"]) == {"matched": 1, "mismatched": 1}
    assert answer["verdict"] == "mismatch"


def test_rows_left_over_on_both_sides_are_ambiguous_and_not_paired() -> None:
    answer = reference(table("id,v", "1,A", "1,B"), table("id,v", "1,C"), ["id"])
    assert answer["findings"] == {Finding(("1",), "duplicate_left", left_row=1, hint="ambiguous 2 × 1")}
    assert counts(answer["balance"]["left"]) == {"duplicate": 2}
    assert counts(answer["balance"]["right"]) == {"duplicate": 1}
    assert answer["verdict"] == "partial"


def test_two_residents_whose_data_crossed_over_are_two_mismatches_and_a_swap() -> None:
    answer = reference(table("id,name", "1,佐藤", "2,鈴木"), table("id,name", "1,鈴木", "2,佐藤"), ["id"])
    assert answer["findings"] == {
        Finding(("1",), "value", "name", "佐藤", "鈴木", 1, 1),
        Finding(("2",), "value", "name", "鈴木", "佐藤", 2, 2),
        Finding(("1",), "identity_swap", left_row=1, right_row=1, hint="1<->2"),
    }


def test_a_swap_that_a_third_record_makes_doubtful_is_none() -> None:
    answer = reference(table("id,v", "1,A", "2,B", "3,A"), table("id,v", "1,B", "2,A", "3,B"), ["id"])
    assert {finding.kind for finding in answer["findings"]} == {"value"}


def test_identical_tables_with_a_repeated_key_are_not_clean() -> None:
    rows = table("id,v", "1,A", "1,A", "2,B")
    answer = reference(rows, rows, ["id"])
    assert {finding.kind for finding in answer["findings"]} == {"duplicate_left", "duplicate_right"}
    assert answer["verdict"] == "mismatch"


def test_two_identical_rows_do_not_cancel_against_an_empty_table() -> None:
    rows = table("id,v", "1,x", "1,x")
    answer = reference(rows, [], ["id"], allow_empty=True)
    assert answer["findings"] == {Finding(("1",), "duplicate_left", left_row=1, hint="2 × 0")}
    assert counts(answer["balance"]["left"]) == {"duplicate": 2}
    mirrored = reference([], rows, ["id"], allow_empty=True)
    assert mirrored["findings"] == {Finding(("1",), "duplicate_right", right_row=1, hint="0 × 2")}


def test_null_keys_are_rejects_neither_matched_nor_only() -> None:
    answer = reference(table("id,v", ",B"), table("id,v", ",X"), ["id"])
    assert answer["findings"] == {
        Finding((None,), "reject_left", "id", left_row=1, rule="null_key"),
        Finding((None,), "reject_right", "id", right_row=1, rule="null_key"),
    }
    assert counts(answer["balance"]["left"]) == {"rejected": 1}
    assert answer["verdict"] == "partial"


@pytest.mark.parametrize("blank", ["", " ", "\u3000", "\t"])
def test_a_blank_key_is_a_reject(blank: str) -> None:
    answer = reference([{"id": blank, "v": "B"}], [{"id": "1", "v": "B"}], ["id"])
    assert {finding.kind for finding in answer["findings"]} == {"reject_left", "only_right"}


def test_a_null_part_of_a_composite_key_is_reported_once_a_row() -> None:
    answer = reference(table("a,b,v", "1,,1", "1,x,1"), table("a,b,v", "1,,1", "1,x,2"), ["a", "b"])
    assert answer["findings"] == {
        Finding(("1", None), "reject_left", "b", left_row=1, rule="null_key"),
        Finding(("1", None), "reject_right", "b", right_row=1, rule="null_key"),
        Finding(("1", "x"), "value", "v", "1", "2", 2, 2),
    }


def test_key_parts_are_not_joined() -> None:
    answer = reference(
        table("a,b,v", "1,23,v", "a-,b,v", "NULL,x,v"), table("a,b,v", "12,3,v", "a,-b,v", ",x,v"), ["a", "b"]
    )
    kinds = sorted(finding.kind for finding in answer["findings"])
    assert kinds == ["only_left"] * 3 + ["only_right"] * 2 + ["reject_right"]


def test_values_are_not_joined() -> None:
    answer = reference(table("id,v,w", "1,ab,c"), table("id,v,w", "1,a,bc"), ["id"])
    assert answer["findings"] == {
        Finding(("1",), "value", "v", "ab", "a", 1, 1),
        Finding(("1",), "value", "w", "c", "bc", 1, 1),
    }


def test_null_equals_null_and_differs_from_empty_text() -> None:
    answer = reference(
        [{"id": "1", "v": None}, {"id": "2", "v": None}], [{"id": "1", "v": None}, {"id": "2", "v": ""}], ["id"]
    )
    assert answer["findings"] == {Finding(("2",), "value", "v", None, "", 2, 2)}
    assert counts(answer["balance"]["left"]) == {"matched": 1, "mismatched": 1}


def test_nothing_is_claimed_about_an_empty_input_unless_it_is_allowed() -> None:
    row = table("id,v", "1,x")
    assert reference([], [], ["id"])["verdict"] == "inconclusive"
    assert reference(row, [], ["id"])["verdict"] == "inconclusive"
    assert reference([], [], ["id"], allow_empty=True)["verdict"] == "consistent"
    assert reference(row, [], ["id"], allow_empty=True)["verdict"] == "mismatch"


def test_a_column_of_one_side_is_not_compared() -> None:
    answer = reference(table("id,v,extra", "1,x,y"), table("v,id", "x,1"), ["id"])
    assert answer["verdict"] == "consistent"


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.folder.name)
def test_golden_cases_expect_what_the_oracle_says(case: Case) -> None:
    """Two opinions by hand, before the engine has one: the findings, the verdict and the rows of each side."""
    left, right = (_read(case.folder / name, case) for name in (case.left, case.right))
    answer = reference(left, right, case.key, allow_empty="--allow-empty" in case.args)
    names, expected = read_cells(case.expected)
    compared = [name for name in names if name not in ("rule", "hint")]
    found = [tuple(_cell(finding, name, case.key) for name in compared) for finding in answer["findings"]]
    rows = [tuple(row[names.index(name)] for name in compared) for row in expected]
    assert sorted(found, key=repr) == sorted(rows, key=repr)
    assert answer["verdict"] == case.verdict
    for side, counts in case.balance.items():
        assert counts.items() <= answer["balance"][side].items()


def _read(path: Path, case: Case) -> list[Row]:
    encoding = case.args[case.args.index("--encoding") + 1] if "--encoding" in case.args else "utf-8-sig"
    names, rows = read_cells(path, encoding=encoding, delimiter="\t" if path.suffix == ".tsv" else ",")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _cell(finding: Finding, name: str, key: tuple[str, ...]) -> str | None:
    value = finding.key[key.index(name)] if name in key else getattr(finding, name)
    return None if value is None else str(value)


@settings(max_examples=300)
@given(tables(keys=st.just(("id",))))
def test_sqlite_agrees_on_keys_that_stand_once(case: Tables) -> None:
    """A third opinion: `FULL JOIN … IS NOT`, on what is left when blank and repeated keys are taken away."""
    left, right = _once(case.left, case), _once(case.right, case)
    answer = reference(left, right, case.key, allow_empty=True)
    fields = case.columns[len(case.key) :]
    with closing(sqlite3.connect(":memory:")) as database:
        for name, rows in (("l", left), ("r", right)):
            database.execute(f"CREATE TABLE {name} ({', '.join(case.columns)})")
            marks = ", ".join("?" * len(case.columns))
            values = [[row[column] for column in case.columns] for row in rows]
            database.executemany(f"INSERT INTO {name} VALUES ({marks})", values)  # noqa: S608  our own names
        joined = "FROM l FULL JOIN r ON l.id = r.id"
        only = "SELECT l.id, r.id " + joined + " WHERE (l.id IS NULL) <> (r.id IS NULL)"
        alone = {(key[0] or key[1],) for key in database.execute(only)}
        differing = {
            (key, field, was, now)
            for field in fields
            for key, was, now in database.execute(
                f"SELECT l.id, l.{field}, r.{field} {joined} "
                f"WHERE l.id IS NOT NULL AND r.id IS NOT NULL AND l.{field} IS NOT r.{field}"
            )
        }
    found = answer["findings"]
    assert {f.key for f in found if f.kind.startswith("only_")} == alone
    assert {(*f.key, f.field, f.left_raw, f.right_raw) for f in found if f.kind == "value"} == differing


def _once(rows: Sequence[Row], case: Tables) -> list[Row]:
    keys: list[Values] = [tuple(row[name] for name in case.key) for row in rows]
    return [
        row for row, key in zip(rows, keys, strict=True) if keys.count(key) == 1 and all((k or "").strip() for k in key)
    ]


def test_the_examples_of_the_laws_show_every_kind_of_finding() -> None:
    """A law that holds on tables that agree, or on tables of which nothing matches, holds of nothing."""
    seen: Counter[str] = Counter()

    @settings(max_examples=300, derandomize=True, database=None)
    @given(tables())
    def count(case: Tables) -> None:
        answer = reference(case.left, case.right, case.key)
        seen.update({finding.kind for finding in answer["findings"]} | {answer["verdict"]})
        seen.update({"ambiguous" for finding in answer["findings"] if (finding.hint or "").startswith("ambiguous")})

    count()
    kinds = {f"{kind}_{side}" for kind in ("only", "duplicate", "reject") for side in ("left", "right")}
    kinds |= {"value", "identity_swap", "ambiguous", "consistent", "mismatch", "partial", "inconclusive"}
    rare = {kind: seen[kind] for kind in kinds if seen[kind] < 3}
    assert not rare
    assert seen["consistent"] < 150

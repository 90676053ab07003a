"""The laws that every comparison keeps (`reference/style.md` §4.9), each on a thousand pairs of small ugly tables or more.

A comparison costs some 40 ms however small the tables, so that the laws take eight pairs at a time (`bundles`), except
the sharpest, agreement with the oracle, which takes them one by one.

Law 7 is about rules and stands with them. Law 8 for threads needs processes and stands in `test_determinism.py`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile import compare
from reconcile.model import Side, Verdict, findings_schema
from tests.reference import Finding, Values, reference
from tests.strategies import VALUES, Change, Row, Tables, bundles, changes, frame, tables

SIZE = 8
EXAMPLES = max(1_000, settings().max_examples)
"""A thousand in the default profile, the profile's own number where that is more."""

law = settings(max_examples=EXAMPLES)
law_of_bundles = settings(max_examples=-(-EXAMPLES // SIZE))

PARTITIONS = (1, 2, 3, 7, 64)

MIRRORED = {
    "only_left": "only_right",
    "duplicate_left": "duplicate_right",
    "reject_left": "reject_right",
}
MIRRORED |= {right: left for left, right in MIRRORED.items()}


def findings_of(found: pl.DataFrame, key: Sequence[str]) -> list[Finding]:
    """The frame's findings in its order, as the oracle writes them.

    Without the hint of a key that found no partner and the rule of a swap: they explain a finding, they make none.
    """
    answer = []
    for row in found.iter_rows(named=True):
        parts: Values = tuple(row[name] for name in key)
        hint = None if row["kind"].startswith("only_") else row["hint"]
        rule = None if row["kind"] == "identity_swap" else row["rule"]
        rest = {name: row[name] for name in Finding._fields if name not in ("key", "hint", "rule")}
        answer.append(Finding(key=parts, hint=hint, rule=rule, **rest))
    return answer


def mirrored(finding: Finding) -> Finding:
    """The same finding with the sides exchanged."""
    hint = finding.hint
    if hint and " × " in hint:
        *ambiguous, left, _, right = hint.split(" ")
        hint = " ".join([*ambiguous, right, "×", left])
    return finding._replace(
        kind=MIRRORED.get(finding.kind, finding.kind),
        left_raw=finding.right_raw,
        right_raw=finding.left_raw,
        left_row=finding.right_row,
        right_row=finding.left_row,
        hint=hint,
    )


def frames(case: Tables) -> tuple[pl.DataFrame, pl.DataFrame]:
    return frame(case.left, case.columns), frame(case.right, case.columns)


def parquet_bytes(found: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    found.rechunk().write_parquet(buffer)
    return buffer.getvalue()


@law_of_bundles
@given(bundles(size=SIZE))
def test_a_table_against_itself_shows_only_what_is_wrong_with_single_rows(case: Tables) -> None:
    """Law 1: `diff(x, x)` has findings about repeated and blank keys, and none about a difference."""
    one, _ = frames(case)
    result = compare(one, one.clone(), key=case.key, allow_empty=True)
    kinds = set(result.findings["kind"])
    assert kinds <= {"duplicate_left", "duplicate_right", "reject_left", "reject_right"}
    for balance in result.balance.values():
        assert (balance.mismatched, balance.only, balance.duplicate) == (0, 0, 0)


@law_of_bundles
@given(bundles(size=SIZE))
def test_swapping_sides_swaps_the_answer(case: Tables) -> None:
    """Law 2: the engine takes neither side for the truth."""
    left, right = frames(case)
    one = compare(left, right, key=case.key, allow_empty=True)
    two = compare(right, left, key=case.key, allow_empty=True)
    expected = [mirrored(finding) for finding in findings_of(one.findings, case.key)]
    assert sorted(map(repr, findings_of(two.findings, case.key))) == sorted(map(repr, expected))
    assert two.verdict == one.verdict
    assert two.balance == {side.other: balance for side, balance in one.balance.items()}


@law_of_bundles
@given(bundles(size=SIZE))
def test_every_row_is_counted_once(case: Tables) -> None:
    """Law 3: the balance of `architecture.md` §4, and that the findings carry the same numbers."""
    result = compare(*frames(case), key=case.key, allow_empty=True)
    found = result.findings
    left, right = result.balance[Side.LEFT], result.balance[Side.RIGHT]
    assert (left.matched, left.mismatched) == (right.matched, right.mismatched)
    assert found.filter(kind="value").select("left_row", "right_row").n_unique() == left.mismatched
    for side, balance, rows in ((Side.LEFT, left, case.left), (Side.RIGHT, right, case.right)):
        assert balance.closes
        assert balance.rows == len(rows)
        assert found.filter(kind=f"only_{side}").height == balance.only
        assert found.filter(kind=f"reject_{side}")[f"{side}_row"].n_unique() == balance.rejected


@law_of_bundles
@given(bundles(size=SIZE), st.data())
def test_the_order_of_rows_changes_only_row_numbers(case: Tables, data: st.DataObject) -> None:
    """Law 4, rows."""
    left, right = frames(case)
    shuffled = [frame(data.draw(st.permutations(side)), case.columns) for side in (case.left, case.right)]
    rows = ("left_row", "right_row")
    one = compare(left, right, key=case.key, allow_empty=True)
    two = compare(*shuffled, key=case.key, allow_empty=True)
    assert two.findings.drop(rows).equals(one.findings.drop(rows))
    assert two.balance == one.balance
    assert two.verdict == one.verdict


@law_of_bundles
@given(bundles(size=SIZE), st.data())
def test_the_order_of_columns_changes_nothing(case: Tables, data: st.DataObject) -> None:
    """Law 4, columns: not one byte."""
    left, right = frames(case)
    one = compare(left, right, key=case.key, allow_empty=True)
    two = compare(
        left.select(data.draw(st.permutations(case.columns))),
        right.select(data.draw(st.permutations(case.columns))),
        key=case.key,
        allow_empty=True,
    )
    assert parquet_bytes(two.findings) == parquet_bytes(one.findings)


@law_of_bundles
@given(st.lists(changes(), min_size=SIZE, max_size=SIZE))
def test_one_changed_value_is_exactly_that_mismatch(changed: list[Change]) -> None:
    """Law 5; each change in a table of its own."""
    left: list[Row] = []
    right: list[Row] = []
    expected = set()
    for number, change in enumerate(changed):
        rows: list[Row] = [{"table": str(number), **row} for row in change.rows]
        row, was = len(left) + change.at + 1, rows[change.at][change.field]
        left += rows
        rows[change.at] = {**rows[change.at], change.field: change.now}
        right += rows
        key = (str(number), rows[change.at]["id"])
        expected.add(Finding(key, "value", change.field, was, change.now, row, row))
    columns, key_columns = ("table", "id", "v", "w"), ("table", "id")
    result = compare(frame(left, columns), frame(right, columns), key=key_columns)
    found = [finding for finding in findings_of(result.findings, key_columns) if finding.kind != "identity_swap"]
    assert set(found) == expected
    assert len(found) == len(expected)
    assert result.verdict is Verdict.MISMATCH
    assert result.balance[Side.LEFT].mismatched == SIZE


@law
@given(tables(), st.booleans())
def test_the_engine_agrees_with_dictionaries_and_loops(case: Tables, allow_empty: bool) -> None:  # noqa: FBT001
    """Law 6: `tests/reference.py`."""
    result = compare(*frames(case), key=case.key, allow_empty=allow_empty)
    expected = reference(case.left, case.right, case.key, allow_empty=allow_empty)
    assert result.verdict == expected["verdict"]
    if result.verdict is Verdict.INCONCLUSIVE:
        return  # nothing is claimed
    found = findings_of(result.findings, case.key)
    assert set(found) == expected["findings"]
    assert len(found) == len(expected["findings"])
    for side, balance in result.balance.items():
        assert {name: getattr(balance, name) for name in expected["balance"][side]} == expected["balance"][side]


@law_of_bundles
@given(bundles(size=SIZE))
def test_findings_are_sorted_and_of_the_declared_schema_and_no_two_have_one_id(case: Tables) -> None:
    """By key as text in byte order (null first), then field (a finding about the record first), then kind."""
    found = compare(*frames(case), key=case.key, allow_empty=True).findings
    assert found.schema == findings_schema(case.key)
    assert found["finding_id"].n_unique() == found.height
    order = [
        (*(_bytes(part) for part in finding.key), _bytes(finding.field), finding.kind)
        for finding in findings_of(found, case.key)
    ]
    assert order == sorted(order)


@law_of_bundles
@given(bundles(size=SIZE), st.sampled_from(PARTITIONS[1:]))
def test_any_number_of_partitions_gives_the_same_bytes(case: Tables, partitions: int) -> None:
    """Law 8, partitions."""
    left, right = frames(case)
    whole = compare(left, right, key=case.key, allow_empty=True)
    parts = compare(left, right, key=case.key, partitions=partitions, allow_empty=True)
    assert parquet_bytes(parts.findings) == parquet_bytes(whole.findings)
    assert parts.balance == whole.balance
    assert parts.verdict == whole.verdict


@law_of_bundles
@given(bundles(size=SIZE), st.sampled_from(VALUES), st.integers(min_value=1, max_value=3))
def test_equal_records_added_to_both_sides_change_no_finding(case: Tables, value: str | None, records: int) -> None:
    """A corollary of laws 3 and 6: what agrees explains nothing about what does not."""
    same: list[Row] = [
        {name: f"added {n}" if name in case.key else value for name in case.columns} for n in range(records)
    ]
    one = compare(*frames(case), key=case.key, allow_empty=True)
    two = compare(
        frame([*case.left, *same], case.columns),
        frame([*case.right, *same], case.columns),
        key=case.key,
        allow_empty=True,
    )
    assert two.findings.equals(one.findings)
    assert two.balance[Side.LEFT].matched == one.balance[Side.LEFT].matched + records


def _bytes(part: str | None) -> tuple[bool, bytes]:
    return (part is not None, (part or "").encode())

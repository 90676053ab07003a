"""What is compared is decided before data is seen; and what of all steps together comes out.

Everything of the second part twice: with the polars that is installed, and with one that keeps no order but what it promises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import NamedTuple

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile import diff as module
from reconcile.api import compare
from reconcile.diff import Diff, DiffPlan, diff, plan
from reconcile.diff.fingerprint import fingerprint, value_hashes
from reconcile.errors import ConfigError, SourceError
from reconcile.model import ROW, Category, Dataset, Field, Latin
from tests.contrary import contrary

SEED = 7
ID, NAME, KANA, NUMBER, STATE, KIND = (
    Field(name="id", key=True),
    Field(name="name"),
    Field(name="kana", comparator=Latin()),
    Field(name="number"),
    Field(name="state"),
    Field(name="kind"),
)
FIELDS = (ID, NAME, KANA, NUMBER, STATE, KIND)
DATASET = Dataset(
    name="people",
    fields=FIELDS,
    second_key="number",
    person=("name", "kana"),
    state="state",
    closed=("gone", "dead"),
    kind="kind",
    taxonomy={"C1": Category(code="C1", label="", severity="", actor="")},
)
COLUMNS = tuple(field.name for field in FIELDS)
ADHOC = Dataset(name="", fields=(ID, NAME, KANA))


@pytest.fixture(autouse=True, scope="module", params=["usual", "contrary"])
def _polars(request: pytest.FixtureRequest) -> Iterator[None]:
    with contrary() if request.param == "contrary" else nullcontext():
        yield


# ---------------------------------------------------------------------------------------------------------- the plan


def test_compared_is_what_is_declared_and_stands_on_both_sides() -> None:
    this = plan(DATASET, COLUMNS, (*reversed(COLUMNS), "more"), SEED)
    assert this.key == {"k0": "id"}
    assert this.fields == {"v0": NAME, "v1": KANA, "v2": NUMBER, "v3": STATE, "v4": KIND}
    assert (this.seed, this.second, this.person) == (SEED, "v2", ("v0", "v1"))
    assert (this.state, this.closed, this.kind, this.propose) == ("v3", ("gone", "dead"), "v4", True)
    assert (dict(this.whole), dict(this.approved)) == ({}, {})


@pytest.mark.parametrize("side", [0, 1])
def test_what_one_side_lacks_is_not_compared_and_tells_nothing(side: int) -> None:
    sides = [COLUMNS, ("id", "kana")]
    this = plan(DATASET, sides[side], sides[1 - side], SEED)
    assert this.fields == {"v0": KANA}
    assert (this.second, this.person, this.state, this.kind) == ("", ("v0",), "", "")


def test_an_ad_hoc_dataset_has_no_roles_and_proposes_nothing() -> None:
    this = plan(ADHOC, ("id", "name"), ("id", "name"), SEED)
    assert (this.second, this.person, this.state, this.closed, this.kind, this.propose) == ("", (), "", (), "", False)


def test_every_part_of_a_key_is_one_in_its_declared_order() -> None:
    both = replace(ADHOC, fields=(replace(NAME, key=True), KANA, ID))
    assert plan(both, COLUMNS, COLUMNS, SEED).key == {"k0": "name", "k1": "id"}


def refused(dataset: Dataset, left: tuple[str, ...], right: tuple[str, ...]) -> ConfigError:
    with pytest.raises(ConfigError) as error:
        plan(dataset, left, right, SEED)
    return error.value


@pytest.mark.parametrize("fields", [(NAME,), (ID, ID, NAME)])
def test_a_key_is_of_one_column_or_more_each_once(fields: tuple[Field, ...]) -> None:
    error = refused(replace(ADHOC, fields=fields), ("id", "name"), ("id", "name"))
    assert (error.code, error.where) == ("E_KEY", "key")
    assert error.problem.startswith(f"got {len(fields) - 1} columns")


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_side_without_the_key_is_named_with_what_it_has(side: str) -> None:
    whole, without = ("id", "name"), ("ID", "name")
    error = refused(ADHOC, *((without, whole) if side == "left" else (whole, without)))
    assert (error.code, error.where) == ("E_KEY", f"{side}: key")
    assert error.problem == "got no column 'id', expected it among the 2 there (number 1 differs in case alone)"
    assert "upper and lower case" in error.hint


def test_a_file_without_header_does_not_show_its_first_record() -> None:
    error = refused(ADHOC, ("墨田花子", "19450701"), ("id", "name"))
    assert error.problem == "got no column 'id', expected it among the 2 there"
    assert "header" in error.hint


@pytest.mark.parametrize("side", [0, 1])
def test_the_name_by_which_records_are_counted_is_ours(side: int) -> None:
    sides = [("id", "name"), ("id", "name", ROW)]
    error = refused(ADHOC, sides[side], sides[1 - side])
    assert (error.where, error.hint) == ("columns", "rename it")
    assert repr(ROW) in error.problem


def test_sides_that_share_nothing_but_the_key_are_compared_only_if_there_is_nothing_else() -> None:
    assert plan(ADHOC, ("id",), ("id",), SEED).fields == {}
    for left, right in ((("id", "name"), ("id", "Name")), (("id",), ("id", "name")), (("id", "name"), ("id",))):
        error = refused(ADHOC, left, right)
        assert (error.code, error.where) == ("E_NOTHING_SHARED", "columns")
        assert "upper and lower case" in error.hint
    # A shared column that nobody declared: somebody has decided that it is not compared.
    assert plan(ADHOC, ("id", "note"), ("id", "note"), SEED).fields == {}


def test_the_columns_of_a_side_by_their_internal_names() -> None:
    this = plan(ADHOC, ("id", "name", "kana"), ("id", "name", "kana"), SEED)
    source = pl.DataFrame({"id": ["1"], "name": [" a"], "kana": ["b"]})
    canonical = {name: pl.col(name).str.strip_chars() for name in source.columns}
    hashes = source.select(value_hashes([canonical["name"], canonical["kana"]], SEED)).row(0)
    plain = source.select(this.select(canonical, decoded=False))
    assert plain.columns == ["k0", "v0", "v1", "_values_one", "_values_two"]
    assert plain.row(0) == ("1", "a", "b", *hashes)
    decoded = source.select(this.select(canonical, decoded=True))
    assert decoded.columns == ["k0", "v0", "v1", "raw:v0", "raw:v1", "_values_one", "_values_two"]
    assert decoded.row(0) == ("1", "a", "b", " a", "b", *hashes)
    bare = source.select(this.select(canonical, decoded=True, hashed=False))
    assert bare.equals(decoded.drop("_values_one", "_values_two"))
    prints = source.with_row_index(ROW).select(this.fingerprint(canonical))
    expected = source.with_row_index(ROW).select(
        fingerprint([canonical["id"]], [canonical["name"], canonical["kana"]], SEED)
    )
    assert prints.equals(expected)


def test_a_narrowed_comparison_is_of_few_fields_and_of_whole_people() -> None:
    this = plan(DATASET, COLUMNS, COLUMNS, SEED)
    few = this.narrowed({"v1", "v3"})
    assert few.fields == {"v1": KANA, "v3": STATE}
    assert few.whole == this.fields
    assert few.hashed == this.hashed == this.fields
    assert (few.second, few.person, few.state, few.kind) == ("", (), "", "")  # who is alone is known already
    assert (few.key, few.seed, few.closed) == (this.key, this.seed, this.closed)
    again = few.narrowed({"v3"})
    assert (again.fields, again.whole) == ({"v3": STATE}, this.fields)
    source = pl.DataFrame([dict.fromkeys(COLUMNS, "x")])
    columns = {name: pl.col(name) for name in COLUMNS}
    hashes = ["_values_one", "_values_two"]
    one, other = (source.select(each.select(columns, decoded=False)).select(hashes) for each in (this, few))
    assert one.equals(other)


def test_a_field_keeps_its_place_among_all_in_a_narrowed_comparison() -> None:
    """The hashes of some fields and of the rest make those of all (modulo 2**64): each counts as its own place says."""
    this = plan(DATASET, COLUMNS, COLUMNS, SEED)
    few, rest = this.narrowed({"v1", "v3"}), this.narrowed({"v0", "v2", "v4"})
    assert (this.positions, few.positions, rest.positions) == ((0, 1, 2, 3, 4), (1, 3), (0, 2, 4))
    source = pl.DataFrame([dict.fromkeys(COLUMNS, "x")])
    whole, some, others = (
        source.select(value_hashes([pl.col(f.name) for f in each.fields.values()], SEED, each.positions)).row(0)
        for each in (this, few, rest)
    )
    assert whole == tuple((one + other) % 2**64 for one, other in zip(some, others, strict=True))
    prints = source.with_row_index(ROW).select(few.fingerprint({name: pl.col(name) for name in COLUMNS}))
    expected = source.with_row_index(ROW).select(
        fingerprint([pl.col("id")], [pl.col("kana"), pl.col("state")], SEED, few.positions)
    )
    assert prints.equals(expected)


# -------------------------------------------------------------------------------------------------- all steps together


class Person(NamedTuple):
    """The key and the compared values of a record."""

    key: str
    name: str | None
    kana: str | None
    number: str | None = None
    state: str | None = "here"
    kind: str | None = "japanese"


def side(this: DiffPlan, people: Sequence[Person]) -> pl.DataFrame:
    source = pl.DataFrame(people, dict.fromkeys(COLUMNS, pl.String), orient="row").with_row_index(ROW, offset=1)
    return source.select(ROW, *this.select({name: pl.col(name) for name in COLUMNS}, decoded=False))


def compared(left: Sequence[Person], right: Sequence[Person], dataset: Dataset = DATASET) -> Diff:
    this = plan(dataset, COLUMNS, COLUMNS, SEED)
    return diff(this, side(this, left), side(this, right))


def test_each_pair_is_matched_or_mismatched_by_what_its_rules_say() -> None:
    left = [Person("1", "a", "b"), Person("2", "a", "b"), Person("3", "a", "Ｂ"), Person("4", "a", "Ｂ")]
    right = [Person("4", "x", "B"), Person("3", "a", "B"), Person("2", "x", "y"), Person("1", "a", "b")]
    found = compared(left, right)
    # 3 agrees under a rule (the width); of 4 a value agrees under it and another differs.
    assert (found.matched, found.mismatched) == (2, 2)
    assert found.values.select("k0", "field", "left", "right", "equal").rows() == [
        ("2", "name", "a", "x", False),
        ("4", "name", "a", "x", False),
        ("2", "kana", "b", "y", False),
        ("3", "kana", "Ｂ", "B", True),
        ("4", "kana", "Ｂ", "B", True),
    ]
    assert found.people.select("k0", "left_row", "right_row").rows() == [("2", 2, 3), ("4", 4, 1)]


def test_pairs_within_a_repeated_key_are_matched_too() -> None:
    twice = [Person("1", "a", "b"), Person("1", "c", "d")]
    found = compared(twice, twice[::-1])
    assert (found.matched, found.mismatched, found.repeated.height) == (2, 0, 1)


def test_who_is_alone_is_told_with_what_may_find_him_elsewhere() -> None:
    alone = [Person("1", "a", "b", "12"), Person("2", "a", "b"), Person("3", "a", None, "13"), Person("4", None, None)]
    for one, other, pick in ((alone, [], "only_left"), ([], alone, "only_right")):
        found: pl.DataFrame = getattr(compared(one, other), pick)
        assert found.select("k0", ROW, "_second").rows() == [
            ("1", 1, "12"),
            ("2", 2, None),
            ("3", 3, "13"),
            ("4", 4, None),
        ]
        first, second, third, fourth = found["_person"]
        assert first == second is not None  # the same name and kana, whatever the key and the number
        assert third is fourth is None  # a part of it is unknown: two of them would be nobody
    other_one = compared([Person("1", "a", "x")], []).only_left["_person"][0]
    assert other_one != compared([Person("1", "a", "b")], []).only_left["_person"][0]


@pytest.mark.parametrize("pick", ["only_left", "only_right"])
def test_who_is_alone_stands_before_the_open_one_of_a_repeated_key(pick: str) -> None:
    people = [Person("3", "a", "b", state="gone"), Person("3", "a", "c"), Person("2", "a", "b"), Person("1", "a", "b")]
    sides = (people, []) if pick == "only_left" else ([], people)
    found: pl.DataFrame = getattr(compared(*sides), pick)
    assert found.select("k0", ROW).rows() == [("2", 3), ("1", 4), ("3", 2)]


def test_a_dataset_without_people_or_a_second_key_tells_nobody() -> None:
    found = compared([Person("1", "a", "b", "12")], [], ADHOC).only_left
    assert found.rows() == [("1", 1, None, None)]
    assert found.columns == ["k0", ROW, "_second", "_person"]


@pytest.mark.parametrize(("state", "beside"), [("gone", 1), ("dead", 1), ("here", 0), (None, 0)])
def test_a_record_is_closed_by_its_state_and_one_of_unknown_state_is_open(state: str | None, beside: int) -> None:
    """A closed record beside an open one is out of scope; an open one never is."""
    opened = Person("1", "a", "b")
    found = compared([opened], [opened, Person("1", "c", "d", state=state)])
    assert found.repeated.select("right_beside", "right_over", "right_open").row(0) == (beside, 1 - beside, 2 - beside)
    assert compared([opened], [opened, Person("1", "c", "d", state=state)], ADHOC).repeated["right_beside"][0] == 0


def test_open_records_of_one_key_are_counted_by_their_kinds() -> None:
    rows = [Person("1", "a", "b", kind=kind) for kind in ("japanese", "foreign", "japanese")]
    assert compared(rows, []).repeated["left_kinds"].to_list() == [2]
    assert compared(rows, [], ADHOC).repeated["left_kinds"].to_list() == [1]


def test_ambiguous_rows_get_a_proposal_where_the_dataset_has_a_taxonomy() -> None:
    left = [Person("2", "z", "z"), Person("2", "y", "y"), Person("1", "a", "b"), Person("1", "c", "d")]
    right = [Person("1", "c", "e"), Person("1", "a", "f"), Person("2", "q", "r", kind="x", state="x")]
    found = compared(left, right).repeated
    assert found.select("k0", "nearest").rows() == [("2", None), ("1", "3-2 (4/5), 4-1 (4/5)")]  # as they stand
    assert compared(left, right, replace(DATASET, taxonomy={})).repeated["nearest"].to_list() == [None, None]
    none = compared([], [])
    assert none.repeated.is_empty()
    assert none.repeated.schema["nearest"] == pl.String()
    assert none.repeated.columns == found.columns


VALUE = st.sampled_from(["a", "b", None])


@given(st.lists(st.tuples(st.integers(1, 4), VALUE, VALUE), max_size=6), st.data())
@settings(max_examples=60, deadline=None)
def test_every_row_is_counted_once(people: list[tuple[int, str | None, str | None]], data: st.DataObject) -> None:
    left = [Person(str(key), name, kana) for key, name, kana in people]
    right = [Person(str(key), name, kana) for key, name, kana in data.draw(st.permutations(people))]
    right = right[data.draw(st.integers(0, 2)) :]
    found = compared(left, right)
    pairs = found.matched + found.mismatched
    over = found.repeated.select(pl.col("^(left|right)_(over|beside)$").sum()).row(0, named=True)
    for name, rows, only in (("left", left, found.only_left), ("right", right, found.only_right)):
        rest = sum(int(count) for column, count in over.items() if column.startswith(name))
        assert len(rows) == pairs + only.height + rest
    told = {
        name: sum(n > 1 for n in Counter(p.key for p in rows).values()) for name, rows in (("l", left), ("r", right))
    }
    assert found.repeated.height >= max(told.values())


def test_a_narrowed_comparison_finds_what_the_whole_one_does() -> None:
    left = [Person(str(n), "a", "b", state="s") for n in range(5)]
    right = [Person(str(n), "x" if n % 2 else "a", "b", state="t") for n in reversed(range(5))]
    this = plan(DATASET, COLUMNS, COLUMNS, SEED)
    whole = diff(this, side(this, left), side(this, right))
    few = this.narrowed({"v0", "v3"})
    found = diff(few, side(few, left), side(few, right))
    assert found.values.equals(whole.values)
    assert found.people.sort("left_row").equals(whole.people.sort("left_row"))
    assert (found.matched, found.mismatched) == (whole.matched, whole.mismatched) == (0, 5)


def test_rows_of_a_narrowed_comparison_are_not_counted_by_key_where_each_has_one_partner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left, right = [Person("1", "a", "b"), Person("2", "a", "b")], [Person("2", "x", "b"), Person("1", "a", "b")]
    few = plan(DATASET, COLUMNS, COLUMNS, SEED).narrowed({"v0"})
    monkeypatch.setattr(module, "pair", None)
    found = diff(few, side(few, left), side(few, right))
    assert (found.matched, found.mismatched) == (1, 1)


def test_a_narrowed_comparison_of_rows_that_have_more_than_one_partner_pairs_them_like_all_others() -> None:
    """Two keys may have collided: then the rows are not alone."""
    left, right = [Person("1", "a", "b"), Person("2", "a", "b")], [Person("1", "x", "b"), Person("3", "a", "b")]
    few = plan(DATASET, COLUMNS, COLUMNS, SEED).narrowed({"v0"})
    found = diff(few, side(few, left), side(few, right))
    assert (found.matched, found.mismatched) == (0, 1)
    assert (found.only_left["k0"].to_list(), found.only_right["k0"].to_list()) == (["2"], ["3"])


@pytest.mark.parametrize("name", ["*", "^i.*$"])
def test_a_frame_with_a_name_that_is_a_pattern_is_refused(name: str) -> None:
    left = pl.DataFrame({"id": ["1", "2"], name: ["a", "b"]})
    with pytest.raises(SourceError) as caught:
        compare(left, left.with_columns(pl.lit("c").alias("v")), key=["id"])
    assert (caught.value.code, name in str(caught.value)) == ("E_HEADER", False)

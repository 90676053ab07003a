"""Which values differ and what is said of them, against a plain-Python comparison; who stands under each pair.

Everything twice: with the polars that is installed, and with one that keeps no order but what it promises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.diff.compare import OTHER, differing_values, people, side_by_side, swaps, values_schema
from reconcile.model import ROW, Characters, Field, Latin
from tests.contrary import contrary

Text = str | None
Pair = tuple[tuple[Text, Text], tuple[Text, Text]]
"""The two values of the left record, and of the right one."""

NO_ONE: Mapping[str, pl.DataFrame] = {}


@pytest.fixture(autouse=True, scope="module", params=["usual", "contrary"])
def _polars(request: pytest.FixtureRequest) -> Iterator[None]:
    with contrary() if request.param == "contrary" else nullcontext():
        yield


def paired(rows: Sequence[tuple[str, int, int]]) -> pl.DataFrame:
    schema = {"k0": pl.String, "left_row": pl.UInt32, "right_row": pl.UInt32}
    return pl.DataFrame(rows, schema, orient="row")


def side(rows: Mapping[int, tuple[str, tuple[Text, Text]]]) -> pl.DataFrame:
    """Record number -> key and two values; in the order given."""
    schema = {ROW: pl.UInt32, "k0": pl.String, "v0": pl.String, "v1": pl.String}
    return pl.DataFrame([(row, key, *values) for row, (key, values) in rows.items()], schema, orient="row")


def beside(pairs: Sequence[Pair]) -> pl.DataFrame:
    """Keys 0, 1, …: of each the left record n + 1 and the right record 100 - n; each side in its own order."""
    met = paired([(str(n), n + 1, 100 - n) for n in range(len(pairs))])
    left = side({n + 1: (str(n), values) for n, (values, _) in enumerate(pairs)})
    right = side({100 - n: (str(n), values) for n, (_, values) in reversed([*enumerate(pairs)])})
    return side_by_side(met, left, right, ["k0"])


FIELDS = {"v0": Field(name="name"), "v1": Field(name="kana")}
ALIKE = {"v0": Field(name="name", comparator=Latin()), "v1": Field(name="kana", comparator=Latin())}


def test_the_columns_of_both_sides_stand_beside_each_other_in_the_order_of_the_pairs() -> None:
    met = paired([("b", 2, 30), ("c", 1, 10), ("a", 3, 20)])
    left = side({1: ("c", ("c0", "c1")), 2: ("b", ("b0", None)), 3: ("a", ("a0", "a1")), 4: ("x", ("x0", "x1"))})
    right = side({10: ("c", ("C0", "C1")), 20: ("a", ("A0", "A1")), 30: ("b", ("B0", "B1")), 40: ("y", ("y", "y"))})
    both = side_by_side(met, left, right, ["k0"])
    assert both.columns == ["k0", "left_row", "right_row", "v0", "v1", "v0:right", "v1:right"]
    assert both.rows() == [
        ("b", 2, 30, "b0", None, "B0", "B1"),
        ("c", 1, 10, "c0", "c1", "C0", "C1"),
        ("a", 3, 20, "a0", "a1", "A0", "A1"),
    ]


TEXT = st.none() | st.sampled_from(["", "a", "Ａ", "b", " a"])
PAIRS = st.lists(st.tuples(st.tuples(TEXT, TEXT), st.tuples(TEXT, TEXT)), max_size=8)


@given(PAIRS)
@settings(max_examples=80, deadline=None)
def test_what_differs_is_told_by_field_and_then_by_pair_and_nothing_else(pairs: list[Pair]) -> None:
    found = differing_values(beside(pairs), ["k0"], FIELDS, NO_ONE)
    expected = [
        (str(n), n + 1, 100 - n, name, one[at], other[at], one[at], other[at], False, grade, None, None)
        for at, name in enumerate(("name", "kana"))
        for n, (one, other) in enumerate(pairs)
        if one[at] != other[at]
        for grade in ["missing" if None in (one[at], other[at]) else "different"]
    ]
    assert found.rows() == expected
    assert found.schema == values_schema(["k0"])


@given(PAIRS)
@settings(max_examples=80, deadline=None)
def test_a_pair_of_values_is_judged_alike_wherever_it_stands(pairs: list[Pair]) -> None:
    """Latin letters: the width and the spaces are notation, the letters are not."""

    def said(one: Text, other: Text) -> tuple[bool, str, Text, Text]:
        if one is None or other is None:
            return False, "missing", None, "left_missing" if one is None else "right_missing"
        narrow, too = one.replace("Ａ", "A"), other.replace("Ａ", "A")
        if narrow == too:
            return True, "separator", "width", None
        if narrow.strip() == too.strip():
            return True, "separator", "spaces", None
        return False, "different", "letter_case" if narrow.strip().lower() == too.strip().lower() else None, None

    found = differing_values(beside(pairs), ["k0"], ALIKE, NO_ONE)
    assert found.select("field", "left_row", "left", "right", "equal", "grade", "rule", "hint").rows() == [
        (name, n + 1, one[at], other[at], *said(one[at], other[at]))
        for at, name in enumerate(("name", "kana"))
        for n, (one, other) in enumerate(pairs)
        if one[at] != other[at]
    ]
    assert found.schema == values_schema(["k0"])


def test_without_compared_fields_or_without_pairs_nothing_differs() -> None:
    for pairs, fields in (([(("a", "b"), ("c", "d"))], {}), ([], FIELDS), ([], ALIKE)):
        found = differing_values(beside(pairs), ["k0"], fields, NO_ONE)
        assert (found.height, found.schema) == (0, values_schema(["k0"]))


@pytest.mark.parametrize(("left", "right"), [(True, True), (True, False), (False, True), (False, False)])
def test_the_text_as_it_stood_goes_with_the_value_where_decoding_may_have_changed_it(left: bool, right: bool) -> None:  # noqa: FBT001
    both = beside([(("a", "b"), ("c", "b"))])
    if left:
        both = both.with_columns(pl.lit("as it stood left").alias("raw:v0"))
    if right:
        both = both.with_columns(pl.lit("as it stood right").alias("raw:v0:right"))
    found = differing_values(both, ["k0"], FIELDS, NO_ONE)
    assert found.select("left", "right", "left_raw", "right_raw").rows() == [
        ("a", "c", "as it stood left" if left else "a", "as it stood right" if right else "c")
    ]


def test_an_approved_identification_holds_for_its_field_alone() -> None:
    """髙 (MJ028902) and 高 (MJ028901) are variants; somebody approved them for names."""
    fields = {name: Field(name=field.name, comparator=Characters()) for name, field in FIELDS.items()}
    approved = pl.DataFrame({"left_mj": ["MJ028902"], "right_mj": ["MJ028901"], "id": ["2026-001"]})
    both = beside([(("髙", "髙"), ("高", "高"))])
    found = differing_values(both, ["k0"], fields, {"name": approved})
    assert found.select("field", "equal", "grade").rows() == [("name", True, "approved"), ("kana", False, "variant")]


def test_who_stands_under_each_pair() -> None:
    columns = (
        "left_row",
        "right_row",
        "k0",
        "_values_one",
        "_values_two",
        f"_values_one{OTHER}",
        f"_values_two{OTHER}",
    )
    mismatched = pl.DataFrame([(1, 2, "k", 11, 12, 21, 22)], columns, orient="row").with_columns(v0=pl.lit("a name"))
    assert people(mismatched, ["k0"]).to_dicts() == [
        {
            "left_row": 1,
            "right_row": 2,
            "k0": "k",
            "_left_one": 11,
            "_left_two": 12,
            "_right_one": 21,
            "_right_two": 22,
        }
    ]


# ---------------------------------------------------------------------------------------------------------- crossed over

Hashes = tuple[int, int]
Stands = tuple[Hashes, Hashes]
"""The two hashes of who stands left under a key, and of who stands right."""


def everyone(rows: Sequence[Stands], keys: Sequence[tuple[str, str]] | None = None) -> pl.DataFrame:
    names = ("left_row", "right_row", "k0", "k1", "_left_one", "_left_two", "_right_one", "_right_two")
    keys = keys or [(chr(ord("a") + n), "") for n in range(len(rows))]
    data = [(n + 1, 50 + n, *keys[n], *left, *right) for n, (left, right) in enumerate(rows)]
    schema = {name: pl.String if name in ("k0", "k1") else pl.UInt64 for name in names}
    return pl.DataFrame(data, schema, orient="row")


HASH = st.tuples(st.integers(0, 2), st.integers(0, 1))


@given(st.lists(st.tuples(HASH, HASH).filter(lambda both: both[0] != both[1]), max_size=7))
@settings(max_examples=150, deadline=None)
def test_crossed_over_are_two_who_are_each_alone_on_both_sides(rows: list[Stands]) -> None:
    """The two hashes together tell people apart: one alone may be the same by chance."""
    once = [[side.count(one) == 1 for one in side] for side in zip(*rows, strict=True)] or [[], []]
    alone = [n for n in range(len(rows)) if once[0][n] and once[1][n]]
    expected = {
        (n + 1, 50 + n, chr(ord("a") + n), "", chr(ord("a") + m), "")
        for n in alone
        for m in alone
        if n < m and rows[n] == rows[m][::-1]
    }
    found = swaps(everyone(rows), ["k0", "k1"])
    assert found.columns == ["left_row", "right_row", "k0", "k1", "k0:right", "k1:right"]  # `classify` reads them so
    assert set(found.rows()) == expected
    assert found.height == len(expected)


@pytest.mark.parametrize("third", [((1, 1), (3, 3)), ((3, 3), (1, 1)), ((2, 2), (3, 3)), ((3, 3), (2, 2))])
def test_people_who_look_like_a_third_one_prove_no_swap(third: Stands) -> None:
    """One of the two stands once more, on the left or on the right."""
    rows = [((1, 1), (2, 2)), ((2, 2), (1, 1))]
    assert swaps(everyone(rows), ["k0", "k1"]).height == 1
    assert swaps(everyone([*rows, third]), ["k0", "k1"]).is_empty()


@pytest.mark.parametrize(("keys", "first"), [
    ([("1", "2"), ("1", "1")], ("1", "1")),  # by the second part, where the first is the same
    ([("1", "1"), ("1", "2")], ("1", "1")),
    ([("2", "1"), ("1", "2")], ("1", "2")),  # by the first part, whatever the second
    ([("1", "2"), ("2", "1")], ("1", "2")),
    ([("1", "2"), ("2", "2")], ("1", "2")),
])  # fmt: skip
def test_the_smaller_key_tells_of_a_swap(keys: list[tuple[str, str]], first: tuple[str, str]) -> None:
    rows = [((1, 1), (2, 2)), ((2, 2), (1, 1))]
    assert swaps(everyone(rows, keys), ["k0", "k1"]).select("k0", "k1").rows() == [first]

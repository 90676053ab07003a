"""Which suspects belong together, against a plain-Python pairing; and who crossed over."""

from collections import Counter, defaultdict
from random import Random
from typing import NamedTuple

import polars as pl
import polars.selectors as cs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconcile.diff.compare import OTHER, people, side_by_side, swaps
from reconcile.diff.fingerprint import value_hashes
from reconcile.diff.pair import Pairs, pair, pair_single
from reconcile.model import ROW
from reconcile.proof import oracle
from tests.contrary import contrary

Key = tuple[str, ...]
Person = tuple[Key, int, int]
"""Key, `_one`, `_two`."""
Side = list[Person]


def _frame(rows: Side, parts: int) -> pl.DataFrame:
    columns = {f"k{i}": [key[i] for key, _, _ in rows] for i in range(parts)}
    return pl.DataFrame(
        {ROW: range(1, len(rows) + 1), **columns, "_one": [r[1] for r in rows], "_two": [r[2] for r in rows]},
        schema={ROW: pl.UInt32, **dict.fromkeys(columns, pl.String), "_one": pl.UInt64, "_two": pl.UInt64},
    ).with_columns(_closed=pl.lit(value=False), _kind=pl.lit(0, pl.UInt64))


def _pair(left: Side, right: Side, parts: int = 1) -> Pairs:
    return pair(_frame(left, parts), _frame(right, parts), [f"k{i}" for i in range(parts)])


class Plain(NamedTuple):
    """The fields of `Pairs`, as sets of rows."""

    paired: set[tuple[object, ...]]
    only_left: set[tuple[object, ...]]
    only_right: set[tuple[object, ...]]
    repeated: set[tuple[object, ...]]
    equal: int


def _plain(left: Side, right: Side) -> Plain:
    """`architecture.md` §4, "Repeated keys", word for word."""
    groups: dict[Key, tuple[list[tuple[int, int, int]], ...]] = defaultdict(lambda: ([], []))
    for side, rows in enumerate((left, right)):
        for number, (key, one, two) in enumerate(rows, 1):
            groups[key][side].append((number, one, two))
    said = Plain(set(), set(), set(), set(), 0)
    equal = 0
    for key, (lefts, rights) in groups.items():
        if len(lefts) <= 1 and len(rights) <= 1:
            if lefts and rights:
                said.paired.add((*key, lefts[0][0], rights[0][0]))
            elif lefts:
                said.only_left.add((*key, lefts[0][0]))
            else:
                said.only_right.add((*key, rights[0][0]))
            continue
        over = _unequal(lefts, rights), _unequal(rights, lefts)
        equal += len(lefts) - len(over[0])
        one_each = len(over[0]) == len(over[1]) == 1
        if one_each:
            said.paired.add((*key, over[0][0], over[1][0]))
        counts = (0, 0) if one_each else (len(over[0]), len(over[1]))
        first = (min((row[0] for row in rows), default=None) for rows in (lefts, rights))
        said.repeated.add((*key, len(lefts), len(rights), *first, *counts))
    return said._replace(equal=equal)


def _unequal(rows: list[tuple[int, int, int]], others: list[tuple[int, int, int]]) -> list[int]:
    """The record numbers that are left when equal rows have been paired one to one."""
    stock = Counter((one, two) for _, one, two in others)
    left_over = []
    for number, one, two in rows:
        if stock[one, two]:
            stock[one, two] -= 1
        else:
            left_over.append(number)
    return left_over


COUNTS = ("left_count", "right_count", "left_row", "right_row", "left_over", "right_over")


def _as_sets(pairs: Pairs) -> Plain:
    repeated = pairs.repeated.select(cs.matches(r"^k\d$"), *COUNTS)
    frames = (pairs.paired, pairs.only_left, pairs.only_right, repeated)
    paired, only_left, only_right, again = (set(frame.rows()) for frame in frames)
    assert sum(map(len, (paired, only_left, only_right, again))) == sum(f.height for f in frames), "no row twice"
    return Plain(paired, only_left, only_right, again, pairs.equal)


def _sides(parts: int) -> st.SearchStrategy[tuple[Side, Side]]:
    key = st.tuples(*[st.sampled_from(["1", "2", "12"])] * parts)
    side = st.lists(st.tuples(key, st.integers(0, 1), st.integers(0, 1)), max_size=9)
    return st.tuples(side, side)


@pytest.mark.parametrize("parts", [1, 2])
@given(data=st.data())
@settings(max_examples=100)
def test_pairs_are_those_of_the_plain_pairing(parts: int, data: st.DataObject) -> None:
    left, right = data.draw(_sides(parts))
    assert _as_sets(_pair(left, right, parts)) == _plain(left, right)


@given(_sides(1))
@settings(max_examples=40)
def test_every_row_is_in_exactly_one_place(sides: tuple[Side, Side]) -> None:
    left, right = sides
    pairs = _pair(left, right)
    assert len(left) == pairs.equal + pairs.paired.height + pairs.only_left.height + pairs.repeated["left_over"].sum()
    assert (
        len(right) == pairs.equal + pairs.paired.height + pairs.only_right.height + pairs.repeated["right_over"].sum()
    )


@given(_sides(1))
@settings(max_examples=40)
def test_swapping_sides_swaps_the_pairs(sides: tuple[Side, Side]) -> None:
    there, back = _as_sets(_pair(*sides)), _as_sets(_pair(*sides[::-1]))
    assert there.only_left == back.only_right
    assert there.paired == {(key, right, left) for key, left, right in back.paired}
    assert there.equal == back.equal


@given(_sides(1), st.randoms())
@settings(max_examples=40)
def test_the_order_of_the_rows_changes_nothing(sides: tuple[Side, Side], random: Random) -> None:
    left, right = (_frame(side, 1)[random.sample(range(len(side)), len(side))] for side in sides)
    assert _as_sets(pair(left, right, ["k0"])) == _as_sets(_pair(*sides))


A, B, C = ((("x",), i, i) for i in range(3))


@pytest.mark.parametrize(
    ("left", "right", "equal", "paired", "over"),
    [
        ([A, A], [A, A], 2, [], (0, 0)),
        ([A, B], [B, A], 2, [], (0, 0)),
        ([A, B], [A, C], 1, [(2, 2)], (0, 0)),  # exactly one left on each side
        ([A, A], [A], 1, [], (1, 0)),
        ([A, B, C], [A], 1, [], (2, 0)),
        ([B, C], [A], 0, [], (2, 1)),  # no arbitrary pairing
        ([B, B], [C, C], 0, [], (2, 2)),
        ([A, A], [], 0, [], (2, 0)),
    ],
)
def test_a_repeated_key_pairs_what_is_equal_and_then_what_is_alone(
    left: Side, right: Side, equal: int, paired: list[tuple[int, int]], over: tuple[int, int]
) -> None:
    pairs = _pair(left, right)
    assert pairs.equal == equal
    assert pairs.paired.select("left_row", "right_row").rows() == paired
    assert pairs.repeated.select("left_over", "right_over").rows() == [over]


def test_keys_stand_in_the_order_of_the_left_side_and_then_of_the_right_one_whatever_order_polars_keeps() -> None:
    """So the rows of a source are fetched forwards. Within repeated keys the pairs stand in any order."""

    def side(keys: str) -> Side:
        return [((key,), 1, 1) for key in keys]

    left, right = side("cxaxbdzg"), side("byeyazcfz")
    with contrary():
        found = _pair(left, right)
    assert found.paired.rows() == [("c", 1, 7), ("a", 3, 5), ("b", 5, 1)]
    assert found.only_left["k0"].to_list() == ["d", "g"]
    assert found.only_right["k0"].to_list() == ["e", "f"]
    assert found.repeated.select("k0", "left_count", "right_count").rows() == [("x", 2, 0), ("z", 1, 2), ("y", 0, 2)]
    one, other = side("cab"), side("acb")
    with contrary():
        single = pair_single(_frame(one, 1).select(ROW, "k0"), _frame(other, 1).select(ROW, "k0"), ["k0"])
    assert single is not None
    assert single.paired.rows() == [("c", 1, 2), ("a", 2, 1), ("b", 3, 3)]


def test_of_equal_rows_the_first_in_record_order_are_paired_whatever_the_order_of_the_frame() -> None:
    left, right = _frame([A, A, A, B], 1).reverse(), _frame([B, A, B, A], 1).reverse()
    found = pair(left, right, ["k0"])
    assert (found.equal, found.paired.rows()) == (3, [("x", 3, 3)])  # the third A and the second B


def test_a_key_a_thousand_times_on_each_side_costs_no_product() -> None:
    left: Side = [(("x",), i, 0) for i in range(20_000)]
    right: Side = [(("x",), i, 1) for i in range(20_000)]
    pairs = _pair(left, right)
    assert pairs.paired.is_empty()
    assert pairs.repeated.to_dicts() == [
        {
            "k0": "x",
            "left_count": 20_000,
            "right_count": 20_000,
            "left_row": 1,
            "left_open": 20_000,
            "left_kinds": 1,
            "right_row": 1,
            "right_open": 20_000,
            "right_kinds": 1,
            "left_over": 20_000,
            "right_over": 20_000,
            "left_beside": 0,
            "right_beside": 0,
        }
    ]


# ------------------------------------------------------------------------------------------------------ closed records

Record = tuple[int, bool]
"""A value, and whether the record is closed; all of them under one key."""

F, J = (1, True), (2, False)
"""The foreigner's record, closed, and the Japanese one that took its place (帰化)."""


def _open_frame(rows: list[Record]) -> pl.DataFrame:
    schema = {ROW: pl.UInt32, "k0": pl.String, "_one": pl.UInt64, "_two": pl.UInt64, "_closed": pl.Boolean}
    frame = pl.DataFrame([(n, "x", value, 0, shut) for n, (value, shut) in enumerate(rows, 1)], schema, orient="row")
    return frame.with_columns(_kind=pl.col("_one"))


@pytest.mark.parametrize(
    ("left", "right", "equal", "paired", "places"),
    [
        ([J], [F, J], 1, [], ((0, 0, 0), (0, 0, 1))),  # the closed one has no part in it
        ([F, J], [F, J], 2, [], ((0, 0, 0), (0, 0, 0))),
        ([(3, False)], [F, J], 0, [(1, 2)], ((0, 0, 0), (0, 0, 1))),  # the open one stands for the key
        ([(3, False)], [J, F], 0, [(1, 1)], ((0, 0, 0), (0, 0, 1))),
        ([F], [F, J], 1, [], ((0, 0, 0), (1, 0, 0))),  # closed alike, and the open one is not known to the left
        ([(3, True)], [F, J], 0, [(1, 2)], ((0, 0, 0), (0, 0, 1))),  # closed on one side only
        ([F, (3, False)], [(4, True), J], 0, [(2, 2), (1, 1)], ((0, 0, 0), (0, 0, 0))),
        ([J, (3, False)], [J], 1, [], ((0, 1, 0), (0, 0, 0))),  # two open ones are a duplicate
        ([J], [F, (3, True)], 0, [], ((0, 1, 0), (0, 2, 0))),  # two closed ones: nobody knows which
        ([F], [], 0, [], ((1, 0, 0), (0, 0, 0))),
        ([F, (3, True)], [], 0, [], ((0, 2, 0), (0, 0, 0))),  # nobody knows them: not out of scope
        ([F, J], [], 0, [], ((1, 0, 1), (0, 0, 0))),
        ([F, (3, True)], [F], 1, [], ((0, 0, 1), (0, 0, 0))),  # an older closed one of a known record
        ([F, J, J], [J], 1, [], ((0, 1, 1), (0, 0, 0))),
        ([F, F], [F], 1, [], ((0, 1, 0), (0, 0, 0))),  # one record written twice is no second record, closed or not
        ([F, F, J], [J], 1, [], ((0, 2, 0), (0, 0, 0))),
        ([F, F, J], [F, J], 2, [], ((0, 1, 0), (0, 0, 0))),
    ],
)
def test_an_open_record_stands_for_its_key_before_closed_ones(
    left: list[Record],
    right: list[Record],
    equal: int,
    paired: list[tuple[int, int]],
    places: tuple[tuple[int, int, int], ...],
) -> None:
    """`places`: of each side, how many rows are alone, ambiguous, and out of scope."""
    for mine, yours, flip in ((left, right, 1), (right, left, -1)):
        pairs = pair(_open_frame(mine), _open_frame(yours), ["k0"])
        assert pairs.equal == equal
        assert pairs.paired.select("left_row", "right_row").rows() == [both[::flip] for both in paired]
        found = tuple(
            (only.height, over.height, int(pairs.repeated[f"{side}_beside"].sum()))
            for side, only, over in (
                ("left", pairs.only_left, pairs.over_left),
                ("right", pairs.only_right, pairs.over_right),
            )
        )
        assert found == places[::flip]
        assert tuple(int(pairs.repeated[f"{side}_over"].sum()) for side in ("left", "right")) == (
            found[0][1],
            found[1][1],
        )


def test_open_records_and_their_kinds_are_counted_and_none_is_a_number() -> None:
    """A closed record is of no kind that counts; a side that lacks the key has none of anything."""
    rows = _open_frame([(1, False), (2, True), (3, False), (1, False), (4, True)])
    counts = ("count", "row", "open", "kinds", "over", "beside")
    for one, other, full, empty in ((rows, rows.clear(), "left", "right"), (rows.clear(), rows, "right", "left")):
        found = pair(one, other, ["k0"]).repeated
        assert found.select(f"{full}_{what}" for what in counts).rows() == [(5, 1, 3, 2, 3, 2)]
        assert found.select(f"{empty}_{what}" for what in counts).rows() == [(0, None, 0, 0, 0, 0)]
        assert found.drop("k0").dtypes == [pl.UInt32] * 12


RECORDS = st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=5)


@given(RECORDS, RECORDS)
@settings(max_examples=150)
def test_with_closed_records_too_every_row_is_in_exactly_one_place(left: list[Record], right: list[Record]) -> None:
    pairs = pair(_open_frame(left), _open_frame(right), ["k0"])
    for side, rows, only in (("left", left, pairs.only_left), ("right", right, pairs.only_right)):
        again = int(pairs.repeated.select(pl.col(f"{side}_over", f"{side}_beside").sum()).sum_horizontal().sum())
        assert len(rows) == pairs.equal + pairs.paired.height + only.height + again
        places = [*pairs.paired[f"{side}_row"], *only[ROW]]
        assert len(places) == len(set(places)), "no row twice"
        # What is open is never out of scope: it is paired, alone, or a duplicate that somebody must look at.
        opened = sum(not shut for _, shut in rows)
        assert int(pairs.repeated[f"{side}_beside"].sum()) <= len(rows) - opened


@given(RECORDS, RECORDS)
@settings(max_examples=150)
def test_with_closed_records_too_the_plain_comparison_comes_to_the_same(
    left: list[Record], right: list[Record]
) -> None:
    def read(rows: list[Record]) -> oracle.Records:
        return lambda _keys: iter([(n, ("x",), (str(value), str(shut))) for n, (value, shut) in enumerate(rows, 1)])

    plain = oracle.compare(read(left), read(right), lambda values: values[1] == "True")
    # Whether a record is closed is one of its compared values.
    one, other = (_open_frame(rows).with_columns(_two=pl.col("_closed").cast(pl.UInt64)) for rows in (left, right))
    pairs = pair(one, other, ["k0"])
    assert plain.equal == pairs.equal + (0 if max(len(left), len(right)) > 1 else _equal_pairs(left, right))
    assert {both[:2] for both in plain.differing} == set(
        pairs.paired.filter(_unequal_pairs(pairs.paired, left, right)).select("left_row", "right_row").rows()
    )
    assert [*map(len, plain.only.values())] == [pairs.only_left.height, pairs.only_right.height]
    assert [*plain.left_over.values()] == [pairs.over_left.height, pairs.over_right.height]
    assert [*plain.beside.values()] == [pairs.repeated[f"{side}_beside"].sum() for side in ("left", "right")]


def _equal_pairs(left: list[Record], right: list[Record]) -> int:
    return int(left == right and len(left) == 1)


def _unequal_pairs(paired: pl.DataFrame, left: list[Record], right: list[Record]) -> pl.Series:
    return pl.Series([left[i - 1] != right[j - 1] for _, i, j in paired.rows()], dtype=pl.Boolean)


# -------------------------------------------------------------------------------------------------------------- swaps

VALUES = st.tuples(st.sampled_from("ab"), st.sampled_from("ab"))


def _persons(values: list[tuple[str, str]]) -> pl.DataFrame:
    schema = {"k0": pl.String, "v0": pl.String, "v1": pl.String}
    rows = [(str(i), *both) for i, both in enumerate(values)]
    return pl.DataFrame(rows, schema=schema, orient="row").with_row_index(ROW)


def _everyone(left: list[tuple[str, str]], right: list[tuple[str, str]]) -> pl.DataFrame:
    """Keys 0, 1, … with the values of both sides; equal pairs are not among the mismatched."""
    left_rows, right_rows = (_persons(side) for side in (left, right))
    mismatched = [i for i, (a, b) in enumerate(zip(left, right, strict=True)) if a != b]
    paired = pl.DataFrame(
        {"k0": [str(i) for i in mismatched], "left_row": mismatched, "right_row": mismatched},
        schema={"k0": pl.String, "left_row": pl.UInt32, "right_row": pl.UInt32},
    )
    hashes = value_hashes([pl.col("v0"), pl.col("v1")], 7)
    left_rows, right_rows = (rows.with_columns(hashes) for rows in (left_rows, right_rows))
    return people(side_by_side(paired, left_rows, right_rows, ["k0"]), ["k0"])


@given(st.lists(st.tuples(VALUES, VALUES), max_size=6))
@settings(max_examples=60)
def test_swapped_are_two_keys_whose_people_stand_crosswise_and_nowhere_else(
    rows: list[tuple[tuple[str, str], tuple[str, str]]],
) -> None:
    left, right = [a for a, _ in rows], [b for _, b in rows]
    mismatched = [i for i, (a, b) in enumerate(rows) if a != b]
    once = [Counter(side[i] for i in mismatched) for side in (left, right)]
    alone = [i for i in mismatched if once[0][left[i]] == 1 and once[1][right[i]] == 1]
    crossed = {(str(i), str(j)) for i in alone for j in alone if i < j and left[i] == right[j] and left[j] == right[i]}
    found = swaps(_everyone(left, right), ["k0"])
    assert set(found.select("k0", f"k0{OTHER}").rows()) == crossed
    assert found.height == len(crossed)


def test_a_swap_is_told_once_by_the_smaller_key() -> None:
    found = swaps(_everyone([("a", "b"), ("b", "a")], [("b", "a"), ("a", "b")]), ["k0"])
    assert found.to_dicts() == [{"left_row": 0, "right_row": 0, "k0": "0", f"k0{OTHER}": "1"}]


def test_composite_keys_are_told_apart_part_by_part() -> None:
    one_person, other = {"v0": "a"}, {"v0": "b"}
    keys = [("1", "2"), ("1", "1")]
    rows = [
        {"left_row": i, "right_row": i, "k0": key[0], "k1": key[1], **mine, f"v0{OTHER}": its["v0"]}
        for i, (key, mine, its) in enumerate(zip(keys, (one_person, other), (other, one_person), strict=True))
    ]
    theirs = (hashed.name.suffix(OTHER) for hashed in value_hashes([pl.col(f"v0{OTHER}")], 7))
    both = pl.DataFrame(rows).with_columns(*value_hashes([pl.col("v0")], 7), *theirs)
    found = swaps(people(both, ["k0", "k1"]), ["k0", "k1"])
    assert found.select("k0", "k1", f"k0{OTHER}", f"k1{OTHER}").rows() == [("1", "1", "1", "2")]


def test_three_in_a_circle_are_no_swap() -> None:
    one, two, three = ("a", "a"), ("a", "b"), ("b", "b")
    assert swaps(_everyone([one, two, three], [two, three, one]), ["k0"]).is_empty()


def test_people_who_look_alike_prove_no_swap() -> None:
    left, right = [("a", "a"), ("b", "b"), ("a", "a")], [("b", "b"), ("a", "a"), ("b", "a")]
    assert swaps(_everyone(left, right), ["k0"]).is_empty()


@given(st.lists(st.integers(0, 6), max_size=6), st.lists(st.integers(0, 6), max_size=6))
@example([1, 2], [1, 3])  # one without a partner on each side
@example([1, 1], [1, 2])  # two with the same one, and as many rows on the other side
@example([1, 2], [1, 1])
def test_rows_of_one_partner_each_are_paired_as_all_others_are(left: list[int], right: list[int]) -> None:
    one, other = (
        pl.DataFrame({"k0": [str(key) for key in keys]}, schema={"k0": pl.String}).with_row_index(ROW, offset=1)
        for keys in (left, right)
    )
    found = pair_single(one, other, ["k0"])
    alone = len(set(left)) == len(left) and sorted(left) == sorted(right)
    assert (found is not None) == alone
    if found is not None:
        numbers = {"_one": pl.lit(0), "_two": pl.lit(0), "_closed": pl.lit(value=False), "_kind": pl.lit(0)}
        plain = pair(one.with_columns(**numbers), other.with_columns(**numbers), ["k0"])
        assert found.paired.sort("k0").equals(plain.paired.sort("k0"))
        assert [part.schema if isinstance(part, pl.DataFrame) else part for part in found] == [
            part.schema if isinstance(part, pl.DataFrame) else part for part in plain
        ]

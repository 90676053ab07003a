"""Which suspects belong together, against a plain-Python pairing; and who crossed over."""

from collections import Counter, defaultdict
from random import Random
from typing import NamedTuple

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.diff.compare import OTHER, people, side_by_side, swaps
from reconcile.diff.pair import Pairs, pair
from reconcile.model import ROW

Key = tuple[str, ...]
Person = tuple[Key, int, int]
"""Key, `_one`, `_two`."""
Side = list[Person]


def _frame(rows: Side, parts: int) -> pl.DataFrame:
    columns = {f"k{i}": [key[i] for key, _, _ in rows] for i in range(parts)}
    return pl.DataFrame(
        {ROW: range(1, len(rows) + 1), **columns, "_one": [r[1] for r in rows], "_two": [r[2] for r in rows]},
        schema={ROW: pl.UInt32, **dict.fromkeys(columns, pl.String), "_one": pl.UInt64, "_two": pl.UInt64},
    )


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
    repeated = pairs.repeated.select(pl.exclude(COUNTS), *COUNTS)
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
            "right_row": 1,
            "left_over": 20_000,
            "right_over": 20_000,
        }
    ]


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
    both = side_by_side(paired, left_rows, right_rows, ["k0"])
    return people(both, ["k0"], ["v0", "v1"], 7)


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
    found = swaps(people(pl.DataFrame(rows), ["k0", "k1"], ["v0"], 7), ["k0", "k1"])
    assert found.select("k0", "k1", f"k0{OTHER}", f"k1{OTHER}").rows() == [("1", "1", "1", "2")]


def test_three_in_a_circle_are_no_swap() -> None:
    one, two, three = ("a", "a"), ("a", "b"), ("b", "b")
    assert swaps(_everyone([one, two, three], [two, three, one]), ["k0"]).is_empty()


def test_people_who_look_alike_prove_no_swap() -> None:
    left, right = [("a", "a"), ("b", "b"), ("a", "a")], [("b", "b"), ("a", "a"), ("b", "a")]
    assert swaps(_everyone(left, right), ["k0"]).is_empty()

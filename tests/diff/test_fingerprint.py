"""Suspects: what is not surely equal, from plain numbers, against a plain-Python count."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.diff.fingerprint import (
    PHI,
    fingerprint,
    fingerprint_lines,
    keyed,
    prove_equal,
    second_hash,
    second_sum,
    suspects,
    value_hashes,
)
from reconcile.errors import BalanceError
from reconcile.model import FINGERPRINTS, ROW
from reconcile.search.prints import KEPT

SEED = 7

Hashed = list[tuple[int, int]]
"""Rows of `_key` and a number for the values; the first hash, `_one`, is of both."""

HASHED = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=10)
Rows = Sequence[Mapping[str, str | None]]


def _numbered(rows: Hashed) -> pl.DataFrame:
    columns = {"_key": [key for key, _ in rows], "_one": [(key * 3 + value) % 2**64 for key, value in rows]}
    return pl.DataFrame({ROW: range(1, len(rows) + 1), **columns}, schema=KEPT)


def _fingerprints(rows: Rows, key: Sequence[str], values: Sequence[str], seed: int = 7) -> pl.DataFrame:
    frame = pl.DataFrame(
        [dict(row) for row in rows], schema=dict.fromkeys([*key, *values], pl.String), orient="row"
    ).with_row_index(ROW, offset=1)
    columns = fingerprint([pl.col(name) for name in key], [pl.col(name) for name in values], seed)
    return frame.select(columns)


@given(HASHED, HASHED)
@settings(max_examples=200)
def test_suspect_is_every_row_but_pairs_alone_of_their_key_and_equal(left: Hashed, right: Hashed) -> None:
    alone = [{key for key, n in Counter(row[0] for row in rows).items() if n == 1} for rows in (left, right)]
    sure = {row for row in left if row[0] in alone[0] & alone[1]} & set(right)
    found = suspects(_numbered(left), _numbered(right))
    assert found.left.to_list() == [i for i, row in enumerate(left, 1) if row not in sure]
    assert found.right.to_list() == [i for i, row in enumerate(right, 1) if row not in sure]
    assert found.matched == len(sure)
    assert len(left) == found.matched + found.left.len()
    assert len(right) == found.matched + found.right.len()


@pytest.mark.parametrize(
    ("left", "right", "matched"),
    [
        ([(1, 1)], [(1, 1)], 1),
        ([(1, 1)], [(1, 2)], 0),
        ([(1, 1)], [(2, 1)], 0),
        ([(1, 1), (1, 1)], [], 0),  # twice on one side is no pair
        ([(1, 1), (1, 1)], [(1, 1)], 0),
        ([(1, 1), (1, 2)], [(1, 1)], 0),  # a repeated key is suspect with all its rows
        ([(1, 1), (1, 1)], [(1, 1), (1, 1)], 0),  # repeated alike is still a finding
        ([(1, 1), (2, 2)], [(2, 2), (1, 1)], 2),
        ([(2**64 - 1, 0)], [(2**64 - 1, 0)], 1),
        ([], [], 0),
    ],
)
def test_equal_is_a_key_once_on_each_side_with_one_hash(left: Hashed, right: Hashed, matched: int) -> None:
    assert suspects(_numbered(left), _numbered(right)).matched == matched
    assert suspects(_numbered(right), _numbered(left)).matched == matched


def test_two_keys_of_a_side_that_collide_are_no_pair() -> None:
    """The first hash of two keys of one side is the same number: it stands twice, and pairs nothing."""
    left = pl.DataFrame({ROW: [1, 2], "_key": [5, 6], "_one": [9, 9]}, schema=KEPT)
    right = pl.DataFrame({ROW: [1], "_key": [7], "_one": [8]}, schema=KEPT)
    found = suspects(left, right)
    assert (found.left.to_list(), found.right.to_list(), found.matched) == ([1, 2], [1], 0)


@pytest.mark.parametrize(("left", "right"), [
    ([(1, 9), (2, 9)], [(3, 9)]),  # the same number for three keys, for four, for five: never a pair
    ([(1, 9), (2, 9)], [(3, 9), (4, 9)]),
    ([(1, 9), (2, 9), (3, 9)], [(4, 9), (5, 9)]),
    ([(1, 9), (2, 9)], []),
])  # fmt: skip
def test_a_first_hash_that_more_than_one_key_of_a_side_has_pairs_nobody(
    left: list[tuple[int, int]], right: list[tuple[int, int]]
) -> None:
    """And a pair beside them (key 7) stays a pair, unless the sides are told to differ in how many are equal."""
    sides = [
        pl.DataFrame([(n, key, one) for n, (key, one) in enumerate([*rows, (7, 5)], 1)], KEPT, orient="row")
        for rows in (left, right)
    ]
    found = suspects(*sides)
    assert set(range(1, len(left) + 1)) <= set(found.left)
    assert set(range(1, len(right) + 1)) <= set(found.right)
    assert found.matched <= 1


@pytest.mark.parametrize(("left", "right"), [
    ([(1, 1), (2, 2), (3, 3)], [(4, 4), (5, 5)]),  # nobody is paired
    ([(1, 1), (2, 2), (3, 3)], [(1, 1), (2, 5), (4, 4)]),  # somebody is
    ([(1, 9), (2, 9)], [(3, 4), (4, 5)]),  # a collision
])  # fmt: skip
def test_suspects_are_told_in_ascending_order_whatever_that_of_the_rows(
    left: list[tuple[int, int]], right: list[tuple[int, int]]
) -> None:
    sides = [pl.DataFrame([(n, *row) for n, row in enumerate(rows, 1)], KEPT, orient="row") for rows in (left, right)]
    there, back = suspects(*sides), suspects(*(rows.reverse() for rows in sides))
    assert there.left.to_list() == back.left.to_list() == sorted(back.left)
    assert there.right.to_list() == back.right.to_list() == sorted(back.right)
    assert there.left.len() > 1 < there.right.len()


UINT64 = {"key": pl.UInt64, "values": pl.UInt64}
NUMBERS = st.lists(st.integers(0, 2**64 - 1), max_size=6)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_what_passed_as_equal_must_have_the_same_second_hashes(
    equal: list[int], left_only: list[int], right_only: list[int]
) -> None:
    sums = []
    for side, own in (("left", left_only), ("right", right_only)):
        every, suspect = (
            pl.DataFrame({"_two": numbers}, schema={"_two": pl.UInt64}) for numbers in ([*own, *equal], own)
        )
        assert second_sum(every) == sum([*own, *equal]) % 2**64, side
        sums.append(second_sum(every) - second_sum(suspect))
    prove_equal(*sums)
    with pytest.raises(BalanceError, match="second hashes"):
        prove_equal(sums[0], sums[1] + 1)


def test_the_sums_are_those_of_numbers_of_sixty_four_bits() -> None:
    """What was taken off may be more than what there was: the rest is below nothing, or 2**64 more."""
    for left, right in ((5, 5 + 2**64), (-1, 2**64 - 1), (-3, -3)):
        prove_equal(left, right)
    with pytest.raises(BalanceError):
        prove_equal(2**63, -(2**63) + 1)


TEXT = st.none() | st.sampled_from(["", "a", "b", "ab", "1", "01", " "])
ROWS = st.lists(st.fixed_dictionaries({"k": st.sampled_from("xyz"), "v": TEXT, "w": TEXT}), max_size=8)


@given(ROWS, ROWS)
def test_rows_of_text_are_suspect_as_their_texts_say(
    left: list[dict[str, str | None]], right: list[dict[str, str | None]]
) -> None:
    alone = [{key for key, n in Counter(row["k"] for row in rows).items() if n == 1} for rows in (left, right)]
    sure = [row for row in left if row in right and row["k"] in alone[0] & alone[1]]
    found = suspects(_fingerprints(left, ["k"], ["v", "w"]), _fingerprints(right, ["k"], ["v", "w"]))
    assert found.matched == len(sure)
    assert found.left.to_list() == [i for i, row in enumerate(left, 1) if row not in sure]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"v": "ab", "w": "c"}, {"v": "a", "w": "bc"}),  # text is not joined
        ({"v": "a", "w": "b"}, {"v": "b", "w": "a"}),  # nor is the order lost
        ({"v": None, "w": ""}, {"v": "", "w": None}),  # null is not empty
        ({"v": None, "w": None}, {"v": "", "w": ""}),
        ({"v": "a", "w": "a"}, {"v": "b", "w": "b"}),  # alike columns do not cancel
        ({"v": "高", "w": ""}, {"v": "髙", "w": ""}),
        ({"v": "葛", "w": ""}, {"v": "葛\U000e0100", "w": ""}),
        ({"v": "1", "w": ""}, {"v": "01", "w": ""}),
    ],
)
def test_rows_that_differ_have_two_hashes_that_differ(one: dict[str, str | None], other: dict[str, str | None]) -> None:
    rows = _fingerprints([{"k": "x", **one}, {"k": "x", **other}], ["k"], ["v", "w"])
    assert rows["_key"].n_unique() == 1
    assert (rows["_one"].n_unique(), rows["_two"].n_unique()) == (2, 2)


def test_the_values_of_two_residents_exchanged_are_seen() -> None:
    # The key is part of the fingerprint: the same set of values on each side is not enough.
    left = _fingerprints([{"k": "x", "v": "a"}, {"k": "y", "v": "b"}], ["k"], ["v"])
    right = _fingerprints([{"k": "x", "v": "b"}, {"k": "y", "v": "a"}], ["k"], ["v"])
    assert suspects(left, right).matched == 0
    assert not set(left["_one"]) & set(right["_one"])


def test_a_composite_key_is_not_joined_text() -> None:
    rows = _fingerprints([{"a": "1", "b": "23", "v": ""}, {"a": "12", "b": "3", "v": ""}], ["a", "b"], ["v"])
    assert rows["_key"].n_unique() == 2


def test_the_seed_of_the_run_changes_every_number() -> None:
    rows = [{"k": "x", "v": "a"}]
    one, other = (_fingerprints(rows, ["k"], ["v"], seed).drop(ROW).row(0) for seed in (1, 2))
    assert all(a != b for a, b in zip(one, other, strict=True))


def test_the_two_hashes_and_the_key_hash_are_unrelated() -> None:
    rows = _fingerprints([{"k": str(i), "v": str(i)} for i in range(1_000)], ["k"], ["v"])
    numbers = [rows[name] for name in ("_key", "_one", "_two")]
    assert [series.n_unique() for series in numbers] == [1_000] * 3
    assert pl.concat(numbers).n_unique() == 3_000


def test_the_three_hashes_are_unrelated_where_there_is_nothing_but_the_key() -> None:
    rows = _fingerprints([{"k": str(i)} for i in range(100)], ["k"], [])
    assert pl.concat([rows[name] for name in ("_key", "_one", "_two")]).n_unique() == 300


def test_every_bit_of_a_hash_is_set_in_half_of_the_rows() -> None:
    """Else fewer than 64 bits tell two rows apart. Of 4,000 rows half is 2,000, give or take 190 (six deviations)."""
    rows = _fingerprints([{"k": str(n), "v": "a", "w": str(n % 7)} for n in range(4_000)], ["k"], ["v", "w"])
    for name in ("_key", "_one", "_two"):
        bits = np.unpackbits(rows[name].to_numpy().view(np.uint8).reshape(-1, 8), axis=1).sum(axis=0)
        assert bits.shape == (64,)
        assert np.abs(bits.astype(np.int64) - 2_000).max() < 190, name


def test_the_multiplier_is_odd_so_that_no_bit_is_lost() -> None:
    """2**64 divided by the golden ratio, rounded down: (√5 - 1) / 2 of it."""
    multiplier = pl.select(PHI).item()
    assert multiplier == (isqrt(5 << 128) - (1 << 64)) >> 1
    assert multiplier % 2 == 1


def test_the_hashes_of_two_sets_of_columns_add_up_to_those_of_both() -> None:
    """So a narrowed comparison knows the hash of the columns that it did not fetch."""
    frame = pl.DataFrame({"v": ["a", "b"], "w": ["b", "a"]})
    both, first, second, misplaced = (
        frame.select(value_hashes([pl.col(name) for name in names], 7, positions))
        for names, positions in ((["v", "w"], ()), (["v"], (0,)), (["w"], (1,)), (["w"], ()))
    )
    for name in both.columns:
        sums = [(one + two) % 2**64 for one, two in zip(first[name], second[name], strict=True)]
        assert both[name].to_list() == sums
    assert not set(second["_values_one"]) & set(misplaced["_values_one"])


def test_a_key_taken_off_again_leaves_the_hash_of_the_values() -> None:
    numbers = pl.DataFrame({"key": [0, 1, 2**64 - 1], "values": [7, 2**64 - 1, 0]}, schema_overrides=UINT64)
    once = keyed(pl.col("key"), pl.col("values"))
    assert numbers.select(keyed(pl.col("key"), once)).to_series().to_list() == numbers["values"].to_list()
    assert numbers.select(once).to_series().to_list() == [
        (key * pl.select(PHI).item() % 2**64) ^ values for key, values in numbers.iter_rows()
    ]


def test_fingerprints_are_the_schema_that_crosses_the_stage() -> None:
    assert _fingerprints([], ["k"], ["v"]).schema == FINGERPRINTS
    assert _fingerprints([{"k": "x"}], ["k"], []).schema == FINGERPRINTS, "no compared columns"


def test_value_hashes_are_of_the_person_whatever_the_key() -> None:
    frame = pl.DataFrame({"k": ["x", "y", "z"], "v": ["a", "a", "b"], "w": ["b", "b", "a"]})
    hashes = frame.select(value_hashes([pl.col("v"), pl.col("w")], 7))
    assert hashes.row(0) == hashes.row(1)
    assert hashes.row(0) != hashes.row(2)
    assert hashes.columns == ["_values_one", "_values_two"]
    assert hashes["_values_one"][0] != hashes["_values_two"][0], "two hashes, not one twice"
    assert frame.select(value_hashes([], 7)).n_unique() == 1, "without values all are alike"


def _printed(keys: list[bytes], lines: list[bytes], first: int = 1, seed: int = SEED) -> pl.DataFrame:
    parts = [pl.Series(keys, dtype=pl.Binary), pl.Series([b"x"] * len(keys), dtype=pl.Binary)]
    return fingerprint_lines(first, parts, pl.Series(lines, dtype=pl.Binary), seed)


def test_lines_are_numbered_and_told_apart_by_two_hashes_that_have_nothing_in_common() -> None:
    lines = [b"1,x,a", b"1,x,b", b"2,x,a", b""]
    told = _printed([b"1", b"1", b"2", b""], lines, first=7)
    assert told.schema == FINGERPRINTS
    assert told[ROW].to_list() == [7, 8, 9, 10]
    for column in ("_one", "_two"):
        assert told[column].n_unique() == len(lines)
    assert not set(told["_one"]) & set(told["_two"])
    # Neither is the other, shifted or weighted alike for all lines.
    assert (told["_one"] - told["_two"]).n_unique() == len(lines)
    assert (told["_one"] ^ told["_two"]).n_unique() == len(lines)


def test_the_same_line_has_the_same_hashes_wherever_it_stands_and_others_in_another_run() -> None:
    once, again = _printed([b"1"], [b"1,x,a"]), _printed([b"1"], [b"1,x,a"], first=90)
    assert once.drop(ROW).equals(again.drop(ROW))
    other = _printed([b"1"], [b"1,x,a"], seed=SEED + 1)
    assert all(once[name][0] != other[name][0] for name in ("_key", "_one", "_two"))


def test_the_hash_of_a_key_is_of_the_key_alone_and_of_its_parts_in_their_order() -> None:
    told = _printed([b"1", b"1", b"2"], [b"1,x,a", b"1,x,b", b"2,x,a"])
    assert told["_key"][0] == told["_key"][1] != told["_key"][2]
    swapped = [pl.Series([b"x"], dtype=pl.Binary), pl.Series([b"1"], dtype=pl.Binary)]
    turned = fingerprint_lines(1, swapped, pl.Series([b"1,x,a"], dtype=pl.Binary), SEED)
    assert turned["_key"][0] != told["_key"][0]


def test_the_second_hash_of_lines_that_are_read_again_is_that_of_the_first_reading() -> None:
    lines = [b"1,x,a", b"2,x,\xe3\x81\x82", b""]
    told = _printed([b"1", b"2", b""], lines)
    again = second_hash(pl.Series(lines, dtype=pl.Binary), SEED)
    assert again.to_list() == told["_two"].to_list()
    assert set(again) & set(told["_one"]) == set()

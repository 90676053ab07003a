"""Why a key found no partner: each diagnosis with a key that has it and one that only looks like it."""

import random
import string
import unicodedata
from collections.abc import Callable, Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.jp import in_

from reconcile.diff import key_hints as module
from reconcile.diff.key_hints import SCHEMA, key_hints
from tests.contrary import contrary

Hints = dict[tuple[str, str], tuple[str, str | None]]
"""(side, key) -> (hint, candidate)."""


def _hints(left: Sequence[str], right: Sequence[str], check_digit: str = "") -> Hints:
    found = key_hints(pl.Series(left, dtype=pl.String), pl.Series(right, dtype=pl.String), check_digit)
    assert found.schema == SCHEMA
    hints = {(side, key): (hint, candidate) for side, key, hint, candidate in found.iter_rows()}
    assert len(hints) == found.height, "one row a key"
    return hints


@pytest.mark.parametrize(
    ("hint", "left", "right", "near_miss"),
    [
        ("leading_zeros", "00123456789", "123456789", "1234567890"),
        ("leading_zeros", "0", "000", "1"),
        ("leading_zeros", "0123456789", "123456789", "X123456789"),
        ("full_width", "12345678901", "１２３４５６７８９０１", "①２３４５６７８９０１"),
        ("full_width", "A-1", "Ａ－１", "Ａー１"),
        ("white_space", "12345678901", "12345 678901", "12345_678901"),
        ("white_space", "12345678901", "\u300012345678901", "12345.678901"),
        ("letter_case", "AB-1", "ab-1", "ac-1"),
        ("spreadsheet_damage", "1.23457E+10", "12345678901", "22345678901"),
        ("spreadsheet_damage", "1.23457E+10", "12345678901", "1234567890"),  # a power too small
        ("spreadsheet_damage", "1.23457E+10", "12345650000", "12345640000"),  # half is rounded up, less is not
        ("spreadsheet_damage", "1.23E+10", "12300000001", "12350000001"),  # zeros at the end are not shown
        ("spreadsheet_damage", "1E+11", "99999999999", "94999999999"),  # rounding up makes it longer
        ("spreadsheet_damage", "1.23457e+10", "012345678901", "-12345678901"),  # and the leading zero is lost as well
        ("spreadsheet_damage", "1.23456789012E+11", "123456789012", "123456789013"),  # every digit is shown
        ("spreadsheet_damage", "9.99999999999E+11", "999999999999", "999999999998"),
        ("spreadsheet_damage", "1.0E+11", "99500000000", "99499999999"),
        ("spreadsheet_damage", "1.0E+11", "104999999999", "105000000000"),
        ("spreadsheet_damage", "1E+10", "12345678901", "123456789X1"),  # letters were never a number
        ("spreadsheet_damage", "12345678901.0", "12345678901", "123456789010"),
        ("spreadsheet_damage", "12345678901.00", "12345678901", "12345678902"),
        ("transposed_digits", "12345678901", "12354678901", "12543678901"),
        ("transposed_digits", "12", "21", "12121"),
        ("one_digit_off", "12345678901", "12345978901", "12345998901"),
        ("one_digit_off", "12345678901", "12345678902", "1234567890"),
        ("truncated", "12345678901", "1234567", "2345678"),  # the beginning, not the middle
        ("truncated", "1234567890", "123456", "12345"),  # at least six characters
        ("truncated", "12345678", "123456", "12345"),  # also where five are 60 % of it
        ("truncated", "12345678901", "1234567", "123456"),  # and at least 60 % of it
    ],
)
def test_a_diagnosis_needs_a_key_that_the_damage_leads_to(hint: str, left: str, right: str, near_miss: str) -> None:
    assert _hints([left], [right]) == {("left", left): (hint, right), ("right", right): (hint, left)}
    assert _hints([right], [left]) == {("left", right): (hint, left), ("right", left): (hint, right)}
    assert hint not in {found for found, _ in _hints([left], [near_miss]).values()}
    assert hint not in {found for found, _ in _hints([near_miss], [left]).values()}


@pytest.mark.parametrize("shown", ["1E+99999999999999999999", "1.2345678901234567890123E+29", "1.2E+10", "1E+0"])
def test_a_number_beyond_all_numbers_is_no_diagnosis_and_no_fault(shown: str) -> None:
    """An exponent, or digits, that no integer of 64 bits holds; and beside them keys of letters."""
    assert _hints([shown], ["1" * 30, "9" * 30, "A" * 11, "1A345678901"]) == {}


def test_a_letter_is_no_digit_that_may_be_off() -> None:
    assert _hints(["A1", "1A"], ["B1", "2A"]) == {}


def test_one_side_alone_has_nothing_to_be_diagnosed_by() -> None:
    assert _hints(["00123", "123"], []) == {}
    assert _hints([], []) == {}


# ------------------------------------------------------------------------------------------------------ check digits


def test_a_wrong_check_digit_is_seen_in_the_key_alone_and_only_if_its_rule_is_declared() -> None:
    assert in_.is_valid("983205673214")
    assert not in_.is_valid("983205673215")
    assert _hints(["983205673214", "983205673215"], ["1"], "individual_number") == {
        ("left", "983205673215"): ("check_digit", None),
        ("right", "1"): ("check_digit", None),
    }
    assert _hints(["983205673215"], ["1"]) == {}


# --------------------------------------------------------------------------------------------------------- precedence

WRONG = "012345678901"  # no valid 個人番号: the check digit of 01234567890 is 5


@pytest.mark.parametrize(
    ("key", "partners"),
    [
        (
            WRONG,
            {
                "leading_zeros": "12345678901",
                "full_width": "０12345678901",
                "white_space": "0123 45678901",
                "spreadsheet_damage": "1.23457E+10",
                "transposed_digits": "102345678901",
                "one_digit_off": "012345678902",
                "truncated": "01234567",
                "check_digit": "999999999990",
            },
        ),
        (
            "0A2345678901",
            {
                "leading_zeros": "A2345678901",
                "full_width": "０A2345678901",
                "white_space": "0A23 45678901",
                "letter_case": "0a2345678901",
                "transposed_digits": "A02345678901",
                "truncated": "0A234567",
            },
        ),
    ],
)
def test_of_several_diagnoses_the_first_in_order_is_given(key: str, partners: dict[str, str]) -> None:
    assert not in_.is_valid(WRONG)
    for i, (hint, partner) in enumerate(partners.items()):
        found = _hints([key], list(partners.values())[i:], "individual_number")["left", key]
        assert found == (hint, None if hint == "check_digit" else partner)


# --------------------------------------------------------------------------------------------------------- candidates


def test_a_candidate_is_named_only_if_it_is_the_only_one() -> None:
    assert _hints(["0012"], ["12", "012"]) == {
        ("left", "0012"): ("leading_zeros", None),
        ("right", "12"): ("leading_zeros", "0012"),
        ("right", "012"): ("leading_zeros", "0012"),
    }


def test_candidates_at_several_positions_are_several_candidates() -> None:
    found = _hints(["12345678901"], ["12345678902", "22345678901"])
    assert found["left", "12345678901"] == ("one_digit_off", None)


def test_one_candidate_that_is_met_in_two_ways_is_one() -> None:
    # 1212 is 2112 by its first two digits and 1221 by its last two; 1122 it becomes by the middle ones.
    assert _hints(["1212"], ["2112"])["left", "1212"] == ("transposed_digits", "2112")
    assert _hints(["1212"], ["2112", "1122"])["left", "1212"] == ("transposed_digits", None)


# --------------------------------------------------------------------------------------------- the plain-Python oracle


def _transposed(a: str, b: str) -> bool:
    swapped = {a[:i] + a[i + 1] + a[i] + a[i + 2 :] for i in range(len(a) - 1)}
    return a != b and b in swapped


def _one_off(a: str, b: str) -> bool:
    digits = set(a + b) <= set(string.digits)
    return digits and len(a) == len(b) and sum(x != y for x, y in zip(a, b, strict=True)) == 1


def _truncated(a: str, b: str) -> bool:
    short, long = sorted((a, b), key=len)
    return short != long and long.startswith(short) and len(short) >= 6 and len(short) * 10 >= len(long) * 6


ORACLE: dict[str, Callable[[str, str], bool]] = {
    "leading_zeros": lambda a, b: a.lstrip("0") == b.lstrip("0"),
    # For the digits and letters drawn here, NFKC is the width and nothing else.
    "full_width": lambda a, b: unicodedata.normalize("NFKC", a) == unicodedata.normalize("NFKC", b),
    "white_space": lambda a, b: "".join(a.split()) == "".join(b.split()),
    "letter_case": lambda a, b: a.lower() == b.lower(),
    "transposed_digits": _transposed,
    "one_digit_off": _one_off,
    "truncated": _truncated,
}


def _plain(left: Sequence[str], right: Sequence[str]) -> Hints:
    hints: Hints = {}
    for side, keys, others in (("left", left, right), ("right", right, left)):
        for key in keys:
            for hint, fits in ORACLE.items():
                if candidates := [other for other in others if fits(key, other)]:
                    hints[side, key] = (hint, candidates[0] if len(candidates) == 1 else None)
                    break
    return hints


KEYS = st.text("01Aa１ ", min_size=1, max_size=5) | st.text("01", min_size=6, max_size=9)


@given(st.lists(KEYS, unique=True, max_size=16), st.integers(0, 16))
@settings(max_examples=60)
def test_hints_are_those_of_trying_every_pair(keys: list[str], cut: int) -> None:
    left, right = keys[:cut], keys[cut:]
    assert _hints(left, right) == _plain(left, right)


@given(st.lists(KEYS, unique=True, max_size=12), st.integers(0, 12))
@settings(max_examples=30)
def test_swapping_sides_swaps_the_hints(keys: list[str], cut: int) -> None:
    swap = {"left": "right", "right": "left"}
    there, back = _hints(keys[:cut], keys[cut:]), _hints(keys[cut:], keys[:cut])
    assert there == {(swap[side], key): found for (side, key), found in back.items()}


# ----------------------------------------------------------------------------------------------------------- the cost


def test_above_the_limit_only_what_costs_one_text_a_key_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = ["001", "12345678901", "31"], ["1", "12345678902", "13"]
    limit = len(left)
    monkeypatch.setattr(module, "KEYS_FOR_COSTLY_TESTS", limit)
    assert {hint for hint, _ in _hints(left, right).values()} == {
        "leading_zeros",
        "one_digit_off",
        "transposed_digits",
    }
    monkeypatch.setattr(module, "KEYS_FOR_COSTLY_TESTS", limit - 1)
    assert {hint for hint, _ in _hints(left, right).values()} == {"leading_zeros"}
    # One side alone is as many as both.
    assert _hints(left, ["13"]) == _hints(["31"], right) == {}
    assert len(_hints(["31"], ["13"])) == 2


def test_hints_are_told_by_side_and_key_whatever_order_polars_keeps() -> None:
    """And the first diagnosis is the first of this module, not the first that polars comes across."""
    left, right = ["0B1", "012", "21", "B1"], ["12", "b1", "013", "0012", "１２"]
    sides = (pl.Series(left, dtype=pl.String), pl.Series(right, dtype=pl.String))
    usual = key_hints(*sides)
    assert usual.select("side", "key").rows() == sorted(usual.select("side", "key").rows())
    assert dict(usual.select("key", "hint").rows())["012"] == "leading_zeros"
    with contrary():
        assert key_hints(*sides).equals(usual)


@pytest.mark.parametrize(
    ("left", "right", "limit"), [(3, 2, 10), (1, 4, 9), (1, 1, 3), (0, 1, 2), (5, 20, 3), (2, 1, 100)]
)
def test_as_many_positions_are_joined_at_once_as_the_limit_of_forms_allows_and_one_at_least(
    left: int, right: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FORMS_AT_ONCE", limit)
    keys = [f"{number:07}" for number in range(left + right)]
    sides = {"left": keys[:left], "right": keys[left:]}
    frames = {side: pl.DataFrame({"key": some}, {"key": pl.String}) for side, some in sides.items()}
    positions = max(1, limit // max(left, right))
    # One form a key and position: so what is joined tells which positions were tried together.
    joined = [
        [forms.collect().height for forms in both]
        for both in module._at_every_position(frames, module._wildcard, module._wildcard)
    ]
    tried = [len(range(7)[start : start + positions]) for start in range(0, 7, positions)]
    assert joined == [[left * count, right * count] for count in tried]


def test_the_longest_key_that_is_tried_character_by_character_has_forty() -> None:
    for length, tried in ((40, True), (41, False)):
        key = "1" * length
        assert bool(_hints([key], [f"{key[:-1]}2"])) == tried
        assert bool(_hints([f"{key[:-1]}2"], [f"{key[:-2]}21"])) == tried  # and as an exchange of the last two


def test_keys_of_any_length_are_tried_as_a_whole_but_not_character_by_character() -> None:
    long = "1" * (module.LONGEST_KEY + 1)
    assert _hints([long], [f"0{long}"])["left", long] == ("leading_zeros", f"0{long}")
    assert _hints([long], [f"{long[:-1]}2"]) == {}


def test_many_keys_of_one_form_cost_no_product() -> None:
    # 20,000 ways of writing one word a side: as a product of the two groups, 400 million rows.
    drawn = random.Random(14)  # noqa: S311  the same ways every time
    ways = {"".join(drawn.choice((c, c.upper())) for c in string.ascii_lowercase) for _ in range(41_000)}
    left, right = sorted(ways)[:20_000], sorted(ways)[20_000:40_000]
    assert set(_hints(left, right).values()) == {("letter_case", None)}

"""When two values mean the same: for each rung of each ladder a pair just inside and one just outside.

Expected answers are from `reference/domain.md` (§4.1 dates, §4.2 addresses, §10 comparison rules, §12 traps).
"""

from typing import get_args

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.diff.comparators import BUILDINGS, DATES, JUDGED, KANA, LATIN, PLACES, either, judge, steps_of
from reconcile.errors import DeclarationError
from reconcile.model import Address, Characters, Comparator, Exact, Kana, Latin, PartialDate

TOWN, LOT, KATAGAKI = Address("town"), Address("lot"), Address("katagaki")
COMPARATORS: tuple[Comparator, ...] = (Exact(), Kana(), Latin(), PartialDate(), TOWN, LOT, KATAGAKI)
LADDERS = {Kana(): KANA, Latin(): LATIN, PartialDate(): DATES, TOWN: PLACES, LOT: PLACES, KATAGAKI: BUILDINGS}

Pair = tuple[str | None, str | None]
Judged = tuple[bool, str, str | None, str | None]
"""equal, grade, rule, hint."""

DIFFERENT: Judged = (False, "different", None, None)


def _judge(comparator: Comparator, *pairs: Pair) -> list[Judged]:
    frame = pl.DataFrame(pairs, schema={"left": pl.String, "right": pl.String}, orient="row")
    judged = judge(comparator, frame)
    assert judged.schema == JUDGED
    return judged.rows()


def _equal(grade: str, rule: str) -> Judged:
    return (True, grade, rule, None)


# Comparator, just inside, just outside the rung, and what the two are.
RUNGS: list[tuple[Comparator, str, Pair, Pair]] = [
    (Kana(), "placeholder", (None, "******"), ("******", "ヤマダ")),
    (Kana(), "placeholder", ("【名空欄】", "＊＊＊＊＊＊"), ("【名空欄】", "ナ")),
    (Kana(), "kana_script", ("やまだ\u3000たろう", "ヤマダ\u3000タロウ"), ("やまた\u3000たろう", "ヤマダ\u3000タロウ")),
    (Kana(), "width", ("ﾔﾏﾀﾞ", "ヤマダ"), ("ﾔﾏﾀ", "ヤマダ")),
    (Kana(), "width", ("か\u3099", "ガ"), ("か", "ガ")),
    (Kana(), "width", ("ヤマダ\u3000タロウ", "ヤマダ タロウ"), ("ヤマダ・タロウ", "ヤマダ タロウ")),
    (Kana(), "spaces", ("ヤマダ  タロウ ", "ヤマダ タロウ"), ("ヤマダ タロウ", "ヤマダタロウ")),
    (Kana(), "small_kana", ("キヨウコ", "キョウコ"), ("キヨウコ", "キョオコ")),
    (Latin(), "width", ("ＳＭＩＴＨ\u3000ＪＯＨＮ", "SMITH JOHN"), ("ＳＭＩＴＨ", "SMYTH")),
    (Latin(), "width", ("O\u2019NEIL", "O'NEIL"), ("O'NEIL", "ONEIL")),
    (Latin(), "spaces", ("SMITH  JOHN", "SMITH JOHN"), ("SMITH JOHN", "SMITHJOHN")),
    (Latin(), "spaces", ("SMITH JOHN ", "SMITH JOHN"), ("SMITH JOHN .", "SMITH JOHN")),
    (Latin(), "letter_case", ("Smith John", "SMITH JOHN"), ("Smith Jon", "SMITH JOHN")),
    (Latin(), "diacritics", ("MÜLLER", "MULLER"), ("MÜLLER", "MUELLER")),
    (PartialDate(), "era_boundary", ("M45-07-30", "T01-07-30"), ("M45-07-29", "T01-07-30")),
    (PartialDate(), "era_boundary", ("T15-12-25", "S01-12-25"), ("T15-12-25", "S01-12-26")),
    (PartialDate(), "era_continued", ("H31-05-01", "R01-05-01"), ("H31-05-01", "R02-05-01")),
    (PartialDate(), "era_continued", ("S64-01-08", "H01-01-08"), ("S63-01-08", "H01-01-08")),
    (PartialDate(), "era_western", ("S60-01-02", "1985-01-02"), ("S60-01-02", "1986-01-02")),
    (PartialDate(), "era_western", ("S44-02-29", "1969-02-29"), ("S44-02-29", "1969-03-01")),
    (PartialDate(), "unknown_part", ("S45-07-00", "S45-07-30"), ("S45-07-31", "S45-07-30")),
    (PartialDate(), "unknown_part", ("0000-00-00", "1985-01-02"), ("1984-01-02", "1985-01-02")),
    (PartialDate(), "unknown_part", ("S20-A1-00", "S20-00-00"), ("S20-13-01", "S20-12-01")),
    (PartialDate(), "unknown_part", ("S20-00-00", "1945-00-00"), ("不詳", "1945-01-01")),
    (TOWN, "width", ("東向島２丁目", "東向島2丁目"), ("東向島２丁目", "東向島3丁目")),
    (TOWN, "spaces", ("本所 一丁目", "本所  一丁目 "), ("本所 一丁目", "石原  一丁目 ")),
    (TOWN, "idle_spaces", ("本所 一丁目", "本所一丁目"), ("本 所", "本庄")),
    (TOWN, "chome_notation", ("墨田二丁目", "墨田2丁目"), ("墨田二丁目", "墨田12丁目")),
    (TOWN, "chome_notation", ("墨田二丁目", "墨田2"), ("墨田二丁目", "墨田二番")),
    (LOT, "width", ("１２番３号", "12番3号"), ("１２番３号", "12番4号")),
    (LOT, "idle_spaces", ("12番 3号", "12番3号"), ("12 3", "123")),
    (LOT, "hyphen_between_digits", ("12ー3", "12-3"), ("12ー3", "123")),
    (LOT, "hyphen_between_digits", ("1ー2ー3", "1−2－3"), ("1ー2ー3", "1ー23")),
    (LOT, "chome_notation", ("12番3号", "12-3"), ("12番3号", "1-23")),
    (LOT, "chome_notation", ("十二番三号", "12番3号"), ("十二番三号", "二番三号")),
    (LOT, "chome_notation", ("10番地の3", "10番地3"), ("10番地の3", "103番地")),
    (LOT, "chome_notation", ("12番3-405号", "12-3-405"), ("12番3-405号", "12番3405号")),
    (LOT, "chome_notation", ("2-3", "2丁目3番"), ("2番3号", "2丁目3番")),
    (KATAGAKI, "width", ("ｺｰﾎﾟ墨田１０１", "コーポ墨田101"), ("ｺｰﾎﾟ墨田", "コーポ隅田")),
    (KATAGAKI, "width", ("コーポ墨田\u3000101", "コーポ墨田 101"), ("コーポ墨田\u3000101", "コーポ墨田 102")),
    (KATAGAKI, "spaces", ("コーポ墨田\u00a0101", "コーポ墨田 101"), ("コーポ墨田\u00a0101", "コーポ墨田 102")),
    (KATAGAKI, "idle_spaces", ("コーポ墨田 101", "コーポ墨田101"), ("コーポA 101", "コーポA101")),
    (KATAGAKI, "hyphen_between_digits", ("コーポ1ー101", "コーポ1-101"), ("コーポー101", "コーポ-101")),
]


@pytest.mark.parametrize(("comparator", "rule", "inside", "outside"), RUNGS)
def test_a_rung_holds_just_inside_and_not_just_outside(
    comparator: Comparator, rule: str, inside: Pair, outside: Pair
) -> None:
    step = next(step for step in LADDERS[comparator] if step.rule == rule)
    within, beyond = _judge(comparator, inside, outside)
    assert within[:3] == (step.equal, step.grade, rule)
    assert not beyond[0]
    assert beyond[2] != rule


def test_every_rung_of_every_ladder_has_its_pairs() -> None:
    tried = {(LADDERS[comparator], rule) for comparator, rule, *_ in RUNGS}
    # What is on PLACES is tried with a town or with a lot.
    assert tried == {(steps, step.rule) for steps in LADDERS.values() for step in steps}


def test_what_is_equal_is_never_the_grade_of_a_difference() -> None:
    # The grades that the dataset maps to 情報 and to a person's work stay apart (domain.md §11).
    steps = [step for steps in LADDERS.values() for step in steps]
    assert {step.grade for step in steps if step.equal} == {"notation", "separator", "same_day"}
    assert {step.grade for step in steps if not step.equal} == {"different", "unknown"}


def test_the_least_fold_that_explains_a_pair_is_named() -> None:
    assert _judge(LOT, ("１2番3号", "12番3号"), ("１2番 3号", "12番3号"), ("１2番 3号", "12-3")) == [
        _equal("notation", "width"),
        _equal("notation", "idle_spaces"),
        _equal("notation", "chome_notation"),
    ]


def test_a_question_may_be_answered_by_either_of_the_two() -> None:
    pairs = pl.DataFrame({"left": ["?", "?", "a", "a"], "right": ["?", "a", "?", "a"]})
    said = pairs.select(either(lambda value: value == "?")(pl.col("left"), pl.col("right"))).to_series()
    assert said.to_list() == [True, True, True, False]


# --------------------------------------------------------------------------------------------------------------- laws


@pytest.mark.parametrize(("comparator", "rule", "inside", "outside"), RUNGS)
def test_a_mirrored_pair_is_judged_alike(comparator: Comparator, rule: str, inside: Pair, outside: Pair) -> None:
    there = _judge(comparator, inside, outside)
    back = _judge(comparator, inside[::-1], outside[::-1])
    assert [(equal, grade, named) for equal, grade, named, _ in there] == [
        (equal, grade, named) for equal, grade, named, _ in back
    ], rule


WILD = (
    st.none() | st.text(max_size=6) | st.sampled_from(sorted({text for *_, a, b in RUNGS for text in (*a, *b) if text}))
)


@pytest.mark.parametrize("comparator", COMPARATORS, ids=str)
@settings(max_examples=25)
@given(pairs=st.lists(st.tuples(WILD, WILD), min_size=4, max_size=8))
def test_mirrored_alone_or_together_a_pair_gets_one_answer(comparator: Comparator, pairs: list[Pair]) -> None:
    together = _judge(comparator, *pairs)
    assert len(together) == len(pairs)
    assert together == [answer for pair in pairs for answer in _judge(comparator, pair)]
    mirrored = {"left_missing": "right_missing", "right_missing": "left_missing", None: None}
    back = _judge(comparator, *(pair[::-1] for pair in pairs))
    assert together == [(equal, grade, rule, mirrored[hint]) for equal, grade, rule, hint in back]


@pytest.mark.parametrize("comparator", COMPARATORS, ids=str)
def test_no_pairs_no_answers(comparator: Comparator) -> None:
    assert _judge(comparator) == []


def test_every_comparator_of_the_model_is_judged() -> None:
    tried = {type(comparator) for comparator in (*COMPARATORS, Characters())}
    assert tried == set(get_args(Comparator))
    assert _judge(Characters(), ("山田", "山口"))[0][:2] == (False, "different")


# -------------------------------------------------------------------------------------------------------------- nulls


@pytest.mark.parametrize(
    ("comparator", "value"),
    [
        (Exact(), "男"),
        (Kana(), "ヤマダ"),
        (Latin(), "SMITH"),
        (PartialDate(), "S45-07-30"),
        (TOWN, "墨田"),
        (LOT, "12-3"),
        (KATAGAKI, "墨田荘"),
        (Characters(), "山田"),
    ],
)
def test_one_side_without_a_value_is_missing_and_the_side_is_named(comparator: Comparator, value: str) -> None:
    left, right = _judge(comparator, (None, value), (value, None))
    assert left[:3] == right[:3] == (False, "missing", None)
    if not isinstance(comparator, Characters):  # its hint describes characters
        assert (left[3], right[3]) == ("left_missing", "right_missing")


@pytest.mark.parametrize("comparator", [TOWN, LOT, KATAGAKI, Latin(), Exact()], ids=str)
def test_empty_is_not_null(comparator: Comparator) -> None:
    assert _judge(comparator, (None, "")) == [(False, "missing", None, "left_missing")]


def test_a_reading_not_filed_is_missing_on_its_side() -> None:
    assert _judge(Kana(), ("******", "ヤマダ"), ("ヤマダ", "【名空欄】")) == [
        (False, "missing", None, "left_missing"),
        (False, "missing", None, "right_missing"),
    ]


def test_an_unknown_date_against_nothing_is_unknown_and_the_side_is_named() -> None:
    assert _judge(PartialDate(), (None, "0000-00-00"), ("S20-00-00", None)) == [
        (False, "unknown", "unknown_part", "left_missing"),
        (False, "unknown", "unknown_part", "right_missing"),
    ]


# --------------------------------------------------------------------------------------------- traps of domain.md §12


def test_trap_14_kana() -> None:
    assert _judge(
        Kana(),
        ("ｶﾞｯｺｳ", "ガッコウ"),  # half and full
        ("カ\u309bッコウ", "ガッコウ"),  # a voicing mark of its own
        ("カ\u3099ッコウ", "ガッコウ"),  # a combining one
        ("カッコウ", "ガッコウ"),  # 清音化: a search key, not a reading
        ("ガツコウ", "ガッコウ"),  # small kana
        ("オーノ", "オオノ"),  # the long vowel
        ("******", None),  # not a reading
    ) == [
        _equal("notation", "width"),
        _equal("notation", "width"),
        _equal("notation", "width"),
        DIFFERENT,
        (False, "different", "small_kana", None),
        DIFFERENT,
        _equal("notation", "placeholder"),
    ]


def test_trap_23_dates_that_no_calendar_has() -> None:
    assert _judge(
        PartialDate(),
        ("0000-00-00", "1985-01-02"),
        ("0000-00-00", "S20-00-00"),
        ("S20-A1-00", "S20-B1-00"),
        ("S44-02-29", "S44-03-01"),
        ("S44-02-29", "S44-02-28"),
        ("M45-07-30", "T01-07-30"),
    ) == [
        (False, "unknown", "unknown_part", None),
        (False, "unknown", "unknown_part", None),
        (False, "unknown", "unknown_part", None),
        DIFFERENT,
        DIFFERENT,
        _equal("same_day", "era_boundary"),
    ]


def test_trap_23_two_unknown_dates_are_never_one_day() -> None:
    # 昭和64年 ends on 7 January: the year alone does not say that 1989 is meant whole.
    assert [equal for equal, *_ in _judge(PartialDate(), ("S64-00-00", "H01-00-00"), ("S64-00-00", "1989-00-00"))] == [
        False,
        False,
    ]


def test_trap_24_nothing_blank_and_the_word_for_nothing() -> None:
    assert _judge(KATAGAKI, (None, "なし"), ("", "なし"), ("\u3000", "")) == [
        (False, "missing", None, "left_missing"),
        DIFFERENT,
        _equal("notation", "spaces"),
    ]


def test_trap_25_eras_and_western_years() -> None:
    assert _judge(
        PartialDate(),
        ("S60-01-02", "1985-01-02"),
        ("R01-05-01", "2019-05-01"),  # 元年 is the year 1
        ("H01-01-08", "1988-01-08"),  # not the year 0
        ("S60-01-02", "H60-01-02"),  # the wrong era letter
    ) == [_equal("same_day", "era_western"), _equal("same_day", "era_western"), DIFFERENT, DIFFERENT]


def test_trap_26_hyphens_are_one_sign_between_digits_only_and_never_dropped() -> None:
    assert _judge(LOT, ("2-11", "2-1-1"), ("2−11", "2ー11"), ("2-11", "211")) == [
        DIFFERENT,
        _equal("notation", "hyphen_between_digits"),
        DIFFERENT,
    ]
    assert _judge(
        KATAGAKI,
        ("コーポ墨田", "コ-ポ墨田"),
        ("マンション", "マンシヨン"),
        ("コーポ1－2", "コーポ1−2"),  # one byte pair of CP932 by two tables: width
        ("コーポ1ー2", "コーポ1-2"),
    ) == [DIFFERENT, DIFFERENT, _equal("notation", "width"), _equal("notation", "hyphen_between_digits")]


@pytest.mark.parametrize(
    ("comparator", "left", "right"),
    [
        (TOWN, "三田", "3田"),
        (TOWN, "八広", "8広"),
        (TOWN, "千歳", "1000歳"),
        (TOWN, "一番町", "1番町"),
        (LOT, "一番館", "1番館"),
        (KATAGAKI, "一番館", "1番館"),
        (KATAGAKI, "墨田二丁目荘", "墨田2丁目荘"),
    ],
)
def test_trap_27_a_numeral_in_a_name_is_a_name(comparator: Comparator, left: str, right: str) -> None:
    assert _judge(comparator, (left, right)) == [DIFFERENT]


def test_trap_28_a_missing_katagaki_is_its_own_difference() -> None:
    assert _judge(KATAGAKI, (None, "コーポ墨田101")) == [(False, "missing", None, "left_missing")]
    assert _judge(LOT, ("12番3号", "12-3")) == [_equal("notation", "chome_notation")]


def test_place_names_that_sway_are_for_a_person() -> None:
    # ヶ/ケ/が and 之/の are 揺れ of names, not notation (domain.md §4.2: everything else is E1-E3).
    assert _judge(TOWN, ("霞が関", "霞ケ関"), ("霞ヶ関", "霞ケ関"), ("井之頭", "井の頭")) == [DIFFERENT] * 3


# ------------------------------------------------------------------------------------------------------ cost


def test_values_of_ten_thousand_characters_are_judged() -> None:
    long = "一番1-" * 2_500
    for comparator in COMPARATORS:
        assert _judge(comparator, (long, f"{long}二"))[0][0] is False


def test_a_rule_can_be_switched_off_for_a_field() -> None:
    """What the rule equates is a difference then; the rules after it no longer see its fold."""
    pairs = pl.DataFrame({"left": ["ヤマダ　タロウ", "やまだ"], "right": ["ヤマダ タロウ", "ヤマダ"]})

    assert judge(Kana(), pairs)["equal"].to_list() == [True, True]
    assert judge(Kana(without=frozenset(("kana_script",))), pairs)["equal"].to_list() == [True, False]
    assert judge(Kana(without=frozenset(("width", "spaces"))), pairs)["equal"].to_list() == [False, True]


def test_separators_of_a_name_can_be_made_to_count() -> None:
    pairs = pl.DataFrame({"left": ["山田　太郎"], "right": ["山田太郎"]})

    strict = judge(Characters(without=frozenset(("name_separator",))), pairs)

    assert judge(Characters(), pairs)["equal"].to_list() == [True]
    assert strict.select("equal", "grade").row(0) == (False, "separator")


def test_a_rule_that_a_comparator_does_not_have_cannot_be_switched_off() -> None:
    with pytest.raises(DeclarationError, match="kana_script"):
        judge(Latin(without=frozenset(("kana_script",))), pl.DataFrame({"left": ["A"], "right": ["B"]}))


def test_a_rung_that_names_a_difference_cannot_be_switched_off() -> None:
    """It equates nothing; without it the difference would only lose its name."""
    for comparator in (Kana(without=frozenset(("small_kana",))), PartialDate(without=frozenset(("unknown_part",)))):
        with pytest.raises(DeclarationError, match="switches off"):
            judge(comparator, pl.DataFrame({"left": ["A"], "right": ["B"]}))


def test_names_in_kanji_have_no_steps_here_whatever_is_switched_off() -> None:
    assert not steps_of(Characters(without=frozenset(("name_separator",))))
    assert not steps_of(Exact())


def test_what_keeps_a_pair_from_a_rung_does_so_beside_pairs_that_never_came_to_it() -> None:
    """2番3号 is no 2丁目3番, though both are 2-3 where only one of them says so."""
    assert _judge(LOT, ("2番3号", "2丁目3番"), ("12番3号", "13番3号"), ("12番3号", "12-3")) == [
        DIFFERENT,
        DIFFERENT,
        _equal("notation", "chome_notation"),
    ]


@pytest.mark.parametrize(
    ("left", "right", "rule"),
    [
        ("MÜLLER", "MULLER", "diacritics"),
        ("Müller", "MULLER", "diacritics"),
        ("Smith", "SMITH", "letter_case"),
        ("MULLER", "MUELLER", None),
    ],
)
def test_case_and_marks_of_latin_names_are_differences_with_a_class(left: str, right: str, rule: str | None) -> None:
    judged = judge(Latin(), pl.DataFrame({"left": [left], "right": [right]}))

    assert judged.select("equal", "grade", "rule").row(0) == (False, "different", rule)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("墨田２丁目", "墨田2丁目", False),
        ("墨田２丁目", "墨田二丁目", False),
        ("墨田2丁目", "墨田二丁目", True),
        ("１２番３号", "12番3号", False),
        ("１２番３号", "１２-３", True),
        ("12番3号", "12-3", True),
        ("12番3号", "１２-３", False),
    ],
)
def test_a_width_that_is_switched_off_is_folded_by_no_other_rule(left: str, right: str, equal: bool) -> None:  # noqa: FBT001
    pairs = pl.DataFrame({"left": [left], "right": [right]})
    strict = Address("lot", without=frozenset(("width",)))
    assert judge(strict, pairs)["equal"].to_list() == [equal]
    assert judge(Address("lot"), pairs)["equal"].to_list() == [True]

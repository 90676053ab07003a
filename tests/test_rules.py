"""Laws that hold for every rule, the table of each, and check digits against an outside oracle.

A rule's table is `fixtures/rules/<rule>.tsv`: raw, canonical, why. `\\N` is null, `\\u3000` a character that is not
seen. What stands there comes from `reference/domain.md` (the sections in brackets), never from the code.
"""

import random
import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jaconv
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.jp import in_

from reconcile.rules import ALL_RULES
from reconcile.rules.address import marks_agree
from reconcile.rules.check_digit import individual_number, municipality_code, resident_record_code
from reconcile.rules.partial_date import is_unknown, same_day, western

TABLES = Path(__file__).parents[1] / "fixtures" / "rules"
FEWEST_ROWS = 6

JUNK = (
    "",
    "👨\u200d👩\u200d👧 墨田",  # joined by spaces without width
    "𠮷田 𠀋 𪚲",  # plane 2
    "葛\U000e0100 辻\ufe00",  # variation selectors
    "\x00\x01\x1b[31m\x7f\r\n\t",
    "あ" * 10_000,
    "1-" * 5_000,
    "一番" * 5_000,
    "ﾞﾟ゛゜\u3099\u309a",
    "\ue000\U00100000\ufdd0",  # private use, noncharacter
    "\u202e\u2066逆\u2069",
    "${1}\\1(?:[*",  # what a pattern might trip over
    "'; DROP TABLE--",
    "\ufeff",
)


class Row(NamedTuple):
    """One line of a table."""

    rule: str
    raw: str | None
    canonical: str | None
    why: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.why}"


def _cell(text: str) -> str | None:
    escaped = re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), text)
    return None if text == r"\N" else escaped.replace(r"\t", "\t")


def _rows(path: Path) -> list[Row]:
    head, *lines = path.read_text("utf-8").splitlines()
    assert head == "raw\tcanonical\twhy"
    cells = [line.split("\t") for line in lines]
    return [Row(path.stem, _cell(raw), _cell(canonical), why) for raw, canonical, why in cells]


ROWS = [row for path in sorted(TABLES.glob("*.tsv")) for row in _rows(path)]


def _apply(rule: str, *texts: str | None) -> list[str | None]:
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    return frame.select(ALL_RULES[rule](pl.col("text"))).to_series().to_list()


def test_every_rule_has_a_table_and_every_table_a_rule() -> None:
    assert {path.stem for path in TABLES.glob("*")} == set(ALL_RULES)


@pytest.mark.parametrize("rule", ALL_RULES)
def test_a_table_shows_what_changes_and_what_must_not(rule: str) -> None:
    rows = [row for row in ROWS if row.rule == rule]
    assert len(rows) >= FEWEST_ROWS
    assert len({row.raw for row in rows}) == len(rows)
    assert any(row.raw != row.canonical for row in rows)
    assert sum(row.raw == row.canonical and row.raw is not None for row in rows) > 1


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_rule_says_what_its_table_says(row: Row) -> None:
    assert _apply(row.rule, row.raw) == [row.canonical]


@pytest.mark.parametrize("rule", ALL_RULES)
def test_null_stays_null(rule: str) -> None:
    assert _apply(rule, None, "墨田", None)[::2] == [None, None]


@pytest.mark.parametrize("rule", ALL_RULES)
def test_twice_is_once(rule: str) -> None:
    once = _apply(rule, *JUNK, *(row.raw for row in ROWS))
    assert _apply(rule, *once) == once


PIECES = st.sampled_from(
    [
        *"一二十百千〇番号地丁目の町館棟0129１-ー－−‐ 　\u200b、ｶﾊｳﾞﾟカハウ゛゜\u3099\u309aかゝャっＡa.:*＊【】",
        "丁目",
        "番地",
        "空欄",
        "氏",
    ]
)
TEXTS = st.text(max_size=12) | st.lists(PIECES, max_size=12).map("".join)


@pytest.mark.parametrize("rule", ALL_RULES)
@settings(max_examples=50)  # of twenty texts each
@given(texts=st.lists(TEXTS, min_size=20, max_size=20))
def test_twice_is_once_whatever_the_text(rule: str, texts: list[str]) -> None:
    once = _apply(rule, *texts)
    assert _apply(rule, *once) == once


@pytest.mark.parametrize("rule", ALL_RULES)
def test_junk_passes_and_each_text_has_one_answer(rule: str) -> None:
    assert len(_apply(rule, *JUNK)) == len(JUNK)
    together = _apply(rule, *JUNK, *reversed(JUNK))
    assert together == [answer for text in (*JUNK, *reversed(JUNK)) for answer in _apply(rule, text)]


@pytest.mark.parametrize("rule", ALL_RULES)
def test_a_rule_is_an_expression_that_the_streaming_engine_runs(rule: str) -> None:
    texts = [row.raw for row in ROWS]
    lazy = pl.LazyFrame({"text": texts}, schema={"text": pl.String}).select(
        ALL_RULES[rule](pl.col("text")).alias("text")
    )
    assert lazy.collect_schema() == {"text": pl.String()}
    assert "python" not in lazy.explain(optimized=False).lower(), "a Python call per row"
    assert lazy.collect(engine="streaming")["text"].to_list() == _apply(rule, *texts)


@pytest.mark.parametrize("rule", ALL_RULES)
def test_an_empty_column_stays_empty(rule: str) -> None:
    assert _apply(rule) == []


# ----------------------------------------------------------------------------------------------- outside oracle: kana


@given(st.text(st.characters(min_codepoint=0x3041, max_codepoint=0x30FF), max_size=20))
def test_katakana_is_what_jaconv_makes_of_hiragana(text: str) -> None:
    text = re.sub("[ゝゞゟヿ゠\u3097-\u309c]", "", text)  # jaconv leaves iteration marks alone; the rest are no letters
    assert _apply("katakana", text) == [jaconv.hira2kata(text)]


@given(st.text("ｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜｦﾝｧｨｩｪｫｬｭｮｯｰﾞﾟ", max_size=20))
def test_half_width_katakana_is_what_jaconv_makes_of_it(text: str) -> None:
    # A mark counts only behind a letter that has a voiced form, and once; jaconv leaves others half-width.
    voiced = "[ｳｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾊﾋﾌﾍﾎ]ﾞ|[ﾊﾋﾌﾍﾎ]ﾟ|[^ﾞﾟ]"
    text = "".join(re.findall(voiced, text))
    assert _apply("width", text) == [jaconv.h2z(text)]


@given(st.text(string.ascii_letters + string.digits + "!#$%&()*+,-./:;<=>?@[]^_{|} ", max_size=20))
def test_width_takes_full_width_ascii_back(text: str) -> None:
    assert _apply("width", jaconv.h2z(text, kana=False, ascii=True, digit=True)) == [text]


# ------------------------------------------------------------------------------------------------------ partial dates


def _ask(question: Callable[..., pl.Expr], *texts: str | None) -> object:
    return pl.select(question(*(pl.lit(text, pl.String) for text in texts))).item()


@pytest.mark.parametrize(
    "unknown",
    [
        "0000-00-00",
        "0000-01-01",
        "S00-01-01",
        "S20-00-00",
        "S20-A1-00",
        "S20-D4-00",
        "S20-08-00",
        "S20-08-A1",
        "S20-08-A3",
    ],
)
def test_a_coded_part_is_unknown(unknown: str) -> None:
    assert _ask(is_unknown, unknown)
    assert _ask(western, unknown) is None


@pytest.mark.parametrize("day", ["S45-07-30", "1985-01-02", "S44-02-29", "S44-02-30", "M45-07-30", "2000-12-31"])
def test_a_day_is_known_also_when_no_calendar_has_it(day: str) -> None:
    assert _ask(is_unknown, day) is False
    assert str(_ask(western, day))[4:] == day[-6:]


@pytest.mark.parametrize(
    "junk", ["", "S45-13-01", "S45-07-32", "S45-E1-01", "S45-07-A4", "S45.07.30", "不詳", "S45-07-30\n"]
)
def test_what_is_no_date_is_neither_known_nor_unknown(junk: str) -> None:
    assert _ask(is_unknown, junk) is False
    assert _ask(western, junk) is None
    assert _ask(same_day, junk, junk) is False


def test_an_era_counts_from_its_first_year() -> None:
    # First and last days of the eras (domain.md §4.1; 明治6 is the first year of the Gregorian calendar).
    eras = {
        "M06-01-01": "1873-01-01",
        "M45-07-30": "1912-07-30",
        "T01-07-30": "1912-07-30",
        "T15-12-25": "1926-12-25",
        "S01-12-25": "1926-12-25",
        "S64-01-07": "1989-01-07",
        "H01-01-08": "1989-01-08",
        "H31-04-30": "2019-04-30",
        "R01-05-01": "2019-05-01",
    }
    assert {era: _ask(western, era) for era in eras} == eras


@pytest.mark.parametrize(
    ("before", "first_day"),
    [("T01-07-29", "T01-07-30"), ("S01-12-24", "S01-12-25"), ("H01-01-07", "H01-01-08"), ("R01-04-30", "R01-05-01")],
)
def test_no_day_lies_in_an_era_before_it_began(before: str, first_day: str) -> None:
    assert _ask(western, before) is None
    assert _ask(is_unknown, before) is False
    assert _ask(western, first_day) is not None


def test_null_is_no_day_and_nothing_unknown() -> None:
    assert _ask(is_unknown, None) is None
    assert _ask(same_day, None, "S45-07-30") is False
    assert _ask(same_day, None, None) is False


# ---------------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("left", "right", "agree"),
    [
        ("2丁目3番", "2番3号", False),
        ("12番", "12号", False),
        ("2丁目", "2番地", False),
        ("2-3番", "2-3号", False),
        ("1-2-3番", "1-2-3号", False),
        ("1-2-3-4番", "1-2-3-4号", False),  # a room
        ("1丁目2番3号4", "1丁目2番3-4", True),
        ("2-3", "2番3号", True),
        ("2番地3", "2番3号", True),
        ("墨田二丁目3番", "墨田2丁目3番", True),
        ("2丁目3-4", "2-3番4号", True),
        ("墨田", "墨田", True),
        ("", "2番", True),
        (None, "2番", True),
    ],
)
def test_marks_agree_unless_one_number_is_called_two_things(left: str | None, right: str | None, agree: bool) -> None:  # noqa: FBT001
    assert _ask(marks_agree, left, right) is agree
    assert _ask(marks_agree, right, left) is agree


# ------------------------------------------------------------------------------------------------------- check digits


def _numbers(count: int, digits: int) -> list[str]:
    drawn = random.Random(14)  # noqa: S311  the same thousand every time
    return ["".join(drawn.choices(string.digits, k=digits)) for _ in range(count)]


def _checks(rule: Callable[[pl.Expr], pl.Expr], numbers: list[str]) -> list[bool | None]:
    return pl.DataFrame({"n": numbers}, schema={"n": pl.String}).select(rule(pl.col("n"))).to_series().to_list()


def test_the_published_individual_number_is_valid() -> None:
    assert _checks(individual_number, ["983205673214"]) == [True]


def test_individual_numbers_are_judged_as_stdnum_judges_them() -> None:
    bodies = _numbers(1_000, 11)
    valid = [body + in_.calc_check_digit(body) for body in bodies]
    wrong = [number[:-1] + str((int(number[-1]) + 1 + i % 9) % 10) for i, number in enumerate(valid)]
    assert all(in_.is_valid(number) for number in valid)
    assert not any(in_.is_valid(number) for number in wrong)
    assert _checks(individual_number, valid) == [True] * 1_000
    assert _checks(individual_number, wrong) == [False] * 1_000


def test_every_remainder_is_met_among_the_thousand() -> None:
    # Remainders 0 and 1 both give the digit 0: an edge that few numbers reach.
    weights = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    bodies = _numbers(1_000, 11)
    assert {sum(w * int(d) for w, d in zip(weights, b, strict=True)) % 11 for b in bodies} == set(range(11))


# domain.md §1.3, each computed there from the published rule.
MUNICIPALITIES = ("131075", "131016", "011011", "011002", "271403", "141305")


def test_municipality_codes_of_the_published_list_are_valid() -> None:
    assert _checks(municipality_code, list(MUNICIPALITIES)) == [True] * len(MUNICIPALITIES)


def test_a_municipality_code_has_one_check_digit() -> None:
    bodies = [code[:5] for code in MUNICIPALITIES] + _numbers(100, 5)
    assert all(sum(_checks(municipality_code, [f"{body}{d}" for d in range(10)])) == 1 for body in bodies)  # type: ignore[arg-type]


def test_a_resident_record_code_follows_the_assumed_rule() -> None:
    # The synthetic vector of domain.md §1.3, under the assumption named there.
    assert _checks(resident_record_code, ["12345678903", "12345678904"]) == [True, False]


@pytest.mark.parametrize(
    ("rule", "valid"),
    [(individual_number, "983205673214"), (municipality_code, "131075"), (resident_record_code, "12345678903")],
)
def test_what_is_no_number_of_its_length_is_not_valid(rule: Callable[[pl.Expr], pl.Expr], valid: str) -> None:
    full_width = valid.translate(str.maketrans(string.digits, "０１２３４５６７８９"))
    others = [
        "",
        valid[:-1],
        valid + "0",
        f" {valid}",
        f"{valid} ",
        f"{valid}\n",
        full_width,
        "X" * len(valid),
        f"+{valid[1:]}",
    ]
    assert _checks(rule, [valid, *others]) == [True] + [False] * len(others)
    assert pl.select(rule(pl.lit(None, pl.String))).item() is None

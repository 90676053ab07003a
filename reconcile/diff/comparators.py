"""When two differing values mean the same, and on whose authority.

A comparator is data (`model.Comparator`); here each has its ladder: ordered steps, the first that holds decides, the
last always holds. A step that says *equal* names the rule under which the two agree; one that does not gives the
difference its grade, which the dataset maps to a code. Steps are expressions over the pairs that differ, never over
all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, assert_never

import polars as pl

from reconcile.model import Address, Characters, Comparator, Exact, Kana, Latin, PartialDate, Rule
from reconcile.rules.address import chome_notation, hyphen_between_digits, marks_agree
from reconcile.rules.blank import placeholder_to_null
from reconcile.rules.kana import katakana, small_kana
from reconcile.rules.partial_date import is_unknown, same_day, western
from reconcile.rules.width import idle_spaces, spaces, width

JUDGED = pl.Schema({"equal": pl.Boolean, "grade": pl.String, "rule": pl.String, "hint": pl.String})
"""What is said of each pair, in the order of the pairs."""

Test = Callable[[pl.Expr, pl.Expr], pl.Expr]


class Step(NamedTuple):
    """One rung: if `test` holds for a pair and `unless` does not, then this is what it is."""

    rule: str
    grade: str
    equal: bool
    test: Test
    unless: Test | None = None


def alike(*rules: Rule) -> Test:
    """Both sides are one text after the rules, applied in order."""

    def test(left: pl.Expr, right: pl.Expr) -> pl.Expr:
        for rule in rules:
            left, right = rule(left), rule(right)
        return left.eq_missing(right)

    return test


def either(question: Callable[[pl.Expr], pl.Expr]) -> Test:
    """The question's answer is yes for one of the two."""
    return lambda left, right: question(left) | question(right)


def _in_two_eras(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    return same_day(left, right) & left.str.contains("^[MTSHR]") & right.str.contains("^[MTSHR]")


def _era_boundary(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    return _in_two_eras(left, right) & western(left).is_in(["1912-07-30", "1926-12-25"])


def _marks_differ(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    return ~marks_agree(left, right)


KANA = (
    Step("placeholder", "notation", True, alike()),
    Step("kana_script", "notation", True, alike(katakana)),
    Step("width", "notation", True, alike(width, katakana)),
    Step("spaces", "notation", True, alike(width, katakana, spaces)),
    Step("small_kana", "different", False, alike(width, katakana, spaces, small_kana)),
)
"""Both sides without placeholders: a reading not filed is no reading, so one of them is missing."""

LATIN = (
    Step("width", "separator", True, alike(width)),
    Step("spaces", "separator", True, alike(width, spaces)),
    Step("letter_case", "different", False, alike(width, spaces, lambda text: text.str.to_lowercase())),
)
DATES = (
    # The last day of 明治 and of 大正 is the first of the next era, and both are lawful (標準仕様書 1.1.8).
    Step("era_boundary", "same_day", True, _era_boundary),
    # 平成31年5月1日: an era written on after its end, as forms printed before it were.
    Step("era_continued", "same_day", True, _in_two_eras),
    Step("era_western", "same_day", True, same_day),
    Step("unknown_part", "unknown", False, either(is_unknown)),
)
PLACES = (
    Step("width", "notation", True, alike(width)),
    Step("spaces", "notation", True, alike(width, spaces)),
    Step("idle_spaces", "notation", True, alike(width, idle_spaces)),
    Step("hyphen_between_digits", "notation", True, alike(width, idle_spaces, hyphen_between_digits)),
    Step("chome_notation", "notation", True, alike(idle_spaces, chome_notation), unless=_marks_differ),
)
BUILDINGS = PLACES[:4]
"""方書 is a name: 一番館 has no 番 to fold."""


def judge(comparator: Comparator, pairs: pl.DataFrame, approved: pl.DataFrame | None = None) -> pl.DataFrame:
    """Say of each pair whether a rule makes it equal, and if not, how it differs.

    Args:
        comparator: The field's.
        pairs: `left`, `right`: canonical texts that differ; one of them may be null.
        approved: The approved identifications that apply (`characters.ladder.APPROVED`); only `Characters` has any.

    Returns:
        JUDGED, one row a pair in their order. Grade "missing" where one side is null and no step explains it.
    """
    match comparator:
        case Exact():
            return _climb(pairs, ())
        case Kana():
            return _climb(pairs.select(placeholder_to_null(pl.col("left", "right"))), KANA)
        case Latin():
            return _climb(pairs, LATIN)
        case PartialDate():
            return _climb(pairs, DATES)
        case Address(part="katagaki"):
            return _climb(pairs, BUILDINGS)
        case Address():
            return _climb(pairs, PLACES)
        case Characters():
            from reconcile.characters import ladder  # noqa: PLC0415  tables that an ad-hoc diff does not need

            return ladder.judge(pairs, approved).match_to_schema(JUDGED)
        case _:
            assert_never(comparator)


def _climb(pairs: pl.DataFrame, steps: Sequence[Step]) -> pl.DataFrame:
    left, right = pl.col("left"), pl.col("right")
    rest = pairs.select("left", "right").with_row_index("_position")
    said = []
    for step in steps:  # each rung sees only what the ones before it left undecided
        holds = rest.filter(step.test(left, right))
        if step.unless:
            holds = holds.filter(~step.unless(left, right))
        rest = rest.join(holds, on="_position", how="anti", maintain_order="left")
        said.append(_say(holds, equal=step.equal, grade=pl.lit(step.grade), rule=step.rule))
    missing = pl.when(left.is_null() | right.is_null()).then(pl.lit("missing")).otherwise(pl.lit("different"))
    said.append(_say(rest, equal=False, grade=missing, rule=None))
    return pl.concat(said).sort("_position").drop("_position")


def _say(pairs: pl.DataFrame, *, equal: bool, grade: pl.Expr, rule: str | None) -> pl.DataFrame:
    left, right = pl.col("left"), pl.col("right")
    hint = pl.when(left.is_null()).then(pl.lit("left_missing")).when(right.is_null()).then(pl.lit("right_missing"))
    return pairs.select(
        "_position",
        equal=pl.lit(equal),
        grade=grade,
        rule=pl.lit(rule, pl.String),
        hint=pl.lit(None, pl.String) if equal else hint,
    )

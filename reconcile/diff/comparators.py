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
from reconcile.rules.address import chome_notation, hyphen_between_digits
from reconcile.rules.blank import placeholder_to_null
from reconcile.rules.kana import katakana, small_kana
from reconcile.rules.partial_date import is_unknown, same_day
from reconcile.rules.width import spaces, width

JUDGED = pl.Schema({"equal": pl.Boolean, "grade": pl.String, "rule": pl.String, "hint": pl.String})
"""What is said of each pair, in the order of the pairs."""

Test = Callable[[pl.Expr, pl.Expr], pl.Expr]


class Step(NamedTuple):
    """One rung: if `test` holds for a pair, then this is what it is."""

    rule: str
    grade: str
    equal: bool
    test: Test


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


def _era_boundary(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """One day in two eras: the last day of one is the first of the next."""
    return same_day(left, right) & left.str.contains("^[MTSHR]") & right.str.contains("^[MTSHR]")


KANA = (
    Step("placeholder", "notation", True, alike(placeholder_to_null)),
    Step("kana_script", "notation", True, alike(placeholder_to_null, katakana)),
    Step("width", "notation", True, alike(placeholder_to_null, width, katakana)),
    Step("spaces", "notation", True, alike(placeholder_to_null, width, katakana, spaces)),
    Step("small_kana", "different", False, alike(placeholder_to_null, width, katakana, spaces, small_kana)),
)
LATIN = (
    Step("width", "separator", True, alike(width)),
    Step("spaces", "separator", True, alike(width, spaces)),
    Step("letter_case", "different", False, alike(width, spaces, lambda text: text.str.to_lowercase())),
)
DATES = (
    Step("era_boundary", "same_day", True, _era_boundary),
    Step("era_western", "same_day", True, same_day),
    Step("unknown_part", "unknown", False, either(is_unknown)),
)
PLACES = (
    Step("width", "notation", True, alike(width)),
    Step("spaces", "notation", True, alike(width, spaces)),
    Step("hyphen_between_digits", "notation", True, alike(width, spaces, hyphen_between_digits)),
    Step("chome_notation", "notation", True, alike(spaces, chome_notation)),
)
BUILDINGS = PLACES[:3]
"""方書 is a name: 一番館 has no 番 to fold."""


def judge(comparator: Comparator, pairs: pl.DataFrame) -> pl.DataFrame:
    """Say of each pair whether a rule makes it equal, and if not, how it differs.

    Args:
        comparator: The field's.
        pairs: `left`, `right`: canonical texts that differ; one of them may be null.

    Returns:
        JUDGED, one row a pair in their order. Grade "missing" where one side is null and no step explains it.
    """
    match comparator:
        case Exact():
            return _climb(pairs, ())
        case Kana():
            return _climb(pairs, KANA)
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

            return ladder.judge(pairs).match_to_schema(JUDGED)
        case _:
            assert_never(comparator)


def _climb(pairs: pl.DataFrame, steps: Sequence[Step]) -> pl.DataFrame:
    left, right = pl.col("left"), pl.col("right")
    tests = {f"_{i}": step.test(left, right).fill_null(value=False) for i, step in enumerate(steps)}
    tried = pairs.select("left", "right", **tests)
    missing = left.is_null() | right.is_null()

    def said(of_step: Callable[[Step], pl.Expr], otherwise: pl.Expr) -> pl.Expr:
        return pl.coalesce(*(pl.when(f"_{i}").then(of_step(step)) for i, step in enumerate(steps)), otherwise)

    side = pl.when(left.is_null()).then(pl.lit("left_missing")).otherwise(pl.lit("right_missing"))
    return tried.select(
        equal=said(lambda step: pl.lit(step.equal), pl.lit(value=False)),
        grade=said(
            lambda step: pl.lit(step.grade), pl.when(missing).then(pl.lit("missing")).otherwise(pl.lit("different"))
        ),
        rule=said(lambda step: pl.lit(step.rule), pl.lit(None, pl.String)),
        hint=pl.when(missing).then(side),
    )

"""When two differing values mean the same, and on whose authority.

A comparator is data (`model.Comparator`); here each has its ladder: ordered steps, the first that holds decides. Each
step folds the texts a little further than the one before, so that it names the least that had to be folded. A step
that says *equal* names the rule under which the two agree; one that does not gives the difference its grade, which the
dataset maps to a code. Steps are expressions over the pairs that differ, never over all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, assert_never

import polars as pl

from reconcile.errors import DeclarationError
from reconcile.model import Address, Characters, Comparator, Exact, Kana, Latin, PartialDate, Rule
from reconcile.rules.address import chome_as_wide, chome_notation, hyphen_between_digits, marks_agree
from reconcile.rules.blank import placeholder_to_null
from reconcile.rules.kana import katakana, small_kana
from reconcile.rules.latin import lower_case, no_diacritics
from reconcile.rules.partial_date import is_unknown, same_day, western
from reconcile.rules.width import idle_spaces, spaces, width

JUDGED = pl.Schema({"equal": pl.Boolean, "grade": pl.String, "rule": pl.String, "hint": pl.String})
"""What is said of each pair, in the order of the pairs."""

Test = Callable[[pl.Expr, pl.Expr], pl.Expr]


def alike(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """Both are one text, or both are nothing."""
    return left.eq_missing(right)


class Step(NamedTuple):
    """One rung: both texts are folded, for this rung and those after it; if then `test` holds, this is what it is.

    `unless` sees the texts before this rung's fold: what it says of a pair keeps the rung from holding.
    """

    rule: str
    grade: str
    equal: bool
    fold: Rule | None = None
    test: Test = alike
    unless: Test | None = None


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
    # A reading not filed is no reading: from here on it is null, and one of two is missing.
    Step("placeholder", "notation", True, placeholder_to_null),
    Step("kana_script", "notation", True, katakana),
    Step("width", "notation", True, width),
    Step("spaces", "notation", True, spaces),
    Step("small_kana", "different", False, small_kana),
)
LATIN = (
    Step("width", "separator", True, width),
    Step("spaces", "separator", True, spaces),
    Step("letter_case", "different", False, lower_case),
    Step("diacritics", "different", False, no_diacritics),
)
DATES = (
    # The last day of 明治 and of 大正 is the first of the next era, and both are lawful (標準仕様書 1.1.8).
    Step("era_boundary", "same_day", True, test=_era_boundary),
    # 平成31年5月1日: an era written on after its end, as forms printed before it are.
    Step("era_continued", "same_day", True, test=_in_two_eras),
    Step("era_western", "same_day", True, test=same_day),
    Step("unknown_part", "unknown", False, test=either(is_unknown)),
)
PLACES = (
    Step("width", "notation", True, width),
    Step("spaces", "notation", True, spaces),
    Step("idle_spaces", "notation", True, idle_spaces),
    Step("hyphen_between_digits", "notation", True, hyphen_between_digits),
    Step("chome_notation", "notation", True, chome_notation, unless=_marks_differ),
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

    Raises:
        DeclarationError: The comparator switches off a rule that it does not have.
    """
    if isinstance(comparator, Characters):
        from reconcile.characters import ladder  # noqa: PLC0415  tables that an ad-hoc diff does not need

        judged = ladder.judge(pairs, approved).match_to_schema(JUDGED)
        off = _switched_off(comparator, ladder.SWITCHES)
        # The value still says why it differs: by its separators, or by how one character is written.
        return judged.with_columns(equal=pl.col("equal") & ~pl.col("grade").is_in([ladder.SWITCHES[o] for o in off]))
    return _climb(pairs, steps_of(comparator))


def steps_of(comparator: Comparator) -> Sequence[Step]:
    """The steps that are tried for a field, in order; none for exact texts, nor for characters, which `ladder` judges.

    Raises:
        DeclarationError: The comparator switches off a rule that it does not have.
    """
    steps: Sequence[Step]
    match comparator:
        case Exact() | Characters():
            steps = ()
        case Kana():
            steps = KANA
        case Latin():
            steps = LATIN
        case PartialDate():
            steps = DATES
        case Address(part="katagaki"):
            steps = BUILDINGS
        case Address():
            steps = PLACES
        case _:
            assert_never(comparator)
    if isinstance(comparator, Exact | Characters):
        return steps
    off = _switched_off(comparator, {step.rule: step.grade for step in steps if step.equal})
    if "width" in off:
        # This rung folds widths on its way; with them switched off it must not.
        steps = [step._replace(fold=chome_as_wide) if step.fold is chome_notation else step for step in steps]
    return [step for step in steps if step.rule not in off]


def _switched_off(comparator: Comparator, known: Mapping[str, str]) -> frozenset[str]:
    """The rules under which this field's values are not to be equal."""
    off: frozenset[str] = getattr(comparator, "without", frozenset())
    if unknown := sorted(off - set(known)):
        raise DeclarationError(
            type(comparator).__name__, f"switches off {unknown[0]!r}, expected some of {', '.join(known)}"
        )
    return off


def _climb(pairs: pl.DataFrame, steps: Sequence[Step]) -> pl.DataFrame:
    left, right = pl.col("left"), pl.col("right")
    rest = pairs.select("left", "right").with_row_index("_position")
    said = []
    for step in steps:
        folded = rest.with_columns(left=step.fold(left), right=step.fold(right)) if step.fold else rest
        holds = folded.select(step.test(left, right).fill_null(value=False)).to_series()
        if step.unless and holds.any():
            kept = rest.filter(holds).filter(step.unless(left, right))["_position"]
            holds &= ~rest["_position"].is_in(kept.implode())
        rest = folded
        if holds.any():
            said.append(_say(rest.filter(holds), equal=step.equal, grade=pl.lit(step.grade), rule=step.rule))
            rest = rest.filter(~holds)
    missing = pl.when(left.is_null() | right.is_null()).then(pl.lit("missing")).otherwise(pl.lit("different"))
    said.append(_say(rest, equal=False, grade=missing, rule=None))
    return pl.concat(said).sort("_position").drop("_position")


def _say(pairs: pl.DataFrame, *, equal: bool, grade: pl.Expr, rule: str | None) -> pl.DataFrame:
    left, right = pl.col("left").is_null(), pl.col("right").is_null()
    hint = pl.when(left & right).then(None).when(left).then(pl.lit("left_missing"))
    return pairs.select(
        "_position",
        equal=pl.lit(equal),
        grade=grade,
        rule=pl.lit(rule, pl.String),
        hint=hint.when(right).then(pl.lit("right_missing")).otherwise(None),
    ).match_to_schema({"_position": pl.UInt32, **JUDGED})

"""What each rule said of one pair of values, in the order in which the engine tries them.

Nothing is judged here anew: the steps are those of `diff.comparators`, taken one at a time, and characters are placed by
`characters.ladder`. So the last word is the engine's own; a test holds it to that for every difference of a ward.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from reconcile.diff.comparators import judge, steps_of
from reconcile.model import Characters, Field

HOLDS, FAILS, OFF = "holds", "fails", "off"
"""What a step said: this is what it is; no, go on; switched off for this field."""

SAME, MISSING, DIFFERENT = "same", "missing", "different"
"""The first and the last things that can be said: equal as decoded; one side has none; nothing makes them equal."""

NOT_COMPARED = "not_compared"
"""The outcome of a field that a side does not have, or has in other codes: 比較不能, which is not 一致."""

RUNGS = ("same_character", "separator", "approved", "variant", "unmapped", "different")
"""The ladder of characters (`reference/domain.md` §3.2), L1 to L5, by the grade that a rung gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One step: its name (a rule, or a rung of the ladder), what it said, and under which rule if it holds."""

    step: str
    said: str
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """Everything that was tried for one pair of values, the last step holding.

    Attributes:
        steps: In order.
        equal: Whether the two count as the same.
        grade: As the engine grades a difference; `same` where there is none.
        rule: The rule that explains it, or None.
        characters: Of names: each differing pair of characters, its grade, its rule.
    """

    steps: tuple[Tried, ...]
    equal: bool
    grade: str
    rule: str | None
    characters: tuple[tuple[str, str, str | None], ...] = ()


def trail(field: Field, left: str | None, right: str | None, approved: pl.DataFrame | None = None) -> Trail:
    """Take one pair of canonical values through the steps of its field.

    Args:
        field: Whose comparator decides.
        left: The left side's value, as decoded.
        right: The right side's.
        approved: The approved identifications that apply to the field.
    """
    if left == right:
        return Trail(steps=(Tried(step=SAME, said=HOLDS),), equal=True, grade=SAME, rule=None)
    pair = pl.DataFrame({"left": [left], "right": [right]}, schema={"left": pl.String, "right": pl.String})
    if isinstance(field.comparator, Characters):
        return _on_the_ladder(field, pair, approved)
    off: frozenset[str] = getattr(field.comparator, "without", frozenset())
    steps = [Tried(step=SAME, said=FAILS), *(Tried(step=rule, said=OFF) for rule in sorted(off))]
    one, other = pl.col("left"), pl.col("right")
    for step in steps_of(field.comparator):
        folded = pair.with_columns(left=step.fold(one), right=step.fold(other)) if step.fold else pair
        holds = bool(folded.select(step.test(one, other).fill_null(value=False)).item())
        if holds and step.unless is not None:
            holds = not pair.select(step.unless(one, other).fill_null(value=False)).item()
        if holds:
            steps.append(Tried(step=step.rule, said=HOLDS, rule=step.rule))
            return Trail(steps=tuple(steps), equal=step.equal, grade=step.grade, rule=step.rule)
        steps.append(Tried(step=step.rule, said=FAILS))
        pair = folded
    last = MISSING if pair.select((one.is_null() | other.is_null()).any()).item() else DIFFERENT
    steps.append(Tried(step=last, said=HOLDS))
    return Trail(steps=tuple(steps), equal=False, grade=last, rule=None)


def _on_the_ladder(field: Field, pair: pl.DataFrame, approved: pl.DataFrame | None) -> Trail:
    from reconcile.characters import ladder  # noqa: PLC0415  tables that an ad-hoc dataset does not need

    judged = judge(field.comparator, pair, approved).row(0, named=True)
    grade, rule = str(judged["grade"]), judged["rule"]
    steps = [Tried(step=SAME, said=FAILS)]
    if grade == MISSING:
        steps.append(Tried(step=MISSING, said=HOLDS))
        return Trail(steps=tuple(steps), equal=False, grade=grade, rule=rule)
    steps += [Tried(step=rung, said=FAILS) for rung in RUNGS[: RUNGS.index(grade)]]
    steps.append(Tried(step=grade, said=HOLDS, rule=rule))
    pairs = ladder.character_pairs(pair, approved)
    return Trail(
        steps=tuple(steps),
        equal=bool(judged["equal"]),
        grade=grade,
        rule=rule,
        characters=tuple(pairs.select("pair", "grade", "rule").iter_rows()),
    )

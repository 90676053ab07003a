"""Invented people in production, or residents in a test: both are refused (`reference/reliability.md` F044).

A mark beside a file is lost when the file is copied, and forms differ in what they could carry; so the mark is in the
people. The ten digits of an invented 住民票コード leave a fixed remainder (`model.TestMark`): all of them do in a
synthetic ward, in whatever form or part it is handed on, and one in `modulus` of real ones by chance. Ten records suffice
to tell the two apart: that more than half of ten real codes bear it has a probability below 10⁻⁹.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from reconcile.errors import ConfigError
from reconcile.model import Dataset, Side, Snapshot

PRODUCTION, TEST = ENVIRONMENTS = ("production", "test")
LEAST = 10
"""Records from which it can be told whose they are."""


def invented(frame: pl.LazyFrame, snapshot: Snapshot, dataset: Dataset) -> bool | None:
    """Whether a side holds invented people; None if nobody can tell.

    Args:
        frame: The snapshot's rows, raw.
        snapshot: One side.
        dataset: Says what mark invented people bear, if they bear one.
    """
    mark = dataset.test_mark
    if mark is None or mark.field not in snapshot.columns:
        return None
    digits = pl.col(mark.field).cast(pl.String).str.extract(rf"^\s*([0-9]{{{mark.digits}}})[0-9]*\s*$").cast(pl.Int64)
    told = frame.select(
        records=digits.is_not_null().sum(), marked=(digits % mark.modulus == mark.remainder).sum()
    ).collect()
    records, marked = told.row(0)
    return None if records < LEAST else bool(2 * marked > records)


def check_side(environment: str, side: Side, people: bool | None, dataset: Dataset) -> None:  # noqa: FBT001
    """Refuse a side that the run file's environment does not allow.

    Args:
        environment: `production`, `test`, or "" where the run file says nothing.
        side: Which one.
        people: What `invented` said of it.
        dataset: Whether it has a mark at all.

    Raises:
        ConfigError: E_ENVIRONMENT.
    """
    if environment == PRODUCTION and people:
        hint = "name the real export, or environment = 'test' in a run file of its own"
        problem = "holds invented people, and the run file says production"
        raise ConfigError(f"{side} side", problem, hint=hint, code="E_ENVIRONMENT")
    if environment == TEST and dataset.test_mark is not None and not people:
        problem = "does not prove to hold invented people only, and the run file says test"
        hint = "residents are not for tests: make a ward with reconcile demo"
        raise ConfigError(f"{side} side", problem, hint=hint, code="E_ENVIRONMENT")


def environment_of_sides(said: str, sides: Mapping[Side, tuple[pl.LazyFrame, Snapshot]], dataset: Dataset) -> str:
    """What every output says: `test` where people are invented, whatever the run file says; else what it says.

    Args:
        said: The run file's environment, "" where it says nothing.
        sides: Each side's rows, raw, and its snapshot.
        dataset: Says what mark invented people bear, if they bear one.

    Raises:
        ConfigError: E_ENVIRONMENT, a side is not allowed (`check_side`), or one is invented and the other is not.
    """
    people = {side: invented(*one, dataset) for side, one in sides.items()}
    for side, one in people.items():
        check_side(said, side, one, dataset)
    return environment_of(said, people)


def environment_of(said: str, people: Mapping[Side, bool | None]) -> str:
    """The environment by what `invented` said of both sides.

    Raises:
        ConfigError: E_ENVIRONMENT, one side is invented and the other is not.
    """
    known = set(people.values()) - {None}
    if len(known) > 1:
        problem = "one side holds invented people, the other does not"
        raise ConfigError("left and right", problem, hint="check the two paths", code="E_ENVIRONMENT")
    return TEST if True in known or said == TEST else said

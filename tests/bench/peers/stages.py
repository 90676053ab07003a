"""What the three engines run alike: the same slices, the same functions of `reconcile.search.slices`, the same sum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from reconcile.api import ad_hoc
from reconcile.diff import Diff, DiffPlan, Suspects, plan
from reconcile.model import Dataset, Side
from reconcile.search.slices import Slice, cut, look, within
from tests.bench.peers.call import Answer

WORKERS = 2
ROWS_PER_SLICE = 125_000
PARTITIONS = 4
ENVIRONMENT = {"POLARS_MAX_THREADS": "1"}
"""Of each worker: as many threads as workers, whichever engine starts them."""


class Work(NamedTuple):
    """Everything that the tasks of one comparison share."""

    slices: dict[Side, list[Slice]]
    dataset: Dataset
    plan: DiffPlan


def work_of(left: Path, right: Path, key: Sequence[str]) -> Work:
    """Look at both files and cut them."""
    parts = {side: look(path, side) for side, path in ((Side.LEFT, left), (Side.RIGHT, right))}
    dataset = ad_hoc(key, *parts.values())
    slices = {side: list(cut([part], ROWS_PER_SLICE)) for side, part in parts.items()}
    return Work(slices, dataset, plan(dataset, parts[Side.LEFT].columns, parts[Side.RIGHT].columns, 1))


def wanted(work: Work, side: Side, found: Sequence[Suspects]) -> list[tuple[Slice, list[pl.Series]]]:
    """Each slice of a side with the suspects that it must give, a series for each partition."""
    return [(one, [within(one, suspect, side) for suspect in found]) for one in work.slices[side]]


def answer(diffs: Iterable[Diff]) -> Answer:
    """What was found, counted."""
    every = list(diffs)
    only_left, only_right = sum(one.only_left.height for one in every), sum(one.only_right.height for one in every)
    changed = sum(one.mismatched for one in every)
    return Answer(
        equal=not (only_left or only_right or changed),
        only_left=only_left,
        only_right=only_right,
        changed=changed,
        repeated=sum(one.repeated.height for one in every),
    )

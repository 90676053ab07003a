"""The tasks of `reconcile.search.slices` on a local PySpark, a shuffle where the others pass results."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from reconcile.model import Side
from reconcile.search.slices import check_slice, diff_partition, fetch, suspects_of
from tests.bench.peers.call import Answer
from tests.bench.peers.stages import ENVIRONMENT, PARTITIONS, WORKERS, answer, wanted, work_of


def compare(left: Path, right: Path, key: Sequence[str], out: Path) -> Answer:
    """Compare on Python workers of one thread each."""
    del out
    os.environ.update(ENVIRONMENT, PYSPARK_PYTHON=sys.executable)
    session = (
        SparkSession.builder.master(f"local[{WORKERS}]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "2g")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    context = session.sparkContext
    work = work_of(left, right, key)
    dataset, this = work.dataset, work.plan

    def prints(task: tuple[Side, Any]) -> Iterator[tuple[int, tuple[Side, Any]]]:
        side, one = task
        for partition, frame in enumerate(check_slice(one, dataset, this, PARTITIONS)[0]):
            yield partition, (side, frame)

    def texts(task: tuple[Side, tuple[Any, Any]]) -> Iterator[tuple[int, tuple[Side, Any]]]:
        side, (one, parts) = task
        for partition, frame in enumerate(fetch(one, parts, dataset, this)[0]):
            yield partition, (side, frame)

    def sides(frames: Iterable[tuple[Side, Any]]) -> list[list[Any]]:
        every = list(frames)
        return [[frame for other, frame in every if other is side] for side in Side]

    slices = [(side, one) for side in Side for one in work.slices[side]]
    found = dict(
        context.parallelize(slices, len(slices))
        .flatMap(prints)
        .groupByKey(PARTITIONS)
        .mapValues(lambda frames: suspects_of(*sides(frames)))
        .collect()
    )
    ordered = [found[partition] for partition in range(PARTITIONS)]
    tasks = [(side, task) for side in Side for task in wanted(work, side, ordered)]
    diffs = (
        context.parallelize(tasks, len(tasks))
        .flatMap(texts)
        .groupByKey(PARTITIONS)
        .mapValues(lambda frames: diff_partition(this, *sides(frames)))
        .collect()
    )
    said = answer(one for _, one in diffs)
    session.stop()
    return said

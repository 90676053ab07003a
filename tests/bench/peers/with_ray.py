"""The tasks of `reconcile.search.slices` on a local Ray."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray

from reconcile.model import Side
from reconcile.search.slices import check_slice, diff_partition, fetch, suspects_of
from tests.bench.peers.call import Answer
from tests.bench.peers.stages import ENVIRONMENT, PARTITIONS, WORKERS, answer, wanted, work_of


def compare(left: Path, right: Path, key: Sequence[str], out: Path) -> Answer:
    """Compare on worker processes of one thread each."""
    del out
    ray.init(
        num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": ENVIRONMENT}
    )  # fmt: skip
    work = work_of(left, right, key)
    check = ray.remote(num_returns=PARTITIONS)(lambda *arguments: check_slice(*arguments)[0])
    get = ray.remote(num_returns=PARTITIONS)(lambda *arguments: fetch(*arguments)[0])
    # Ray resolves only what stands directly among the arguments: the two sides come flat.
    suspect = ray.remote(lambda cut, *frames: suspects_of(list(frames[:cut]), list(frames[cut:])))
    differ = ray.remote(lambda this, cut, *frames: diff_partition(this, list(frames[:cut]), list(frames[cut:])))
    lefts = len(work.slices[Side.LEFT])

    def flat(refs: list[Any], partition: int) -> list[Any]:
        return [one[partition] for one in refs]

    prints = [
        check.remote(one, work.dataset, work.plan, PARTITIONS) for side in Side for one in work.slices[side]
    ]  # fmt: skip
    found = ray.get([suspect.remote(lefts, *flat(prints, p)) for p in range(PARTITIONS)])
    del prints
    texts = [
        get.remote(one, parts, work.dataset, work.plan) for side in Side for one, parts in wanted(work, side, found)
    ]
    diffs = ray.get([differ.remote(work.plan, lefts, *flat(texts, p)) for p in range(PARTITIONS)])
    said = answer(diffs)
    ray.shutdown()
    return said

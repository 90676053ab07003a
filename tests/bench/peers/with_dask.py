"""The tasks of `reconcile.search.slices` on a local Dask cluster."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

import dask
from dask.distributed import Client, LocalCluster

from reconcile.model import Side
from reconcile.search.slices import check_slice, diff_partition, fetch, suspects_of
from tests.bench.peers.call import Answer
from tests.bench.peers.stages import ENVIRONMENT, PARTITIONS, WORKERS, answer, wanted, work_of


def compare(left: Path, right: Path, key: Sequence[str], out: Path) -> Answer:
    """Compare on worker processes of one thread each."""
    del out
    memory = {"distributed.worker.memory.target": False, "distributed.worker.memory.spill": False}
    with (
        dask.config.set({**memory, "distributed.nanny.environ": ENVIRONMENT}),
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=logging.ERROR
        ) as cluster,
        Client(cluster) as client,
    ):
        work = work_of(left, right, key)

        def pieces(side: Side) -> list[list[object]]:
            checked = [
                client.submit(check_slice, one, work.dataset, work.plan, PARTITIONS, pure=False)
                for one in work.slices[side]
            ]
            prints = [client.submit(itemgetter(0), one, pure=False) for one in checked]
            return [[client.submit(itemgetter(p), one, pure=False) for one in prints] for p in range(PARTITIONS)]

        both = [pieces(side) for side in Side]
        found = client.gather(
            [client.submit(suspects_of, both[0][p], both[1][p], pure=False) for p in range(PARTITIONS)]
        )
        del both

        def rows(side: Side) -> list[list[object]]:
            fetched = [
                client.submit(fetch, one, parts, work.dataset, work.plan, pure=False)
                for one, parts in wanted(work, side, found)
            ]
            frames = [client.submit(itemgetter(0), one, pure=False) for one in fetched]
            return [[client.submit(itemgetter(p), one, pure=False) for one in frames] for p in range(PARTITIONS)]

        texts = [rows(side) for side in Side]
        diffs = [
            client.submit(diff_partition, work.plan, texts[0][p], texts[1][p], pure=False) for p in range(PARTITIONS)
        ]
        return answer(client.gather(diffs))

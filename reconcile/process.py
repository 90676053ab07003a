"""How this process behaves, said before the libraries that read it are imported."""

from __future__ import annotations

import ctypes
import os
import resource

PR_SET_DUMPABLE = 4
"""`prctl(2)`: whether a crash may write the memory to a file, and whether others of the user may look into it."""


def settle(threads: int = 0) -> None:
    """Files for the owner only; no image of the memory; as many threads as asked for; freed memory given back soon.

    The memory holds residents, and a core file would hold them for whoever finds it (`reliability.md` F128).

    polars' defaults favor throughput on large machines: several row groups read ahead, freed pages kept for seconds.
    The values here were measured with `make bench`: the same time, and a third less memory. All of them can be set
    from outside.

    Args:
        threads: For polars; 0 takes every core.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux only
    if prctl is not None:
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    if threads:
        os.environ["POLARS_MAX_THREADS"] = str(threads)
    os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", "2")
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:100,muzzy_decay_ms:0")

"""What decoding and judging characters costs, beside the barest operation on the same data, in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from reconcile.characters import codec, tables
from reconcile.characters.ladder import judge

CHUNK_RECORDS = 100_000
CHARACTERS = 200
USED = 25  # of the 200 characters that a record has room for; the rest is padding, as in the CS's own records


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Medians of interleaved rounds, and our median over the bare one's."""

    what: str
    ours_seconds: float
    bare_seconds: float
    bare: str
    goal: float

    @property
    def ratio(self) -> float:
        """Ours over the bare operation."""
        return self.ours_seconds / self.bare_seconds


def ratios(rounds: int, records: int) -> Iterable[Ratio]:
    """Decoding fixed-length records, and the ladder over a hundred thousand differing names."""
    random = np.random.default_rng(20)
    coded = tables.mj().drop_nulls("juki")
    common = coded.drop_nulls("policy")["juki"].to_numpy()

    codes = np.full((CHUNK_RECORDS, CHARACTERS), 0x3000, dtype=">u2")
    codes[:, :USED] = random.choice(common, (CHUNK_RECORDS, USED))
    raw, chunks = codes.tobytes(), max(1, records // CHUNK_RECORDS)
    ours, bare = _interleave(
        rounds,
        lambda: [codec.decode(codes) for _ in range(chunks)],
        lambda: [raw.decode("utf-16-be") for _ in range(chunks)],
    )
    yield Ratio(
        what=f"decode {chunks * CHUNK_RECORDS:,} records × {CHARACTERS} J characters",
        ours_seconds=ours,
        bare_seconds=bare,
        bare="bytes.decode('utf-16-be')",
        goal=3,
    )

    names = random.choice(common, (100_000, 6))
    others = names.copy()
    at = random.integers(0, 6, len(names))
    others[np.arange(len(names)), at] = random.choice(coded["juki"].to_numpy(), len(names))
    pairs = pl.DataFrame({"left": codec.decode(names), "right": codec.decode(others)})
    ours, bare = _interleave(
        rounds, lambda: judge(pairs), lambda: pairs.select(pl.col("left").eq_missing(pl.col("right")))
    )
    yield Ratio(
        what="ladder over 100,000 differing names",
        ours_seconds=ours,
        bare_seconds=bare,
        bare="polars equality",
        goal=40,
    )


def _interleave(rounds: int, ours: Callable[[], object], bare: Callable[[], object]) -> tuple[float, float]:
    seconds: tuple[list[float], list[float]] = ([], [])
    ours(), bare()  # the tables are loaded once a process
    for _ in range(rounds):
        for taken, call in zip(seconds, (ours, bare), strict=True):
            started = time.perf_counter()
            call()
            taken.append(time.perf_counter() - started)
    return statistics.median(seconds[0]), statistics.median(seconds[1])

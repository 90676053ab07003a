"""Speed as a ratio to the bare operation on the same data (`make bench`)."""

import time
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from reconcile.characters import codec, tables
from reconcile.characters.ladder import judge

pytestmark = pytest.mark.bench

CODED = tables.mj().drop_nulls("juki")
COMMON = CODED.drop_nulls("policy")["juki"].to_numpy()
RANDOM = np.random.default_rng(20)


def _seconds(call: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def test_decoding_names_is_faster_than_decoding_each_value_as_utf_16(
    record_property: Callable[[str, object], None],
) -> None:
    values, width = 1_000_000, 20
    codes = RANDOM.choice(COMMON, (values, width)).astype(">u2")
    raw = codes.tobytes()
    size = 2 * width

    def each() -> pl.Series:
        texts = [raw[i : i + size].decode("utf-16-be") for i in range(0, len(raw), size)]
        return pl.Series(texts)

    ours, plain, whole = (
        _seconds(lambda: codec.decode(codes)),
        _seconds(each),
        _seconds(lambda: raw.decode("utf-16-be")),
    )
    record_property("decode / utf-16 of each value", ours / plain)
    record_property("decode / utf-16 in one piece, values not told apart", ours / whole)
    assert ours < plain


def test_a_hundred_thousand_differing_names_are_judged_within_two_seconds(
    record_property: Callable[[str, object], None],
) -> None:
    codes = RANDOM.choice(COMMON, (100_000, 6))
    other = codes.copy()
    other[np.arange(len(codes)), RANDOM.integers(0, 6, len(codes))] = RANDOM.choice(
        CODED["juki"].to_numpy(), len(codes)
    )
    pairs = pl.DataFrame({"left": codec.decode(codes), "right": codec.decode(other)})
    ours = _seconds(lambda: judge(pairs))
    record_property("judge, seconds", ours)
    assert ours < 2

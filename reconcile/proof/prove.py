"""What the run proves about itself before anything is counted: what was planted came back, and a second way agrees."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

import polars as pl

from reconcile.account import Checks, Found
from reconcile.decide import Gate
from reconcile.diff import DiffPlan
from reconcile.model import ROW, Dataset, Side
from reconcile.proof import oracle, sentinel
from reconcile.proof.profile import ColumnLimits, column_gates
from reconcile.search.check import Input

ROWS_AT_ONCE = 20_000
"""Rows that are Python objects at once."""


def with_sentinels(entry: Input, planted: pl.LazyFrame | None) -> Input:
    """A side with the planted records behind its own; as it is if there are none."""
    if planted is None:
        return entry
    count = planted.select(pl.len()).collect().item()
    return entry._replace(rows=pl.concat([entry.rows, planted]), sentinels=count)


def prove(
    inputs: Mapping[Side, Input],
    dataset: Dataset,
    this: DiffPlan,
    found: tuple[Mapping[Side, Checks], Found],
    rows_for_oracle: int,
) -> tuple[Mapping[Side, Checks], Found, tuple[Gate, ...]]:
    """Hold what was found against the sentinels and the plain comparison.

    Args:
        inputs: Both sides.
        dataset: Declares the sentinels.
        this: The plan.
        found: The checks of each side and what the comparison gave, sentinels included.
        rows_for_oracle: `Options.oracle`.

    Returns:
        The checks and what was found, without the sentinels, and the gates that were passed.

    Raises:
        BalanceError: E_SELFTEST or E_ORACLE: a fault of this program or of a layout. Nothing may be claimed.
    """
    checks, differences = found
    gates = []
    if rows_for_oracle:
        gates.append(_by_hand(inputs, dataset, this, found, rows_for_oracle))
    if any(entry.sentinels for entry in inputs.values()):
        rows = {side: entry.snapshot.rows for side, entry in inputs.items()}
        checks, differences, seen = sentinel.sift(dataset, rows, checks, differences)
        # The fields of the plan: what the two sides have, but of codes of different systems.
        names = tuple(one.name for one in this.fields.values())
        want = sentinel.expected(dataset, dict.fromkeys(Side, names))
        sentinel.assure(want, seen)
        count = len(want.differing) + sum(len(keys) for keys in want.only.values()) + len(want.repeated)
        gates.append(
            Gate(
                name="sentinels",
                passed=True,
                ja=f"試験用レコードの差異{count}件が全て、それだけ検出されたこと",
                en=f"exactly the {count} differences of the planted records were found",
            )
        )
    return checks, differences, tuple(gates)


def look_at_columns(
    inputs: Mapping[Side, Input], dataset: Dataset, this: DiffPlan, checks: Mapping[Side, Checks], limits: ColumnLimits
) -> tuple[Gate, ...]:
    """The gates of `profile.column_gates`, for the rows that take part and are no sentinels."""

    def departing(side: Side, name: str, value: str) -> int:
        entry = inputs[side]
        said = entry.canonical(dataset)[name].ne_missing(pl.lit(value))
        own = entry.rows.filter(pl.col(ROW) <= entry.snapshot.rows)
        return int(own.select(said.sum()).collect(engine="streaming").item())

    profiles = {side: checks[side].columns for side in Side}
    labels = {side: inputs[side].snapshot.called for side in Side}
    return tuple(column_gates(list(this.fields.values()), profiles, limits, departing, labels))


def _by_hand(
    inputs: Mapping[Side, Input],
    dataset: Dataset,
    this: DiffPlan,
    found: tuple[Mapping[Side, Checks], Found],
    most: int,
) -> Gate:
    """Compare once more in plain Python: every key, or one in so many that about `most` rows are looked at."""
    checks, differences = found
    rows = max(entry.snapshot.rows + entry.sentinels for entry in inputs.values())
    one_in = -(-rows // most)
    chosen = pl.concat_str(*this.key, separator="\0").hash(this.seed) % one_in == 0
    left, right = (_records(inputs[side], checks[side].rejects[ROW], dataset, this, chosen) for side in Side)
    engine = _outcome(differences, this, chosen)
    by_hand = oracle.compare(left, right, _closed(this))
    oracle.agree(engine if one_in == 1 else engine._replace(equal=None), by_hand)
    return Gate(
        name="oracle",
        passed=True,
        ja=f"別方式の比較({'全ての鍵' if one_in == 1 else f'鍵の{one_in}分の1'})と結果が一致すること",
        en=f"a plain comparison of {'every key' if one_in == 1 else f'one key in {one_in}'} came to the same",
    )


def _records(entry: Input, refused: pl.Series, dataset: Dataset, this: DiffPlan, chosen: pl.Expr) -> oracle.Records:
    """How the plain comparison reads a side: the canonical values, as Python's texts."""
    expressions = entry.canonical(dataset)
    keys, columns = list(this.key), list(this.fields)
    every = entry.rows.select(
        ROW,
        **{name: expressions[source] for name, source in this.key.items()},
        **{name: expressions[field.name] for name, field in this.fields.items()},
    )
    taking_part = every.filter(chosen & ~pl.col(ROW).is_in(refused.unique().implode()))

    def read(wanted: Collection[oracle.Key] | None) -> Iterator[oracle.Record]:
        rows = taking_part
        if wanted is not None:
            rows = rows.join(
                pl.LazyFrame(list(wanted), dict.fromkeys(keys, pl.String()), orient="row"), on=keys, how="semi"
            )
        for batch in rows.collect_batches(chunk_size=ROWS_AT_ONCE, maintain_order=True, engine="streaming"):
            texts = (zip(*(batch[name].to_list() for name in names), strict=True) for names in (keys, columns))
            yield from zip(batch[ROW].to_list(), *texts, strict=True)

    return read


def _closed(this: DiffPlan) -> Callable[[oracle.Values], bool]:
    """Whether a record, by its compared values, has ended."""
    if not this.state:
        return lambda _values: False
    at = list(this.fields).index(this.state)
    return lambda values: values[at] in this.closed


def _outcome(found: Found, this: DiffPlan, chosen: pl.Expr) -> oracle.Outcome:
    """What the engine found, of the chosen keys, as the plain comparison says it."""
    positions = {field.name: position for position, field in enumerate(this.fields.values())}
    values = found.values.filter(chosen)
    repeated = found.repeated.filter(chosen)
    pairs = values.select("left_row", "right_row").n_unique()
    return oracle.Outcome(
        equal=found.matched + found.mismatched - pairs,
        differing=frozenset(
            zip(
                values["left_row"],
                values["right_row"],
                values["field"].replace_strict(positions, return_dtype=pl.Int64) if values.height else [],
                strict=True,
            )
        ),
        only={side: frozenset(found.only[side].filter(chosen)[ROW]) for side in Side},
        left_over={side: int(repeated[f"{side}_over"].sum()) for side in Side},
        beside={side: int(repeated[f"{side}_beside"].sum()) for side in Side},
    )

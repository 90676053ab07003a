"""The calls, in order; the only module that knows all stages.

    extract -> Input                                          once a side, by the caller
    canonicalize -> validate -> fingerprint                   once a side, a batch at a time
    suspects -> fetch -> diff                                 both sides, a partition at a time
    account -> classify -> decide -> build                    once

A side is streamed once into plain numbers; the suspects are found among the numbers, and those rows alone are
fetched and compared value by value. The text of a record that is surely equal is never held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import polars as pl

from reconcile.account import SECOND, Checks, Found, account
from reconcile.canonicalize import UNDECLARED, canonical, undeclared
from reconcile.classify import Findings, classify
from reconcile.decide import Gate, check_balance, decide, gates_of
from reconcile.diff import Diff, DiffPlan, Suspects, diff, plan, suspects, swaps
from reconcile.diff.key_hints import key_hints
from reconcile.model import (
    HINTS,
    REJECTS,
    ROW,
    Balance,
    Dataset,
    Material,
    Report,
    Run,
    Side,
    SideReport,
    Snapshot,
    findings_schema,
    variants_schema,
)
from reconcile.report.build import summarize
from reconcile.rules.check_digit import CHECK_DIGITS
from reconcile.validate import validate

Progress = Callable[[str, int, int], None]
"""Called with the name of the step, what is done and what is to do."""

ROWS_PER_PARTITION = 250_000
"""Rows of one side whose fingerprints are sorted together: bounds the sort, not the result."""

SUSPECTS_PER_FETCH = 300_000
"""Suspects of one side that are held with all their text at once: bounds the memory of a bad night."""

ROWS_PER_BATCH = 100_000
"""Rows that are checked together, where a dataset declares checks."""


class Input(NamedTuple):
    """One side, ready to be read: what it is, and a lazy frame that yields ROW and its columns as text."""

    snapshot: Snapshot
    rows: pl.LazyFrame


def _silent(_step: str, _done: int, _total: int) -> None:
    """No progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the edge decides about a comparison; none of it changes the findings.

    `partitions` 0 chooses by size. `overlap_min` is the least share of the smaller side that must pair; below it the
    two are not the same population. `gates` are those that the edge has tried already (same bytes, municipality, …).
    """

    seed: int
    partitions: int = 0
    allow_empty: bool = False
    overlap_min: float = 0.0
    gates: tuple[Gate, ...] = ()
    progress: Progress = _silent


def reconcile(run: Run, dataset: Dataset, sides: tuple[Input, Input], options: Options) -> Report:
    """Compare two sides, left and right, and report.

    Raises:
        ConfigError: A key column is missing, or bears a name that the findings have.
        BalanceError: The rows do not add up.
    """
    inputs = dict(zip(Side, sides, strict=True))
    this = plan(dataset, *(entry.snapshot.columns for entry in sides), seed=options.seed)
    if not options.allow_empty and not all(side.snapshot.rows for side in inputs.values()):
        return _report(run, dataset, inputs, _nothing_compared(inputs), _no_findings(dataset), options)
    checks, prints = {}, {}
    for side, entry in inputs.items():
        prints[side], checks[side] = _check(entry, dataset, this, options.progress)
    found = _merge(list(_differences(inputs, prints, dataset, this, options)), list(this.key))
    rows = {side: entry.snapshot.rows for side, entry in inputs.items()}
    records = {side: entry.snapshot.preflight.records for side, entry in inputs.items()}
    material, balance = account(records, rows, checks, found)
    check_balance(balance)
    material = replace(material, hints=_hints(material, dataset, this), types=_types(inputs, this))
    return _report(run, dataset, inputs, balance, classify(material, dataset, run.site_key), options)


# -------------------------------------------------------------------------------------------------- one side: numbers


def _check(entry: Input, dataset: Dataset, this: DiffPlan, progress: Progress) -> tuple[pl.DataFrame, Checks]:
    """Stream one side: its fingerprints, and what is refused or noticed of single rows."""
    snapshot = entry.snapshot
    step = f"check {snapshot.side}"
    expressions = canonical(dataset, snapshot.layout, snapshot.columns)
    progress(step, 0, snapshot.rows)
    if dataset.schema is None:
        prints, rejects = _check_text(entry.rows, expressions, this)
        checks = Checks(rejects=rejects)
    else:
        parts = [
            _check_batch(batch, expressions, dataset, snapshot, this)
            for batch in _batches(entry.rows, snapshot.rows, step, progress)
        ]
        prints = pl.concat([part for part, _ in parts])
        checks = Checks.merge([part for _, part in parts])
    progress(step, snapshot.rows, snapshot.rows)
    return prints, checks.with_keys(lambda rows: _keys(entry, expressions, this, rows), dataset.second_key)


def _batches(rows: pl.LazyFrame, total: int, step: str, progress: Progress) -> Iterator[pl.DataFrame]:
    done = 0
    for batch in rows.collect_batches(chunk_size=ROWS_PER_BATCH, maintain_order=True, engine="streaming"):
        yield batch
        done += batch.height
        progress(step, done, total)


def _check_text(
    rows: pl.LazyFrame, expressions: dict[str, pl.Expr], this: DiffPlan
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """An ad-hoc side in one streamed query: nothing is declared of it but that a key is not blank."""
    blank = [expressions[source].fill_null("").str.strip_chars() == "" for source in this.key.values()]
    field = pl.coalesce(*(pl.when(b).then(pl.lit(s)) for b, s in zip(blank, this.key.values(), strict=True)))
    prints = rows.select(*this.fingerprint(expressions), field.alias("field")).collect(engine="streaming")
    refused = pl.col("field").is_not_null()
    rejects = prints.filter(refused).select(ROW, "field", check=pl.lit("null_key"))
    return prints.filter(~refused).drop("field"), rejects.match_to_schema(REJECTS)


def _check_batch(
    batch: pl.DataFrame, expressions: dict[str, pl.Expr], dataset: Dataset, snapshot: Snapshot, this: DiffPlan
) -> tuple[pl.DataFrame, Checks]:
    decoded = batch.select(ROW, **expressions)
    rejects = validate(decoded, dataset)
    if rejects.height:
        decoded = decoded.join(rejects, on=ROW, how="anti", maintain_order="left")
    columns = {name: pl.col(name) for name in expressions}
    wrong_digit = {
        f.name: pl.col(f.name).is_not_null() & ~CHECK_DIGITS[f.check_digit](pl.col(f.name))
        for f in dataset.fields
        if f.check_digit and f.name in columns
    }
    unknown = {
        name: pl.col(name).str.starts_with(UNDECLARED).fill_null(value=False)
        for name in undeclared(dataset, snapshot.layout)
    }
    checks = Checks(
        rejects=rejects,
        notices=pl.concat([_noticed(decoded, wrong_digit, "check_digit"), _noticed(decoded, unknown, "undeclared")]),
        second=_seconds(decoded, this.seed, dataset.second_key),
    )
    return decoded.select(this.fingerprint(columns)), checks


def _seconds(rows: pl.DataFrame, seed: int, second_key: str) -> pl.DataFrame:
    if second_key not in rows.columns:
        return pl.DataFrame(schema=SECOND)
    present = rows.filter(pl.col(second_key).is_not_null())
    return present.select(ROW, _second=pl.col(second_key).hash(seed))


def _noticed(rows: pl.DataFrame, tests: Mapping[str, pl.Expr], check: str) -> pl.DataFrame:
    frames = [
        rows.filter(test).select(ROW, field=pl.lit(name), check=pl.lit(check)).match_to_schema(REJECTS)
        for name, test in tests.items()
    ]
    return pl.concat(frames or [pl.DataFrame(schema=REJECTS)])


def _keys(entry: Input, expressions: dict[str, pl.Expr], this: DiffPlan, rows: pl.Series) -> pl.DataFrame:
    """ROW, the key, and `_second`, of the given rows."""
    key = [expressions[source].alias(name) for name, source in this.key.items()]
    second = expressions[this.fields[this.second].name] if this.second else pl.lit(None, pl.String)
    wanted = entry.rows.filter(pl.col(ROW).is_in(rows.implode()))
    return wanted.select(ROW, *key, second.alias("_second")).collect(engine="streaming")


# ----------------------------------------------------------------------------------------------- both sides: suspects


def _differences(
    inputs: Mapping[Side, Input],
    prints: dict[Side, pl.DataFrame],
    dataset: Dataset,
    this: DiffPlan,
    options: Options,
) -> Iterator[tuple[int, Diff]]:
    """A partition at a time: how many pairs are surely equal, and what comparing the suspects gave.

    Empties `prints` as soon as it is done with them: fetching the last suspects needs the memory.
    """
    partitions = options.partitions or 1 + max(f.height for f in prints.values()) // ROWS_PER_PARTITION
    held: list[Suspects] = []
    for number in range(partitions):
        mine = pl.col("_key") % partitions == number
        held.append(suspects(*(frame.filter(mine) if partitions > 1 else frame for frame in prints.values())))
        if number == partitions - 1:
            prints.clear()
        if not prints or sum(max(len(one.left), len(one.right)) for one in held) > SUSPECTS_PER_FETCH:
            yield sum(one.matched for one in held), _compare(inputs, held, dataset, this)
            held = []
        options.progress("compare", number + 1, partitions)


def _compare(inputs: Mapping[Side, Input], held: list[Suspects], dataset: Dataset, this: DiffPlan) -> Diff:
    left = _fetch(inputs[Side.LEFT], pl.concat([one.left for one in held]), dataset, this)
    right = _fetch(inputs[Side.RIGHT], pl.concat([one.right for one in held]), dataset, this)
    return diff(this, left, right)


def _fetch(entry: Input, rows: pl.Series, dataset: Dataset, this: DiffPlan) -> pl.DataFrame:
    """Suspects with all that is compared, canonical and raw."""
    snapshot = entry.snapshot
    expressions = canonical(dataset, snapshot.layout, snapshot.columns)
    wanted = entry.rows if len(rows) == snapshot.rows else entry.rows.filter(pl.col(ROW).is_in(rows.implode()))
    columns = this.select(expressions, decoded=snapshot.layout is not None)
    return wanted.select(ROW, *columns).collect(engine="streaming")


def _merge(parts: Sequence[tuple[int, Diff]], key: Sequence[str]) -> Found:
    every = [part for _, part in parts]
    return Found(
        only={
            Side.LEFT: pl.concat([part.only_left for part in every]),
            Side.RIGHT: pl.concat([part.only_right for part in every]),
        },
        repeated=pl.concat([part.repeated for part in every]),
        values=pl.concat([part.values for part in every]),
        swapped=swaps(pl.concat([part.people for part in every]), key),
        matched=sum(equal for equal, _ in parts) + sum(part.matched for part in every),
        mismatched=sum(part.mismatched for part in every),
    )


def _hints(material: Material, dataset: Dataset, this: DiffPlan) -> pl.DataFrame:
    """Why the keys of leftover rows found no partner; only a key of one part can be diagnosed."""
    if len(this.key) > 1:
        return pl.DataFrame(schema=HINTS)
    check_digit = next(field.check_digit for field in dataset.fields if field.key)
    hints = key_hints(*(material.only[side]["k0"] for side in Side), check_digit=check_digit)
    return hints.select("side", "key", "hint")


def _types(inputs: Mapping[Side, Input], this: DiffPlan) -> dict[str, str]:
    """Fields whose columns are of different types on the two sides: a difference may come from that alone."""
    left, right = (entry.snapshot.native for entry in inputs.values())
    names = [field.name for field in this.fields.values()]
    return {name: "type_differs" for name in names if left.get(name, "String") != right.get(name, "String")}


# ------------------------------------------------------------------------------------------------------------- report


def _report(
    run: Run,
    dataset: Dataset,
    inputs: Mapping[Side, Input],
    balance: Mapping[Side, Balance],
    findings: Findings,
    options: Options,
) -> Report:
    gates = (*options.gates, *gates_of(balance, allow_empty=options.allow_empty, overlap_min=options.overlap_min))
    verdict = decide(gates, balance, findings.findings.height)
    sides = {
        side: SideReport(label=entry.snapshot.label, balance=balance[side], preflight=entry.snapshot.preflight)
        for side, entry in inputs.items()
    }
    said = [
        {"gate": g.name, "outcome": "passed" if g.passed else "failed", "detail": g.ja, "en": g.en} for g in gates
    ]
    return Report(
        run=run,
        dataset=dataset,
        verdict=verdict,
        sides=sides,
        findings=findings.findings,
        variants=findings.variants,
        summary=summarize(run, dataset, verdict, sides, findings.findings, findings.variants, said),
    )


def _nothing_compared(inputs: Mapping[Side, Input]) -> dict[Side, Balance]:
    return {
        side: Balance(
            records=entry.snapshot.preflight.records,
            rows=entry.snapshot.rows,
            out_of_scope=0,
            rejected=0,
            duplicate=0,
            matched=0,
            mismatched=0,
            only=0,
        )
        for side, entry in inputs.items()
    }


def _no_findings(dataset: Dataset) -> Findings:
    return Findings(
        findings=pl.DataFrame(schema=findings_schema(dataset.key)),
        variants=pl.DataFrame(schema=variants_schema(dataset.key)),
    )

"""The calls, in order; the only module that knows all stages.

    extract -> Input                                          once a side, by the caller
    canonicalize -> validate -> fingerprint                   once a side, a batch at a time
    suspects -> fetch -> diff                                 both sides, a partition at a time
    account -> explain -> classify -> track -> overall -> decide -> build  once

A side is streamed once into plain numbers; the suspects are found among the numbers, and those rows alone are
fetched and compared value by value. The text of a record that is surely equal is never held.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from reconcile.account import Checks, Found, account
from reconcile.classify import Findings, classify, identified
from reconcile.classify.characters import PAIRS
from reconcile.decide import Gate, check_balance, decide, gates_of, remedy
from reconcile.diff import Diff, DiffPlan, plan, swaps
from reconcile.diff.key_hints import key_hints
from reconcile.errors import ConfigError
from reconcile.explain import paired_leftovers, reasons, settle, undeclared_values, with_components, with_disorder
from reconcile.items import composed, not_compared, other_systems
from reconcile.machine.budget import Budget, budget
from reconcile.model import (
    HINTS,
    ROW,
    Balance,
    Dataset,
    Limits,
    Material,
    Memory,
    Overall,
    Report,
    Run,
    Side,
    SideReport,
    Tracked,
    findings_schema,
    plain,
    variants_schema,
)
from reconcile.nights.follow import follow
from reconcile.overall import Seen, overall
from reconcile.overall import said as said_of
from reconcile.proof.profile import ColumnLimits
from reconcile.proof.prove import look_at_columns, prove
from reconcile.report.ageing import ageing
from reconcile.report.build import summarize
from reconcile.search.check import Input, Progress, check
from reconcile.search.differences import Work, differences
from reconcile.search.prints import Prints
from reconcile.survey import apart, decoded_once, instant, without
from reconcile.survey import records as records_of


def _silent(_step: str, _done: int, _total: int) -> None:
    """No progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the edge decides about a comparison; none of it changes the findings.

    `partitions` 0 chooses by size. `work` is a folder for the fingerprints of sides that have too many for memory; None
    keeps them there. `memory_limit` is what the whole process may hold, in bytes, 0 for no limit. `overlap_min` is the
    least share of the smaller side that must pair; below it the two are not the same population. `gates` are those that the edge has tried already (same bytes, municipality, …).
    `approved` maps a field to the approved identifications that apply to it. `tables` names the tables that decided
    (characters, approvals, 外字) by version or digest, for the report. `oracle` is the number of rows up to which the
    plain comparison looks at every key, and above which at a share of them; 0 for none. `limits` are the thresholds of
    alarms and causes, `previous_rates` the shares of truly mismatched persons in earlier runs, oldest first. With a
    `memory` of the nights before, the findings are tracked, and what stays "on its way" for too long is raised. With
    `columns` the columns as a whole are gates, too.
    """

    seed: int
    partitions: int = 0
    work: Path | None = None
    memory_limit: int = 0
    allow_empty: bool = False
    overlap_min: float = 0.0
    gates: tuple[Gate, ...] = ()
    approved: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    previous_rates: tuple[float, ...] = ()
    progress: Progress = _silent
    oracle: int = 0
    memory: Memory | None = None
    columns: ColumnLimits | None = None


class Comparison(NamedTuple):
    """A comparison that is ready to be made: the arguments of `reconcile`."""

    run: Run
    dataset: Dataset
    inputs: Mapping[Side, Input]
    options: Options


Search = Callable[
    [Mapping[Side, Input], Dataset, DiffPlan, Options], tuple[Mapping[Side, Checks], Sequence[tuple[int, Diff]]]
]
"""What looks at every row: the checks of each side, and per partition how many pairs are surely equal and the rest."""


def search(
    inputs: Mapping[Side, Input], dataset: Dataset, this: DiffPlan, options: Options
) -> tuple[Mapping[Side, Checks], Sequence[tuple[int, Diff]]]:
    """The `Search` of one machine: both sides streamed in turn, then a partition at a time."""
    held = budget(options.memory_limit, len(this.fields), pl.thread_pool_size())
    work = Work(inputs, dataset, this, held, lambda: _prints(inputs, options, held), options.progress)
    printed = {side: entry.printed.prints for side, entry in inputs.items() if entry.printed}
    prints = printed if len(printed) == len(Side) else work.prints()
    checks = {side: check(entry, dataset, this, prints[side], options.progress) for side, entry in inputs.items()}
    return checks, list(differences(work, prints))


def reconcile(
    run: Run, dataset: Dataset, sides: tuple[Input, Input], options: Options, search: Search = search
) -> Report:
    """Compare two sides, left and right, and report.

    Args:
        run: Which run this is.
        dataset: What is compared.
        sides: Left and right.
        options: What the edge decides.
        search: Who looks at every row: this process, or a cluster.

    Raises:
        ConfigError: A key column is missing, or bears a name that the findings have.
        BalanceError: The rows do not add up.
    """
    inputs = {
        side: decoded_once(entry, dataset) for side, entry in composed(dict(zip(Side, sides, strict=True))).items()
    }
    local = other_systems(inputs, dataset)
    left, right = (tuple(name for name in entry.snapshot.columns if name not in local) for entry in sides)
    this = replace(plan(dataset, left, right, options.seed), approved=options.approved)
    _check_key_types(inputs, dataset)
    at = instant(inputs, run.as_of)
    outside = apart(inputs, dataset, at)
    if not options.allow_empty and not all(
        entry.snapshot.rows > outside[side].height for side, entry in inputs.items()
    ):
        nothing = _nothing_compared(inputs, outside)
        findings, tracked = _followed(run, dataset, (inputs, inputs), (nothing, _no_findings(dataset)), options)
        return _report(run, dataset, inputs, (nothing, findings, Overall(), tracked), options)
    everything = inputs
    inputs = {side: without(entry, outside[side]) for side, entry in inputs.items()}
    checks, parts = search(inputs, dataset, this, options)
    found = _merge(parts, list(this.key))
    del parts  # as many values again, where a column differs everywhere
    columns = {side.value: {name: one.told for name, one in checks[side].columns.items()} for side in Side}
    of_columns = look_at_columns(inputs, dataset, this, checks, options.columns) if options.columns else ()
    checks, found, gates = prove(inputs, dataset, this, (checks, found), options.oracle)
    options = replace(options, gates=(*options.gates, *of_columns, *gates))
    checks = {**checks, Side.RIGHT: with_disorder(checks[Side.RIGHT], inputs[Side.RIGHT], dataset, this)}
    found = settle(found, inputs, dataset, this)
    found = replace(found, values=with_components(found.values, inputs, dataset))
    rows = {side: entry.snapshot.rows for side, entry in inputs.items()}
    records = {side: entry.snapshot.preflight.records for side, entry in inputs.items()}
    material, balance = account(records, rows, checks, found, {side: gone.height for side, gone in outside.items()})
    check_balance(balance)
    material = paired_leftovers(inputs, material, dataset, this)
    material = replace(material, hints=_hints(material, dataset, this), types=_types(inputs, this))
    material = replace(material, reasons=reasons(inputs, material, dataset, this, run.as_of))
    undeclared = undeclared_values(inputs, material, dataset)
    findings = classify(material, dataset, options.approved)
    del found, material  # and again
    findings = identified(findings, dataset, run.site_key)
    findings, tracked = _followed(run, dataset, (everything, inputs), (balance, findings), options)
    own = {side: records_of(entry) for side, entry in inputs.items()}
    seen = Seen(inputs=own, balance=balance, outside=outside, findings=findings, fields=len(this.fields), at=at)
    whole = overall(seen, dataset, options.limits, options.previous_rates)
    report = _report(run, dataset, inputs, (balance, findings, whole, tracked), options)
    summary = {**report.summary, "undeclared": undeclared}
    return replace(report, summary=summary | ({"columns": columns} if options.columns else {}))


# ----------------------------------------------------------------------------------------------- both sides: suspects


def _prints(inputs: Mapping[Side, Input], options: Options, held: Budget) -> dict[Side, Prints]:
    largest = max(entry.snapshot.rows for entry in inputs.values())
    partitions = held.partitions(largest) if options.work else 1
    spilled = options.work if partitions > 1 else None
    return {side: Prints(options.partitions or partitions, spilled) for side in inputs}


def _merge(parts: Sequence[tuple[int, Diff]], key: Sequence[str]) -> Found:
    every = [part for _, part in parts]
    return Found(
        only={
            Side.LEFT: pl.concat([part.only_left for part in every]),
            Side.RIGHT: pl.concat([part.only_right for part in every]),
        },
        repeated=pl.concat([part.repeated for part in every]),
        # In one piece: beside columns of other pieces the whole frame would be copied.
        values=pl.concat([part.values for part in every], rechunk=True),
        swapped=swaps(pl.concat([part.people for part in every]), key),
        matched=sum(equal for equal, _ in parts) + sum(part.matched for part in every),
        mismatched=sum(part.mismatched for part in every),
    )


def _hints(material: Material, dataset: Dataset, this: DiffPlan) -> pl.DataFrame:
    """Why the keys of leftover rows found no partner; only a key of one part can be diagnosed."""
    if len(this.key) > 1:
        return pl.DataFrame(schema=HINTS)
    check_digit = next(field.check_digit for field in dataset.fields if field.key)
    left, right = (material.only[side]["k0"] for side in Side)
    hints = key_hints(left, right, check_digit)
    return hints.select("side", "key", "hint")


def _check_key_types(inputs: Mapping[Side, Input], dataset: Dataset) -> None:
    """Refuse a key that is text here and a number there: "0123" and 123 must neither pair nor silently not pair.

    Raises:
        ConfigError: E_KEY_TYPE.
    """
    left, right = (entry.snapshot.native for entry in inputs.values())
    for name in dataset.key:
        types = [side.get(name, "String") for side in (left, right)]
        if len({_kind_of_type(one) for one in types}) > 1:
            raise ConfigError(
                f"key {name}",
                f"got {types[0]} on the left and {types[1]} on the right, expected one type",
                hint="declare the key type: write both sides as text",
                code="E_KEY_TYPE",
            )


def _kind_of_type(name: str) -> str:
    if name.startswith(("String", "Categorical", "Enum")):
        return "text"
    return "number" if name.startswith(("Int", "UInt", "Float", "Decimal")) else name


def _types(inputs: Mapping[Side, Input], this: DiffPlan) -> dict[str, str]:
    """Fields whose columns are of different types on the two sides: a difference may come from that alone."""
    left, right = (entry.snapshot.native for entry in inputs.values())
    names = [field.name for field in this.fields.values()]
    return {name: "type_differs" for name in names if left.get(name, "String") != right.get(name, "String")}


# ------------------------------------------------------------------------------------------------------------- report


def _gates(balance: Mapping[Side, Balance], options: Options) -> tuple[Gate, ...]:
    return (
        *options.gates,
        *gates_of(balance, allow_empty=options.allow_empty, overlap_min=options.overlap_min),
    )


def _todo(gate: str) -> dict[str, str]:
    found = remedy(gate)
    return {"code": found.code, "todo": found.ja, "todo_en": found.en}


def _followed(
    run: Run,
    dataset: Dataset,
    inputs: tuple[Mapping[Side, Input], Mapping[Side, Input]],
    found: tuple[Mapping[Side, Balance], Findings],
    options: Options,
) -> tuple[Findings, Tracked | None]:
    """The findings against the nights before; `inputs` with and without the rows that are out of scope."""
    balance, findings = found
    if options.memory is None:
        return findings, None
    findings = findings._replace(findings=plain(findings.findings), variants=plain(findings.variants))
    verdict = decide(_gates(balance, options), balance, findings.findings.height)
    raised, tracked = follow(run, dataset, inputs, (findings.findings, verdict), options.memory)
    return findings._replace(findings=raised), tracked


def _report(
    run: Run,
    dataset: Dataset,
    inputs: Mapping[Side, Input],
    found: tuple[Mapping[Side, Balance], Findings, Overall, Tracked | None],
    options: Options,
) -> Report:
    balance, findings, whole, tracked = found
    gates = _gates(balance, options)
    verdict = decide(gates, balance, findings.findings.height + len(whole.alarms))
    sides = {
        side: SideReport(label=entry.snapshot.label, balance=balance[side], preflight=entry.snapshot.preflight)
        for side, entry in inputs.items()
    }
    said = [{"gate": g.name, "outcome": "passed" if g.passed else "failed", "detail": g.ja, "en": g.en} for g in gates]
    said = [one if one["outcome"] == "passed" else one | _todo(one["gate"]) for one in said]
    summary = summarize(
        run, dataset, verdict, sides, findings=findings.findings, variants=findings.variants, gates=said
    )
    summary |= said_of(whole, dataset)
    summary["not_compared"] = not_compared(inputs, dataset)
    summary["tables"] = dict(options.tables)
    summary["character_pairs"] = findings.characters.to_dicts()
    if tracked is not None:
        summary["history"] = ageing(tracked.standing)
    return Report(
        run=run,
        dataset=dataset,
        verdict=verdict,
        sides=sides,
        findings=findings.findings,
        variants=findings.variants,
        summary=summary,
        tracked=tracked,
        context=_context(inputs, dataset, findings.findings),
        overall=whole,
    )


def _context(inputs: Mapping[Side, Input], dataset: Dataset, findings: pl.DataFrame) -> pl.DataFrame | None:
    """What a list shows beside a key: the office's own number of the person, and whether they are protected."""
    if not dataset.list_key or not dataset.protected or findings.is_empty():
        return None
    known = []
    for side, entry in inputs.items():
        expressions = entry.canonical(dataset)
        if dataset.list_key not in expressions or dataset.protected not in expressions:
            continue
        rows = findings[f"{side}_row"].drop_nulls().unique().sort()
        protected = expressions[dataset.protected] != "0"  # null stays unknown, and unknown is hidden
        columns = [expressions[name].alias(name) for name in dataset.key]
        columns += [expressions[dataset.list_key].alias("list_key"), protected.alias("protected")]
        known.append(entry.rows.filter(pl.col(ROW).is_in(rows.implode())).select(*columns).collect(engine="streaming"))
    if not known:
        return None
    # Where a key stands twice, one row that is protected or unknown hides them all.
    people = pl.concat(known).sort(pl.col("protected").fill_null(value=True), descending=True, maintain_order=True)
    return people.unique(list(dataset.key), keep="first", maintain_order=True)


def _nothing_compared(inputs: Mapping[Side, Input], outside: Mapping[Side, pl.DataFrame]) -> dict[Side, Balance]:
    return {
        side: Balance(
            records=entry.snapshot.preflight.records,
            rows=entry.snapshot.rows,
            out_of_scope=outside[side].height,
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
        characters=pl.DataFrame(schema=PAIRS),
    )

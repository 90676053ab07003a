"""What tonight proves of the findings that it no longer has, and where every finding stands against the nights before.

A key without a finding was compared and found equal, or stands on neither side, or could not be compared; only the
first two end a difference. Which of them it is, is asked of both sides' keys: for the few people concerned, by keyed
hash, because the memory of the nights before knows nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from reconcile.classify.business_days import holidays
from reconcile.items import unproven
from reconcile.model import PERSONS, Dataset, Memory, Proof, Run, Side, Tracked, Verdict
from reconcile.nights.pseudonym import pseudonyms
from reconcile.search.check import Input
from reconcile.track import track

Sides = Mapping[Side, Input]

_OF_A_PAIR = "^(value|check_digit_.*|shared_.*|undeclared_.*|doubtful_.*|code_range_.*|town_.*|disordered_.*)$"
"""Kinds that leave a pair compared in all its fields; every other kind, known or not, proves nothing of its key."""


def follow(
    run: Run, dataset: Dataset, inputs: tuple[Sides, Sides], found: tuple[pl.DataFrame, Verdict], memory: Memory
) -> tuple[pl.DataFrame, Tracked]:
    """Track tonight's findings.

    Args:
        run: Gives the night and the site's key.
        dataset: Gives the key.
        inputs: Both sides, for their keys: with, and without, the rows that are out of scope.
        found: `findings_schema`, and what the run may claim.
        memory: The nights before.

    Returns:
        The findings, those that are "on their way" for too long with the severity that they are raised to; and where
        each of them stands.
    """
    findings, verdict = found
    key = list(dataset.key)
    people = pseudonyms(findings.select(key), dataset.name, run.site_key).alias("person")
    tonight = findings.with_columns(people)
    ours = ~pl.col("resolved") & ~pl.col("finding_id").is_in(sorted(memory.earlier))
    gone = memory.before.filter(ours).join(tonight, on="finding_id", how="anti")
    proof = Proof(conclusive=False)
    if verdict.claims:
        proof = _proof(run, dataset, inputs, tonight, gone.select("person").drop_nulls().unique())
        proof = replace(proof, earlier=memory.earlier)
    known = tonight.select("finding_id", "person", "field", "code", "severity")
    tracked = track(known, memory, proof, run.as_of.date(), holidays())
    raised = tracked.standing.filter("promoted").select("finding_id", "severity")
    return findings.update(raised, on="finding_id"), tracked


def _proof(
    run: Run, dataset: Dataset, inputs: tuple[Sides, Sides], tonight: pl.DataFrame, asked: pl.DataFrame
) -> Proof:
    """What becomes of the people asked for: PERSONS."""
    if asked.is_empty():
        return Proof(conclusive=True)
    key = list(dataset.key)
    blocked = tonight.filter(~pl.col("kind").str.contains(_OF_A_PAIR)).select("person").drop_nulls()
    free = asked.join(blocked, on="person", how="anti")
    everything, in_scope = inputs
    # A record that is declared out of scope was not compared, and is not absent either.
    here = {side: free.join(_people(run, dataset, entry), on="person", how="semi") for side, entry in in_scope.items()}
    # A row whose key cannot be read may be anybody's: while there is one, nobody is proven absent.
    nameless = pl.any_horizontal(pl.col(name).is_null() for name in key) | pl.col("field").is_in(key)
    refused = tonight.filter(pl.col("kind").str.starts_with("reject_") & nameless.fill_null(value=False))
    left, right = here[Side.LEFT], here[Side.RIGHT]
    outside = [_people(run, dataset, entry) for side, entry in everything.items() if entry is not in_scope[side]]
    present = pl.concat([left, right, *outside]).unique()
    return Proof(
        conclusive=True,
        compared=left.join(right, on="person", how="semi"),
        absent=free.join(present, on="person", how="anti") if refused.is_empty() else pl.DataFrame(schema=PERSONS),
        not_compared=unproven(in_scope, dataset),
    )


def _people(run: Run, dataset: Dataset, entry: Input) -> pl.DataFrame:
    """PERSONS of one side."""
    expressions = entry.canonical(dataset)
    keys = entry.rows.select(expressions[name].alias(name) for name in dataset.key).collect(engine="streaming")
    return pl.DataFrame({"person": pseudonyms(keys, dataset.name, run.site_key)}, schema=PERSONS)

"""The ids of the history under another site key: neither a person's nor a finding's can be undone, so they are met again.

    key of tonight  --old key-->  person  =  a person of the ledger      ->  --new key-->  person
    key, field, kind, number  --old key-->  id  =  an id of the ledger   ->  --new key-->  id

The ledger knows a finding's person and field; its kind and its number among its like are tried until the id is met.
Pure: the ledger's rows, both sides and both keys are arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from reconcile.classify.identify import GROUPS, KINDS, id_of, message, numbered
from reconcile.model import LINKS, Dataset, Side
from reconcile.nights.pseudonym import pseudonyms
from reconcile.search.check import Input

PAIRS_AT_ONCE = 20_000
"""Persons and fields whose ids are tried together: some thirty messages each."""

_KINDS = pl.DataFrame({"kind": sorted({GROUPS.get(kind, kind) for kind in KINDS})})


def relink(
    breaks: pl.DataFrame, inputs: Mapping[Side, Input], dataset: Dataset, keys: tuple[bytes, bytes]
) -> pl.DataFrame:
    """Recognize findings under the old key, and name them under the new one.

    Args:
        breaks: BREAKS, all of it made under the old key.
        inputs: Both sides as they stand tonight, whole.
        dataset: Gives the key.
        keys: The old and the new key, 32 bytes each.

    Returns:
        LINKS. A finding whose key stands on neither side is not among them.
    """
    old, new = keys
    key = [f"k{place}" for place in range(len(dataset.key))]
    here = _here(breaks, inputs, dataset, old)
    here = here.with_columns(pseudonyms(here.select(key), dataset.name, new).alias("new_person"))
    pairs = here.join(breaks.select("person", "field").unique(), on="person", nulls_equal=True)
    found = [
        part
        for some in pairs.iter_slices(PAIRS_AT_ONCE)
        for part in _met(breaks.select("finding_id"), some, (key, dataset.name), keys)
    ]
    return pl.concat([pl.DataFrame(schema=LINKS), *found]).unique("finding_id")


def _here(breaks: pl.DataFrame, inputs: Mapping[Side, Input], dataset: Dataset, old: bytes) -> pl.DataFrame:
    """The keys of tonight that the ledger has findings of: `k0`, …, `person`; and the key of records without one."""
    key = [f"k{place}" for place in range(len(dataset.key))]
    known = breaks.select("person").unique()
    nobody = pl.DataFrame([(None,) * (len(key) + 1)], schema=dict.fromkeys((*key, "person"), pl.String), orient="row")
    frames = [nobody.join(known, on="person", how="semi", nulls_equal=True)]
    for entry in inputs.values():
        expressions = entry.canonical(dataset)
        columns = (expressions[name].alias(k) for k, name in zip(key, dataset.key, strict=True))
        rows = entry.rows.select(*columns).unique().collect(engine="streaming")
        people = rows.with_columns(pseudonyms(rows, dataset.name, old).alias("person"))
        frames.append(people.join(known, on="person", how="semi", nulls_equal=True))
    return pl.concat(frames).unique()


def _met(
    ids: pl.DataFrame, pairs: pl.DataFrame, of: tuple[list[str], str], keys: tuple[bytes, bytes]
) -> Iterator[pl.DataFrame]:
    """LINKS of the findings of some persons and fields, number by number.

    The numbers of one kind follow each other without a gap: whoever is the third was seen with the second.
    """
    old, new = keys
    tried = pairs.join(_KINDS, how="cross").select("new_person", message=message(*of))
    number = 0
    while tried.height:
        text = numbered(pl.col("message"), pl.lit(number)) if number else pl.col("message")
        tried = tried.with_columns(text=text)
        met = tried.with_columns(id_of(tried["text"], old)).join(ids, on="finding_id", how="semi")
        yield met.with_columns(id_of(met["text"], new).alias("new_id")).select(LINKS.names())
        tried, number = met.select("new_person", "message"), number + 1

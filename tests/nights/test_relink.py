"""Ids under another key: every kind, every number, every form of key is met again, and nothing else is."""

from __future__ import annotations

import polars as pl
import pytest

from reconcile.api import _frame, ad_hoc
from reconcile.classify.identify import KINDS, finding_ids
from reconcile.model import BREAKS, LINKS, Dataset, Side
from reconcile.nights.pseudonym import pseudonyms
from reconcile.nights.relink import relink
from reconcile.report.wording import _KINDS
from reconcile.search.check import Input
from schemas.identity_record import DATASET

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
PARTS = ["a", "b"]
FIELDS = (None, "name", "a")


def under(found: pl.DataFrame, dataset: Dataset, key: bytes) -> pl.DataFrame:
    """What a night would remember of findings: the id, the person."""
    people = pseudonyms(found.select(PARTS), dataset.name, key)
    return found.select("field", finding_id=finding_ids(found, PARTS, dataset.name, key), person=people)


def remembered(rows: pl.DataFrame) -> pl.DataFrame:
    absent = {name: pl.lit(None, dtype) for name, dtype in BREAKS.items() if name not in rows.columns}
    return rows.with_columns(**absent).select(BREAKS.names())


def two_sides(
    left: list[tuple[str | None, ...]], right: list[tuple[str | None, ...]]
) -> tuple[dict[Side, Input], Dataset]:
    frames = (pl.DataFrame(rows, schema=dict.fromkeys(PARTS, pl.String), orient="row") for rows in (left, right))
    inputs = {
        side: _frame(side, frame.with_columns(name=pl.lit("-"))) for side, frame in zip(Side, frames, strict=True)
    }
    return inputs, ad_hoc(PARTS, *(one.snapshot for one in inputs.values()))


def test_every_kind_that_has_a_name_is_tried() -> None:
    """The list of kinds is that of the words for them; and every kind that a dataset gives a code is among them."""
    assert sorted(KINDS) == sorted(_KINDS)
    of_findings = {kind for kind in DATASET.codes if kind.endswith(("_left", "_right"))}
    assert of_findings <= set(KINDS)


@pytest.mark.parametrize("at_once", [1, 20_000])
def test_every_kind_number_and_key_is_met_and_named_as_the_new_key_would(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """The oracle names the same findings under both keys, as two sites would have done on the same night."""
    monkeypatch.setattr("reconcile.nights.relink.PAIRS_AT_ONCE", at_once)
    keys: list[tuple[str | None, ...]] = [("1", "23"), ("12", "3"), ("1", None), (None, "1"), (None, None)]
    inputs, dataset = two_sides(keys[:3], keys[2:])
    rows = [(*key, field, kind) for key in keys for field in FIELDS for kind in KINDS]
    rows += [(None, None, "a", "reject_left")] * 40 + [("1", "23", "name", "check_digit_left")] * 2
    found = pl.DataFrame(rows, schema=dict.fromkeys((*PARTS, "field", "kind"), pl.String), orient="row")
    old, new = (under(found, dataset, key) for key in (OLD, NEW))

    links = relink(remembered(old), inputs, dataset, (OLD, NEW))

    assert links.schema == LINKS
    expected = pl.DataFrame([old["finding_id"], new["finding_id"].alias("new_id"), new["person"].alias("new_person")])
    assert links.sort("finding_id").equals(expected.sort("finding_id"))
    assert links.height == len(rows)


def test_who_is_on_neither_side_and_what_another_key_made_is_not_met() -> None:
    inputs, dataset = two_sides([("1", "1")], [("2", "2")])
    found = pl.DataFrame(
        [("1", "1", "name", "value"), ("3", "3", "name", "value")],
        schema=dict.fromkeys((*PARTS, "field", "kind"), pl.String),
        orient="row",
    )
    old = under(found, dataset, OLD)
    assert (
        relink(remembered(old), inputs, dataset, (OLD, NEW))["finding_id"].to_list() == old["finding_id"][:1].to_list()
    )
    assert relink(remembered(old), inputs, dataset, (NEW, OLD)).is_empty()
    assert relink(remembered(old.clear()), inputs, dataset, (OLD, NEW)).is_empty()

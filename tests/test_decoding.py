"""A column that is decoded by a table of its values says what it says decoded row by row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.canonicalize import by_value
from reconcile.config import load_layout
from reconcile.model import Layout, Preflight, Side, Snapshot
from reconcile.search.check import Input
from reconcile.survey import decoded_once
from schemas import identity_record

# Digits of every era and length, code-like words, blanks, and what no code list has.
VALUES = st.sampled_from(
    ["1", "2", "02", "131075", "13107", "131076", "3010101", "4310000", "5020229", "S310101", "S31.01.01", "20260229"]
) | st.none() | st.sampled_from(["", " ", "　", "ｱ", "山田", "未定義:1", "0", "99", "東京都墨田区向島一丁目"]) | st.text(max_size=4)  # fmt: skip


def side(layout: Layout, rows: list[list[str | None]], older: list[list[str | None]]) -> Input:
    names = tuple(column.name for column in layout.columns)
    schema = dict.fromkeys(names, pl.String)
    found = Preflight(records=len(rows), source_bytes=1, sha256="")
    snapshot = Snapshot(
        side=Side.LEFT, label="", path=Path(), columns=names, rows=len(rows), preflight=found, layout=layout
    )
    current, history = (pl.DataFrame(some, schema=schema, orient="row") for some in (rows, older))
    return Input(snapshot, current.with_row_index("_row", 1).lazy(), history=history.lazy())


@pytest.mark.parametrize("name", ["cs_fixed", "register_table"])
@given(data=st.data())
def test_the_table_says_what_the_rules_say_of_every_row_and_of_every_older_row(name: str, data: st.DataObject) -> None:
    layout = load_layout(identity_record.__name__, name)
    width = len(layout.columns)
    row = st.lists(VALUES, min_size=width, max_size=width)
    few = data.draw(st.lists(row, min_size=1, max_size=3))
    rows = few * 14
    by_rule = side(layout, rows, data.draw(st.lists(row, max_size=2)))
    by_table = decoded_once(by_rule, identity_record.DATASET)
    assert by_table.known
    for frame in (by_rule.rows, by_rule.history):
        assert frame is not None
        expected = frame.select(**by_rule.canonical(identity_record.DATASET)).collect()
        assert frame.select(**by_table.canonical(identity_record.DATASET)).collect().equals(expected)


def test_a_column_of_many_values_keeps_its_rules() -> None:
    layout = load_layout(identity_record.__name__, "cs_fixed")
    width = len(layout.columns)
    assert decoded_once(side(layout, [[str(i)] * width for i in range(40)], []), identity_record.DATASET).known == {}
    same = side(layout, [["1"] * width] * 40, [])
    decoded = {one.name for one in layout.columns if one.decode} & {one.name for one in identity_record.DATASET.fields}
    assert set(decoded_once(same, identity_record.DATASET).known) == decoded


def test_a_side_without_a_layout_has_nothing_to_decode() -> None:
    layout = load_layout(identity_record.__name__, "cs_fixed")
    plain = side(layout, [["1"] * len(layout.columns)], [])
    plain = plain._replace(snapshot=replace(plain.snapshot, layout=None))
    assert decoded_once(plain, identity_record.DATASET) is plain


def test_a_value_that_the_table_does_not_have_is_no_blank() -> None:
    table = by_value(pl.DataFrame({"sex": ["1", None], "decoded": ["男", None]}))
    assert pl.DataFrame({"sex": ["1", None]}).select(table)["sex"].to_list() == ["男", None]
    with pytest.raises(pl.exceptions.InvalidOperationError):
        pl.DataFrame({"sex": ["1", "2"]}).select(table)

"""What each profile takes out of a report, by itself: cell by cell, from the table of `architecture.md` §8."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from reconcile.errors import ConfigError
from reconcile.model import Report, Secrecy, findings_schema, variants_schema
from reconcile.report.profiles import PROFILES, READERS, for_reader
from schemas.identity_record import DATASET

FIELD_OF = {field.secrecy: field.name for field in DATASET.compared}
SHOWN = {
    "worklist": {Secrecy.OPEN, Secrecy.PERSONAL, Secrecy.SPECIAL},
    "council": set(),
    "contractor": set(),
    "audit": {Secrecy.OPEN},
}
NAMES, IDS = {"worklist"}, {"worklist", "audit"}


@pytest.fixture
def planted(make: Callable[..., Report]) -> Report:
    """A finding and a variant of every class of secrecy, and one about the record, of people out of order."""
    keys = ["30", "10", None, "20", "10"]
    fields = [*FIELD_OF.values(), None]
    frames = {
        name: pl.DataFrame(
            [
                {
                    **dict.fromkeys(schema),
                    **{
                        column: value
                        for column, value in {
                            "finding_id": f"id{number}", "juminhyo_code": key, "kind": "value", "field": field,
                            "left_raw": f"l{number}", "right_raw": f"r{number}", "left_row": number, "right_row": 9,
                            "hint": f"h{number}", "rule": "fold_width",
                        }.items()
                        if column in schema
                    },
                }
                for number, (key, field) in enumerate(zip(keys, fields, strict=True))
            ],
            schema,
        )
        for name, schema in (("findings", findings_schema(DATASET.key)), ("variants", variants_schema(DATASET.key)))
    }  # fmt: skip
    return make(**frames, context=pl.DataFrame({"juminhyo_code": ["10"]}))


def test_every_class_of_secrecy_is_tried() -> None:
    assert set(FIELD_OF) == set(Secrecy)
    assert set(PROFILES) == set(SHOWN)


@pytest.mark.parametrize("profile", SHOWN)
@pytest.mark.parametrize("frame", ["findings", "variants"])
def test_a_cell_is_shown_or_null_as_the_profile_says(planted: Report, profile: str, frame: str) -> None:
    before: pl.DataFrame = getattr(planted, frame)
    after: pl.DataFrame = getattr(for_reader(planted, profile), frame)
    assert after.schema == before.schema
    shown = [secrecy in SHOWN[profile] for secrecy in FIELD_OF] + [False]
    for side in ("left_raw", "right_raw"):
        assert after[side].to_list() == [
            value if may else None for value, may in zip(before[side], shown, strict=True)
        ], side
    keys = before["juminhyo_code"].to_list() if profile in NAMES else ["3", "1", None, "2", "1"]
    assert after["juminhyo_code"].to_list() == keys
    for name, may in (("hint", profile in NAMES), ("finding_id", profile in IDS)):
        if name in before.columns:
            assert after[name].to_list() == (before[name].to_list() if may else [None] * 5), name
    untouched = [name for name in ("kind", "code", "field", "left_row", "right_row", "rule") if name in before.columns]
    assert after.select(untouched).equals(before.select(untouched))


def test_both_frames_are_masked_and_the_context_goes_with_the_names(planted: Report) -> None:
    for profile in SHOWN:
        assert (for_reader(planted, profile).context is not None) == (profile in NAMES), profile


def test_a_person_has_one_number_even_where_a_part_of_the_key_is_missing(make: Callable[..., Report]) -> None:
    """Of a composite key each part that is there becomes the number; what was missing stays missing."""
    key = ("ward", "code")
    fields = tuple(field for field in DATASET.fields if not field.key)
    parts = tuple(replace(DATASET.fields[0], name=name, key=True) for name in key)
    dataset = replace(DATASET, fields=(*parts, *fields))
    rows = [("1", "b"), (None, "a"), (None, None), ("1", "a"), ("1", "b")]
    schema = findings_schema(key)
    found = pl.DataFrame([{**dict.fromkeys(schema), "ward": ward, "code": code} for ward, code in rows], schema)
    variants = pl.DataFrame(schema=variants_schema(key))
    masked = for_reader(make(dataset=dataset, findings=found, variants=variants, summary={}), "council").findings
    masked_keys = masked.select(key).rows()

    assert masked_keys[2] == (None, None)
    assert masked_keys[1][0] is None
    assert masked_keys[1][1] is not None
    assert masked_keys[0] == masked_keys[4]
    assert len({masked_keys[0][1], masked_keys[1][1], masked_keys[3][1]}) == 3
    assert masked_keys[3][0] == masked_keys[3][1] < masked_keys[0][1]  # in the order of the keys


def test_each_format_is_made_for_whom_it_is_meant() -> None:
    """`architecture.md` §1 and §8: the lists for the office, the paper for the council, the page for who runs it."""
    assert dict(READERS) == {
        "xlsx": "worklist", "parquet": "worklist", "variants": "worklist", "csv": "worklist",
        "pdf": "council", "html": "contractor", "json": "contractor",
    }  # fmt: skip


def test_a_profile_that_nobody_declared_is_refused_with_those_that_are(planted: Report) -> None:
    with pytest.raises(ConfigError) as refused:
        for_reader(planted, "everybody")
    assert refused.value.where == "--profile"
    assert refused.value.problem == "got 'everybody', expected one of worklist, council, contractor, audit"
    assert refused.value.__suppress_context__

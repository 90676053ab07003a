"""What a list may show: 個人番号 never, the places of a protected person never."""

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from reconcile.model import Report, findings_schema
from reconcile.report import RENDERERS
from reconcile.report.disclosure import LIST_KEY, PROTECTED, UNKNOWN, for_list, without_secrets
from schemas.identity_record import DATASET
from tests.contrary import contrary


def _values(report: Report, key: str, field: str) -> tuple[object, ...]:
    return for_list(report).filter(juminhyo_code=key, field=field).select("left_raw", "right_raw").row(0)


def test_places_of_a_protected_person_are_masked_and_nothing_else(report: Report) -> None:
    assert _values(report, "00000000043", "address_town") == (PROTECTED, PROTECTED)
    assert _values(report, "00000000043", "name_kanji") == ("葛󠄀城 花", "葛城 花")


def test_a_list_has_its_findings_in_their_order_whatever_order_polars_keeps(report: Report) -> None:
    with contrary():
        listed = for_list(report)
    assert listed["finding_id"].to_list() == report.findings["finding_id"].to_list()
    assert listed.equals(for_list(report))


def test_places_of_others_are_shown(report: Report) -> None:
    assert _values(report, "00000000060", "address_lot") == ("1番2号", "1番3号")


def test_not_knowing_whether_a_person_is_protected_is_no_permission(
    make: Callable[..., Report], report: Report
) -> None:
    assert _values(report, "00000000051", "address_lot") == (UNKNOWN, UNKNOWN)
    assert _values(make(context=None), "00000000060", "address_lot") == (UNKNOWN, UNKNOWN)
    assert report.context is not None
    lost = report.context.filter(pl.col("juminhyo_code") != "00000000060")
    assert _values(make(context=lost), "00000000060", "address_lot") == (UNKNOWN, UNKNOWN)


def test_a_person_who_stands_twice_in_the_context_is_protected_if_one_row_says_so(
    make: Callable[..., Report], report: Report
) -> None:
    assert report.context is not None
    twice = pl.concat([report.context, report.context.with_columns(protected=pl.lit(value=True))])
    listed = for_list(make(context=twice))
    assert listed.height == report.findings.height
    assert listed.filter(pl.col("field").str.starts_with("address"))["left_raw"].unique().to_list() == [PROTECTED]


def test_no_list_names_where_a_protected_person_lives(report: Report) -> None:
    assert "両国" not in RENDERERS["csv"](report).decode()
    assert "向島" not in RENDERERS["csv"](report).decode()


def test_a_my_number_that_got_this_far_goes_no_further(make: Callable[..., Report], report: Report) -> None:
    planted = "123456789018"
    leaking = report.findings.with_columns(
        pl.when(field="kojin_bango").then(pl.lit(planted)).otherwise("left_raw").alias("left_raw")
    )
    made = make(findings=leaking)
    assert leaking["left_raw"].is_in([planted]).any()
    assert not for_list(made)["left_raw"].is_in([planted]).any()
    for name in ("parquet", "csv", "html", "json"):
        assert planted.encode() not in RENDERERS[name](made)


# ------------------------------------------------------------------------------- by itself, on findings made for one rule

OPEN = replace(DATASET, protected="")
OTHERWISE = replace(DATASET, list_key="number", protected="flag")


def _found(*rows: tuple[str | None, str | None, str]) -> pl.DataFrame:
    """Findings of key, field and value (left; on the right it is marked)."""
    known = [
        {"juminhyo_code": key, "field": field, "left_raw": text, "right_raw": f"{text}'"} for key, field, text in rows
    ]
    lacking = {name: None for name in findings_schema(DATASET.key) if name not in known[0]}
    return pl.DataFrame([{**lacking, **row} for row in known], findings_schema(DATASET.key))


def _context(*rows: tuple[str | None, str | None, bool | None]) -> pl.DataFrame:
    schema = {"juminhyo_code": pl.String, "list_key": pl.String, "protected": pl.Boolean}
    return pl.DataFrame(rows, schema, orient="row")


def _shown(report: Report) -> list[tuple[object, ...]]:
    return for_list(report).select("left_raw", "right_raw").rows()


@pytest.mark.parametrize(("flags", "shown"), [
    ((False,), "1番"),
    ((False, False), "1番"),
    ((True,), PROTECTED),
    ((False, True), PROTECTED),
    ((None, True), PROTECTED),
    ((None,), UNKNOWN),
    ((False, None), UNKNOWN),
    ((None, False), UNKNOWN),
])  # fmt: skip
def test_a_place_is_shown_if_every_row_of_the_person_says_that_it_may_be(
    make: Callable[..., Report], flags: tuple[bool | None, ...], shown: str
) -> None:
    context = _context(*(("a", None, flag) for flag in flags), ("b", None, True), ("c", None, False))
    (values,) = _shown(make(findings=_found(("a", "address_lot", "1番")), context=context))
    assert values == (("1番", "1番'") if shown == "1番" else (shown, shown))


def test_a_context_that_names_its_columns_as_the_dataset_does_says_the_same(make: Callable[..., Report]) -> None:
    findings = _found(("a", "address_lot", "1番"), ("b", "address_lot", "2番"))
    context = _context(("a", "7", True), ("b", "8", False))
    context = context.rename({"list_key": "number", "protected": "flag"})
    listed = for_list(make(dataset=OTHERWISE, findings=findings, context=context))
    assert listed.select("left_raw", LIST_KEY).rows() == [(PROTECTED, "7"), ("2番", "8")]


def test_a_context_without_the_flag_leaves_it_open(make: Callable[..., Report]) -> None:
    listed = for_list(
        make(findings=_found(("a", "address_lot", "1番")), context=_context(("a", "7", False)).drop("protected"))
    )
    assert listed.select("left_raw", LIST_KEY).rows() == [(UNKNOWN, "7")]
    listed = for_list(
        make(findings=_found(("a", "address_lot", "1番")), context=_context(("a", "7", False)).drop("list_key"))
    )
    assert listed.select("left_raw", LIST_KEY).rows() == [("1番", None)]


def test_a_dataset_without_such_a_flag_protects_nobody(make: Callable[..., Report]) -> None:
    findings = _found(("a", "address_lot", "1番"))
    for context in (None, _context(("a", "7", None))):
        assert _shown(make(dataset=OPEN, findings=findings, context=context)) == [("1番", "1番'")]
    assert for_list(make(dataset=OPEN, findings=findings, context=None)).columns == [*findings.columns, LIST_KEY]


def test_a_record_without_a_key_is_looked_up_like_any_other(make: Callable[..., Report]) -> None:
    listed = for_list(make(findings=_found((None, "address_lot", "1番")), context=_context((None, "7", True))))
    assert listed.select("left_raw", LIST_KEY).rows() == [(PROTECTED, "7")]


def test_the_list_key_is_the_first_that_is_known_and_the_order_is_that_of_the_findings(
    make: Callable[..., Report],
) -> None:
    findings = _found(("c", "name_kanji", "x"), ("a", "name_kanji", "y"), ("b", "name_kanji", "z"), ("a", None, "w"))
    context = _context(("a", None, False), ("a", "5", False), ("a", "6", False), ("b", "4", False), ("c", "3", False))
    listed = for_list(make(findings=findings, context=context))
    assert listed.select("juminhyo_code", LIST_KEY, "left_raw").rows() == [
        ("c", "3", "x"), ("a", "5", "y"), ("b", "4", "z"), ("a", "5", "w"),
    ]  # fmt: skip


def test_only_the_values_of_the_secret_field_go() -> None:
    findings = _found(("a", "kojin_bango", "1"), ("a", "name_kanji", "2"), ("a", None, "3"))
    assert without_secrets(findings, DATASET).select("left_raw", "right_raw").rows() == [
        (None, None), ("2", "2'"), ("3", "3'"),
    ]  # fmt: skip
    assert without_secrets(findings.tail(2), DATASET).equals(findings.tail(2))

"""What a list may show: 個人番号 never, the places of a protected person never."""

from collections.abc import Callable

import polars as pl

from reconcile.model import Report
from reconcile.report import RENDERERS
from reconcile.report.disclosure import PROTECTED, UNKNOWN, for_list


def _values(report: Report, key: str, field: str) -> tuple[object, ...]:
    return for_list(report).filter(juminhyo_code=key, field=field).select("left_raw", "right_raw").row(0)


def test_places_of_a_protected_person_are_masked_and_nothing_else(report: Report) -> None:
    assert _values(report, "00000000043", "address_town") == (PROTECTED, PROTECTED)
    assert _values(report, "00000000043", "name_kanji") == ("葛󠄀城 花", "葛城 花")


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

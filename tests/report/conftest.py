"""Reports made by hand, small enough to be checked by eye. Every person is invented.

`ward_report`: one finding of nearly every kind, a protected person among them. `clean_report`: the same ward, all
agree. `hostile_report`: an ad-hoc comparison with a composite key, whose names and values attack their reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from reconcile.model import (
    Balance,
    Dataset,
    Field,
    Preflight,
    Report,
    Run,
    Side,
    SideReport,
    Verdict,
    findings_schema,
    variants_schema,
)
from reconcile.report.build import summarize
from schemas.identity_record import DATASET

TOKYO = ZoneInfo("Asia/Tokyo")
RUN = Run(
    run_id="20260701T020304Z-a1b2c3",
    started_at=datetime(2026, 7, 1, 2, 3, 4, tzinfo=TOKYO),
    as_of=datetime(2026, 6, 30, 23, 0, 0, tzinfo=TOKYO),
    version="0.0.0",
)

Row = tuple[str | int | None, ...]

# key, kind, code, severity, field, left_raw, right_raw, left_row, right_row, rule, hint; sorted as `classify` sorts.
# 00100000122 is protected (支援措置): "両国" stands in no other row, and must stand nowhere.
_FINDINGS: tuple[Row, ...] = (
    (None, "reject_right", "Q2", "要確認", "juminhyo_code", None, None, None, 11, "null_key", None),
    ("00100000017", "only_left", "A1", "要修正", None, None, None, 4, None, None, "leading_zeros"),
    ("00100000025", "only_right", "A2", "要修正", None, None, None, None, 9, None, "transposed_digits"),
    ("00100000033", "other_key", "B1", "重大", "juminhyo_code", "00100000033", "00100000041", 5, 12, "second_key", None),
    ("00100000050", "duplicate_left", "A4", "重大", None, None, None, 6, None, None, "ambiguous 2 × 1"),
    ("00100000068", "reject_left", "Q2", "要確認", None, None, None, 8, None, "counterpart_rejected", None),
    ("00100000068", "reject_right", "Q2", "要確認", "juminhyo_code", None, None, None, 13, "str_matches", None),
    ("00100000076", "value", "B2", "重大", "kojin_bango", None, None, 14, 14, None, None),
    ("00100000084", "value", "C1", "要修正", "name_kanji", "墨田　花子", "墨田　華子", 15, 15, None,
     "花 U+82B1 MJ021512 / 華 U+83EF MJ021886"),
    ("00100000092", "value", "C2", "要確認", "name_kanji", "渡邊　一郎", "渡辺　一郎", 16, 16,
     "法務省告示582号別表第四の一+same_base_ucs", "邊 U+908A MJ026194 / 辺 U+8FBA MJ025760"),
    ("00100000106", "value", "D3", "要確認", "birth", "315000000", "T15.00.00", 17, 17, "unknown_part", None),
    ("00100000114", "value", "E3", "要確認", "address_katagaki", None, "墨堤ハイツ１０１", 18, 18, None, "left_missing"),
    ("00100000122", "value", "E1", "要修正", "address_town", "東京都墨田区両国一丁目", "東京都墨田区両国三丁目", 19, 19,
     None, None),
    ("00100000122", "value", "G1", "情報", "event_reason", "02", "03", 19, 19, None, None),
    ("00100000130", "check_digit_left", "B3", "要確認", "kojin_bango", None, None, 20, None, "check_digit", None),
    ("00100000149", "undeclared_right", "Q4", "要確認", "sex", None, None, None, 21, "undeclared", None),
    ("00100000157", "value", "E1", "要修正", "address_town", "東京都墨田区業平一丁目", "東京都墨田区横川一丁目", 22, 22,
     None, None),
)  # fmt: skip

# key, field, code, left_raw, right_raw, left_row, right_row, rule
_VARIANTS: tuple[Row, ...] = (
    ("00100000165", "name_kanji", "C5", "墨田 太郎", "墨田　太郎", 23, 23, "name_separator"),
    ("00100000173", "address_town", "E4", "東京都墨田区業平１丁目", "東京都墨田区業平一丁目", 24, 24, "chome_notation"),
    ("00100000181", "address_town", "E4", "東京都墨田区業平２丁目", "東京都墨田区業平二丁目", 25, 25, "chome_notation"),
    ("00100000181", "address_lot", "E4", "１２－３", "12-3", 25, 25, "width"),
)

# key, list_key, protected: a person whom only the CS knows has no 宛名番号.
_CONTEXT: tuple[tuple[str, str | None, bool | None], ...] = (
    ("00100000017", None, None),
    ("00100000025", "000000000000025", False),
    ("00100000033", "000000000000033", False),
    ("00100000050", "000000000000050", False),
    ("00100000068", "000000000000068", False),
    ("00100000076", "000000000000076", False),
    ("00100000084", "000000000000084", False),
    ("00100000092", "000000000000092", False),
    ("00100000106", "000000000000106", False),
    ("00100000114", "000000000000114", False),
    ("00100000122", "000000000000122", True),
    ("00100000130", "000000000000130", False),
    ("00100000149", "000000000000149", False),
    ("00100000157", "000000000000157", False),
)

_MATCHED = {"out_of_scope": 3, "matched": 986, "mismatched": 7}


def _side(label: str, digit: str, **parts: int) -> SideReport:
    rows = sum(parts.values())
    return SideReport(
        label=label,
        balance=Balance(records=rows, rows=rows, **parts),
        preflight=Preflight(records=rows, source_bytes=rows * 400, sha256=digit * 64, trailer_count=rows),
    )


def _finding_ids(count: int) -> list[str]:
    return [f"{number:032x}" for number in range(0xA000, 0xA000 + count)]


def _report(
    dataset: Dataset, verdict: Verdict, sides: Mapping[Side, SideReport], findings: pl.DataFrame, variants: pl.DataFrame
) -> Report:
    return Report(
        run=RUN,
        dataset=dataset,
        verdict=verdict,
        sides=sides,
        findings=findings,
        variants=variants,
        summary=summarize(RUN, dataset, verdict, sides, findings, variants),
    )


def _frame(rows: tuple[Row, ...], schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.fixture
def ward_report() -> Report:
    """17 findings about 14 people; verdict partial, because rows were refused and one key is ambiguous."""
    ids = _finding_ids(len(_FINDINGS))
    findings = _frame(
        tuple((identity, *row) for identity, row in zip(ids, _FINDINGS, strict=True)), findings_schema(DATASET.key)
    )
    sides = {
        Side.LEFT: _side("CS", "a", rejected=1, duplicate=2, only=2, **_MATCHED),
        Side.RIGHT: _side("既存住基", "b", rejected=2, duplicate=1, only=2, **_MATCHED),
    }
    report = _report(DATASET, Verdict.PARTIAL, sides, findings, _frame(_VARIANTS, variants_schema(DATASET.key)))
    schema = pl.Schema({"juminhyo_code": pl.String, "list_key": pl.String, "protected": pl.Boolean})
    return replace(report, context=pl.DataFrame(_CONTEXT, schema=schema, orient="row"))


@pytest.fixture
def clean_report() -> Report:
    """All 1,000 people agree."""
    sides = {
        side: _side(label, digit, out_of_scope=0, rejected=0, duplicate=0, matched=1_000, mismatched=0, only=0)
        for side, label, digit in ((Side.LEFT, "CS", "a"), (Side.RIGHT, "既存住基", "b"))
    }
    nothing = pl.DataFrame(schema=findings_schema(DATASET.key)), pl.DataFrame(schema=variants_schema(DATASET.key))
    report = _report(DATASET, Verdict.CONSISTENT, sides, *nothing)
    schema = pl.Schema({"juminhyo_code": pl.String, "list_key": pl.String, "protected": pl.Boolean})
    return replace(report, context=pl.DataFrame(schema=schema))


HOSTILE = (
    "=1+1",
    "@SUM(A1)",
    '=HYPERLINK("http://example.invalid","x")',
    "+81",
    "-1+1",
    "＝1+1",
    "\t=1",
    "\r=1",
    "<script>alert(1)</script>",
    "&amp;]]>",
    "http://example.invalid/",
    "mailto:a@example.invalid",
    "a\x00b\x08c\x0b",
    "\ufffe\uffff",
    "_x0041_",
    "{=1}",
    "{{ 7*7 }}",
    "#import \"x\"",
    "葛\U000e0100",  # with an IVS
    "𠮷\U00029e3d",  # outside the basic plane
    " leads and trails ",
    "two\nlines",
    "007",
    "1e5",
    "",
    "\u202edetrevni",
)
"""Values that a program somewhere takes for something else than text."""


@pytest.fixture
def hostile_values() -> tuple[str, ...]:
    """What stands on the left of `hostile_report`, in its order."""
    return HOSTILE


@pytest.fixture
def hostile_report() -> Report:
    """No taxonomy, two key columns, and hostile texts for column names, keys, labels and values."""
    key = ("=key", "<b>&\x01")
    dataset = Dataset(
        name="left and right",
        fields=(
            *(Field(name=name, key=True) for name in key),
            Field(name="=cmd|' /C calc'!A0"),
            Field(name="@<script>\x02"),
        ),
    )
    names = [field.name for field in dataset.compared]
    rows = tuple(
        (f"{number:032x}", f"{number:03}", text, "value", None, None, names[number % 2], text, f"{text}x", number, number,
         None, None)
        for number, text in enumerate(HOSTILE, start=1)
    )  # fmt: skip
    count = len(HOSTILE)
    sides = {
        side: _side(label, digit, out_of_scope=0, rejected=0, duplicate=0, matched=0, mismatched=count, only=0)
        for side, label, digit in ((Side.LEFT, "=left", "c"), (Side.RIGHT, "<i>right\x03", "d"))
    }
    findings, variants = _frame(rows, findings_schema(key)), pl.DataFrame(schema=variants_schema(key))
    return _report(dataset, Verdict.MISMATCH, sides, findings, variants)

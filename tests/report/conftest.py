"""A small report made by hand: synthetic people whose names and values try to be something else."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from reconcile.model import Balance, Preflight, Report, Run, Side, SideReport, Verdict, findings_schema, variants_schema
from reconcile.report.build import summarize
from schemas.identity_record import DATASET

KEY = "juminhyo_code"
HOSTILE = ("=1+1", "@SUM(A1)", "+81", "-1+1", "\tTAB", '=HYPERLINK("http://x.test")', "http://x.test/", "<script>alert(1)</script>",
           '"><img src=x onerror=alert(1)>', "</td></table>", "#panic(1)", "{{ 7*7 }}", "\x1b[31mred", "＝1")  # fmt: skip

# key, kind, code, severity, field, left, right, rule, hint
_FOUND = (
    ("00000000019", "only_left", "A1", "要修正", None, None, None, None, None),
    ("00000000027", "only_right", "A2", "要修正", None, None, None, None, "leading_zeros"),
    ("00000000035", "value", "B2", "重大", "kojin_bango", None, None, None, "check_digit"),
    ("00000000035", "value", "C2", "要確認", "name_kanji", "髙﨑 𠮷兵衛", "高崎 吉兵衛", "variant", None),
    ("00000000043", "value", "C2", "要確認", "name_kanji", "葛󠄀城 花", "葛城 花", "variant", None),
    ("00000000043", "value", "E1", "要修正", "address_town", "東京都墨田区両国二丁目", "東京都墨田区向島一丁目", None, None),
    ("00000000051", "value", "E2", "要修正", "address_lot", "14番8号", "", None, None),
    ("00000000060", "value", "E2", "要修正", "address_lot", "1番2号", "1番3号", None, None),
    ("00000000078", "value", "F3", "情報", "furigana_name", "カサイ ハナ", None, None, None),
    *((f"{90 + i:011}", "value", "C1", "要修正", "name_kanji", text, text[::-1], None, None) for i, text in enumerate(HOSTILE)),
    (None, "reject_left", "Q2", "要確認", "juminhyo_code", None, None, "null_key", None),
)  # fmt: skip
_PROTECTED: Mapping[str, bool | None] = {"00000000043": True, "00000000051": None}


def _findings() -> pl.DataFrame:
    rows = [
        {
            "finding_id": f"{place:064x}",
            KEY: key,
            "kind": kind,
            "code": code,
            "severity": severity,
            "field": field,
            "left_raw": left,
            "right_raw": right,
            "left_row": place,
            "right_row": None if kind in ("only_left", "reject_left") else place + 100,
            "rule": rule,
            "hint": hint,
        }
        for place, (key, kind, code, severity, field, left, right, rule, hint) in enumerate(_FOUND, start=1)
    ]
    return pl.DataFrame(rows, schema=findings_schema(DATASET.key))


def _variants() -> pl.DataFrame:
    rows = [
        (f"{700 + i:011}", field, "E4", "1-2-3", "１－２－３", i, i, rule)
        for i, (field, rule) in enumerate((("address_lot", "fold_width"),) * 3 + (("kyu_uji", "same_character"),), 1)
    ]
    return pl.DataFrame(rows, schema=variants_schema(DATASET.key), orient="row")


def _side(label: str, fill: str, *, rejected: int, only: int) -> SideReport:
    matched = 99_980
    rows = 40 + rejected + matched + 18 + only
    balance = Balance(
        records=rows, rows=rows, out_of_scope=40, rejected=rejected, duplicate=0, matched=matched, mismatched=18, only=only
    )  # fmt: skip
    return SideReport(
        label=label, balance=balance, preflight=Preflight(records=rows, source_bytes=31_000_000, sha256=fill * 64)
    )


GATES = ({"gate": "件数の一致", "outcome": "passed", "detail": "<b>100,039</b>"},)
RUN = Run(
    run_id="20261123-030000-7f3a",
    started_at=datetime(2026, 11, 22, 18, 0, 5, tzinfo=UTC),
    as_of=datetime(2026, 11, 22, 15, 0, tzinfo=UTC),
    version="0.1.0",
)

Make = Callable[..., Report]


@pytest.fixture
def make() -> Make:
    """Make a report; keywords replace parts of the one that all tests share. Its summary follows."""

    def build(**changes: object) -> Report:
        findings = _findings()
        sides = {
            Side.LEFT: _side("CS", "a", rejected=1, only=1),
            Side.RIGHT: _side("既存", "b", rejected=0, only=1),
        }
        context = pl.DataFrame(
            [
                (key, None if key == "00000000019" else f"000{key[-5:]}", _PROTECTED.get(key, False))
                for key in findings[KEY].drop_nulls().unique(maintain_order=True)
            ],
            schema={KEY: pl.String, "list_key": pl.String, "protected": pl.Boolean},
            orient="row",
        )
        parts: dict[str, object] = {
            "run": RUN, "dataset": DATASET, "verdict": Verdict.MISMATCH, "sides": sides, "findings": findings,
            "variants": _variants(), "context": context, "summary": {},
        }  # fmt: skip
        made = Report(**{**parts, **changes})  # type: ignore[arg-type]
        if "summary" in changes:
            return made
        counted = summarize(
            made.run,
            made.dataset,
            made.verdict,
            made.sides,
            findings=made.findings,
            variants=made.variants,
            gates=GATES,
        )
        return replace(made, summary=counted)

    return build


@pytest.fixture
def report(make: Make) -> Report:
    """The report that all tests share: a mismatch, 24 findings."""
    return make()


@pytest.fixture
def clean(make: Make) -> Report:
    """A report of two sides that agree."""
    balance = Balance(
        records=5, rows=5, out_of_scope=0, rejected=0, duplicate=0, matched=5, mismatched=0, only=0
    )  # fmt: skip
    sides = {
        side: SideReport(
            label=label, balance=balance, preflight=Preflight(records=5, source_bytes=9, sha256=label[0] * 64)
        )
        for side, label in ((Side.LEFT, "CS"), (Side.RIGHT, "既存"))
    }
    return make(verdict=Verdict.CONSISTENT, sides=sides, findings=_findings().clear(), variants=_variants().clear())

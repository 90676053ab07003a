"""What the papers say of a run as a whole: alarms on top, one cause as one, rates with their denominators."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import openpyxl
import pymupdf
import pytest

from reconcile.model import Alarm, Cause, Change, Limits, Outside, Overall, Place, Rates, Report, Share, Verdict
from reconcile.report import RENDERERS, worklist
from reconcile.report.overview import overview
from reconcile.report.whole import alarms, sections
from reconcile.terminal import Terminal
from schemas.identity_record import DATASET

Make = Callable[..., Report]
open_pdf: Any = pymupdf.open  # typed in some versions only

X2 = Alarm(
    code="X2", label="大量不一致", severity="重大", actor="統括責任者", ja="不一致が 4,321人あり、基準を超えました。",
    en="4,321 persons mismatched", todo_ja="統括責任者へ報告する。", todo_en="report", figures={"persons": 4_321},
)  # fmt: skip
X3 = Alarm(
    code="X3", label="連携停止の疑い", severity="重大", actor="ICT+課長", ja="異動 89件が届いていません。",
    en="89 changes have not arrived", todo_ja="連携を確かめる。", todo_en="check the feed", figures={"overdue": 89}, compared=False,
)  # fmt: skip
CAUSE = Cause(
    kind="change", label="町名変更: 住所(町字まで) 「甲」 → 「乙」", findings=1_204, rows=1_204, group=1_210, lift=76.5,
    codes={"E1": 1_204},
)  # fmt: skip


def _shares(whole: int) -> dict[str, Share]:
    return {
        "mismatch": Share(label="不一致、時差を除く", count=31, of=whole),
        "with_timing": Share(label="不一致、時差を含む", count=331, of=whole),
    }


WHOLE = Overall(
    alarms=(X2, X3),
    causes=(CAUSE,),
    considered=1_310,
    pairs={"identical": 99_000, "encoding": 500, "notation": 400, "approved": 30, "timing": 40, "information": 3, "review": 9, "mismatch": 18},
    rates=Rates(persons=_shares(100_000), items=_shares(1_700_000)),
    outside=(Outside(side="left", rule="expired", label="除票(5年超)", rows=41),),
    places=(Place(label="太平三丁目", persons=12), Place(label="", persons=7, places=3)),
    limits=replace(Limits(), rate_max=0.002, approver="統括責任者", date="2026-11-01"),
)  # fmt: skip


@pytest.fixture
def seen(make: Make) -> Report:
    change = Change(code="F3", severity="要確認", approver="窓口課長", date="2026-10-01", since="2026-05-26")
    taxonomy = {
        **DATASET.taxonomy,
        "F3": replace(DATASET.taxonomy["F3"], severity="要確認", declared="情報", change=change),
    }
    return make(overall=WHOLE, dataset=replace(DATASET, taxonomy=taxonomy))


SAID = (
    "X2 大量不一致", "不一致が 4,321人あり、基準を超えました。", "統括責任者へ報告する。", "異動 89件が届いていません。",
    "町名変更: 住所(町字まで) 「甲」 → 「乙」", "1,204", "原因1件で 1,204件 / 時差等を除く差異1,310件",
    "対応付いた100,000組", "1,700,000項目", "0.031%", "0.331%",
    "完全一致 99,000 + 符号化差のみ 500 + 表記差のみ 400 + 承認済同定のみ 30 + 時差 40 + 情報のみ 3 + 要確認 9 + 不一致 18",
    "除票(5年超)", "41", "太平三丁目", "情報 → 要確認", "窓口課長 2026-10-01(2026-05-26から)",
    "rate_max 0.001 → 0.002", "統括責任者 2026-11-01",
)  # fmt: skip
"""What every paper says."""


def _pdf(report: Report) -> str:
    with open_pdf(stream=RENDERERS["pdf"](report)) as paper:
        return "".join(page.get_text() for page in paper)


def _sheets(report: Report) -> str:
    book: Any = openpyxl.load_workbook(io.BytesIO(worklist.render(report)))
    named = [book[name] for name in ("表紙", "原因・率") if name in book.sheetnames]
    return "\n".join(str(cell) for sheet in named for row in sheet.iter_rows(values_only=True) for cell in row if cell)


def _page(report: Report) -> str:
    return re.sub(r"<[^>]*>", "", RENDERERS["html"](report).decode())


@pytest.mark.parametrize("read", [_pdf, _sheets, _page])
def test_every_paper_says_it(seen: Report, read: Callable[[Report], str]) -> None:
    # A line of the PDF may break anywhere.
    text = re.sub(r"\s", "", read(seen))
    assert [said for said in SAID if re.sub(r"\s", "", said) not in text] == []


@pytest.mark.parametrize("read", [_pdf, _page])
def test_the_alarm_stands_before_every_count(seen: Report, read: Callable[[Report], str]) -> None:
    text = re.sub(r"\s", "", read(seen))
    assert text.index("【警報】X2") < text.index("対応付いた記録") < text.index("件数の検算")


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.FAILED, Verdict.TAMPERED])
def test_a_run_that_claims_nothing_shows_no_count_and_still_the_stopped_feed(make: Make, verdict: Verdict) -> None:
    report = make(overall=WHOLE, verdict=verdict)
    assert [one.code for one in alarms(report)] == ["X3"]
    assert sections(report) == ()
    for read in (_pdf, _sheets, _page):
        text = read(report)
        assert "89件" in text
        assert "4,321" not in text
        assert "1,204" not in text


def test_a_run_without_alarms_has_none(report: Report) -> None:
    assert overview(report).alarms == ()
    assert "警報" not in _page(report)


def test_a_rate_is_zero_or_whole_only_if_it_is(make: Make) -> None:
    shares = {"mismatch": Share(label="a", count=1, of=10_000_000), "with_timing": Share(label="b", count=0, of=5)}
    report = make(overall=replace(WHOLE, rates=Rates(persons=shares, items=shares)))
    (rates,) = (one for one in sections(report) if one.title == "不一致の率")
    assert [line[2] for line in rates.lines] == ["0.00001%", "0%"]


@pytest.mark.parametrize(
    ("lang", "said"), [("ja", "警報 X3: 異動 89件"), ("en", "ALARM X3: 89 changes have not arrived")]
)
def test_the_terminal_says_it_in_both_languages(capsys: pytest.CaptureFixture[str], lang: str, said: str) -> None:
    summary = {
        "verdict": "mismatch",
        "alarms": [asdict(X2), asdict(X3)],
        "causes": [asdict(CAUSE)],
        "considered": 1_310,
        "rates": {"persons": {name: {"count": one.count, "of": one.of, "rate": one.rate} for name, one in _shares(100_000).items()}},
        "sides": {},
        "findings": {"by_kind": {}},
    }  # fmt: skip
    Terminal(lang=lang, quiet=True, as_json=False).show_summary(summary, None)
    shown = " ".join(capsys.readouterr().out.split())
    assert said in shown
    assert "31 / 100,000 = 0.0310%" in shown
    assert "331 / 100,000 = 0.3310%" in shown
    assert "1,204" in shown

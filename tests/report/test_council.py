"""council.pdf, read back by PyMuPDF: what the council sees, and what it must not."""

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pymupdf
import pytest
import zxingcpp

from reconcile.diff import comparators
from reconcile.errors import ConfigError
from reconcile.evidence import public_key
from reconcile.evidence.checkpoint import sign
from reconcile.model import Preflight, Report, Run, Side, Verdict, Witness
from reconcile.report import council, fonts
from reconcile.report.words import rule_label
from tests.report.conftest import GATES, HOSTILE
from tests.report.papers import SECRETS, ad_hoc

A4 = (595, 842)
UNPROVEN = (Verdict.INCONCLUSIVE, Verdict.FAILED, Verdict.TAMPERED)

open_pdf: Any = pymupdf.open  # typed in some versions only


def _pages(written: bytes) -> list[str]:
    with open_pdf(stream=written, filetype="pdf") as paper:
        # Ligatures and line ends are the page's, not the text's.
        return [re.sub(r"\s+", "", page.get_text()) for page in paper]


def _text(written: bytes) -> str:
    return "".join(_pages(written))


# ------------------------------------------------------------------------------------------------------ what it says


def test_every_a4_page_says_which_page_of_which_run_it_is_and_how_many_findings_there_are(report: Report) -> None:
    written = council.render(report)
    with open_pdf(stream=written, filetype="pdf") as paper:
        assert {(round(page.rect.width), round(page.rect.height)) for page in paper} == {A4}
    pages = _pages(written)
    assert len(pages) <= 4
    for number, page in enumerate(pages, start=1):
        assert f"{number}/{len(pages)}ページ" in page
        assert "20261123-030000-7f3a" in page
        assert "差異全24件" in page
        assert "取扱注意" in page


def test_it_says_what_for_whom_and_with_which_inputs(report: Report) -> None:
    text = _text(council.render(report))
    for said in (
        "本人確認情報の整合性確認結果報告",
        "墨田区住基ネットセキュリティ会議",
        "第5条第2項第1号",
        "不一致あり",
        "令和8年11月23日0時00分",
        "31,000,000バイト",
        "a" * 64,
        "b" * 64,
        "100,040=40+1+0+99,980+18+1",
        "99.98%",
        "検算は両側とも合っています",
        "MJ文字情報一覧表",  # names were judged by these tables
    ):
        assert said in text


def test_the_time_of_extraction_is_the_headers_in_japans_time(make: Callable[..., Report], report: Report) -> None:
    left = report.sides[Side.LEFT]
    said = replace(left.preflight, header={"extracted_at": "20261122233000"}, trailer_count=100_040)
    text = _text(council.render(make(sides={**report.sides, Side.LEFT: replace(left, preflight=said)})))
    assert "令和8年11月22日23時30分" in text
    assert "末尾に記載された件数も100,040件" in text
    assert "抽出日時記載なし" in text  # the right side's header does not say


def test_codes_stand_by_gravity_and_then_in_the_order_of_the_taxonomy(report: Report) -> None:
    groups = [(group["code"], group["count"], group["persons"]) for group in council.contents(report)["groups"]]
    assert groups == [
        ("B2", 1, 1),
        ("A1", 1, 1),
        ("A2", 1, 1),
        ("C1", 14, 14),
        ("E1", 1, 1),
        ("E2", 2, 2),
        ("C2", 2, 2),
        ("Q2", 1, 1),
        ("F3", 1, 1),
    ]
    text = _text(council.render(report))
    for said in ("B2個人番号不一致・重複重大課長→統括責任者11", "C1氏名相違要修正係1414", "計2422"):
        assert said in text


def test_a_person_counts_once_under_the_gravest_severity(report: Report) -> None:
    said = council.contents(report)
    severities = [(one["severity"], one["count"], one["persons"]) for one in said["severities"]]
    # C2 twice: one of the two is under 重大 already, the other under 要修正.
    assert severities == [("重大", 1, 1), ("要修正", 19, 19), ("要確認", 3, 1), ("情報", 1, 1)]
    assert (said["acting"], said["acting_persons"]) == (23, 21)


def test_grave_findings_are_put_to_the_council(report: Report, clean: Report) -> None:
    assert "報告・審議をお願いする事項" in _text(council.render(report))
    assert "報告・審議をお願いする事項" not in _text(council.render(clean))


def test_the_longest_bar_is_the_most_frequent_code_and_no_code_is_left_out(report: Report) -> None:
    shares = {group["code"]: group["share"] for group in council.contents(report)["groups"]}
    assert max(shares, key=shares.__getitem__) == "C1"
    assert shares["C1"] == 1
    assert shares["E2"] == pytest.approx(2 / 14)


def test_rules_are_shown_in_words(make: Callable[..., Report], report: Report) -> None:
    named = ("approved:K-1", "width+same_mj", "法務省告示582号別表第四の一", "approved:K-2")
    said = council.contents(make(variants=report.variants.with_columns(rule=pl.Series(named))))
    assert [(rule["label"], rule["count"]) for rule in said["rules"]] == [
        ("同定承認表による同定", 2),
        ("全角・半角、同じ文字の別の符号(同一のMJ文字図形)", 1),
        ("法務省告示582号別表第四の一", 1),
    ]


def test_every_rule_under_which_values_agree_has_words() -> None:
    steps = (*comparators.KANA, *comparators.LATIN, *comparators.DATES, *comparators.PLACES)
    rules = {step.rule for step in steps if step.equal} | {"same_mj", "name_separator"}
    assert [rule for rule in rules if rule_label(rule) == rule] == []


def test_the_trend_ends_with_this_run_and_shows_no_count_for_a_night_that_claims_nothing(
    make: Callable[..., Report],
) -> None:
    trend = (
        {"as_of": "2026-11-20", "verdict": "partial", "findings": 10, "persons": 9},
        {"as_of": "2026-11-21", "verdict": "inconclusive", "findings": 8, "persons": 7},
    )
    made = make(trend=trend)
    nights = [(night["total"], night["persons"], night["counts"]) for night in council.contents(made)["trend"]]
    assert nights == [(10, 9, (None,) * 3), (None, None, (None,) * 3), (24, 22, (1, 19, 3))]
    assert "令和8年11月21日0時00分確認できず－－" in _text(council.render(made))
    assert "推移" not in _text(council.render(make()))


# ------------------------------------------------------------------------------------------- what each verdict allows


@pytest.mark.parametrize("verdict", UNPROVEN)
def test_a_run_that_could_not_confirm_shows_no_result(report: Report, verdict: Verdict) -> None:
    made = replace(report, verdict=verdict)
    text = _text(council.render(made))
    assert "確認できませんでした" in text
    # Neither findings nor how many agree.
    for said in ("総括表", "重大度別", "99,980", "検算は両側とも合っています"):
        assert said not in text
    assert council.contents(made)["total"] == 0


def test_an_inconclusive_run_names_the_gate_that_failed(make: Callable[..., Report]) -> None:
    gates = [*GATES, {"gate": "overlap", "outcome": "failed", "detail": "対応付いた割合が50%以上であること"}]
    made = make(verdict=Verdict.INCONCLUSIVE)
    text = _text(council.render(replace(made, summary={**made.summary, "gates": gates})))
    assert "満たしていない条件:対応付いた割合が50%以上であること" in text
    assert "不合格" in text


def test_a_partial_run_says_how_much_could_not_be_compared(make: Callable[..., Report], report: Report) -> None:
    left, right = (report.sides[side] for side in Side)
    doubled = replace(right, balance=replace(right.balance, duplicate=2, matched=99_978))
    text = _text(council.render(make(verdict=Verdict.PARTIAL, sides={Side.LEFT: left, Side.RIGHT: doubled})))
    assert "CSの1件は、その記録か相手側の記録の不備により比較できません" in text
    assert "既存の2件は、住民票コードが重複し" in text
    assert "一致とも不一致ともいえません" in text


def test_the_all_clear_is_printed_for_two_sides_that_agree(clean: Report, report: Report) -> None:
    text = _text(council.render(clean))
    assert "不一致0件" in text
    assert "5=0+0+0+5+0+0" in text
    for verdict in set(Verdict) - {Verdict.CONSISTENT}:
        assert "不一致0件" not in _text(council.render(replace(clean, verdict=verdict)))
        assert "不一致0件" not in _text(council.render(replace(report, verdict=verdict)))


# ---------------------------------------------------------------------------------------------------- what it must not


def test_no_resident_stands_in_it(report: Report) -> None:
    text = _text(council.render(report))
    about = pl.concat([report.findings[name] for name in ("juminhyo_code", "left_raw", "right_raw", "finding_id")])
    context = report.context["list_key"] if report.context is not None else pl.Series(dtype=pl.String)
    personal = [re.sub(r"\s+", "", value) for value in pl.concat([about, context]).drop_nulls()]
    assert len(personal) > 70
    # "＝1" and "+81" are too short to mean anything in a page of figures.
    assert [value for value in personal if len(value) > 4 and value in text] == []


def test_what_looks_like_markup_is_printed_not_run(make: Callable[..., Report], report: Report) -> None:
    run = Run(run_id='#panic("x") $', started_at=report.run.started_at, as_of=report.run.as_of, version="*b* _i_ #1")
    text = _text(council.render(make(run=run)))
    assert '#panic("x")$' in text
    assert "*b*_i_#1" in text


def test_without_a_dataset_it_goes_by_kind_and_counts_keys() -> None:
    text = _text(council.render(ad_hoc(HOSTILE[::-1])))
    assert "種類別" in text
    assert "値の相違" in text
    assert "人数" not in text
    assert "墨田区" not in text
    assert not [secret for secret in SECRETS if secret in text]


def test_a_label_that_no_font_can_draw_does_not_cost_the_paper() -> None:
    assert "データの整合性確認" in _text(council.render(ad_hoc(("名\x00前\u202e", "\U0001f600"))))


def test_a_side_that_could_not_be_read_leaves_the_paper_whole(make: Callable[..., Report], report: Report) -> None:
    one = make(verdict=Verdict.INCONCLUSIVE, sides={Side.RIGHT: report.sides[Side.RIGHT]})
    assert "100,039" in _text(council.render(one))
    assert "読み込めた入力がありません" in _text(council.render(make(verdict=Verdict.FAILED, sides={})))


def test_it_is_an_archivable_pdf_dated_with_the_run_and_its_metadata_say_no_more(report: Report) -> None:
    with open_pdf(stream=council.render(report), filetype="pdf") as paper:
        assert "pdfaid:part>2<" in paper.get_xml_metadata().replace(" ", "")
        said = {name: value for name, value in paper.metadata.items() if value}
        assert paper.embfile_count() == 0
    assert said["creationDate"].startswith("D:20261122180005")
    assert said["author"] == "reconcile"
    assert set(said) <= {"format", "title", "author", "creator", "creationDate", "modDate"}


# -------------------------------------------------------------------------------------------------------- the witness

KEY = bytes(range(32))
NOTE = sign(KEY, 1234, bytes(range(100, 132))).note


def test_the_checkpoint_of_the_evidence_is_printed_letter_by_letter_with_its_public_key(report: Report) -> None:
    text = _text(council.render(replace(report, witness=Witness(note=NOTE, verifier=public_key(KEY)))))
    assert re.sub(r"\s+", "", NOTE) in text
    assert public_key(KEY) in text
    assert "検証値(控え)" in text
    assert "検証値(控え)" not in _text(council.render(report))  # no evidence is kept for two files of a user


def test_the_qr_code_is_that_of_the_standard_and_holds_the_checkpoint(report: Report) -> None:
    """Read back by an independent decoder from the printed page, as a phone would."""
    written = council.render(replace(report, witness=Witness(note=NOTE, verifier=public_key(KEY))))
    with open_pdf(stream=written, filetype="pdf") as paper:
        pictures = [page.get_pixmap(dpi=300, colorspace=pymupdf.csGRAY) for page in paper]
    read = [
        found.bytes.decode()
        for picture in pictures
        for found in zxingcpp.read_barcodes(
            np.frombuffer(picture.samples, np.uint8).reshape(picture.height, picture.stride)[:, : picture.width]
        )
    ]
    assert read == [NOTE]


# --------------------------------------------------------------------------------------------------------------- fonts


def test_the_font_of_the_wheel_is_enough(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = fonts.find(system=False)
    assert bundled.families == ("IPAexGothic",)
    assert "matplotlib-fontja" in bundled.describe()
    monkeypatch.setattr(fonts, "find", lambda: bundled)
    with open_pdf(stream=council.render(report), filetype="pdf") as paper:
        used = {font[3].split("+")[-1] for page in paper for font in page.get_fonts()}
    assert used == {"IPAexGothic", "DejaVuSansMono"}  # the digests are set in Typst's own font


def test_without_typst_the_error_says_what_to_install(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(ConfigError, match=r"typst.*reconcile\[pdf\]"):
        council.render(report)


def test_the_headers_time_may_be_missing_or_broken(make: Callable[..., Report], report: Report) -> None:
    left = report.sides[Side.LEFT]
    broken = Preflight(records=1, source_bytes=1, sha256="a" * 64, header={"extracted_at": "20269999999999"})
    made = make(sides={**report.sides, Side.LEFT: replace(left, preflight=broken)})
    assert "抽出日時記載なし" in _text(council.render(made))


def test_the_year_of_the_paper_is_the_eras() -> None:
    # 元号を改める政令: 令和 began on 2019-05-01, so 2026 is its 8th year.
    run = Run(
        run_id="r", started_at=datetime(2026, 1, 1, tzinfo=UTC), as_of=datetime(2026, 1, 1, tzinfo=UTC), version="1"
    )
    assert council.contents(replace(ad_hoc(("a", "b")), run=run))["as_of"] == "令和8年1月1日 9時00分"

"""`council.pdf`: what the セキュリティ会議 deliberates on (要綱第5条第2項第1号). A4, counts only; no resident, no key.

What it shows goes to Typst as JSON (`templates/council.typ`) and is placed there as text, never as markup. The same
report on the same fonts gives the same bytes: the paper's date is the run's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from reconcile.model import Report, Side
from reconcile.report import build, drawing, fonts, wording
from reconcile.report.overview import GRAVEST, Overview, overview
from reconcile.report.words import rule_label

PAIRS_SHOWN = 25
"""Pairs of characters on the paper, the most frequent first; how many more there are is said below them."""


def render(report: Report) -> bytes:
    """The paper as PDF/A-2b; as plain PDF where a label has a character that no font can draw.

    Raises:
        BalanceError: The verdict and the counts contradict each other (`wording.all_clear`).
        ConfigError: The extra `pdf` is not installed, or no Japanese font was found.
    """
    found = fonts.find()
    import typst  # noqa: PLC0415  an extra: `find` has said so if it is missing

    created = wording.epoch(report.run.started_at)
    data = {
        **contents(report),
        "fonts": list(found.families),
        "one_weight": found.families[0] in fonts.ONE_WEIGHT,
        **_characters(report, found),
        "created": list(datetime.fromtimestamp(created, UTC).timetuple()[:6]),
    }

    def typeset(*, archival: bool) -> bytes:
        return typst.compile(
            (files("reconcile.report") / "templates" / "council.typ").read_bytes(),
            format="pdf",
            font_paths=found.fonts,
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            timestamp=created,
            pdf_standards=["a-2b"] if archival else [],
        )

    try:
        return typeset(archival=True)
    except typst.TypstError as error:
        # PDF/A refuses a character that no font has; a column name may hold one. A box in its place is better than
        # no paper.
        if "could not be displayed" not in error.message:
            raise
        return typeset(archival=False)


def contents(report: Report) -> dict[str, Any]:
    """What the paper says, as JSON: counts and words, no key and no value."""
    about = overview(report)
    ward = about.taxonomy
    return {
        **asdict(about),
        "title": f"{about.dataset if ward else 'データ'}の整合性確認 結果報告",
        "addressee": "墨田区住基ネットセキュリティ会議 資料(作成 区民部窓口課)" if ward else about.dataset,
        "basis": "墨田区住民基本台帳ネットワークシステム運用管理要綱 第5条第2項第1号" if ward else "",
        "handling_class": build.handling(report, build.HANDLING),
        "handling": build.handling(report, build.HANDLING_COUNTS),
        "group_title": "区分別" if ward else "種類別",
        "tiles": _tiles(about),
        "decisions": [asdict(group) for group in about.groups if group.severity == GRAVEST],
        "terms": _terms(about) if about.claims else [],
        "witness": _witness(report),
    }


def _witness(report: Report) -> dict[str, Any] | None:
    """The checkpoint of the evidence as text and QR code: on paper it is out of the reach of whoever keeps the log."""
    if report.witness is None or not report.witness.note:
        return None
    return {
        "lines": report.witness.note.splitlines(),
        "verifier": report.witness.verifier,
        "code": _qr(report.witness.note),
    }


def _qr(text: str) -> str:
    """A QR code (ISO/IEC 18004, level M) of a text in UTF-8, as SVG."""
    import segno  # noqa: PLC0415  of the extra `pdf`

    code = segno.make_qr(text, error="m", encoding="utf-8", boost_error=False)
    return code.svg_inline(omitsize=True, border=4)  # four modules of white around it, as the standard asks


def _characters(report: Report, found: fonts.Found) -> dict[str, Any]:
    """The pairs of characters to be decided on, each character with the font that draws exactly it, or its code alone."""
    pairs = report.summary.get("character_pairs", ())
    if not isinstance(pairs, Sequence) or not report.verdict.claims:
        return {"pairs": [], "more_pairs": 0}
    shown = pairs[:PAIRS_SHOWN]
    drawn = drawing.families((pair[side] for pair in shown for side in Side), found)
    return {
        "pairs": [
            {
                **{side.value: {"text": pair[side], "font": drawn.get(pair[side], "")} for side in Side},
                **dict(zip(("left_code", "right_code"), _codes(pair), strict=True)),
                "rule": rule_label(pair["rule"]) if pair["rule"] else "",
                "approved": pair["grade"] == "approved",
                "persons": pair["persons"],
            }
            for pair in shown
        ],
        "more_pairs": len(pairs) - len(shown),
    }


def _codes(pair: Mapping[str, str]) -> tuple[str, str]:
    """`U+9AD9 MJ028902` of both characters: what stands behind the picture in the pair's words."""
    left, _, right = pair["pair"].partition(" / ")
    return left.removeprefix(pair["left"]).strip(), right.removeprefix(pair["right"]).strip()


def _tiles(about: Overview) -> list[Mapping[str, str]]:
    pairs = {
        "label": "対応付いた記録",
        "value": f"{about.compared:,}",
        "unit": "組",
        "below": f"うち一致 {about.matched:,}組({about.agreement})",
    }
    acting = {
        "label": "対応を要する差異",
        "value": f"{about.acting_persons:,}",
        "unit": about.unit,
        "below": f"差異 {about.acting:,}件",
    }
    if not about.taxonomy:
        return [pairs, acting]
    gravest = next((one for one in about.severities if one.severity == GRAVEST), None)
    return [
        pairs,
        acting,
        {
            "label": f"うち{GRAVEST}",
            "value": f"{gravest.persons if gravest else 0:,}",
            "unit": about.unit,
            "below": f"差異 {gravest.count if gravest else 0:,}件",
        },
    ]


def _terms(about: Overview) -> list[tuple[str, str]]:
    terms = [
        ("一致", "比較する全ての項目が、同じ値か、名前のある規則により同じとみなした値であること。"),
        ("不一致", "対応付いた記録で、一つ以上の項目の値が異なること。どちらが正しいかは判定していません。"),
        ("相手側になし", "一方の側にだけ記録があること。"),
        ("比較不能", "様式・値の不備やキーの欠落により比較できないこと。相手側の記録に不備がある場合を含みます。"),
        ("キー重複", f"{about.key}が同じ記録が複数あり、相手を一つに定められないこと。"),
        ("件数", "差異の数。一つの記録に複数の差異があれば、その数だけ数えます。"),
    ]
    if not about.taxonomy:
        return [*terms, ("キー数", "差異のあるキーの数。")]
    return [
        *terms,
        ("人数", f"差異のある{about.key}の数。重大度別では、同じ人を最も重い重大度で一度だけ数えます。"),
        ("一致の割合", "対応付いた組のうち一致した組の割合。全てでない限り100%とは表示しません。"),
        ("小さい件数", "合計と区分別の件数はそのまま示します。地域・年齢などの内訳は載せていません。"),
    ]

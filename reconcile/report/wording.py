"""What a report says in words, in Japanese: verdicts, names of kinds, dates, percentages.

`all_clear` is the only place where the words 「不一致0件」 are made (`reference/reliability.md` F142).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType
from typing import assert_never

import polars as pl

from reconcile.errors import BalanceError
from reconcile.model import SIDE_LABELS, Balance, Dataset, Report, Side, Verdict
from reconcile.report.build import gravest, needs_action

JAPAN = timezone(timedelta(hours=9), "JST")
"""Japan has had no summer time since 1952, so an offset does; the zone database is absent on some machines."""

VERDICTS: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.CONSISTENT: "整合",
        Verdict.MISMATCH: "不一致あり",
        Verdict.PARTIAL: "一部比較不能",
        Verdict.INCONCLUSIVE: "確認できず",
        Verdict.FAILED: "実行失敗",
        Verdict.TAMPERED: "改ざんの疑い",
    }
)

_KINDS = {
    "only_left": "{left}のみ存在",
    "only_right": "{right}のみ存在",
    "duplicate_left": "{left}でキー重複",
    "duplicate_right": "{right}でキー重複",
    "reject_left": "{left}の記録が比較不能",
    "reject_right": "{right}の記録が比較不能",
    "value": "値の相違",
    "other_key": "別のキーで対応",
    "identity_swap": "他人情報混在の疑い",
    "mixed_identity": "他人情報混在の疑い",
    "two_kinds_left": "{left}に日本人・外国人の現存記録が併存",
    "two_kinds_right": "{right}に日本人・外国人の現存記録が併存",
    "unassigned_left": "{left}の同一コードの記録が対応付かない",
    "unassigned_right": "{right}の同一コードの記録が対応付かない",
    "shared_across": "両側の別人が個人番号を共用",
    "shared_left": "{left}で複数人が共用",
    "shared_right": "{right}で複数人が共用",
    "check_digit_left": "{left}の検査数字不正",
    "check_digit_right": "{right}の検査数字不正",
    "code_range_left": "{left}のコード範囲外",
    "code_range_right": "{right}のコード範囲外",
    "town_left": "{left}の住所コードと文字列の矛盾",
    "town_right": "{right}の住所コードと文字列の矛盾",
    "undeclared_left": "{left}に未定義コード値",
    "undeclared_right": "{right}に未定義コード値",
    "disordered_left": "{left}の更新順序逆転",
    "disordered_right": "{right}の更新順序逆転",
    "doubtful_left": "{left}に代替記号・外字",
    "doubtful_right": "{right}に代替記号・外字",
}

HINTS: Mapping[str, str] = MappingProxyType(
    {
        "leading_zeros": "先頭のゼロ",
        "transposed_digits": "数字の入れ替わり",
        "check_digit": "検査数字",
        "full_width": "全角・半角",
        "spreadsheet_damage": "表計算ソフトによる変形",
    }
)

OUTCOMES: Mapping[str, str] = MappingProxyType({"passed": "合格", "failed": "不合格", "skipped": "対象外"})


def label(report: Report, side: Side) -> str:
    """What a side is called, also when it could not be read."""
    return (report.sides[side].label if side in report.sides else "") or SIDE_LABELS[side]


def kinds(report: Report) -> dict[str, str]:
    """Kind of finding -> what it is called, with the names of the sides in it."""
    names = {"left": label(report, Side.LEFT), "right": label(report, Side.RIGHT)}
    return {kind: words.format_map(names) for kind, words in _KINDS.items()}


def unit(dataset: Dataset) -> str:
    """What a key counts: people, or, in an ad-hoc dataset, keys."""
    return "人" if dataset.taxonomy else "キー"


def headline(report: Report) -> str:
    """The sentence that every report begins with.

    Raises:
        BalanceError: The verdict is `consistent` and the counts do not bear it out.
    """
    match report.verdict:
        case Verdict.CONSISTENT:
            return f"{all_clear(report)}{_without_items(report)}"
        case Verdict.MISMATCH:
            return f"一致しない記録があります。{_differences(report)}{_without_items(report)}"
        case Verdict.PARTIAL:
            return (
                f"比較できない記録がありました({_not_compared(report)})。"
                f"比較できた範囲で、{_differences(report)}{_without_items(report)}"
            )
        case Verdict.INCONCLUSIVE:
            return (
                "整合性を確認できませんでした。入力又は設定が確認の条件を満たさないため、"
                "一致・不一致のいずれについても判断していません。"
            )
        case Verdict.FAILED:
            return "処理が途中で失敗し、整合性を確認できませんでした。一致・不一致のいずれについても判断していません。"
        case Verdict.TAMPERED:
            return (
                "記録の真正性を検証できず、整合性を確認できませんでした。改ざんの疑いがあるため、"
                "統括責任者への報告が必要です。"
            )
        case _ as never:
            assert_never(never)


def all_clear(report: Report) -> str:
    """The all-clear, for a report whose verdict and counts both say so.

    Raises:
        BalanceError: The verdict is another one, a side is missing or does not balance, or a finding needs action.
            It is our bug to have come here, and nothing may be reported as clean.
    """
    if report.verdict is not Verdict.CONSISTENT:
        raise BalanceError("report", f"an all-clear was asked for under the verdict {report.verdict.value!r}")
    if set(report.sides) != set(Side) or not all(side.balance.closes for side in report.sides.values()):
        raise BalanceError("report", "an all-clear was asked for without two sides that balance")
    if report.findings.select(needs_action().any()).item():
        raise BalanceError("report", "an all-clear was asked for beside findings that need action")
    both = "、".join(f"{label(report, side)} {report.sides[side].balance.records:,} 件" for side in Side)
    rest = f"ほかに、対応を要しない差異が {report.findings.height:,} 件あります。" if report.findings.height else ""
    return f"不一致0件。{both}の全記録を照合し、対応を要する差異はありませんでした。{rest}"


def _differences(report: Report) -> str:
    acting = report.findings.filter(needs_action())
    rest = report.findings.height - acting.height
    people = gravest(acting, report.dataset).len()
    others = f"ほかに、対応を要しない差異が {rest:,} 件あります。" if rest else ""
    return f"対応を要する差異は {acting.height:,} 件({people:,} {unit(report.dataset)})です。{others}"


def _not_compared(report: Report) -> str:
    return "、".join(
        f"{label(report, side)} {about.balance.rejected + about.balance.duplicate:,} 件"
        for side, about in sorted(report.sides.items())
    )


def items_not_compared(report: Report) -> str:
    """The items that were not compared, and on which side they are missing; "" if all were (`reference/domain.md` §12.41)."""
    told = report.summary.get("not_compared", {})
    fields = {field.name: field.label or field.name for field in report.dataset.fields}
    parts = []
    for who, names in (told if isinstance(told, dict) else {}).items():
        items = "・".join(fields.get(name, name) for name in names)
        match who:
            case _ if not names:
                continue
            case "neither":
                parts.append(f"{items}(両側に項目なし)")
            case "systems":
                parts.append(f"{items}(コード体系が異なるか不明)")
            case "contradictions":
                where = "・".join(label(report, Side(name)) for name in names)
                parts.append(f"町字コードと住所の矛盾({where}の町字表なし)")
            case _:
                parts.append(f"{items}({label(report, Side(who).other)}に項目なし)")
    return "、".join(parts)


def undeclared_codes(report: Report) -> list[str]:
    """One sentence a side and item: which values its code list does not declare, and on how many records."""
    told = report.summary.get("undeclared", {})
    fields = {field.name: field.label or field.name for field in report.dataset.fields}
    return [
        f"{label(report, Side(side))}の{fields.get(name, name)}に未定義のコード値があります: "
        + "、".join(f"{'その他' if value == '*' else value}({count:,}件)" for value, count in values.items())
        for side, items in (told if isinstance(told, dict) else {}).items()
        for name, values in items.items()
    ]


def _without_items(report: Report) -> str:
    items = items_not_compared(report)
    return f"次の項目は比較不能で、一致とも不一致ともいえません: {items}。" if items else ""


def equation(balance: Balance) -> str:
    """The balance of one side, written out with its figures."""
    terms = (
        balance.out_of_scope,
        balance.rejected,
        balance.duplicate,
        balance.matched,
        balance.mismatched,
        balance.only,
    )
    sign = "=" if balance.rows == sum(terms) else "≠"
    return f"{balance.rows:,} {sign} " + " + ".join(f"{term:,}" for term in terms)


def percent(part: int, whole: int) -> str:
    """A share with as many decimals as it takes not to look like all or nothing.

    "100%" and "0%" are said of exact integers only (`reference/peers.md` §5, trap 16); "–" without a whole.

    >>> percent(99_998, 100_000), percent(287_301, 287_302), percent(1, 2), percent(7, 7)
    ('99.998%', '99.9997%', '50.0%', '100%')
    """
    if whole == 0:
        return "–"
    if part in (0, whole):
        return "0%" if part == 0 else "100%"
    share = Decimal(part) * 100 / Decimal(whole)
    # The default context has 28 digits, which is more than two counts of rows can need.
    for digits in range(1, 20):
        rounded = share.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
        if rounded not in (0, 100):
            return f"{rounded}%"
    return f"{share}%"


def moment(when: datetime) -> str:
    """A point in time as an office writes it, in Japan's time; a naive one is taken to be that already."""
    local = when.astimezone(JAPAN) if when.tzinfo else when
    # 令和 from 2019-05-01 (元号を改める政令, 平成31年政令第143号). No report is older than this program.
    years = f"令和{local.year - 2018}年" if local.year > 2019 else f"{local.year}年"
    return f"{years}{local.month}月{local.day}日 {local.hour}時{local.minute:02}分"


def day(when: datetime) -> str:
    """The day of a point in time, as an office writes it."""
    return moment(when).partition(" ")[0]


def epoch(when: datetime) -> int:
    """Seconds since 1970 UTC of a point in time; a naive one is Japan's time."""
    return int((when if when.tzinfo else when.replace(tzinfo=JAPAN)).timestamp())


def hint_text(column: pl.Expr) -> pl.Expr:
    """The words for a hint; one that has none stays as it is."""
    return column.replace(dict(HINTS))

"""What every paper says of the run as a whole, in words: the alarms, and tables of texts ready to print.

Counts and declared words only, no key and no value of a person; the council paper, the page and the worklist print the
same lines. Under a verdict that claims nothing there are no tables, and no alarm that rests on the comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconcile.model import Cause, Limits, Report, Share, Side
from reconcile.report import wording
from reconcile.report.followed import followed
from reconcile.report.rates import PAIRS, changes

PAIR_LABELS = dict(
    zip(
        PAIRS,
        ("完全一致", "符号化差のみ", "表記差のみ", "承認済同定のみ", "時差", "情報のみ", "要確認", "不一致"),
        strict=True,
    )
)
"""What became of a pair, in the words of `reference/domain.md` §7."""

CAUSES_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmLine:
    """An alarm as it is printed."""

    code: str
    label: str
    severity: str
    actor: str
    said: str
    todo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table of texts: the first columns are words, the last `figures` are figures.

    `later`: it is for reference, and stands behind the counts by code.
    """

    title: str
    heads: tuple[str, ...]
    figures: int
    lines: tuple[tuple[str, ...], ...]
    note: str = ""
    later: bool = False


def alarms(report: Report) -> tuple[AlarmLine, ...]:
    """The alarms, gravest first."""
    claims = report.verdict.claims
    return tuple(
        AlarmLine(code=one.code, label=one.label, severity=one.severity, actor=one.actor, said=one.ja, todo=one.todo_ja)
        for one in report.overall.alarms
        if claims or not one.compared
    )


def sections(report: Report) -> tuple[Section, ...]:
    """The tables, in the order in which they are read; those without a line are left out."""
    if not report.verdict.claims:
        return ()
    every = [_causes(report), _rates(report), _pairs(report), _places(report), _outside(report), _changes(report)]
    every += [
        Section(
            title=one.title, heads=one.heads, figures=len(one.heads) - 1, lines=one.lines, note=one.note, later=True
        )
        for one in followed(report)
    ]
    return tuple(section for section in every if section.lines)


def share(one: Share) -> str:
    """A rate as it is printed: to a thousandth of a percent, and never 0 % or 100 % unless it is exactly that."""
    if one.rate is None or not 0.00001 <= one.rate <= 0.99999:
        return wording.percent(one.count, one.of)
    return f"{one.rate:.3%}"


def _causes(report: Report) -> Section:
    found = report.overall.causes
    explained = sum(one.findings for one in found)
    unit = f"{explained:,}件 / 時差等を除く差異{report.overall.considered:,}件"
    more = f"ほかに{len(found) - CAUSES_SHOWN}件の原因があります。" if len(found) > CAUSES_SHOWN else ""
    return Section(
        title="原因別(一つの原因でまとまる差異)",
        heads=("原因", "区分", "記録", "差異", "全差異に占める割合", "集中度"),
        figures=4,
        lines=tuple(_cause(one, report.overall.considered) for one in found[:CAUSES_SHOWN]),
        note=f"原因{len(found)}件で {unit} を説明します。一つの原因は一つの作業です。差異は一件ずつ一覧にもあります。"
        f"集中度は、全体に比べて差異が何倍起きているかです。{more}",
    )


def _cause(one: Cause, considered: int) -> tuple[str, ...]:
    codes = "・".join(f"{code} {count:,}件" for code, count in one.codes.items())
    lift = "–" if one.lift is None else f"{one.lift:,.1f}倍"
    part = wording.percent(one.findings, considered)
    return (one.label, codes, f"{one.rows:,}", f"{one.findings:,}", part, lift)


def _rates(report: Report) -> Section:
    found = report.overall.rates
    if found is None:
        return Section(title="", heads=(), figures=0, lines=())
    (persons, items) = (next(iter(of.values())).of for of in (found.persons, found.items))
    return Section(
        title="不一致の率",
        heads=("区分", "人数", "率", "項目数", "率"),
        figures=4,
        lines=tuple(
            (one.label, f"{one.count:,}", share(one), f"{of.count:,}", share(of))
            for one, of in ((found.persons[name], found.items[name]) for name in found.persons)
        ),
        note=f"分母: 人数は対応付いた{persons:,}組、項目数は対応付いた組×比較項目の{items:,}項目。片側のみの記録も人数に数えます。"
        "一人は最も重い区分で一度だけ数えます。別枠の区分は他の行に含みません。",
    )


def _pairs(report: Report) -> Section:
    counts = report.overall.pairs
    if report.overall.rates is None:
        return Section(title="", heads=(), figures=0, lines=())
    total = sum(counts.values())
    equation = " + ".join(f"{PAIR_LABELS[name]} {count:,}" for name, count in counts.items())
    return Section(
        title="対応付いた組の内訳",
        heads=("内訳", "組"),
        figures=1,
        lines=(*((PAIR_LABELS[name], f"{count:,}") for name, count in counts.items()), ("対応付", f"{total:,}")),
        note=f"対応付 {total:,} = {equation}",
    )


def _places(report: Report) -> Section:
    found = report.overall.places
    labels = {field.name: field.label for field in report.dataset.fields}
    limit = _limits(report).small_cell
    rest = "その他(少人数のため名称を示さない地域)"
    lines = tuple((one.label or (f"{rest} {one.places}か所"), f"{one.persons:,}") for one in found)
    total = sum(one.persons for one in found)
    return Section(
        title=f"地域別({labels.get(report.dataset.place, '')})",
        later=True,
        heads=("地域", "対応を要する人数"),
        figures=1,
        lines=(*lines, ("計", f"{total:,}")) if lines else (),
        note=f"{limit}人未満の地域は、個人が推測されないよう名称を示さず、まとめて示します。差引きで分かる場合は、次に少ない地域も含めます。計は正確な数です。",
    )


def _outside(report: Report) -> Section:
    rows: dict[str, dict[str, int]] = {}
    for one in report.overall.outside:
        rows.setdefault(one.label, {})[one.side] = one.rows
    approved = {rule.label: f"{rule.approver} {rule.date}" for rule in report.dataset.scope if rule.approver}
    return Section(
        title="対象外の内訳",
        heads=("対象外とする規則", "承認", *(wording.label(report, side) for side in Side)),
        figures=len(Side),
        lines=tuple(
            (name, approved.get(name, "既定"), *(f"{counts.get(side, 0):,}" for side in Side))
            for name, counts in rows.items()
        ),
        later=True,
        note="対象外の記録でも、相手側に対象内の記録がある場合は比較します。",
    )


def _changes(report: Report) -> Section:
    lines: list[tuple[str, ...]] = [
        (
            f"{one.code} {one.label}",
            f"{one.declared} → {one.severity}",
            f"{one.change.approver} {one.change.date}" + (f"({one.change.since}から)" if one.change.since else ""),
        )
        for one in changes(report.dataset)
        if one.change
    ]
    lines += _gate_limits(report)
    limits = _limits(report)
    if limits.approver:
        lines.append(("警報等のしきい値", _thresholds(limits), f"{limits.approver} {limits.date}"))
    return Section(
        title="この区で変更している重大度・しきい値",
        heads=("対象", "変更", "承認者・日付"),
        later=True,
        figures=0,
        lines=tuple(lines),
    )


def _gate_limits(report: Report) -> list[tuple[str, ...]]:
    """The limits of the gates that are not the usual ones: also those that nobody signed for."""
    told = report.summary.get("gate_limits")
    if not isinstance(told, Mapping) or not told["changed"]:
        return []
    who = f"{told['approver']} {told['date']}".strip() or "記載なし"
    return [("入力の検査の限度", "、".join(f"{name} {value}" for name, value in told["changed"].items()), who)]


def _thresholds(limits: Limits) -> str:
    ours = Limits()
    names = [name for name in Limits.__dataclass_fields__ if name not in ("approver", "date")]
    told: Sequence[str] = [
        f"{name} {getattr(ours, name):g} → {getattr(limits, name):g}"
        for name in names
        if getattr(limits, name) != getattr(ours, name)
    ]
    return "、".join(told) or "既定のとおり"


def _limits(report: Report) -> Limits:
    return report.overall.limits

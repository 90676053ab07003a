"""What the papers for people show of a run: counts, in words, in the order in which they are read.

The council paper and the HTML page are two prints of one `Overview`. It holds no key and no value of a record: only
counts, labels that were declared, and what is known of the two inputs. A column name of an ad-hoc dataset is a
stranger's text: it comes out without control characters, and the templates treat it as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl

from reconcile.characters import tables
from reconcile.model import Category, Characters, Report, Side, SideReport, Verdict
from reconcile.report.build import SEVERITIES
from reconcile.report.statements import Statement, headline, state

TOKYO = ZoneInfo("Asia/Tokyo")
ACTION = ("重大", "要修正", "要確認")
"""The severities for which somebody has to act."""

_REIWA = datetime(2019, 5, 1, tzinfo=TOKYO)
_PARTS: tuple[tuple[str, str, str], ...] = (
    ("", "読み取った件数", "rows"),
    ("=", "一致", "matched"),
    ("+", "値の相違", "mismatched"),
    ("+", "片側のみ", "only"),
    ("+", "キーの重複", "duplicate"),
    ("+", "不良", "rejected"),
    ("+", "対象外", "out_of_scope"),
)
_KINDS: Mapping[str, str] = {
    "value": "値の相違",
    "only": "のみに存在",
    "duplicate": "でキーが重複",
    "reject": "の記録が不良",
    "check_digit": "で検査数字が不正",
    "undeclared": "で未定義のコード",
    "shared": "で同じ番号を共有",
    "other_key": "キーが異なる同一の記録",
    "identity_swap": "記録の入れ替わりの疑い",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What is known of one input."""

    label: str
    records: int
    source_bytes: int
    extracted_at: str
    trailer_count: int | None
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One line of the balance: the sign before it, and the rows of both sides."""

    sign: str
    label: str
    left: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Findings of one code, or of one kind where there is no code. `share` is of the largest group, 0 to 1."""

    code: str
    label: str
    severity: str
    actor: str
    count: int
    persons: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Severity:
    """Findings of one severity; `persons` counts each person once, under the gravest."""

    name: str
    action: bool
    count: int
    persons: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A label and how many; `share` is of the largest of its list, 0 to 1."""

    label: str
    count: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A gate in words."""

    label: str
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One run of the trend. `counts` follow `Overview.trend_severities`; None where nothing could be claimed."""

    as_of: str
    verdict: str
    counts: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All that both papers show. Lists are complete and in reading order; text is plain, never markup."""

    dataset: str
    taxonomy: bool
    key: str
    run_id: str
    version: str
    as_of: str
    started_at: str
    verdict: str
    statement: Statement
    total: int
    matched: int
    compared: int
    agreement: str
    inputs: tuple[Input, ...]
    balance: tuple[Part, ...]
    closes: bool
    conditions: tuple[Condition, ...]
    severities: tuple[Severity, ...]
    groups: tuple[Group, ...]
    fields: tuple[Count, ...]
    rules: tuple[Count, ...]
    trend_severities: tuple[str, ...]
    trend: tuple[Night, ...]
    characters: str


def overview(report: Report) -> Overview:
    """Gather what the papers show.

    Args:
        report: `trend` holds the earlier runs, oldest first, each as its `summary.json` or a part of it (`as_of`,
            `verdict`, `findings.by_severity`); this run is added as the last.
    """
    left, right = report.sides[Side.LEFT], report.sides[Side.RIGHT]
    declared = {category.severity for category in report.dataset.taxonomy.values()}
    names = tuple(severity for severity in ACTION if severity in declared)
    compared = left.balance.matched + left.balance.mismatched
    return Overview(
        dataset=plain(report.dataset.label or report.dataset.name),
        taxonomy=bool(report.dataset.taxonomy),
        key=plain("・".join(field.label or field.name for field in report.dataset.fields if field.key)),
        run_id=plain(report.run.run_id),
        version=plain(report.run.version),
        as_of=moment(report.run.as_of),
        started_at=moment(report.run.started_at),
        verdict=report.verdict.value,
        statement=state(report),
        total=report.findings.height,
        matched=left.balance.matched,
        compared=compared,
        agreement=percent(left.balance.matched, compared),
        inputs=(_input(left), _input(right)),
        balance=tuple(
            Part(sign=sign, label=label, left=getattr(left.balance, part), right=getattr(right.balance, part))
            for sign, label, part in _PARTS
        ),
        closes=left.balance.closes and right.balance.closes,
        conditions=_conditions(report),
        severities=_severities(report),
        groups=_groups(report),
        fields=_fields(report),
        rules=_rules(report),
        trend_severities=names,
        trend=_trend(report, names),
        characters=_characters(report),
    )


def plain(text: str) -> str:
    """Text without control characters: a source's column name must neither break nor reorder a line."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def moment(when: datetime) -> str:
    """A point in time as the ward writes it, in Japan's time. A naive one is taken for UTC."""
    local = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(TOKYO)
    year = f"令和{local.year - 2018}年" if local >= _REIWA else f"{local.year}年"
    return f"{year.replace('令和1年', '令和元年')}{local.month}月{local.day}日 {local.hour}時{local.minute:02}分"


def percent(part: int, whole: int) -> str:
    """A share that never rounds to "all" or "none": 2 of 100,000 missing is 99.998%, not 100.0%."""
    if whole == 0:
        return "－"
    if part in (0, whole):
        return f"{100 * part // whole}%"
    for digits in range(1, 12):
        text = f"{100 * part / whole:.{digits}f}"
        if float(text) not in (0.0, 100.0):
            return f"{text}%"
    return f"{part:,}/{whole:,}"


def _input(side: SideReport) -> Input:
    said = side.preflight.header.get("extracted_at", "")
    try:
        extracted = moment(datetime.strptime(said, "%Y%m%d%H%M%S").replace(tzinfo=TOKYO))
    except ValueError:
        extracted = "記載なし"
    return Input(
        label=plain(side.label),
        records=side.balance.records,
        source_bytes=side.preflight.source_bytes,
        extracted_at=extracted,
        trailer_count=side.preflight.trailer_count,
        sha256=side.preflight.sha256,
    )


def _conditions(report: Report) -> tuple[Condition, ...]:
    gates = report.summary.get("gates")
    listed = gates if isinstance(gates, list) else []
    return tuple(Condition(label=plain(gate["detail"]), passed=gate["outcome"] == "passed") for gate in listed)


def _groups(report: Report) -> tuple[Group, ...]:
    """By code, or by kind where a finding has no code; gravest first, then in the taxonomy's order."""
    taxonomy, key = report.dataset.taxonomy, report.dataset.key
    # A record without a key is nobody known: each counts by itself.
    unknown = pl.any_horizontal(pl.col(name).is_null() for name in key)
    person = pl.struct(*key, *(pl.when(unknown).then(pl.col(row)) for row in ("left_row", "right_row")))
    counted = report.findings.group_by(
        code=pl.col("code"), kind=pl.when(pl.col("code").is_null()).then(pl.col("kind")), severity=pl.col("severity")
    ).agg(pl.len(), person.n_unique().alias("persons"))
    most = max(counted["len"], default=0)
    order = {code: position for position, code in enumerate(taxonomy)}
    gravity = {severity: position for position, severity in enumerate(SEVERITIES)}
    nobody = Category(code="", label="", severity="", actor="-")
    rows = [
        Group(
            code=code or "",
            label=taxonomy.get(code, nobody).label if code else _kind(kind, report),
            severity=severity or "",
            actor=taxonomy.get(code, nobody).actor.replace("-", "－"),
            count=count,
            persons=persons,
            share=count / most,
        )
        for code, kind, severity, count, persons in counted.iter_rows()
    ]
    last = len(order)
    return tuple(sorted(rows, key=lambda g: (gravity.get(g.severity, last), order.get(g.code, last), g.label)))


def _kind(kind: str, report: Report) -> str:
    for side, one in report.sides.items():
        stem = kind.removesuffix(f"_{side}")
        if stem != kind:
            return plain(f"{one.label}{_KINDS.get(stem, stem)}")
    return plain(_KINDS.get(kind, kind))


def _severities(report: Report) -> tuple[Severity, ...]:
    counts, persons = _counts(report, "findings"), _counts(report, "persons")
    return tuple(
        Severity(name=name, action=name in ACTION, count=count, persons=persons.get(name, 0))
        for name, count in counts.items()
    )


def _counts(report: Report, part: str) -> dict[str, int]:
    """`by_severity` of a part of the summary, gravest first."""
    return _by_severity(report.summary.get(part))


def _by_severity(part: object) -> dict[str, int]:
    counts = part.get("by_severity") if isinstance(part, Mapping) else None
    if not isinstance(counts, Mapping):
        return {}
    return {name: int(counts[name]) for name in SEVERITIES if name in counts}


def _fields(report: Report) -> tuple[Count, ...]:
    """In the dataset's order, then what is about the record as a whole."""
    counted = dict(report.findings.group_by("field").len().iter_rows())
    named = [
        (field.label or field.name, counted[field.name]) for field in report.dataset.fields if field.name in counted
    ]
    whole = [("記録全体", counted[None])] if None in counted else []
    return _shares([*named, *whole])


def _rules(report: Report) -> tuple[Count, ...]:
    counted = dict(report.variants["rule"].fill_null("").value_counts(sort=False).iter_rows())
    named = sorted((-count, rule_label(rule)) for rule, count in counted.items())
    return _shares([(label, -count) for count, label in named])


def _shares(named: list[tuple[str, int]]) -> tuple[Count, ...]:
    most = max((count for _, count in named), default=0)
    return tuple(Count(label=plain(label), count=count, share=count / most) for label, count in named)


def _trend(report: Report, severities: tuple[str, ...]) -> tuple[Night, ...]:
    if not report.trend:
        return ()
    return tuple(_night(run, severities) for run in (*report.trend, report.summary))


def _night(run: Mapping[str, object], severities: tuple[str, ...]) -> Night:
    verdict = Verdict(str(run["verdict"]))
    counts = _by_severity(run.get("findings"))
    claims = verdict in (Verdict.CONSISTENT, Verdict.MISMATCH, Verdict.PARTIAL)
    return Night(
        as_of=moment(datetime.fromisoformat(str(run["as_of"]))),
        verdict=headline(verdict),
        counts=tuple(counts.get(severity, 0) if claims else None for severity in severities),
    )


def _characters(report: Report) -> str:
    """Which character tables the names were judged by, "" where none were."""
    if not any(isinstance(field.comparator, Characters) for field in report.dataset.compared):
        return ""
    return f"{tables.version()} 内容の識別値 {tables.digest()[:16]}"

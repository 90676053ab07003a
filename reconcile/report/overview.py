"""What the papers for people show of a run: counts in words, in the order in which they are read.

The council paper and the HTML page are two prints of one `Overview`. It holds no key and no value of a record: only
counts, declared labels, and what is known of the inputs. A column name of an ad-hoc dataset is a stranger's text: it
comes out without control characters, and the templates treat it as text. Where the verdict claims nothing, no count
of differences stands in it at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from reconcile.characters.tables import digest, version
from reconcile.model import Characters, Report, Side, Verdict
from reconcile.report import build, tables, wording
from reconcile.report.build import ACTIONABLE, SEVERITIES
from reconcile.report.whole import AlarmLine, Section, alarms, sections
from reconcile.report.words import rule_label

TONES: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.CONSISTENT: "good",
        Verdict.MISMATCH: "attention",
        Verdict.PARTIAL: "attention",
        Verdict.INCONCLUSIVE: "bad",
        Verdict.FAILED: "bad",
        Verdict.TAMPERED: "bad",
    }
)
"""How a banner is colored. The words in it say the same: paper may be black and white."""

GRAVEST = SEVERITIES[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What is known of one side. `extracted_at` is "記載なし" where the source does not say."""

    label: str
    records: int
    source_bytes: int
    extracted_at: str
    trailer_count: int | None
    sha256: str
    equation: str
    agreement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A label and how many; `share` is of the largest of its list, 0 to 1."""

    label: str
    count: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Findings of one code, or of one kind where there is no code; `share` is of the largest group, 0 to 1."""

    code: str
    label: str
    severity: str
    actor: str
    count: int
    persons: int
    share: float
    action: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One line of the balance: the sign before it, and the rows of each side that was read."""

    sign: str
    label: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A gate in words."""

    label: str
    outcome: str
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One run of the trend; `counts` follow `Overview.trend_severities`.

    None where nothing could be claimed, or where nothing is known: never 0.
    """

    as_of: str
    verdict: str
    total: int | None
    persons: int | None
    counts: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All that both papers show. Lists are complete and in reading order; text is plain, never markup."""

    dataset: str
    handling: str
    taxonomy: bool
    key: str
    unit: str
    run_id: str
    version: str
    as_of: str
    started_at: str
    verdict: str
    headline: str
    sentence: str
    notes: tuple[str, ...]
    tone: str
    claims: bool
    total: int
    persons: int
    acting: int
    acting_persons: int
    matched: int
    compared: int
    agreement: str
    inputs: tuple[Input, ...]
    balance: tuple[Part, ...]
    closes: bool
    conditions: tuple[Condition, ...]
    severities: tuple[Group, ...]
    groups: tuple[Group, ...]
    fields: tuple[Group, ...]
    rules: tuple[Count, ...]
    trend_severities: tuple[str, ...]
    trend: tuple[Night, ...]
    characters: str
    alarms: tuple[AlarmLine, ...]
    sections: tuple[Section, ...]


def overview(report: Report) -> Overview:
    """Gather what the papers show.

    Args:
        report: `trend` holds the earlier runs, oldest first, each as its `summary.json` or a part of it: `as_of` and
            `verdict`; `findings` and `persons`, each a number or an object with `by_severity`. This run is added
            as the last.

    Raises:
        BalanceError: The verdict and the counts contradict each other (`wording.all_clear`).
    """
    claims = report.verdict.claims
    balances = [side.balance for side in report.sides.values()]
    matched = balances[0].matched if balances else 0
    compared = matched + (balances[0].mismatched if balances else 0)
    severities = _groups(tables.by_severity(report)) if claims else ()
    declared = {category.severity for category in report.dataset.taxonomy.values()}
    trend_severities = tuple(name for name in SEVERITIES if name in ACTIONABLE & declared)
    return Overview(
        dataset=plain(report.dataset.label or report.dataset.name),
        handling=build.handling(report, build.HANDLING_COUNTS),
        taxonomy=bool(report.dataset.taxonomy),
        key=plain("・".join(field.label or field.name for field in report.dataset.fields if field.key)),
        unit=wording.unit(report.dataset),
        run_id=plain(report.run.run_id),
        version=plain(report.run.version),
        as_of=wording.moment(report.run.as_of),
        started_at=wording.moment(report.run.started_at),
        verdict=report.verdict.value,
        headline=wording.VERDICTS[report.verdict],
        sentence=plain(wording.headline(report)),
        notes=tuple(plain(note) for note in _notes(report)),
        tone=TONES[report.verdict],
        claims=claims,
        total=report.findings.height if claims else 0,
        persons=tables.persons(report) if claims else 0,
        acting=sum(one.count for one in severities if one.action),
        acting_persons=sum(one.persons for one in severities if one.action),
        matched=matched if claims else 0,
        compared=compared if claims else 0,
        agreement=wording.percent(matched, compared),
        inputs=_inputs(report),
        balance=_balance(report, whole=claims),
        closes=len(balances) == len(Side) and all(balance.closes for balance in balances),
        conditions=tuple(
            Condition(label=plain(detail or name), outcome=plain(outcome), passed=outcome == wording.OUTCOMES["passed"])
            for name, outcome, detail in tables.gates(report)
        ),
        severities=severities,
        groups=_groups(tables.by_code(report)) if claims else (),
        fields=_groups(tables.by_field(report)) if claims else (),
        rules=_rules(report) if claims else (),
        trend_severities=trend_severities,
        trend=_trend(report, trend_severities),
        characters=_characters(report),
        alarms=alarms(report),
        sections=tuple(_plain_section(one) for one in sections(report)),
    )


def plain(text: str) -> str:
    """Text without control characters: a source's column name must neither break nor reorder a line."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _plain_section(section: Section) -> Section:
    """Labels of sides and values of code lists are strangers' texts."""
    return replace(
        section,
        title=plain(section.title),
        heads=tuple(plain(head) for head in section.heads),
        lines=tuple(tuple(plain(text) for text in line) for line in section.lines),
        note=plain(section.note),
    )


def _notes(report: Report) -> list[str]:
    """What else must be known to read the verdict rightly."""
    if not report.verdict.claims:
        return [f"満たしていない条件: {detail}" for _, outcome, detail in tables.gates(report) if _failed(outcome)]
    key = "・".join(field.label or field.name for field in report.dataset.fields if field.key)
    notes = []
    for side, one in report.sides.items():
        name = wording.label(report, side)
        if one.balance.duplicate:
            notes.append(f"{name}の{one.balance.duplicate:,}件は、{key}が重複し、相手を一つに定められません。")
        if one.balance.rejected:
            notes.append(f"{name}の{one.balance.rejected:,}件は、その記録か相手側の記録の不備により比較できません。")
    if notes:
        notes.append("これらの記録は、一致とも不一致ともいえません。")
    notes.extend(wording.undeclared_codes(report))
    if not any(one.balance.rows for one in report.sides.values()):
        notes.append("比較した記録は両側とも0件です。")
    notes.extend(
        f"{wording.label(report, side)}の{one.balance.out_of_scope:,}件は、比較の対象外です。"
        for side, one in report.sides.items()
        if one.balance.out_of_scope
    )
    return notes


def _failed(outcome: str) -> bool:
    return outcome == wording.OUTCOMES["failed"]


def _inputs(report: Report) -> tuple[Input, ...]:
    sides = [report.sides[side] for side in Side if side in report.sides]
    return tuple(
        Input(
            label=plain(said.label),
            records=said.records,
            source_bytes=said.source_bytes,
            extracted_at=_extracted(said.header),
            trailer_count=side.preflight.trailer_count,
            sha256=said.sha256,
            equation=said.equation,
            agreement=said.share,
        )
        for said, side in zip(tables.inputs(report), sides, strict=True)
    )


def _extracted(header: str) -> str:
    """The time in a header (`Envelope.slots`: YYYYMMDDhhmmss, Asia/Tokyo) as the office writes it."""
    try:
        return wording.moment(datetime.strptime(header, "%Y%m%d%H%M%S").replace(tzinfo=wording.JAPAN))
    except ValueError:
        return "記載なし"


def _balance(report: Report, *, whole: bool) -> tuple[Part, ...]:
    """All lines, or only what was read: where nothing is claimed, "matched" must not be shown either."""
    parts: list[Part] = []
    for account in tables.accounts(report):
        if not (whole or account.total):
            continue
        sign = "" if account.total else "+" if parts and parts[-1].sign else "="
        parts.append(Part(sign=sign, label=account.label, counts=account.counts))
    return tuple(parts)


def _groups(lines: list[tables.Line]) -> tuple[Group, ...]:
    most = max((line.findings for line in lines), default=0)
    return tuple(
        Group(
            code=line.code,
            label=plain(line.label),
            severity=line.severity,
            actor=line.actor,
            count=line.findings,
            persons=line.persons,
            share=line.findings / most,
            action=line.severity in ACTIONABLE or line.severity == tables.NO_SEVERITY,
        )
        for line in lines
    )


def _rules(report: Report) -> tuple[Count, ...]:
    """How many values agree under each rule, most first; rules of one label are one."""
    counts: dict[str, int] = {}
    for rule, _, found in tables.by_rule(report):
        # Which entry of the site's table it was stands in the worklist.
        label = rule_label("+".join(part.partition(":")[0] for part in rule.split("+")))
        counts[label] = counts.get(label, 0) + found
    named = sorted((-count, label) for label, count in counts.items())
    return tuple(Count(label=plain(label), count=-count, share=count / named[0][0]) for count, label in named)


def _trend(report: Report, severities: tuple[str, ...]) -> tuple[Night, ...]:
    if not report.trend:
        return ()
    return tuple(_night(run, severities) for run in (*report.trend, report.summary))


def _night(run: Mapping[str, object], severities: tuple[str, ...]) -> Night:
    verdict = Verdict(str(run["verdict"]))
    claims = verdict.claims
    total, found = _counted(run.get("findings") if claims else None)
    persons, _ = _counted(run.get("persons") if claims else None)
    return Night(
        as_of=(wording.day if run.get("date_only") else wording.moment)(datetime.fromisoformat(str(run["as_of"]))),
        verdict=wording.VERDICTS[verdict],
        total=total,
        persons=persons,
        counts=tuple(None if found is None else found.get(name, 0) for name in severities),
    )


def _counted(part: object) -> tuple[int | None, dict[str, int] | None]:
    """A total, and the counts by severity, of a part of a summary: a plain number has no counts."""
    if isinstance(part, int):
        return part, None
    counts = part.get("by_severity") if isinstance(part, Mapping) else None
    if not isinstance(counts, Mapping):
        return None, None
    found = {str(name): int(count) for name, count in counts.items()}
    return sum(found.values()), found


def _characters(report: Report) -> str:
    """Which character tables the names were judged by; "" where none were."""
    if not any(isinstance(field.comparator, Characters) for field in report.dataset.compared):
        return ""
    return f"{version()}、SHA-256 {digest()[:16]}…"

"""The sheet 不一致一覧 as a frame: one row a finding, most urgent severity first, then code, then key, in words.

Its headings are the contract of the round trip: what people enter is read back by heading and `finding_id`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from reconcile.model import Dataset, Direction, Report, Secrecy, Side, Status, Verdict
from reconcile.report import tables, wording
from reconcile.report.ageing import STATUS_LABELS
from reconcile.report.build import SEVERITIES, needs_action
from reconcile.report.disclosure import LIST_KEY, PROTECTED, UNKNOWN, for_list
from reconcile.report.propose import propose, words
from reconcile.report.spreadsheet import fitted, visible
from reconcile.report.words import HINT_LABELS, hint_words, parts, rule_words, without_parts

STATES = ("未着手", "調査中", "是正依頼済", "対応済", "是正不要")
"""対応状況: what may be chosen in the drop-down; the first stands where somebody has to act."""

REASONS = ("届出・入力の誤り", "通知の未達", "文字の同定", "時期のずれ", "システムの不具合", "その他")
"""理由: what may be chosen. A fixed list, because what is chosen is kept, and free text may name a person."""

PROPOSED, STATE, REASON, STAFF, DUE = "是正案(未実施)", "対応状況", "理由", "担当者番号", "期限"
REMARK, IDENTIFIER = "所見", "finding_id"

ABSENT, EMPTY, SECRET = "(なし)", "(空文字)", "(非表示)"
"""What stands for a value that is null, that is a text without characters, or that nobody may see."""

UNSEEN = "この回に比較できず、残っているか確かめられません。値は前の回の一覧にあります"
"""Stands beside a finding of an earlier night that this one neither found nor proved gone: only its id is remembered."""

UNPROVEN = "この回は確認できませんでした。この一覧は差異の全てではなく、載っていないことは一致を示しません"
"""Stands above the rows under a verdict that claims nothing."""

HOMONYM = "符号は同じですが、両側で意味が違います"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the list: its heading, its name in `Listing.rows`, its width in digits, and its looks.

    `looks`: "number", "center", "text", "value" (as a side holds it), "entry" (filled in by a person), or "small"
    (for programs).
    """

    heading: str
    source: str
    width: float
    looks: str = "text"


@dataclass(frozen=True, slots=True)
class Listing:
    """The list: its columns in order, and `rows`, one a finding, whose columns are named by the columns' `source`.

    Texts are `spreadsheet.visible` and `fitted`. `unclear` counts findings whose place is hidden because nobody knows
    whether the person is protected, `unseen` those of earlier nights that this one neither found nor proved gone. Under
    a verdict that claims nothing the first row is no finding: it says so.
    """

    columns: tuple[Column, ...]
    rows: pl.DataFrame
    unclear: int
    unseen: int


def listing(report: Report) -> Listing:
    """Every finding, and those of earlier nights that are 未確認; most urgent severity first, then by code and key.

    An ad-hoc dataset has no severity, code or actor and is sorted by key. In a dataset that has a taxonomy, findings
    without a code come behind 要確認: nobody has said that they are harmless.
    """
    masked = for_list(report)
    # Internal names: the key's own are a stranger's, and could be any of those used here.
    findings = masked.rename({name: f"key{place}" for place, name in enumerate(report.dataset.key)})
    if report.tracked is not None:
        known = report.tracked.standing.rename({"since": "_since"}).drop("days", "nights", "promoted")
        remembered = known.filter(pl.col("status") == Status.UNCONFIRMED).join(findings, on="finding_id", how="anti")
        known = known.drop("code", "field", "severity")
        findings = findings.join(known, on="finding_id", how="left", maintain_order="left")
        findings = pl.concat([findings, remembered], how="diagonal_relaxed")
    ordered = _sorted(findings, report.dataset).with_row_index("number", offset=1)
    columns = _columns(report)
    key = [f"key{place}" for place in range(len(report.dataset.key))]
    ordered = pl.concat([ordered, propose(ordered, report.dataset, key)], how="horizontal")
    shown = ordered.with_columns(**_words(report)).select(column.source for column in columns)
    shown = shown.with_columns(fitted(visible(text)) for text in shown.select(pl.col(pl.String)).iter_columns())
    unclear = masked.filter(_place(report.dataset) & (pl.col("left_raw") == UNKNOWN)).height
    unseen = shown.height - masked.height
    if not report.verdict.claims and shown.height:
        said = {"category": wording.VERDICTS[Verdict.INCONCLUSIVE], "explained": UNPROVEN}
        shown = pl.concat([pl.DataFrame([said]).match_to_schema(shown.schema, missing_columns="insert"), shown])
    return Listing(columns=columns, rows=shown, unclear=unclear, unseen=unseen)


def _columns(report: Report) -> tuple[Column, ...]:
    dataset, labels = report.dataset, tables.field_labels(report)
    left, right = (wording.label(report, side) for side in Side)
    taxonomy = (
        Column("重大度", "severity", 6, "center"),
        Column("コード", "code", 5, "center"),
        Column("区分名", "category", 14),
        Column("担当", "actor", 8),
    )
    followed = (
        Column("状態", "status", 7, "center"),
        Column("初出", "since", 8, "center"),
        Column("経過", "business_days", 5, "number"),
    )
    columns = (
        Column("No.", "number", 5, "number"),
        *(followed if report.tracked else ()),
        *(taxonomy if dataset.taxonomy else (Column("種類", "category", 14),)),
        *((Column(labels.get(dataset.list_key, dataset.list_key), LIST_KEY, 14),) if dataset.list_key else ()),
        *(Column(labels[name], f"key{place}", 11) for place, name in enumerate(dataset.key)),
        Column("項目", "item", 13),
        Column(f"{left}の値", "left_value", 17, "value"),
        Column(f"{right}の値", "right_value", 17, "value"),
        Column("根拠", "ground", 14),
        Column("ヒント", "explained", 17),
        *((Column(PROPOSED, "proposed", 27),) if dataset.proposals else ()),
        Column(f"{left}行", "left_row", 7, "number"),
        Column(f"{right}行", "right_row", 7, "number"),
        Column(STATE, "state", 9, "entry"),
        Column(REASON, "reason", 9, "entry"),
        Column(STAFF, "staff", 7, "entry"),
        Column(DUE, "due", 8, "entry"),
        Column(REMARK, "remark", 14, "entry"),
        Column(IDENTIFIER, "finding_id", 12, "small"),
    )
    headings = fitted(visible(pl.Series([column.heading for column in columns], dtype=pl.String)))
    return tuple(replace(column, heading=heading) for heading, column in zip(headings, columns, strict=True))


def _sorted(findings: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    key = [f"key{place}" for place in range(len(dataset.key))]
    if not dataset.taxonomy:
        return findings.sort(key, nulls_last=False, maintain_order=True)
    gravity = {severity: 2.0 * rank for rank, severity in enumerate(SEVERITIES)}
    rank = pl.col("severity").replace_strict(
        gravity, default=2.0 * SEVERITIES.index("要確認") + 1, return_dtype=pl.Float64
    )
    return findings.sort(rank, "code", *key, nulls_last=False, maintain_order=True)


def _words(report: Report) -> dict[str, pl.Expr]:
    """Name in `Listing.rows` -> the words, from the columns of the masked findings."""
    dataset = report.dataset
    left, right = (wording.label(report, side) for side in Side)
    labels = {code: category.label for code, category in dataset.taxonomy.items()}
    actors = {code: category.actor.strip("-") for code, category in dataset.taxonomy.items()}
    code, hint = pl.col("code"), pl.col("hint")
    # A hint of fixed wording tells nothing of a value; another one may quote it.
    fixed = without_parts(hint).is_in(list(HINT_LABELS))
    told = pl.when(~_hidden(dataset) | fixed).then(hint).otherwise(parts(hint))
    # Two code lists: "1" is one thing there and another thing here.
    homonym = (pl.col("kind") == "value") & (pl.col("left_raw") == pl.col("right_raw")) & ~_hidden(dataset)
    return {
        "severity": pl.col("severity").fill_null(tables.NO_SEVERITY),
        "category": pl.coalesce(
            code.replace_strict(labels, default=None, return_dtype=pl.String),
            pl.col("kind").replace(wording.kinds(report)),
        ),
        "actor": code.replace_strict(actors, default=None, return_dtype=pl.String),
        "item": pl.col("field").replace(tables.field_labels(report)).fill_null(tables.RECORD),
        "left_value": _value("left_raw", dataset),
        "right_value": _value("right_raw", dataset),
        "ground": rule_words(pl.col("rule")),
        "explained": pl.coalesce(
            hint_words(told, left, right),
            pl.when(homonym).then(pl.lit(HOMONYM)),
            pl.when(pl.col("kind").is_null()).then(pl.lit(UNSEEN)),
        ),
        "proposed": _proposed(left, right),
        "state": pl.when(needs_action()).then(pl.lit(STATES[0])),
        **dict.fromkeys(("reason", "staff", "due", "remark"), pl.lit(None, pl.String)),
        **(_followed() if report.tracked else {}),
    }


def _proposed(left: str, right: str) -> pl.Expr:
    """「既存住基 → CS: … 〔ground〕」: which side would change, and with what; nothing where nothing is to be done."""
    direction = pl.col("direction").replace(words(left, right))
    said = pl.format("{}: {}〔{}〕", direction, "measure", "ground")
    return pl.when(pl.col("direction") == Direction.NONE).then("measure").otherwise(said)


def _followed() -> dict[str, pl.Expr]:
    labels = {status.value: label for status, label in STATUS_LABELS.items()}
    return {
        "status": pl.col("status").replace_strict(labels, default="", return_dtype=pl.String),
        "since": pl.col("_since").dt.strftime("%Y-%m-%d"),
    }


def _value(raw: str, dataset: Dataset) -> pl.Expr:
    """A value as the list shows it. Null and "" differ, and an empty cell would say neither."""
    pair = pl.col("kind").is_in(["value", "other_key"])
    return (
        pl.when(_secret(dataset))
        .then(pl.lit(SECRET))
        .when(pl.col(raw) == "")
        .then(pl.lit(EMPTY))
        .when(pl.col(raw).is_null() & pair)
        .then(pl.lit(ABSENT))
        .otherwise(pl.col(raw))
    )


def _secret(dataset: Dataset) -> pl.Expr:
    return _about([field.name for field in dataset.fields if field.secrecy is Secrecy.MY_NUMBER])


def _place(dataset: Dataset) -> pl.Expr:
    return _about([field.name for field in dataset.fields if field.location])


def _hidden(dataset: Dataset) -> pl.Expr:
    """Whether `for_list` has put words in the place of a finding's values, or nobody may see them."""
    masked = pl.col("left_raw").is_in([PROTECTED, UNKNOWN]).fill_null(value=False)
    return _secret(dataset) | (_place(dataset) & masked)


def _about(fields: list[str]) -> pl.Expr:
    return pl.col("field").is_in(fields).fill_null(value=False)

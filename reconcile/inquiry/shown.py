"""An answer on a terminal of 100 columns, in Japanese or English, and as one JSON object.

Values, the office's words for rules, and the grounds stay Japanese in both: they are what the records and the law say.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from reconcile.inquiry import Asked
from reconcile.inquiry.answer import Answer, Candidate, Compared, Found, Older, Pair, Record, Value
from reconcile.inquiry.tried import DIFFERENT, FAILS, MISSING, NOT_COMPARED, OFF, RUNGS, SAME
from reconcile.model import Dataset, Direction, Secrecy, Side
from reconcile.report.build import HANDLING_PERSONAL, handling
from reconcile.report.listing import ABSENT, EMPTY
from reconcile.report.words import HINT_LABELS, rule_label

SCHEMA = 1
"""The version of the JSON object."""

WIDTH = 100

WORDS: Mapping[str, tuple[str, str]] = {
    "inquiry": ("照会", "Inquiry"),
    "handling": ("取扱い", "Handling"),
    "purpose": ("目的", "Purpose"),
    "operator": ("操作者", "Operator"),
    "recorded": ("証跡に記録済", "recorded in the evidence"),
    "unrecorded": ("実行ファイルなし: 証跡には記録されません", "no run file: not recorded"),
    "as_of": ("基準日時", "As of"),
    "key": ("キー", "Key"),
    "nobody": ("この番号の記録は、どちらの側にもありません。", "Neither side has a record under this key."),
    "nothing": ("この記録に相違はありません。", "No differences about this record."),
    "no_claim": (
        "注意: 全体の突合は成立していません。以下は二つの記録についての事実だけで、一致の証明ではありません。",
        "Note: the comparison as a whole claims nothing. What follows is about these records only.",
    ),
    "protected": ("支援措置対象者: 住所を表示しません。", "Protected person: the address is not shown."),
    "unknown": (
        "支援措置の有無が分からないため、住所を表示しません。",
        "Nobody says whether the person is protected: the address is not shown.",
    ),
    "records": ("両側の記録(上: 原文、→: 復号後)", "Records (first as it stood, → as decoded)"),
    "alone": ("記録", "Record"),
    "beside": ("(相違の相手の記録)", "(stands beside the key in a finding)"),
    "row": ("行", "row"),
    "field": ("項目", "field"),
    "outcome": ("判定", "outcome"),
    "tried": ("試した規則(順に。✓ 成立 ✗ 不成立 - 無効)", "Rules tried, in order (✓ holds ✗ does not - switched off)"),
    "history": ("履歴(新しい順)", "History, newest first"),
    "processed": ("処理日時", "processed"),
    "changed": ("この後に変わった項目", "changed after it"),
    "equals": ("CSと同じ", "the CS equals it"),
    "candidates": ("候補(同一人とは限りません)", "Candidates (a question, not a pairing)"),
    "findings": ("検出と是正案(未実施)", "Findings and what is proposed, never applied"),
    "ground": ("根拠", "ground"),
    "hint": ("ヒント", "hint"),
    "proposal": ("是正案", "proposal"),
    "value": ("値", "value"),
    "who": ("担当", "who acts"),
    "whole": ("(記録全体)", "(the record)"),
}
OUTCOMES: Mapping[str, tuple[str, str]] = {
    SAME: ("一致", "equal"),
    MISSING: ("欠落", "missing"),
    DIFFERENT: ("不一致", "different"),
    NOT_COMPARED: ("比較不能", "not compared"),
}
STEPS: Mapping[str, tuple[str, str]] = {
    SAME: ("復号後の値が同じ", "equal as decoded"),
    MISSING: ("片側に値がない", "one side has none"),
    DIFFERENT: ("同じとみなす規則なし", "no rule makes them equal"),
    "same_character": ("L1 同じ文字の別符号", "L1 same character"),
    "separator": ("L1′ 区切り・空白", "L1' separators"),
    "approved": ("L2 承認済同定", "L2 approved"),
    "variant": ("L3 異体字・縮退", "L3 variant"),
    "unmapped": ("L4 外字・未同定", "L4 unmapped"),
}
_RUNG_DIFFERENT = ("L5 別の文字", "L5 another character")
_BY: Mapping[str, tuple[str, str]] = {
    "second_key": ("個人番号が同じ", "same 個人番号"),
    "former_key": ("旧住民票コードとして記録", "named as the former 住民票コード"),
    "person": ("氏名・生年月日・性別が同じ", "same name, birth date and sex"),
}
_DIRECTIONS: Mapping[str, str] = {
    Direction.INVESTIGATE: "investigate",
    Direction.WAIT: "wait",
    Direction.NONE: "nothing to do",
}
_DIRECTIONS_JA: Mapping[str, str] = {Direction.INVESTIGATE: "調査", Direction.WAIT: "待つ", Direction.NONE: "対応なし"}
_FAILED = 2


def as_json(asked: Asked) -> dict[str, object]:
    """The object of `--json`: what is asked, under which permit, and the answer as `answer.Answer` has it."""
    return {
        "schema": SCHEMA,
        "inquiry_id": asked.inquiry_id,
        "handling": handling(asked.report, HANDLING_PERSONAL),
        **asked.permit.details,
        "recorded": asked.recorded,
        "dataset": asked.report.dataset.name,
        "as_of": asked.report.run.as_of.isoformat(),
        "verdict": asked.report.verdict.value,
        "found": bool(asked.answer.records),
        **asdict(asked.answer),
    }


def show(asked: Asked, console: Console, *, english: bool, as_object: bool) -> None:
    """Print an answer: sections for people, or one line of JSON."""
    if as_object:
        console.file.write(json.dumps(as_json(asked), ensure_ascii=False) + "\n")
        return
    page = _Page(asked, english=english)
    for part in page.parts():
        console.print(part, width=min(console.width, WIDTH))


class _Page:
    """The sections of an answer, in order."""

    def __init__(self, asked: Asked, *, english: bool) -> None:
        self._asked, self._english = asked, english
        self._answer: Answer = asked.answer
        self._dataset: Dataset = asked.report.dataset
        self._labels = {field.name: field.label or field.name for field in self._dataset.fields}
        self._secret = {f.name for f in self._dataset.fields if f.secrecy is Secrecy.MY_NUMBER}

    def parts(self) -> Iterable[RenderableType]:
        """What to print, from the top."""
        answer = self._answer
        yield self._head()
        if not answer.records:
            yield Text(self._say("nobody"), style="bold red")
            return
        if self._asked.report.verdict.exit_code >= _FAILED:
            yield Text(self._say("no_claim"), style="bold red")
        if answer.protected is not False:
            yield Text(self._say("protected" if answer.protected else "unknown"), style="bold yellow")
        yield from self._records()
        yield from self._section("tried", [part for pair in answer.pairs for part in self._tried(pair)])
        yield from self._section("history", [self._history(answer.history)] if answer.history else [])
        yield from self._section("candidates", [self._candidate(one) for one in answer.candidates])
        findings = [self._finding(one) for one in answer.findings]
        yield from self._section("findings", findings or [Text(f"  {self._say('nothing')}", style="green")])

    # ---------------------------------------------------------------------------------------------------- head

    def _head(self) -> RenderableType:
        permit = self._asked.permit
        lines = Table(box=None, pad_edge=False, show_header=False)
        lines.add_column(style="bold")
        lines.add_column(overflow="fold")
        recorded = self._say("recorded" if self._asked.recorded else "unrecorded")
        for name, text in (
            ("inquiry", self._asked.inquiry_id),
            ("handling", handling(self._asked.report, HANDLING_PERSONAL)),
            ("purpose", permit.purpose),
            ("operator", f"{permit.operator} ({permit.role})  {recorded}"),
            ("as_of", self._asked.report.run.as_of.isoformat()),
            ("key", " | ".join(self._answer.key)),
        ):
            lines.add_row(self._say(name), _text(text))
        return lines

    def _section(self, name: str, parts: list[RenderableType]) -> Iterable[RenderableType]:
        if parts:
            yield Text(f"\n■ {self._say(name)}", style="bold")
            yield from parts

    # ------------------------------------------------------------------------------------------------- records

    def _records(self) -> Iterable[RenderableType]:
        answer = self._answer
        rows = {(record.side, record.row): record for record in answer.records}
        yield Text(f"\n■ {self._say('records')}", style="bold")
        paired = set()
        for pair in answer.pairs:
            left, right = rows[Side.LEFT, pair.left_row], rows[Side.RIGHT, pair.right_row]
            paired |= {(Side.LEFT, pair.left_row), (Side.RIGHT, pair.right_row)}
            outcomes = {one.field: one for one in pair.fields}
            yield self._side_by_side([left, right], outcomes)
        for place, record in rows.items():
            if place not in paired:
                yield self._side_by_side([record], {})

    def _side_by_side(self, records: list[Record], outcomes: Mapping[str, Compared]) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column(self._say("field"), width=16, overflow="fold")
        for record in records:
            label = _plain(self._answer.labels[record.side])
            head = Text(f"{label} {self._say('row')} {record.row:,}")
            if not record.asked:
                head.append(f"\n{_plain(record.key)} {self._say('beside')}")
            table.add_column(head, ratio=1, overflow="fold")
        if outcomes:
            table.add_column(self._say("outcome"), width=18, overflow="fold")
        for field in self._dataset.fields:
            values = [record.values.get(field.name) for record in records]
            if all(value is None or (value.raw, value.canonical) == (None, None) for value in values):
                continue
            outcome = outcomes.get(field.name)
            cells = [_cell(value) for value in values]
            table.add_row(_text(self._labels[field.name]), *cells, *([self._outcome(outcome)] if outcomes else []))
        return table

    def _outcome(self, outcome: Compared | None) -> Text:
        if outcome is None:
            return Text("")
        word = OUTCOMES.get(outcome.outcome, OUTCOMES[DIFFERENT])[self._english]
        if outcome.outcome == SAME:
            return Text(word, style="green")
        if outcome.outcome == NOT_COMPARED or outcome.field in self._secret:
            return Text(word, style="yellow" if outcome.outcome == NOT_COMPARED else "bold red")
        if outcome.equal:
            return Text(f"{OUTCOMES[SAME][self._english]} ({_rule(outcome.rule)})", style="cyan")
        return Text(f"{word} ({_rule(outcome.rule)})" if outcome.rule else word, style="bold red")

    # --------------------------------------------------------------------------------------------------- tried

    def _tried(self, pair: Pair) -> Iterable[RenderableType]:
        several = len(self._answer.pairs) > 1
        head = [Text(f"  {self._say('row')} {pair.left_row:,} / {pair.right_row:,}")] if several else []
        lines = [line for one in pair.fields for line in self._trail(one)]
        return [*head, *lines] if lines else []

    def _trail(self, one: Compared) -> Iterable[Text]:
        if one.trail is None or one.outcome == SAME:
            return
        line = Text("  ")
        line.append(f"{_plain(self._labels[one.field])}: ", style="bold")
        ladder = any(step.step in RUNGS[:-1] for step in one.trail.steps)
        for place, step in enumerate(one.trail.steps):
            mark, style = {FAILS: ("✗", "dim"), OFF: ("-", "dim")}.get(step.said, ("✓", "bold"))
            words = _RUNG_DIFFERENT if ladder and step.step == DIFFERENT else STEPS.get(step.step)
            name = words[self._english] if words else _rule(step.step)
            because = f" [{_rule(step.rule)}]" if step.rule and words else ""
            line.append(f"{' → ' if place else ''}{mark} {name}{because}", style=style)
        yield line
        for pair, grade, rule in one.trail.characters:
            words = _RUNG_DIFFERENT if grade == DIFFERENT else STEPS.get(grade)
            named = words[self._english] if words else grade
            yield Text(f"      {_plain(pair)}: {named}{f' [{_rule(rule)}]' if rule else ''}")

    # ----------------------------------------------------------------------------------- history, candidates

    def _history(self, rows: tuple[Older, ...]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
        for name in ("processed", "changed", "equals"):
            table.add_column(self._say(name), overflow="fold")
        for row in rows:
            changed = "、".join(self._labels[name] for name in row.changed)
            equal = Text("✓" if row.equals_left else "", style="bold yellow")
            table.add_row(_text(row.processed or ""), _text(changed), equal)
        return table

    def _candidate(self, one: Candidate) -> Text:
        by = _BY[one.by][self._english] if one.by in _BY else HINT_LABELS.get(one.by, one.by)
        row = "" if one.row is None else f" {self._say('row')} {one.row:,}"
        return Text(f"  {_plain(self._answer.labels[one.side])}{row}  {_plain(one.key)}  {_plain(by)}")

    # ------------------------------------------------------------------------------------------------ findings

    def _finding(self, one: Found) -> RenderableType:
        field = self._labels.get(one.field or "", one.field or self._say("whole"))
        head = Text("  ")
        head.append(f"{one.severity or '-'} {one.code or one.kind} {_plain(one.label)}", style="bold")
        head.append(f"  {_plain(field)}  {self._say('who')}: {one.actor or '-'}")
        lines = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1, 0, 0))
        lines.add_column(width=12, justify="right", style="dim")
        lines.add_column(overflow="fold")
        if one.left or one.right:
            left, right = (_plain(self._answer.labels[side]) for side in Side)
            lines.add_row(
                self._say("value"), f"{left}: {_plain(one.left or '-')}  /  {right}: {_plain(one.right or '-')}"
            )
        for name, text in (("ground", one.ground), ("hint", one.hint), ("proposal", self._proposal(one))):
            if text:
                lines.add_row(self._say(name), _text(text))
        lines.add_row("id", Text(one.finding_id, style="dim"))
        return Group(head, lines)

    def _proposal(self, one: Found) -> str:
        proposed = one.proposed
        if proposed is None:
            return ""
        if proposed.side is None:
            words = _DIRECTIONS if self._english else _DIRECTIONS_JA
            return f"{words[proposed.direction]}：{proposed.measure}〔{proposed.ground}〕"
        labels, row = self._answer.labels, f" {self._say('row')} {proposed.row:,}" if proposed.row else ""
        value = f"({self._say('value')} {proposed.value})" if proposed.value else ""
        arrow = f"{labels[proposed.side.other]} → {labels[proposed.side]}{row}"
        return f"{arrow}：{proposed.measure}{value}〔{proposed.ground}〕"

    def _say(self, word: str) -> str:
        return WORDS[word][self._english]


def _rule(rule: str | None) -> str:
    return "" if not rule else rule_label(rule)


def _cell(value: Value | None) -> Text:
    if value is None:
        return Text("")
    shown = {None: ABSENT, "": EMPTY}.get(value.raw, value.raw)
    text = _text(shown or "")
    if value.canonical != value.raw and value.canonical is not None:
        text.append(f"\n→ {_plain(value.canonical)}", style="dim")
    return text


def _text(text: str) -> Text:
    return Text(_plain(text))


def _plain(text: str) -> str:
    """Without control characters: a value must not drive the terminal."""
    return "".join(c if c.isprintable() or c in " \u3000" else "\N{REPLACEMENT CHARACTER}" for c in text)

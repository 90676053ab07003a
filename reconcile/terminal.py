"""What a person sees: progress and messages on stderr, one table or one JSON object on stdout, in Japanese or English."""

from __future__ import annotations

import json
import locale
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from reconcile.errors import ReconcileError

if TYPE_CHECKING:
    from reconcile.evidence import Verification
    from reconcile.model import Report

WORDS: Mapping[str, tuple[str, str]] = {
    "verdict": ("判定", "Verdict"),
    "balance": ("件数の検算", "Balance"),
    "records": ("レコード", "records"),
    "rows": ("行", "rows"),
    "out_of_scope": ("対象外", "out of scope"),
    "rejected": ("不良", "rejected"),
    "duplicate": ("重複", "duplicate"),
    "matched": ("一致", "matched"),
    "mismatched": ("不一致", "mismatched"),
    "only": ("片側のみ", "only here"),
    "findings": ("検出", "Findings"),
    "kind": ("種類", "kind"),
    "code": ("区分", "code"),
    "label": ("名称", "name"),
    "severity": ("重大度", "severity"),
    "field": ("項目", "field"),
    "count": ("件数", "count"),
    "rule": ("規則による一致", "equal by rule"),
    "not_compared": ("比較不能の項目(その側だけにある)", "Not compared, only there"),
    "neither": ("両側になし", "on neither side"),
    "systems": ("コード体系が異なるか不明", "other or unknown systems of codes"),
    "contradictions": ("町字表がない側", "sides without a table of towns"),
    "unproven": (
        "E_UNPROVEN このParquetには検査値がなく、壊れていないことは確かめていません",
        "E_UNPROVEN nothing shows that this Parquet file is intact: no digest stands beside it",
    ),
    "run": ("実行番号", "Run"),
    "files": ("出力", "Written"),
    "time": ("所要時間", "time"),
    "alarm": ("警報", "ALARM"),
    "rate": ("不一致の人数 / 対応付いた組(時差を除く)", "persons truly mismatched / pairs, without timing"),
    "rate_with_timing": ("不一致の人数 / 対応付いた組(時差を含む)", "persons mismatched / pairs, timing included"),
    "causes": ("一つの原因でまとまる差異", "Findings with one cause in common"),
    "gate": ("成立しなかった条件", "gate not passed"),
}
VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "consistent": ("一致を確認しました", "consistent: proven to agree", "green"),
    "mismatch": ("不一致があります", "mismatch: differences found", "yellow"),
    "partial": ("一部を比較できませんでした", "partial: some rows could not be compared", "yellow"),
    "inconclusive": ("確認できませんでした", "inconclusive: nothing is claimed", "red"),
    "failed": ("処理に失敗しました", "failed", "red"),
    "tampered": ("改ざんの疑いがあります", "tampered", "red"),
}
FAULTS: Mapping[str, str] = {
    "E_ACCESS": "読む権限がありません",
    "E_AMBIGUOUS": "複数のファイルが当てはまります",
    "E_ARCHIVE": "圧縮ファイルは読みません",
    "E_AUTH": "認証に失敗しました",
    "E_BALANCE": "件数の検算が合いません(プログラムの誤り)",
    "E_ORACLE": "別方式の比較と結果が一致しません(プログラムの誤り)",
    "E_SELFTEST": "試験用レコードの差異が、仕込んだとおりに検出されません",
    "E_CHARSET": "文字コードの指定が違います",
    "E_CLOCK": "時計が証跡又は台帳の最後の記録より前です",
    "E_COLUMNS": "列の数が違います",
    "E_COLUMN_DEAD": "片側だけ値がない、又は全件同じ値の項目があります",
    "E_COLUMN_EMPTY": "両側とも値のない項目があります",
    "E_CONFIG": "指定が正しくありません",
    "E_CONNECT": "データベースに接続できません",
    "E_CONTROL": "合計値が合いません",
    "E_CONTROL_CHAR": "制御文字があります",
    "E_COUNT": "件数が合いません",
    "E_DECLARATION": "宣言が正しくありません",
    "E_DISK": "書き込めません",
    "E_DRIVER": "データベースから文字が元のまま届きません",
    "E_EMPTY": "ファイルが空です",
    "E_ENCODING": "文字コードが違います",
    "E_ENVIRONMENT": "本番と試験の取り違えです(架空の人と実在の人)",
    "E_EOL": "改行が統一されていません",
    "E_FAILED": "処理に失敗しました",
    "E_FIELD_SIZE": "項目が長すぎます",
    "E_FILESYSTEM": "出力先が他の機械のファイルシステムにあります",
    "E_HEADER": "見出しが違います",
    "E_INSTALLED": "導入された部品が配布時と違います",
    "E_KEY": "キーの指定が正しくありません",
    "E_CLUSTER": "複数台での実行に失敗しました",
    "E_KEY_TYPE": "キーの型が両側で違います",
    "E_LATE": "期限内に判定の出た回がありません",
    "E_LEDGER": "台帳(履歴)が使えません",
    "E_LOCKED": "別の実行が動いています",
    "E_MUNICIPALITY": "市区町村コードが違います",
    "E_NO_FONT": "日本語フォントがありません",
    "E_NO_OVERLAP": "左右がほとんど対応付きません",
    "E_NO_TYPST": "PDFの部品がありません",
    "E_NOT_A_FILE": "ファイルではありません",
    "E_NOT_FOUND": "見つかりません",
    "E_NOTHING_SHARED": "キーのほかに共通の列がありません",
    "E_ORDER": "後の日付の回が記録されています",
    "E_OUT": "出力先に書けません",
    "E_PURPOSE": "目的が示されていないか、証跡に残せない目的です",
    "E_QUOTE": "引用符が合いません",
    "E_READ": "読み取れません",
    "E_RECLEN": "レコードの長さが違います",
    "E_RECONCILE": "確認が必要です",
    "E_RUN_FILE": "実行ファイルの設定が、承認なしに前回から変わりました",
    "E_SAME_INPUT": "左右が同じものです",
    "E_ROLE": "この操作をする役割がありません",
    "E_SCHEMA": "列の型が扱えません",
    "E_SITE_KEY": "これまでの夜と違うサイト鍵です",
    "E_SOURCE": "入力が正しくありません",
    "E_STUCK": "処理が進まなくなったため終了しました",
    "E_TAMPERED": "証跡が署名と合いません(改ざんの疑い)",
    "E_TIMEOUT": "データベースから時間内に返事がありません",
    "E_TRUNCATED": "途中で切れています",
    "E_TWO_PERSONS": "二人目の職員の承認が要ります",
    "E_UNPROVEN": "壊れていないことを示すものがありません",
    "E_WORKLIST": "ワークリストを取り込めません",
    "E_PATH": "置き場所又は所有者が正しくありません",
    "E_PROFILE": "項目の値の有無・長さ・字種が前回から変わりました",
    "E_SIDE": "左右の取り違えです",
    "E_STALE": "抽出の日時が違う、又は前に読んだファイルです",
    "E_TABLE": "文字の表が前回から変わりました",
    "E_UNCONFIRMED": "最後の回で確認できませんでした",
    "E_VIEW": "ビューの定義が前回から変わりました",
    "E_VOLUME": "件数が想定から外れています",
    "E_ZERO_ROWS": "件数がありません",
    "E_STAGE": "読み取った写しが、書いたときのとおりではありません",
    "E_TOO_LARGE": "ファイルが大きすぎます",
    "E_UNSTABLE": "書き込み中のファイルです",
}
"""What each code of a fault says in one breath; the rest of the line is the same in both languages."""

_PARTS = ("records", "out_of_scope", "rejected", "duplicate", "matched", "mismatched", "only")


class Terminal:
    """The two streams and the language. Colors only where a person looks."""

    def __init__(self, *, lang: str, quiet: bool, as_json: bool) -> None:
        """Choose the language: `lang`, or the locale's."""
        spoken = lang or os.environ.get("LC_ALL") or os.environ.get("LANG") or locale.getlocale()[0] or ""
        self._english = not spoken.lower().startswith("ja")
        self.quiet, self.as_json = quiet, as_json
        self.out = Console(file=sys.stdout, highlight=False)
        self.err = Console(file=sys.stderr, highlight=False)
        self._started = monotonic()
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    @property
    def english(self) -> bool:
        """Whether English was chosen."""
        return self._english

    def say(self, word: str) -> str:
        """A word of the table in the language chosen."""
        return WORDS[word][self._english]

    # --------------------------------------------------------------------------------------------------- stderr

    def progress(self, step: str, done: int, total: int) -> None:
        """Show how far a step has come; nothing where nobody looks."""
        if self.quiet or not self.err.is_terminal:
            return
        if self._bar is None:
            columns = (TextColumn("{task.description:<16}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
            self._bar = Progress(*columns, TimeElapsedColumn(), console=self.err, transient=True)
            self._bar.start()
        if step not in self._tasks:
            self._tasks[step] = self._bar.add_task(step, total=max(total, 1))
        self._bar.update(self._tasks[step], completed=done, total=max(total, 1))

    def note(self, message: str) -> None:
        """A message for people."""
        if not self.quiet:
            self._stop()
            self.err.print(Text(_printable(message)), soft_wrap=True)

    def error(self, error: ReconcileError) -> None:
        """One line: code, where, got, expected, hint."""
        said = "" if self._english else f" {FAULTS.get(error.code, FAULTS['E_RECONCILE'])}:"
        self.fault(f"{error.code}{said} {error}")

    def fault(self, message: str) -> None:
        """One line on stderr, whatever the options."""
        self._stop()
        self.err.print(Text(_printable(f"reconcile: {message}")), soft_wrap=True)

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar, self._tasks = None, {}

    # --------------------------------------------------------------------------------------------------- stdout

    def lines(self, lines: Iterable[str]) -> None:
        """Plain lines."""
        for line in lines:
            self.out.print(Text(_printable(line)), soft_wrap=True)

    def findings(self, findings: Iterable[tuple[str, bool, str]]) -> None:
        """A list of checks: name, whether all is well, what was seen."""
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, well, seen in findings:
            table.add_row(Text("OK" if well else "NG", style="green" if well else "bold red"), name, _printable(seen))
        self.out.print(table)

    def watched(self, seen: Mapping[str, Any]) -> None:
        """What `nights.watch` saw: a line that a monitor can show, then the nights that claimed nothing."""
        if self.as_json:
            sys.stdout.write(json.dumps(seen, ensure_ascii=False) + "\n")
            return
        code, age = seen["code"], seen["age_hours"]
        work = ("(実行中)", " (at work)") if seen["running"] else ("", "")
        since = ("なし", "never") if age is None else (f"{age:.1f}時間前", f"{age:.1f} h ago")
        said = (
            f"最新の状態 {seen['verdict']}{work[0]}、最後に判定の出た回 {since[0]}(限度 {seen['limit_hours']:g}時間)",
            f"newest {seen['verdict']}{work[1]}, last confirmed {since[1]} (limit {seen['limit_hours']:g} h)",
        )
        remedy = f" {code} {FAULTS.get(code, '')}" if code else ""
        self.lines([f"{'NG' if code else 'OK'}{remedy} {said[self._english]}"])
        if code == "E_LATE":
            todo = (
                "`reconcile run` を行い、予約が動いているかを確かめる",
                "run `reconcile run`; is the schedule alive?",
            )
            self.lines([f"→ {todo[self._english]}"])
        if missed := seen["missed"]:
            word = ("判定の出なかった予定の夜", "planned nights that confirmed nothing")[self._english]
            self.lines([f"{word}: {len(missed)} ({', '.join(missed[-14:])}{' …' if len(missed) > 14 else ''})"])

    def verification(self, found: Verification) -> None:
        """What a verification found: a line a failure, then one that sums up."""
        for mark, said in (*(("NG", one) for one in found.failures), *(("--", one) for one in found.remarks)):
            style = "bold red" if mark == "NG" else "yellow"
            self.out.print(Text(_printable(f"{mark} {said.where}: {said.ja}  {said.en}"), style=style), soft_wrap=True)
        if found.failures:
            self.lines([f"改ざんの疑いがあります: {len(found.failures)}か所  tampered: {len(found.failures)} places"])
        elif found.head is not None:
            ja = f"記録{found.entries}件、実行{len(found.runs)}回の全てのファイルが署名と合います"
            en = f"{found.entries} entries and every file of {len(found.runs)} runs are as signed"
            self.lines([f"OK {ja}  {en}", *found.head.note.splitlines()])

    def show(self, report: Report, folder: Path | None) -> None:
        """The result of a comparison."""
        labels = {code: category.label for code, category in report.dataset.taxonomy.items()}
        fields = {field.name: field.label or field.name for field in report.dataset.fields}
        self.show_summary(report.summary, folder, labels, fields)

    def show_summary(
        self,
        summary: Mapping[str, Any],
        folder: Path | None,
        labels: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        """The same, from the object of `summary.json`."""
        self._stop()
        if self.as_json:
            sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
            return
        ja, en, color = VERDICTS[summary["verdict"]]
        self.out.print(Text(f"{self.say('verdict')}: {en if self._english else ja}", style=f"bold {color}"))
        for gate in summary.get("gates", ()):
            if gate["outcome"] == "failed":
                said = gate["en" if self._english else "detail"]
                todo = gate.get("todo_en" if self._english else "todo", "")
                self.out.print(
                    Text(_printable(f"  {self.say('gate')}: {gate.get('code', '')} {said} → {todo}"), style="red")
                )
        self._alarms(summary)
        claims = _claims(summary)
        self.out.print(self._balance(summary["sides"], _PARTS if claims else _PARTS[:1]))
        if claims and summary["findings"]["by_kind"]:
            self.out.print(self._findings(summary["findings"], labels or {}, fields or {}))
        self._whole(summary)
        if claims and (equal := summary.get("equal_by_rule")):
            self.out.print(self._counts(self.say("rule"), equal))
        if unproven := summary.get("unproven"):
            self.out.print(Text(f"{self.say('unproven')}: {', '.join(unproven)}", style="yellow"))
        for side, names in summary.get("not_compared", {}).items():
            if names:
                known = summary["sides"].get(side, {})
                only = known.get("label", side) if known else self.say(side)
                items = ", ".join((fields or {}).get(name, name) for name in names)
                self.out.print(Text(_printable(f"{self.say('not_compared')}: {only}: {items}"), style="yellow"))
        run_id, handling = (_printable(str(summary.get(name, ""))) for name in ("run_id", "handling"))
        self.out.print(Text(f"{self.say('run')}: {run_id}  {handling}", style="dim"), soft_wrap=True)
        if folder is not None:
            self.note(f"{self.say('files')}: {folder}")
        self.note(f"{self.say('time')}: {monotonic() - self._started:.1f} s")

    def _alarms(self, summary: Mapping[str, Any]) -> None:
        for alarm in summary.get("alarms", ()):
            if _claims(summary) or not alarm["compared"]:
                said = (alarm["en"], alarm["todo_en"]) if self._english else (alarm["ja"], alarm["todo_ja"])
                text = f"  {self.say('alarm')} {alarm['code']}: {said[0]} → {said[1]}"
                self.out.print(Text(_printable(text), style="bold red"))

    def _whole(self, summary: Mapping[str, Any]) -> None:
        """The headline rate with its denominator, and what many findings have in common."""
        if not _claims(summary):
            return
        if rates := summary.get("rates"):
            shown = (("mismatch", "rate"), ("with_timing", "rate_with_timing"))
            for name, word in shown:
                one = rates["persons"][name]
                rate = "–" if one["rate"] is None else f"{one['rate']:.4%}"
                self.out.print(Text(f"{self.say(word)}: {one['count']:,} / {one['of']:,} = {rate}"))
        if causes := summary.get("causes"):
            considered = summary["considered"]
            table = Table(title=f"{self.say('causes')}: {len(causes)}", title_justify="left", box=None, pad_edge=False)
            table.add_column("")
            table.add_column(f"/ {considered:,}", justify="right")
            for cause in causes:
                table.add_row(Text(_printable(cause["label"])), f"{cause['findings']:,}")
            self.out.print(table)

    def _balance(self, sides: Mapping[str, Mapping[str, Any]], parts: Sequence[str]) -> Table:
        table = Table(title=self.say("balance"), title_justify="left", box=None, pad_edge=False)
        table.add_column("")
        for side in sides.values():
            table.add_column(Text(_printable(str(side["label"]))), justify="right", overflow="fold")
        for part in parts:
            sign = {"records": " ", "out_of_scope": "="}.get(part, "+")
            table.add_row(f"{sign} {self.say(part)}", *(f"{side[part]:,}" for side in sides.values()))
        return table

    def _findings(self, findings: Mapping[str, Any], labels: Mapping[str, str], fields: Mapping[str, str]) -> Table:
        table = Table(title=self.say("findings"), title_justify="left", box=None, pad_edge=False)
        table.add_column(self.say("code" if findings["by_code"] else "kind"))
        table.add_column(self.say("count"), justify="right")
        for name, count in (findings["by_code"] or findings["by_kind"]).items():
            table.add_row(f"{name} {labels.get(name, '')}".strip(), f"{count:,}")
        if findings["by_field"]:
            table.add_section()
            for name, count in findings["by_field"].items():
                table.add_row(Text(_printable(f"  {self.say('field')} {fields.get(name, name)}")), f"{count:,}")
        return table

    def _counts(self, title: str, counts: Mapping[str, int]) -> Table:
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        table.add_column("")
        table.add_column(self.say("count"), justify="right")
        for name, count in counts.items():
            table.add_row(Text(_printable(name)), f"{count:,}")
        return table


def _claims(summary: Mapping[str, Any]) -> bool:
    """Whether its counts may be shown: under a verdict that claims nothing a 0 would look like an all-clear."""
    from reconcile.model import Verdict  # noqa: PLC0415  polars, which a fault on the command line does not need

    return Verdict(summary["verdict"]).claims


def _printable(text: str) -> str:
    """Without control characters: a source's column name must not drive the terminal."""
    return "".join(c if c.isprintable() or c in " \u3000" else "\N{REPLACEMENT CHARACTER}" for c in text)

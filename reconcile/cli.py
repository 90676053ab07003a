"""The command line: words in, a table or one JSON object out, an exit status that can be relied on.

Results go to stdout, progress and messages to stderr. Nothing heavy is imported before a command needs it; no
exception of a library is ever printed, because its text may hold a personal value.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from reconcile.errors import ReconcileError
from reconcile.machine.boundary import guarded
from reconcile.machine.process import hush, limit_of, settle

if TYPE_CHECKING:
    from reconcile.terminal import Terminal

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    help="本人確認情報の整合性を確認する。 Prove which records of two registers agree, which do not, and why.",
)

Lang = Annotated[str, typer.Option(help="表示言語 Language of messages: ja, en")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="進捗を出さない No progress, no messages but errors")]
AsJson = Annotated[bool, typer.Option("--json", help="結果をJSONで標準出力へ Print summary.json to stdout")]
MemoryLimit = Annotated[str, typer.Option(help="メモリー上限 Bound of the whole process, as 600MiB or 2GiB")]
ConfigFile = Annotated[Path, typer.Option("--config", help="実行ファイル Run file (TOML)")]
Purpose = Annotated[str, typer.Option(help="目的 What for; recorded. Left out: the run file's")]
Approver = Annotated[str, typer.Option(help="承認者(職名又は職員番号) Who approved: an office, a staff id")]
RightSide = Annotated[str, typer.Argument(help="右側 The other side")]
Threads = Annotated[int, typer.Option(help="スレッド数 Threads; 0 takes all", min=0)]
AnyConfig = Annotated[Path | None, typer.Option("--config", help="実行ファイル Run file (TOML)")]

EXIT_FAILED = 2
EXIT_TAMPERED = 3


@app.command()
def diff(
    left: Annotated[str, typer.Argument(help="左側 A CSV, TSV or Parquet file, or a source of the run file")],
    right: RightSide,
    key: Annotated[str, typer.Option(help="キー列 Key column(s), separated by commas")] = "",
    dataset: Annotated[str, typer.Option(help="データセット Dataset, as schemas.identity_record")] = "",
    config: AnyConfig = None,
    out: Annotated[Path | None, typer.Option(help="出力先 Folder for the results")] = None,
    report: Annotated[str, typer.Option(help="形式 Any of xlsx,pdf,html,parquet,csv,json")] = "parquet,json",
    profile: Annotated[str, typer.Option(help="閲覧者 For whom: worklist, council, contractor, audit")] = "",
    purpose: Purpose = "",
    encoding: Annotated[str, typer.Option(help="文字コード Encoding of delimited files: utf-8, cp932")] = "utf-8",
    allow_empty: Annotated[bool, typer.Option(help="0件を許す Let a side without rows be compared")] = False,
    partitions: Annotated[int, typer.Option(help="分割数 Partitions; 0 chooses by size", min=0)] = 0,
    threads: Threads = 0,
    memory_limit: MemoryLimit = "",
    as_json: AsJson = False,
    quiet: Quiet = False,
    lang: Lang = "",
) -> None:
    """2つのデータを比べる。 Compare two files, or two sources of the run file."""
    terminal = _terminal(lang, quiet=quiet, as_json=as_json)

    def work() -> int:
        settle(threads, memory_limit)
        from reconcile import adhoc  # noqa: PLC0415

        request = adhoc.Request(
            left=left,
            right=right,
            key=tuple(part for part in key.split(",") if part),
            dataset=dataset,
            config=config,
            encoding=encoding,
            allow_empty=allow_empty,
            partitions=partitions,
            out=out,
            formats=_formats(report),
            purpose=purpose,
            profile=profile,
        )
        result = adhoc.run(request, terminal.progress)
        terminal.show(result, out)
        return result.verdict.exit_code

    raise typer.Exit(_guarded(work, terminal))


@app.command()
def run(
    config: ConfigFile = Path("run.toml"),
    as_of: Annotated[str, typer.Option(help="基準日 Day the run is about, YYYY-MM-DD")] = "",
    purpose: Purpose = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="試行 Check the run file and the sources only")] = False,
    threads: Threads = 0,
    memory_limit: MemoryLimit = "",
    as_json: AsJson = False,
    quiet: Quiet = False,
    lang: Lang = "",
) -> None:
    """夜間処理をPrefectなしで行う。 The nightly job, without Prefect."""
    terminal = _terminal(lang, quiet=quiet, as_json=as_json)

    def work() -> int:
        settle(threads, memory_limit or limit_of(config))
        from reconcile import nightly  # noqa: PLC0415
        from reconcile.config import load_dataset  # noqa: PLC0415
        from reconcile.model import Verdict  # noqa: PLC0415

        if dry_run:
            terminal.lines(f"{side}: {what}" for side, what in nightly.rehearse(config).items())
            terminal.lines(["試行です。何も確認していません。 A rehearsal: nothing is confirmed."])
            return EXIT_FAILED  # a rehearsal confirms nothing
        summary, folder = nightly.run(config, as_of, terminal.progress, purpose)
        dataset = load_dataset(str(summary["dataset"]))
        labels = {code: category.label for code, category in dataset.taxonomy.items()}
        terminal.show_summary(summary, folder, labels, {field.name: field.label for field in dataset.fields})
        return Verdict(summary["verdict"]).exit_code

    raise typer.Exit(_guarded(work, terminal))


@app.command()
def explain(
    key: Annotated[str, typer.Argument(help="キー Key; parts joined by '|'; '-' reads it from standard input")],
    left: Annotated[str, typer.Argument(help="左側 A file or source; left out: the run file's")] = "",
    right: RightSide = "",
    purpose: Annotated[str, typer.Option(help="目的(必須) What for; recorded. No number of a person")] = "",
    config: Annotated[
        Path | None, typer.Option("--config", help="実行ファイル Run file; run.toml, if no files")
    ] = None,
    columns: Annotated[str, typer.Option("--key", help="キー列 Key column(s) of two files")] = "",
    dataset: Annotated[str, typer.Option(help="データセット Dataset of two files")] = "",
    as_of: Annotated[str, typer.Option(help="基準日 Day it is about, YYYY-MM-DD")] = "",
    as_json: AsJson = False,
    quiet: Quiet = False,
    lang: Lang = "",
) -> None:
    """一件の記録について、両側の値と試した規則のすべてを示す。 One record: both sides, every rule tried; recorded."""
    terminal = _terminal(lang, quiet=quiet, as_json=as_json)

    def work() -> int:
        settle()
        from reconcile import inquiry  # noqa: PLC0415
        from reconcile.inquiry.shown import show  # noqa: PLC0415

        said = sys.stdin.readline().rstrip("\r\n") if key == "-" else key
        question = inquiry.Question(
            key=tuple(said.split("|")),
            purpose=purpose,
            config=config if config or left else Path("run.toml"),
            left=left,
            right=right,
            columns=tuple(part for part in columns.split(",") if part),
            dataset=dataset,
            as_of=as_of,
        )
        asked = inquiry.ask(question, terminal.progress)
        terminal.note("")
        show(asked, terminal.out, english=terminal.english, as_object=as_json)
        return asked.exit_code

    raise typer.Exit(_guarded(work, terminal))


breaks_app = typer.Typer(
    no_args_is_help=True, help="指摘の経過と対応。 Findings from night to night, and what was decided."
)
app.add_typer(breaks_app, name="breaks")


@breaks_app.command("list")
def breaks_list(
    config: ConfigFile = Path("run.toml"),
    state: Annotated[str, typer.Option(help="状態 open, resolved, all")] = "open",
    lang: Lang = "",
) -> None:
    """継続中の指摘を古い順に示す。 The open findings, oldest first: ids, codes and dates, no residents."""
    terminal = _terminal(lang, quiet=True, as_json=False)

    def work() -> int:
        settle()
        from reconcile import nightly  # noqa: PLC0415
        from reconcile.nights import breaks  # noqa: PLC0415

        terminal.lines(breaks.lines(breaks.listed(config, state, nightly.today())))
        return 0

    raise typer.Exit(_guarded(work, terminal))


@breaks_app.command("show")
def breaks_show(
    finding_id: Annotated[str, typer.Argument(help="識別子 Its id, or the beginning of it")],
    config: ConfigFile = Path("run.toml"),
    lang: Lang = "",
) -> None:
    """一つの指摘の経過を示す。 What happened to one finding, night by night."""
    terminal = _terminal(lang, quiet=True, as_json=False)

    def work() -> int:
        settle()
        from reconcile import nightly  # noqa: PLC0415
        from reconcile.nights import breaks, by_hand  # noqa: PLC0415

        one, sightings = breaks.shown(config, finding_id, nightly.today())
        terminal.lines(breaks.lines([one]))
        terminal.lines(
            f"{night}  {run}  {event}  {code or '-'} {severity or '-'}"
            for night, run, event, code, severity in sightings
        )
        for closure in (*one.closures, *([one.asked] if one.asked else [])):
            terminal.lines(by_hand.lines(closure, english=terminal.english))
        return 0

    raise typer.Exit(_guarded(work, terminal))


@breaks_app.command("import")
def breaks_import(
    worklist: Annotated[Path, typer.Argument(help="記入済みのワークリスト The worklist as it came back (xlsx)")],
    config: ConfigFile = Path("run.toml"),
    purpose: Annotated[str, typer.Option(help="目的 What for; recorded. No number of a person")] = "",
    lang: Lang = "",
) -> None:
    """ワークリストに記入された対応を取り込む。 Take the decisions entered in a worklist; free text is not read."""
    terminal = _terminal(lang, quiet=True, as_json=False)

    def work() -> int:
        settle()
        from reconcile.nights import breaks  # noqa: PLC0415

        held, new, refused = breaks.imported(config, worklist, purpose)
        terminal.lines(
            [f"対応の記入 {held:,} 件、うち新たに取り込んだもの {new:,} 件 decisions: {held:,}, new: {new:,}"]
        )
        terminal.lines(
            f"取り込まなかったもの(後の回の一覧による対応「{one.state}」がある) not taken, decided later: {one.finding_id}"
            for one in refused
        )
        return 1 if refused else 0

    raise typer.Exit(_guarded(work, terminal))


@breaks_app.command("close")
def breaks_close(
    finding_id: Annotated[str, typer.Argument(help="識別子 Its id, or the beginning of it")],
    purpose: Annotated[str, typer.Option(help="目的 Why; recorded. No number of a person")],
    reason: Annotated[str, typer.Option(help="理由 Why, as in the worklist's list; of whoever asks first")] = "その他",
    config: ConfigFile = Path("run.toml"),
    lang: Lang = "",
) -> None:
    """夜間処理で確かめられない指摘を、二人の職員が手動で終える。 Close a finding by hand: one asks, another grants."""
    terminal = _terminal(lang, quiet=True, as_json=False)

    def work() -> int:
        settle()
        from reconcile import nightly  # noqa: PLC0415
        from reconcile.nights import by_hand  # noqa: PLC0415

        closure = by_hand.close(config, finding_id, reason, purpose, nightly.today())
        terminal.lines(by_hand.lines(closure, english=terminal.english))
        return 0

    raise typer.Exit(_guarded(work, terminal))


@app.command()
def schedule(config: ConfigFile = Path("run.toml")) -> None:
    """夜間処理を毎晩動かす。 Serve the Prefect flow at its cron time, Asia/Tokyo."""
    import importlib  # noqa: PLC0415

    terminal = _terminal("", quiet=False, as_json=False)

    def work() -> int:
        settle(limit=limit_of(config))
        # By name: the engine does not know its orchestrator.
        importlib.import_module("flows.nightly").serve(config)
        return 0

    raise typer.Exit(_guarded(work, terminal))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="出力先 Folder for the ward and the results")] = Path("out/demo"),
    residents: Annotated[int, typer.Option(help="人数 How many residents", min=1_000, max=14_000_000)] = 287_302,
    seed: Annotated[int, typer.Option(help="乱数の種 Seed of the ward")] = 1,
    lang: Lang = "",
) -> None:
    """架空の区を作り、夜間処理を流す。 Make a synthetic ward and run the nightly flow over it."""
    import importlib  # noqa: PLC0415

    terminal = _terminal(lang, quiet=False, as_json=False)

    def work() -> int:
        settle()
        return int(importlib.import_module("flows.demo").demo(out, residents, seed, terminal))

    raise typer.Exit(_guarded(work, terminal))


@app.command()
def chars(
    tokens: Annotated[list[str], typer.Argument(help="文字または番号 Characters, J+9AD9, MJ028902, U+9AD9")],
    lang: Lang = "",
) -> None:
    """文字の素性と関係を示す。 What each character is, how they are related, and under which rules."""
    terminal = _terminal(lang, quiet=True, as_json=False)

    def work() -> int:
        settle()
        from reconcile.characters.describe import as_text, describe  # noqa: PLC0415

        terminal.lines(as_text(describe(tokens)).splitlines())
        return 0

    raise typer.Exit(_guarded(work, terminal))


@app.command()
def doctor(
    config: AnyConfig = None,
    lang: Lang = "",
) -> None:
    """この機械と設定が今夜に耐えるかを調べる。 Check the installation, the tables, the fonts and the run file."""
    terminal = _terminal(lang, quiet=False, as_json=False)

    def work() -> int:
        settle()
        from reconcile.machine import doctor as checks  # noqa: PLC0415

        findings = list(checks.doctor(config))
        terminal.findings(findings)
        return 0 if all(one.well for one in findings) else EXIT_FAILED

    raise typer.Exit(_guarded(work, terminal))


@app.command()
def accept(
    approver: Approver,
    purpose: Annotated[str, typer.Option(help="変更の内容と理由 What was changed, and why; recorded")],
    config: ConfigFile = Path("run.toml"),
    lang: Lang = "",
) -> None:
    """変更した実行ファイルが承認されたことを証跡に残す。 Record that the settings of the run file, as they are, were approved."""
    terminal = _terminal(lang, quiet=True, as_json=False)

    def work() -> int:
        settle()
        from reconcile.nights.run_file import accept as record  # noqa: PLC0415

        digest = record(config, approver, purpose)
        terminal.lines([f"承認を記録しました。 Approval recorded. SHA-256 {digest}"])
        return 0

    raise typer.Exit(_guarded(work, terminal))


@app.command("rotate-key")
def rotate_key(
    new: Annotated[Path, typer.Option(help="新しい鍵のファイル(なければ作る) The new key's file; made if missing")],
    approver: Approver,
    purpose: Annotated[str, typer.Option(help="交換の理由 Why; recorded. No number of a person")],
    config: ConfigFile = Path("run.toml"),
    as_of: Annotated[str, typer.Option(help="基準日 Day the inputs are about, YYYY-MM-DD")] = "",
    memory_limit: MemoryLimit = "",
    quiet: Quiet = False,
    lang: Lang = "",
) -> None:
    """サイト鍵を交換し、履歴を新しい鍵に付け替える。 Exchange the site's key: the history goes on under the new one."""
    terminal = _terminal(lang, quiet=quiet, as_json=False)

    def work() -> int:
        settle(limit=memory_limit or limit_of(config))
        from reconcile.nights.rotate import Rotation, lines, rotate  # noqa: PLC0415

        asked = Rotation(config=config, new=new, approver=approver, purpose=purpose, as_of=as_of)
        done = rotate(asked, terminal.progress)
        terminal.note("")
        terminal.lines(lines(done, new, english=terminal.english))
        return done.exit_code

    raise typer.Exit(_guarded(work, terminal))


@app.command()
def status(config: ConfigFile = Path("run.toml"), as_json: AsJson = False, lang: Lang = "") -> None:
    """期限内に判定の出た回があるかを示す(監視用)。 Whether a run has come in time, for a monitor: 2 if none has."""
    terminal = _terminal(lang, quiet=True, as_json=as_json)

    def work() -> int:
        settle()
        from datetime import UTC, datetime  # noqa: PLC0415

        from reconcile.config import read_config  # noqa: PLC0415
        from reconcile.nights.watch import watch  # noqa: PLC0415

        seen = watch(read_config(config), datetime.now(UTC))
        terminal.watched(seen.as_object())
        return seen.exit_code

    raise typer.Exit(_guarded(work, terminal))


@app.command()
def verify(
    run: Annotated[str, typer.Argument(help="実行番号 Run; all if left out")] = "",
    config: ConfigFile = Path("run.toml"),
    out: Annotated[Path | None, typer.Option(help="出力先 Output folder, where there is no run file")] = None,
    since: Annotated[list[Path] | None, typer.Option(help="控えた検証値 Earlier checkpoint(s), kept elsewhere")] = None,
    key: Annotated[str, typer.Option(help="公開鍵 Public key, as printed on the council paper")] = "",
    lang: Lang = "",
) -> None:
    """証跡と出力が書き換えられていないことを確かめる。 Prove that the evidence and the files are as they were written."""
    terminal = _terminal(lang, quiet=False, as_json=False)

    def work() -> int:
        settle()
        from reconcile.nights import attest  # noqa: PLC0415

        found = attest.verify(config, out, run=run, since=since or [], key=key)
        terminal.verification(found)
        return EXIT_TAMPERED if found.failures else 0

    raise typer.Exit(_guarded(work, terminal))


@app.command()
def bundle(
    run: Annotated[str, typer.Argument(help="実行番号 Run; the newest if left out")] = "",
    config: ConfigFile = Path("run.toml"),
    lang: Lang = "",
) -> None:
    """保守する者に渡せる情報(コード・件数・版・ハッシュ)だけを示す。 What may be sent to whoever maintains this, as JSON."""
    terminal = _terminal(lang, quiet=True, as_json=True)

    def work() -> int:
        settle()
        import json  # noqa: PLC0415

        from reconcile.config import read_config  # noqa: PLC0415
        from reconcile.machine import bundle as support  # noqa: PLC0415

        terminal.lines(
            json.dumps(support.bundle(read_config(config).out, run), ensure_ascii=False, indent=1).splitlines()
        )
        return 0

    raise typer.Exit(_guarded(work, terminal))


def main() -> NoReturn:
    """Parse the command line, do what it says, and leave with its exit status."""
    app()
    sys.exit(0)


def entry() -> NoReturn:
    """What the console script calls (`machine.isolated`): `main` in a process that says nothing by accident, and then out at once.

    Everything is flushed and renamed by then; what is left is giving back memory page by page, a tenth of a second
    for a million rows, which the kernel does better.
    """
    hush()
    try:
        main()
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else EXIT_FAILED
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _terminal(lang: str, *, quiet: bool, as_json: bool) -> Terminal:
    from reconcile.terminal import Terminal  # noqa: PLC0415  rich: 0.1 s that --help does not need

    return Terminal(lang=lang, quiet=quiet, as_json=as_json)


def _formats(report: str) -> tuple[str, ...]:
    return tuple(part for part in report.replace(" ", "").split(",") if part)


def _guarded(work: Callable[[], int], terminal: Terminal) -> int:
    """The exit status of some work; every failure becomes one line without personal values."""
    try:
        return guarded(work)
    except ReconcileError as error:
        terminal.error(error)
        from reconcile.decide import verdict_of_fault  # noqa: PLC0415

        return verdict_of_fault(error.code).exit_code
    except KeyboardInterrupt:
        terminal.fault("中断されました Interrupted")
        return 130

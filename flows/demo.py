"""`reconcile demo`: a synthetic ward, tonight's run over it, and the account of what was planted and what was found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
from rich.table import Table

if TYPE_CHECKING:
    from reconcile.terminal import Terminal

AS_OF = date(2026, 11, 20)

RUN_FILE = """\
dataset = "schemas.identity_record"
environment = "test"
left = "cs"
right = "register"
out = "results"
purpose = "道具を試す(架空の区)"
site_key = "site.key"

[characters]
approvals = "approvals.toml"

[gates]
municipality = "13107"

[schedule]
cron = "30 2 * * *"
timezone = "Asia/Tokyo"

[sources.cs]
label = "CS"
path = "{cs}"
layout = "cs_fixed"
towns = "{towns}"

[sources.register]
label = "既存住基"
url = "duckdb:///{register}"
layout = "register_table"
towns = "{towns}"
extracted_at = "{extracted_at}"
"""


APPROVALS = """# 同定承認表 of the demo: one pair of characters that the office has decided to treat as one.
[[approval]]
id = "demo-1"
left = "MJ016101"    # 濱
right = "MJ015342"   # 浜
approver = "窓口課長"
date = 2026-04-01
expires = 2099-12-31
"""


class Measured(NamedTuple):
    """A process seen from outside."""

    seconds: float
    peak_mib: float
    status: int


def demo(out: Path, residents: int, seed: int, terminal: Terminal) -> int:
    """Make the ward, run the nightly flow, measure the comparison alone, and compare found with planted.

    Returns:
        0 if exactly what was planted was found; 1 if not; 2 if the run did not succeed.
    """
    from fixtures.ward import make_ward  # noqa: PLC0415

    started = time.monotonic()
    terminal.note(f"ward: {residents:,} residents …")
    ward = make_ward(out / "ward", residents, seed, AS_OF, ("cs_fixed", "register_duckdb"))
    terminal.note(f"ward: {time.monotonic() - started:.1f} s")
    config = out / "run.toml"
    files = {"cs": ward.paths["cs_fixed"], "register": ward.paths["register_duckdb"], "towns": ward.paths["towns"]}
    relative = {name: path.relative_to(out).as_posix() for name, path in files.items()}
    config.write_text(RUN_FILE.format(**relative, extracted_at=ward.extracted_at["right"]), encoding="utf-8")

    (out / "approvals.toml").write_text(APPROVALS, encoding="utf-8")
    terminal.note("nightly flow (Prefect) …")
    folder = _flow(config, out)
    if folder is None:
        terminal.fault("the nightly flow did not succeed")
        return 2
    terminal.note("the comparison alone, without Prefect …")
    alone = measure(
        [sys.executable, "-m", "reconcile", "diff", "cs", "register", "--config", str(config), "--quiet",
         "--out", str(out / "alone"), "--report", "parquet,json"]
    )  # fmt: skip
    summary = json.loads((folder / "summary.json").read_bytes())
    from schemas.identity_record import DATASET  # noqa: PLC0415

    labels = {code: category.label for code, category in DATASET.taxonomy.items()}
    terminal.show_summary(summary, None, labels, {field.name: field.label for field in DATASET.fields})
    account = planted_and_found(out / "ward" / "truth.parquet", folder)
    terminal.out.print(_table(account))
    same = (folder / "findings.parquet").read_bytes() == (out / "alone" / "findings.parquet").read_bytes()
    exact = account["missing"].sum() == 0 and account["extra"].sum() == 0
    terminal.lines(
        [
            f"extract to findings, as a process: {alone.seconds:.1f} s, {alone.peak_mib:,.0f} MiB anonymous",
            f"the flow and the command line gave the same findings: {'yes' if same else 'NO'}",
            f"found == planted: {'yes' if exact else 'NO'}",
            *(f"{path}" for path in sorted(folder.iterdir())),
        ]
    )
    return 0 if exact and same else 1


def measure(command: list[str]) -> Measured:
    """Run a command and watch its anonymous memory every five milliseconds."""
    started, peak = time.monotonic(), 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=sys.stderr) as process:  # noqa: S603  our own interpreter
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            try:
                lines = status.read_text().splitlines()
            except OSError:
                lines = []
            peak = max([peak, *(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))])
            time.sleep(0.005)
    return Measured(seconds=time.monotonic() - started, peak_mib=peak / 1024, status=process.returncode)


def planted_and_found(truth: Path, folder: Path, by_field: frozenset[str] = frozenset()) -> pl.DataFrame:
    """One row a code: `code`, `planted`, `found`, `missing` (planted, not found), `extra` (found, not planted).

    Compared finding by finding: key, field, side where the finding is about one side, and code.

    Args:
        truth: The ward's truth table.
        folder: What a run delivered.
        by_field: Codes that the run's sources cannot tell (no history): such a difference must be found under the
            code that follows from its field alone.
    """
    what = ["key", "field", "side", "code"]
    planted = pl.read_parquet(truth).select(
        "key",
        "field",
        "side",
        code=pl.when(pl.col("code").is_in(by_field)).then("code_by_field").otherwise("code"),
    )
    findings = pl.read_parquet(folder / "findings.parquet").select(
        key="juminhyo_code",
        field="field",
        side=pl.col("kind").str.extract(r"_(left|right)$"),
        code="code",
    )
    variants = pl.read_parquet(folder / "variants.parquet").select(
        key="juminhyo_code", field="field", side=pl.lit(None, pl.String), code="code"
    )
    found = pl.concat([findings, variants])
    tally = (
        planted.group_by(what)
        .len("planted")
        .join(found.group_by(what).len("found"), on=what, how="full", coalesce=True, nulls_equal=True)
        .with_columns(pl.col("planted", "found").fill_null(0).cast(pl.Int64))
    )
    return (
        tally.group_by("code")
        .agg(
            pl.col("planted", "found").sum(),
            missing=(pl.col("planted") - pl.col("found")).clip(lower_bound=0).sum(),
            extra=(pl.col("found") - pl.col("planted")).clip(lower_bound=0).sum(),
        )
        .sort("code")
    )


def _flow(config: Path, out: Path) -> Path | None:
    """Run the flow in a process of its own, so that Prefect's home is the demo's, and find what it delivered."""
    environment = {**os.environ, "PREFECT_HOME": str((out / "prefect").resolve()), "PREFECT_LOGGING_LEVEL": "WARNING"}
    code = "import sys; from flows.nightly import reconcile_nightly as f; f(sys.argv[1], sys.argv[2])"
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, str(config.resolve()), AS_OF.isoformat()],
        check=False,
        env=environment,
        stderr=sys.stderr,  # ours, not descriptor 2, which is closed to native code
    )
    if ran.returncode:
        return None  # what stands in the folder may be an earlier demo's
    status = json.loads((out / "results" / "status.json").read_bytes())
    return out / "results" / status["results"] if "results" in status else None


def _table(account: pl.DataFrame) -> Table:
    from schemas.taxonomy import TAXONOMY  # noqa: PLC0415

    table = Table(title="planted / found", title_justify="left", box=None, pad_edge=False)
    for name in ("code", ""):
        table.add_column(name)
    for name in ("planted", "found", "missing", "extra"):
        table.add_column(name, justify="right")
    for code, *counts in account.iter_rows():
        name = TAXONOMY[code].label if code in TAXONOMY else ""
        table.add_row(code or "-", name, *(f"{count:,}" for count in counts))
    return table

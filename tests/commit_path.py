"""A night's way from staged files into history, without the comparison: what `test_sweep` breaks at every system call.

Run as a program with a folder and a night: it repairs, begins, stages two files and three findings, commits, and says
the verdict, as `reconcile.nightly` does.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import polars as pl

from reconcile import deliver
from reconcile.errors import ReconcileError
from reconcile.model import Memory, Proof, Verdict
from reconcile.nights import history
from reconcile.track import track

FOUND = pl.DataFrame(
    [(f"{n:032x}", f"{n:x}", "name_kanji", "C1", "要修正") for n in range(3)],
    schema=["finding_id", "person", "field", "code", "severity"],
    orient="row",
)
SUMMARY = b'{"verdict": "mismatch", "history": {}, "findings": {}, "persons": {}}'


def night(out: Path, day: date, run_id: str, at: datetime) -> Verdict:
    """One night, alone in the folder."""
    with deliver.alone(out):
        history.repair(out)
        deliver.announce(out, run_id)
        history.begin(out, run_id, day, at)
        stage = out / f"{deliver.STAGE}{run_id}"
        try:
            with history.ledger_of(out) as ledger:
                before = ledger.breaks(before=day)
            tracked = track(FOUND, Memory(before=before), Proof(conclusive=True), day)
            files = stage / history.FILES
            files.mkdir(parents=True, mode=0o700)
            for name, content in (("summary.json", SUMMARY), ("findings.parquet", b"three findings")):
                deliver._write(files, name, content)
            side = SimpleNamespace(
                balance=SimpleNamespace(records=3), preflight=SimpleNamespace(sha256=f"{day:%d}" * 32)
            )
            report = SimpleNamespace(
                tracked=tracked, verdict=Verdict.MISMATCH, summary={}, sides={"left": side, "right": side}
            )
            history.stage(report, stage / history.RECORD)  # type: ignore[arg-type]
            manifest = deliver.seal(files, {})
            history.commit(out, run_id, stage, manifest)
            verdict = deliver.reread(out / run_id, manifest)
        except BaseException as error:
            code = error.code if isinstance(error, ReconcileError) else "E_FAILED"
            told = history.give_up(out, run_id, code)
            deliver.conclude(out, run_id, Verdict.FAILED, code=code, **told)
            raise
        deliver.conclude(out, run_id, verdict, results=run_id)
        return verdict


def main() -> None:
    """Run the night named on the command line; the status is the verdict's, or 2."""
    out, day, number = Path(sys.argv[1]), date.fromisoformat(sys.argv[2]), int(sys.argv[3])
    at = datetime(2026, 11, 1, 0, 0, number, tzinfo=UTC)
    try:
        status = night(out, day, f"202611{day:%d}T0000{number:02}Z-000000", at).exit_code
    except BaseException:  # noqa: BLE001  as the command line does, panics of polars too: Python's own status, 1, would be a verdict
        status = 2
    sys.exit(status)


if __name__ == "__main__":
    main()

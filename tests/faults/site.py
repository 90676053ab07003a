"""A tiny ward that agrees, a nightly run over it through the command line, and what that run says and leaves."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fixtures.ward import make_ward
from tests.faults.corruptions import REGISTER, Files

RESIDENTS = 200
AS_OF = "2026-11-20"
TELLING_BYTES = 6
"""A value of fewer bytes, such as 男, may stand anywhere."""

TELLING = ("juminhyo_code", "kojin_bango", "name_kanji", "furigana_name", "name_latin", "address_katagaki")


@dataclass(frozen=True)
class Said:
    """What a run said: exit status, both streams, the status file, the summary if there is one, its folder."""

    exit: int
    text: str
    status: dict[str, Any]
    summary: dict[str, Any]
    folder: Path

    @property
    def verdict(self) -> str:
        return str(self.status["verdict"])

    @property
    def says(self) -> set[str]:
        """The code of the refusal, the gates that failed, the kinds and fields found."""
        gates = {gate["gate"] for gate in self.summary.get("gates", ()) if gate["outcome"] == "failed"}
        found = self.summary.get("findings", {})
        return {str(self.status.get("code", ""))} | gates | {*found.get("by_kind", ()), *found.get("by_field", ())}


def ward(folder: Path) -> Files:
    """The files of a ward without any difference."""
    made = date.fromisoformat(AS_OF)
    make_ward(folder, RESIDENTS, 3, made, ("cs_fixed", "register_csv"), faults="none")
    return Files((folder / "cs.dat").read_bytes(), (folder / "register.csv").read_bytes())


def people(files: Files) -> set[str]:
    """Every value of the ward that tells of somebody."""
    frame = pl.read_csv(files.register, infer_schema=False)
    names = [column.source for column in REGISTER.columns if column.name in TELLING]
    values = pl.concat([frame[name] for name in names]).drop_nulls().unique()
    return {value for value in values if len(value.encode()) >= TELLING_BYTES}


def place(files: Files, folder: Path) -> Path:
    """Write the files; the path of the run file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cs.dat").write_bytes(files.cs)
    (folder / "register.csv").write_bytes(files.register)
    (folder / "run.toml").write_text(files.run, encoding="utf-8")
    return folder / "run.toml"


@contextlib.contextmanager
def quickly() -> Iterator[None]:
    """No paper, which takes longer than all the rest, and no waiting for the disk: neither is what is tried."""
    from reconcile import nightly  # noqa: PLC0415

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nightly, "FORMATS", ("html", "parquet", "json"))
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield


def night(config: Path, *options: str, lang: str = "ja") -> Said:
    """`reconcile run` in this process."""
    from reconcile.cli import main  # noqa: PLC0415

    out, err = io.StringIO(), io.StringIO()
    status = 0
    arguments = ["reconcile", "run", "--config", str(config), "--as-of", AS_OF, "--lang", lang, *options]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", arguments)
        try:
            main()
        except SystemExit as leaving:
            status = int(leaving.code or 0)
    results = config.parent / "results"
    told = json.loads((results / "status.json").read_bytes())
    summary = results / str(told.get("results", "-")) / "summary.json"
    return Said(
        exit=status,
        text=out.getvalue() + err.getvalue(),
        status=told,
        summary=json.loads(summary.read_bytes()) if summary.exists() else {},
        folder=results,
    )


PERMITTED = ("findings.parquet", "variants.parquet", "worklist.xlsx")


def leaked(said: Said, values: set[str]) -> list[str]:
    """Where a value of somebody stands and may not: the streams, a file that is not for the office alone, its name."""
    texts = {"the terminal": said.text.encode()} | {
        path.relative_to(said.folder).as_posix(): path.read_bytes()
        for path in said.folder.rglob("*")
        if path.is_file() and path.name not in PERMITTED
    }
    whole = {name: name + text.decode("utf-8", "replace") for name, text in texts.items()}
    return sorted(name for name, text in whole.items() if any(value in text for value in values))

"""A ward with every kind of difference, the night's findings of it, and the same two sides opened for questions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl
import pytest

from fixtures.ward import make_ward
from reconcile import inquiry, nightly
from reconcile.config import read_config

AS_OF = "2026-11-20"
RUN_FILE = """\
dataset = "schemas.identity_record"
left = "cs"
right = "register"
out = "results"
site_key = "site.key"
purpose = "整合性確認の試験"

[characters]
approvals = "approvals.toml"

[sources.cs]
label = "CS"
path = "cs.dat"
layout = "cs_fixed"

[sources.register]
label = "既存住基"
url = "duckdb:///register.duckdb"
layout = "register_table"
extracted_at = "20261120000000"
"""
APPROVALS = """\
[[approval]]
id = "test-1"
left = "MJ016101"
right = "MJ015342"
approver = "窓口課長"
date = 2026-04-01
expires = 2099-12-31
"""


class Night(NamedTuple):
    """A site after a night, and an inquiry opened on the morning after."""

    config: Path
    findings: pl.DataFrame
    variants: pl.DataFrame
    summary: dict[str, object]
    truth: pl.DataFrame
    opened: inquiry.Inquiry


def make_site(folder: Path, residents: int = 2_500) -> Path:
    """A ward and its run file."""
    make_ward(folder, residents, 11, date(2026, 11, 20), ("cs_fixed", "register_duckdb"))
    with duckdb.connect(str(folder / "register.duckdb")) as register:
        # 支援措置 for every other person, whatever else is the matter with them.
        register.execute("UPDATE juki_current SET shien_flg = '1' WHERE regexp_matches(jumin_cd, '[02468]$')")
    config = folder / "run.toml"
    config.write_text(RUN_FILE, encoding="utf-8")
    (folder / "approvals.toml").write_text(APPROVALS, encoding="utf-8")
    return config


def silent(_step: str, _done: int, _total: int) -> None:
    """No progress."""


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """The night's run, and the inquiry: two readings of the same files, each with a seed of its own."""
    config = make_site(tmp_path_factory.mktemp("site"))
    summary, folder = nightly.run(config, AS_OF, silent)
    question = inquiry.Question(key=(), purpose="", config=config, as_of=AS_OF)
    now = datetime.now(UTC)
    with inquiry.opened(question, read_config(config), "20261121T000000Z-000000", now, silent) as opened:
        yield Night(
            config=config,
            findings=pl.read_parquet(folder / "findings.parquet"),
            variants=pl.read_parquet(folder / "variants.parquet"),
            summary=summary,
            truth=pl.read_parquet(config.parent / "truth.parquet"),
            opened=opened,
        )

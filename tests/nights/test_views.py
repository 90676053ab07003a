"""F065 over whole nights: a view that was redefined holds the run until its definition is accepted by digest."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from fixtures.ward import make_ward
from reconcile import nightly
from reconcile.config import load_layout
from tests.faults.site import quickly
from tests.test_nightly import RUN_FILE


def run(config: Path) -> dict[str, Any]:
    summary, _ = nightly.run(config, "2026-11-20", lambda _step, _done, _total: None)
    return summary


def test_a_redefined_view_holds_the_run_until_its_digest_is_accepted(tmp_path: Path) -> None:
    with quickly():
        make_ward(tmp_path, 300, 3, date(2026, 11, 20), ("cs_fixed", "register_duckdb"), faults="none")
        table = load_layout("schemas.identity_record", "register_table").table
        config = tmp_path / "run.toml"
        config.write_text(RUN_FILE.format(gaiji=""), encoding="utf-8")

        def define(where: str) -> None:
            with duckdb.connect(str(tmp_path / "register.duckdb")) as register:
                register.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT * FROM kept WHERE {where}")  # noqa: S608

        with duckdb.connect(str(tmp_path / "register.duckdb")) as register:
            register.execute(f"ALTER TABLE {table} RENAME TO kept")
        define("TRUE")
        first = run(config)
        define("1 = 1")
        held = run(config)
        digest = held["tables"]["view_right_sha256"]
        accepted = f'municipality = "13107"\naccepted_tables = ["{digest}"]'
        config.write_text(
            config.read_text(encoding="utf-8").replace('municipality = "13107"', accepted), encoding="utf-8"
        )
        again = run(config)

    assert (first["verdict"], held["verdict"], again["verdict"]) == ("consistent", "inconclusive", "consistent")
    assert [gate["gate"] for gate in held["gates"] if gate["outcome"] == "failed"] == ["view_right"]
    assert [gate["code"] for gate in held["gates"] if gate["outcome"] == "failed"] == ["E_VIEW"]
    assert "view_left_sha256" not in held["tables"]

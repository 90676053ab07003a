"""What the site's key protects, and what becomes of the nights before when it is not there any more."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from fixtures.ward import make_ward
from reconcile import nightly
from reconcile.classify.identify import finding_ids
from reconcile.errors import ConfigError
from reconcile.nights.history import ledger_of
from reconcile.nights.pseudonym import pseudonyms
from tests.test_nightly import RUN_FILE

TOY = 50_000
KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
CODES = [f"{number:011}" for number in range(TOY)]


def test_a_plain_hash_of_a_code_is_undone_by_trying_all_codes_and_ours_is_not() -> None:
    """A toy space; the real one of 10^10 valid codes takes two hours of one core (`reliability.md` F130)."""
    held = CODES[:: TOY // 100]
    plain = {hashlib.sha256(code.encode()).hexdigest() for code in held}
    people = set(pseudonyms(pl.DataFrame({"code": held}), "d", KEY))
    findings = pl.DataFrame({"code": held, "field": "name", "kind": "value"})
    ids = set(finding_ids(findings, ["code"], "d", KEY))

    # The attacker knows how every hash is made and has all codes, but not the key.
    tried = pl.DataFrame({"code": CODES, "field": "name", "kind": "value"})
    guesses = {hashlib.sha256(code.encode()).hexdigest() for code in CODES}
    without = {
        *guesses,
        *(guess[:32] for guess in guesses),
        *pseudonyms(tried.select("code"), "d", OTHER),
        *finding_ids(tried, ["code"], "d", OTHER),
        *finding_ids(tried, ["code"], "d", b""),
    }

    assert len(plain & without) == len(held)
    assert len(people) == len(ids) == len(held)
    assert people & without == ids & without == set()
    assert people <= set(pseudonyms(tried.select("code"), "d", KEY))  # and with the key it is: keep it safe


def test_a_hash_of_one_use_is_none_of_another() -> None:
    people = pseudonyms(pl.DataFrame({"code": CODES[:100]}), "d", KEY)
    elsewhere = pseudonyms(pl.DataFrame({"code": CODES[:100]}), "e", KEY)
    ids = finding_ids(pl.DataFrame({"code": CODES[:100], "field": "name", "kind": "value"}), ["code"], "d", KEY)
    assert len({*people, *elsewhere, *ids}) == 300


def test_under_another_key_nothing_is_resolved_and_the_run_is_refused(tmp_path: Path) -> None:
    make_ward(tmp_path, 300, 3, date(2026, 11, 20), ("cs_fixed", "register_duckdb"))
    config = tmp_path / "run.toml"
    config.write_text(RUN_FILE.format(gaiji=""), encoding="utf-8")
    nightly.run(config, "2026-11-20", lambda _step, _done, _total: None)
    with ledger_of(tmp_path / "results") as ledger:
        before = ledger.breaks()
    key = tmp_path / "site.key"
    kept = key.read_bytes()
    key.unlink()  # lost: the next run would make another one

    for _ in range(2):  # the second time, too: a refused run binds nothing
        with pytest.raises(ConfigError) as refused:
            nightly.begin(config, "2026-11-20")
        assert refused.value.code == "E_SITE_KEY"

    status = json.loads((tmp_path / "results" / "status.json").read_bytes())
    with ledger_of(tmp_path / "results") as ledger:
        after = ledger.breaks()
    assert (status["verdict"], status["code"]) == ("inconclusive", "E_SITE_KEY")
    assert before.height > 10
    assert after.equals(before)
    assert not before["resolved"].any()

    key.unlink()
    key.write_bytes(kept)
    key.chmod(0o400)
    assert nightly.begin(config, "2026-11-20").run_id

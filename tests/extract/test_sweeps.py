"""No cut, flipped bit, lost or doubled record of any form is taken for the file that was written.

The files are small, so that all can be tried; which ones run by default and which by night is a matter of minutes. What
a form without a trailer cannot show is named in `docs/sweeps.md`, and shown here.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.extract.forms import Desk, csv_bytes, csv_layout
from tests.extract.sweeps import (
    TABLE,
    Form,
    Tally,
    agrees,
    cuts,
    dropped_or_doubled,
    flips,
    forms,
    plain_bytes,
    sweep,
    sweep_apart,
)

TEXT = ("csv utf-8", "csv cp932", "fixed width", "register csv", "plain csv", "plain tsv")
COUNTED = ("csv utf-8", "csv cp932", "fixed width")
"""Forms whose trailer counts the records."""


@pytest.fixture(scope="session")
def every_form(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Form]:
    return forms(tmp_path_factory.mktemp("whole"))


def check(tally: Tally, what: str) -> None:
    print(f"{what}: {tally}")  # noqa: T201  the figures of `make test-nightly`
    assert not tally.silent
    assert tally.tried == tally.refused + tally.identical + tally.shown + tally.stopped


def test_the_judge_knows_what_agrees_and_what_does_not() -> None:
    assert agrees(TABLE, TABLE)
    assert not agrees(TABLE, TABLE.head(2))
    assert not agrees(TABLE, TABLE.rename({"name": "mame"}))
    assert not agrees(TABLE, TABLE.with_columns(id=pl.lit(None, pl.String)))


@pytest.mark.parametrize("name", [*TEXT, "parquet", "duckdb"])
def test_the_whole_file_of_every_form_is_read_as_it_was_written(
    every_form: dict[str, Form], name: str, tmp_path: Path
) -> None:
    form = every_form[name]
    assert sweep(form, [form.content], tmp_path).identical == 1
    assert form.records == [] or b"".join(form.records) == form.content


@pytest.mark.parametrize("name", TEXT)
def test_no_cut_and_no_record_dropped_or_doubled_is_silent(
    every_form: dict[str, Form], name: str, tmp_path: Path
) -> None:
    form = every_form[name]
    cut = sweep(form, cuts(form.content), tmp_path)
    check(cut, f"{name}, cut")
    records = sweep(form, dropped_or_doubled(form.records), tmp_path)
    check(records, f"{name}, records")
    if name in COUNTED:
        assert cut.refused == cut.tried == len(form.content)
        assert records.refused == records.tried
    else:
        assert cut.refused
        assert records.shown, "without a trailer a lost record shows as a difference only"


@pytest.mark.parametrize("name", TEXT)
def test_no_flipped_bit_of_a_text_is_silent(every_form: dict[str, Form], name: str, tmp_path: Path) -> None:
    form = every_form[name]
    tally = sweep(form, flips(form.content, bits=2), tmp_path)
    check(tally, f"{name}, 2 bits of each byte")
    assert tally.refused
    assert tally.shown


def test_no_cut_and_no_flipped_bit_of_a_database_file_is_silent(every_form: dict[str, Form], tmp_path: Path) -> None:
    form = every_form["duckdb"]
    check(sweep(form, cuts(form.content, 997), tmp_path), "duckdb, cut at each 997th byte")
    check(sweep(form, flips(form.content, 509, bits=1), tmp_path), "duckdb, 1 bit of each 509th byte")


def test_no_cut_and_no_flipped_bit_of_a_parquet_file_is_silent(every_form: dict[str, Form], tmp_path: Path) -> None:
    form = every_form["parquet"]
    cut = sweep(form, cuts(form.content), tmp_path)
    check(cut, "parquet, cut")
    assert cut.refused == cut.tried
    tally = sweep_apart(form, flips(form.content, 7, bits=1), tmp_path)
    check(tally, "parquet, 1 bit of each 7th byte")
    assert tally.identical, "and a planted difference was found in each of them"


@pytest.mark.nightly
@pytest.mark.parametrize("name", TEXT)
def test_no_bit_of_a_text_at_all_is_silent(every_form: dict[str, Form], name: str, tmp_path: Path) -> None:
    form = every_form[name]
    check(sweep(form, flips(form.content), tmp_path), f"{name}, every bit")


@pytest.mark.nightly
def test_no_bit_of_a_parquet_file_at_all_is_silent(every_form: dict[str, Form], tmp_path: Path) -> None:
    form = every_form["parquet"]
    check(sweep_apart(form, flips(form.content), tmp_path), "parquet, every bit")


@pytest.mark.nightly
def test_no_byte_of_a_database_file_is_silent(every_form: dict[str, Form], tmp_path: Path) -> None:
    form = every_form["duckdb"]
    check(sweep(form, flips(form.content, bits=1), tmp_path), "duckdb, 1 bit of every byte")
    check(sweep(form, cuts(form.content), tmp_path), "duckdb, cut at every byte")


# ------------------------------------------------------------------------------------- what bytes alone cannot show


def test_a_cut_that_takes_the_only_difference_away_is_refused_by_a_trailer_and_by_nothing_else(
    desk: Desk, tmp_path: Path
) -> None:
    shorter = tmp_path / "right.csv"
    shorter.write_bytes(b"".join(plain_bytes(",").splitlines(True)[:-1]))
    whole = tmp_path / "left.csv"
    whole.write_bytes(plain_bytes(","))
    assert not agrees(whole, shorter)
    whole.write_bytes(shorter.read_bytes())  # cut at the end of a record
    assert agrees(whole, shorter), "named in docs/sweeps.md: a plain file counts nothing"
    counted = csv_bytes("utf-8").splitlines(True)
    assert desk.refusal(b"".join(counted[:-2]), csv_layout("utf-8")).code == "E_TRUNCATED"
    assert desk.refusal(b"".join([*counted[:-2], counted[-1]]), csv_layout("utf-8")).code == "E_COUNT"


def test_a_name_that_becomes_the_other_sides_name_is_seen_by_no_control_total(desk: Desk) -> None:
    # The control total covers the codes, as the CS defines it; a name has no redundancy (docs/sweeps.md).
    damaged = csv_bytes("utf-8").replace("あ".encode(), "い".encode())
    assert desk.rows(damaged, csv_layout("utf-8"))[0][1] == "い"
    moved = csv_bytes("utf-8").replace(b"11111111111", b"11111111112")
    assert desk.refusal(moved, csv_layout("utf-8")).code == "E_CONTROL"

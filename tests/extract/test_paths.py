"""What lies at a path: one file, ours, no archive, not too large; and the bytes hashed are the bytes compared."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import random
import signal
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reconcile import adhoc
from reconcile.config import read_config
from reconcile.errors import ConfigError, SourceError
from reconcile.extract import Custody, extract, locate, scan
from reconcile.extract.reading import open_regular
from reconcile.model import (
    Column,
    DatabaseSource,
    DelimitedSource,
    Layout,
    ParquetSource,
    Side,
    Snapshot,
    Source,
)
from reconcile.nights import staged
from tests.extract.sweeps import parquet_bytes

TABLE = Layout(name="t", kind="database", table="people", columns=(Column(name="id", source="id"),))
OWN = Custody(owners=frozenset({os.getuid()}), copied=True)


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(SourceError) as refused:
        call()
    return refused.value.code


def texts(snapshot: Snapshot) -> list[str]:
    return scan(snapshot).collect()["id"].to_list()


# ------------------------------------------------------------------------------------------------------------ patterns


def test_a_pattern_means_exactly_one_file_and_the_newest_is_not_guessed(tmp_path: Path) -> None:
    """F003, F004."""
    source = DelimitedSource(path=tmp_path / "cs_*.csv", delimiter=",")
    assert code_of(lambda: locate(source, Side.LEFT)) == "E_NOT_FOUND"
    (tmp_path / "cs_1.csv").write_text("id\n1\n")
    (tmp_path / "register.csv").write_text("id\n9\n")
    assert texts(extract(source, Side.LEFT, tmp_path / "work")) == ["1"]
    (tmp_path / "cs_2.csv").write_text("id\n2\n")
    assert code_of(lambda: extract(source, Side.LEFT, tmp_path / "work")) == "E_AMBIGUOUS"


def test_a_file_that_bears_the_signs_of_a_pattern_is_meant_itself(tmp_path: Path) -> None:
    path = tmp_path / "cs[1].csv"
    path.write_text("id\n1\n")
    (tmp_path / "cs1.csv").write_text("id\n2\n")
    assert texts(extract(DelimitedSource(path=path, delimiter=","), Side.LEFT, tmp_path / "work")) == ["1"]


def test_a_pattern_finds_nothing_outside_of_its_folder(tmp_path: Path) -> None:
    """F108, F109: a link in the folder may lead anywhere; a NUL ends no search."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "cs.csv").write_text("id\n1\n")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "cs_1.csv").symlink_to(tmp_path / "elsewhere" / "cs.csv")
    assert code_of(lambda: locate(DelimitedSource(path=inbox / "cs_*.csv"), Side.LEFT)) == "E_PATH"
    for folder in ("inbox\0", "nowhere"):
        assert code_of(lambda: locate(DelimitedSource(path=tmp_path / folder / "*"), Side.LEFT)) == "E_NOT_FOUND"  # noqa: B023


@pytest.mark.parametrize(
    ("pattern", "inputs", "outcome"),
    [
        ("cs_*.csv", ".", "read"),
        ("in/cs_*.csv", "in", "read"),
        ("cs_*.csv", "in", "refused"),
        ("../*.csv", ".", "refused"),
        ("in/../../*.csv", ".", "refused"),
        ("/etc/*.csv", ".", "refused"),
        ("*/cs.*.csv", ".", "refused"),
        ("out/*.csv", ".", "refused"),  # a link that leads away
        ("~/*.csv", ".", "read"),  # not a home: a folder of that name, which is not there
        ("%2e%2e/*.csv", ".", "read"),
    ],
)
def test_a_run_file_s_pattern_stays_in_the_folder_of_inputs(
    tmp_path: Path, pattern: str, inputs: str, outcome: str
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "out").symlink_to(tmp_path)
    config = tmp_path / "site" / "run.toml"
    text = f'dataset = "schemas.identity_record"\nleft = "a"\nright = "a"\ninputs = "{inputs}"\n'
    config.write_text(f'{text}[sources.a]\npath = "{pattern}"\n')
    if outcome == "read":
        read_config(config)
        return
    with pytest.raises(ConfigError) as error:
        read_config(config)
    assert error.value.code == "E_PATH"


# ------------------------------------------------------------------------------------------------- what a file may be


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("cs.csv", "id\n1\n")
    return out.getvalue()


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("cs.csv"))
    return out.getvalue()


ARCHIVES = {
    "zip": _zip(),
    "gz": gzip.compress(b"id\n1\n"),
    "bz2": bz2.compress(b"id\n1\n"),
    "xz": lzma.compress(b"id\n1\n"),
    "tar": _tar(),
    # No library here writes these; how they begin stands in their specifications.
    "7z": bytes.fromhex("377abcaf271c0004") + bytes(24),
    "rar": b"Rar!\x1a\x07\x01\x00" + bytes(24),
    "zst": bytes.fromhex("28b52ffd2405") + bytes(24),
    "lzh": b"\x25\x8e-lh5-" + bytes(24),
    "cab": b"MSCF" + bytes(24),
}


@pytest.mark.parametrize("form", ARCHIVES)
def test_an_archive_is_refused_whatever_its_name(form: str, tmp_path: Path) -> None:
    """F035."""
    path = tmp_path / "cs.csv"
    path.write_bytes(ARCHIVES[form])
    source = DelimitedSource(path=path, delimiter=",")
    assert code_of(lambda: extract(source, Side.LEFT, tmp_path / "work")) == "E_ARCHIVE"


def test_a_file_may_have_so_many_bytes_and_no_more(tmp_path: Path) -> None:
    """F029: before anything is parsed."""
    path = tmp_path / "cs.csv"
    path.write_text("id\n12345\n")
    source = DelimitedSource(path=path, delimiter=",")
    extract(source, Side.LEFT, tmp_path / "work", custody=Custody(max_bytes=9))
    assert code_of(lambda: extract(source, Side.LEFT, tmp_path / "work", custody=Custody(max_bytes=8))) == "E_TOO_LARGE"


def test_in_a_run_only_its_owner_can_have_written_a_file_or_put_it_there(tmp_path: Path) -> None:
    """F109, F111: each way in which somebody else could, alone."""
    inbox = tmp_path / "inbox"
    inbox.mkdir(mode=0o755)
    path = inbox / "cs.csv"
    path.write_text("id\n1\n")
    path.chmod(0o644)

    def opened(custody: Custody = OWN) -> None:
        with open_regular(path, "left", custody):
            pass

    opened()
    inbox.chmod(0o757)
    assert code_of(opened) == "E_PATH"
    inbox.chmod(0o1777)  # the sticky bit keeps others from replacing the file, not from adding one
    assert code_of(opened) == "E_PATH"
    inbox.chmod(0o755)
    path.chmod(0o646)
    assert code_of(opened) == "E_PATH"
    path.chmod(0o644)
    os.link(path, tmp_path / "second name")
    assert code_of(opened) == "E_PATH"
    (tmp_path / "second name").unlink()
    opened()
    strangers = Custody(owners=frozenset({os.getuid() + 1}))
    assert code_of(lambda: opened(strangers)) == "E_PATH"
    opened(Custody())  # a person who names a file answers for it


# ------------------------------------------------------------------------------------------------------------- a swap


def _csv(path: Path, text: str) -> Source:
    path.write_text("id\n" + f"{text}\n" * 50)
    return DelimitedSource(path=path, delimiter=",")


def _parquet(path: Path, text: str) -> Source:
    pq.write_table(pa.table({"id": [text] * 50}), path, write_page_checksum=True)
    return ParquetSource(path=path)


def _duckdb(path: Path, text: str) -> Source:
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE people AS SELECT ? AS id FROM range(50)", [text])
    return DatabaseSource(url=f"duckdb:///{path}", layout=TABLE)


@pytest.mark.parametrize(
    ("make", "custody", "reads"),
    [
        (_csv, Custody(), 100),
        (_parquet, Custody(), 60),
        (_parquet, Custody(copied=True), 40),
        (_duckdb, Custody(), 25),
    ],
    ids=["csv", "parquet in place", "parquet copied", "duckdb"],
)
def test_whoever_swaps_two_files_gets_one_of_them_whole_under_its_own_digest(
    make: Callable[[Path, str], Source], custody: Custody, reads: int, tmp_path: Path
) -> None:
    """F110: a thousand swaps and more, as fast as one thread can, while the path is read again and again."""
    link, names = tmp_path / "link", ("input", "aside")
    make(tmp_path / "aside", "aside")
    source = make(tmp_path / "input", "input")
    source = (
        replace(source, url=f"duckdb:///{link}") if isinstance(source, DatabaseSource) else replace(source, path=link)
    )
    link.symlink_to("input")
    digests = {}
    if make is not _duckdb:  # a database's digest is over its values
        digests = {hashlib.sha256((tmp_path / name).read_bytes()).hexdigest(): name for name in names}
    stop, swaps = threading.Event(), [0]

    def swap() -> None:
        while not stop.is_set():
            for name in names:
                (tmp_path / "next").symlink_to(name)
                (tmp_path / "next").replace(link)
                swaps[0] += 1

    thread = threading.Thread(target=swap)
    thread.start()
    seen: set[str] = set()
    attempts = 0
    try:
        while swaps[0] < 1_000 or attempts < reads or seen != set(names):
            attempts += 1
            snapshot = extract(source, Side.LEFT, tmp_path / "work", custody=custody)
            (text,) = set(texts(snapshot))
            assert digests.get(snapshot.preflight.sha256, text) == text
            assert snapshot.rows == 50
            seen.add(text)
    finally:
        stop.set()
        thread.join()


def test_a_parquet_file_that_is_swapped_after_it_was_hashed_is_read_as_it_was(tmp_path: Path) -> None:
    source = _parquet(tmp_path / "input", "input")
    _parquet(tmp_path / "other", "other")
    snapshot = extract(source, Side.LEFT, tmp_path / "work")
    (tmp_path / "other").replace(tmp_path / "input")
    assert set(texts(snapshot)) == {"input"}


def test_a_database_that_is_swapped_as_duckdb_opens_it_is_read_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _duckdb(tmp_path / "input", "input")
    _duckdb(tmp_path / "other", "other")
    connect = duckdb.connect

    def late(*arguments: object, **options: object) -> duckdb.DuckDBPyConnection:
        (tmp_path / "other").replace(tmp_path / "input")
        return connect(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(duckdb, "connect", late)
    assert set(texts(extract(source, Side.LEFT, tmp_path / "work"))) == {"input"}
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["left.parquet"]  # and no copy is left


WRITER = """
import duckdb, os, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("INSERT INTO people VALUES ('late')")
print("ready", flush=True)
sys.stdin.readline()
os._exit(1)
"""


def test_a_database_that_is_being_written_is_refused_and_one_left_behind_is_read_with_its_log(tmp_path: Path) -> None:
    """What was committed stands in the log until somebody opens the database again."""
    source = _duckdb(tmp_path / "input", "input")
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "input")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        assert code_of(lambda: extract(source, Side.LEFT, tmp_path / "work")) == "E_CONNECT"
        writer.communicate(b"\n")
    assert (tmp_path / "input.wal").exists()
    (tmp_path / "link").symlink_to("input")
    for name in ("input", "link"):  # the log lies beside the database, not beside a link to it
        source = DatabaseSource(url=f"duckdb:///{tmp_path / name}", layout=TABLE)
        assert sorted(texts(extract(source, Side.LEFT, tmp_path / "work"))) == ["input"] * 50 + ["late"]


def test_a_parquet_file_that_is_written_to_while_it_is_compared_gives_no_answer(tmp_path: Path) -> None:
    """F010, for a file that is read in place: even with the time set back."""
    left, right = tmp_path / "left.parquet", tmp_path / "right.parquet"
    for path in (left, right):
        pl.DataFrame({"id": ["1", "2"], "v": ["a", "b"]}).write_parquet(path)
    was = left.stat()

    def touch(step: str, _done: int, _total: int) -> None:
        if step == "compare":
            with left.open("r+b") as file:
                file.write(b"PAR1")
            os.utime(left, ns=(was.st_atime_ns, was.st_mtime_ns))

    request = adhoc.Request(
        left=str(left),
        right=str(right),
        key=("id",),
        dataset="",
        config=None,
        encoding="utf-8",
        allow_empty=False,
        partitions=1,
        out=None,
        formats=(),
    )
    assert adhoc.run(request, lambda *_: None).verdict.value == "consistent"
    assert code_of(lambda: adhoc.run(request, touch)) == "E_UNSTABLE"


# ----------------------------------------------------------------------------------------------------------- bit flips


def test_no_flipped_bit_of_a_parquet_file_with_page_checksums_is_read_as_something_else(tmp_path: Path) -> None:
    """Reliability E-3: without them, 70 % of flips are read as other data without an error."""
    path = tmp_path / "input.parquet"
    table = pa.table({"id": [f"{number:05}" for number in range(60)]})
    pq.write_table(table, path, write_page_checksum=True, use_dictionary=False)
    whole, source = path.read_bytes(), ParquetSource(path=path)
    expected = table["id"].to_pylist()
    rng = random.Random(1)  # noqa: S311
    silent, refused = 0, 0
    for _ in range(250):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            got = texts(extract(source, Side.LEFT, tmp_path / "work", custody=OWN))
        except (SourceError, pl.exceptions.PolarsError):
            refused += 1
        else:
            silent += got != expected
    assert silent == 0
    assert refused > 100


def test_a_run_takes_a_parquet_file_only_with_checksums_or_with_its_digest_beside_it(tmp_path: Path) -> None:
    """F120: a flipped bit in a page without a checksum may turn a value into the other side's."""
    path = tmp_path / "input.parquet"
    table = pa.table({"id": ["00001", "00002"] * 30, "name": ["甲"] * 60})
    source, beside = ParquetSource(path=path), tmp_path / "input.parquet.sha256"

    def taken(custody: Custody) -> bool:
        return extract(source, Side.LEFT, tmp_path / "work", custody=custody).preflight.proven

    for dictionary in (True, False):
        for version in ("1.0", "2.0"):
            options = {"use_dictionary": dictionary, "data_page_version": version, "row_group_size": 20}
            pq.write_table(table, path, write_page_checksum=True, **options)
            assert taken(OWN)
            assert not taken(Custody())  # in place nobody looks at them
            pq.write_table(table, path, **options)
            assert code_of(lambda: taken(OWN)) == "E_UNPROVEN"
    pl.from_arrow(table).write_parquet(path)  # type: ignore[union-attr]
    assert code_of(lambda: taken(OWN)) == "E_UNPROVEN"
    assert not taken(Custody())
    beside.write_text(f"{sha256(path.read_bytes()).hexdigest()}  input.parquet\n")
    assert taken(OWN)
    assert taken(Custody())
    beside.write_text(f"{'0' * 64}  input.parquet\n")
    assert code_of(lambda: taken(OWN)) == "E_UNPROVEN"
    assert code_of(lambda: taken(Custody())) == "E_UNPROVEN"
    beside.write_text("")
    assert code_of(lambda: taken(Custody())) == "E_UNPROVEN"


def test_no_flipped_bit_is_read_from_a_parquet_file_whose_digest_stands_beside_it(tmp_path: Path) -> None:
    """In `diff` too, which checks no page."""
    path = tmp_path / "input.parquet"
    source = _parquet(path, "00001")
    whole = path.read_bytes()
    (tmp_path / "input.parquet.sha256").write_text(sha256(whole).hexdigest())
    dice = random.Random(2)  # noqa: S311
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        assert code_of(lambda: extract(source, Side.LEFT, tmp_path / "work")) in {"E_UNPROVEN", "E_TRUNCATED"}


def test_diff_says_of_a_parquet_file_that_nothing_proves_it(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pl.DataFrame({"id": ["1", "2"], "x": ["甲", "乙"], name: [name, name]}).write_parquet(
            tmp_path / f"{name}.parquet"
        )

    def diff(*options: str) -> subprocess.CompletedProcess[str]:
        files = [str(tmp_path / name) for name in ("a.parquet", "b.parquet")]
        command = [sys.executable, "-m", "reconcile", "diff", *files, "--key", "id", *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    said = diff("--lang", "ja")
    assert said.returncode == 0
    assert "E_UNPROVEN" in said.stdout
    beside = tmp_path / "a.parquet.sha256"
    beside.write_text(sha256((tmp_path / "a.parquet").read_bytes()).hexdigest())
    assert json.loads(diff("--json").stdout)["unproven"] == ["right"]


def test_a_parquet_file_that_kills_the_library_leaves_no_claim(tmp_path: Path) -> None:
    """F120: two bits of this file let polars ask for more memory than there is; it then ends the process (SIGABRT)."""
    whole = parquet_bytes(tmp_path)
    other, out = tmp_path / "whole.parquet", tmp_path / "out"
    ended = []
    for at in (57, 232):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        (tmp_path / "damaged.parquet").write_bytes(damaged)
        files = [str(tmp_path / "damaged.parquet"), str(other)]
        command = [sys.executable, "-m", "reconcile", "diff", *files, "--key", "id", "--out", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        ended.append(done.returncode)
        assert json.loads((out / "status.json").read_bytes())["verdict"] in {"unknown", "inconclusive", "failed"}
        assert not (out / "summary.json").exists()
        assert "一致" not in done.stdout
    assert -signal.SIGABRT in ended, "no bit kills this polars: find others, or let this test go"


def test_a_flipped_bit_of_what_stands_in_the_stage_folder_is_noticed(tmp_path: Path) -> None:
    """F099: between two steps of a run."""
    for side in Side:
        source = _csv(tmp_path / f"{side}.csv", str(side))
        snapshot = extract(source, side, tmp_path / "sides")
        staged.write(tmp_path / "sides", snapshot, snapshot.preflight)
    staged.check(tmp_path / "sides")
    assert (
        staged.read(tmp_path / "sides", Side.LEFT, None).preflight
        == extract(_csv(tmp_path / "left.csv", "left"), Side.LEFT, tmp_path / "again").preflight
    )
    for name in ("left.parquet", "right.json"):
        path = tmp_path / "sides" / name
        whole = path.read_bytes()
        for position in range(0, len(whole), 3):
            path.write_bytes(whole[:position] + bytes((whole[position] ^ 4,)) + whole[position + 1 :])
            assert code_of(lambda: staged.check(tmp_path / "sides")) == "E_STAGE"
        path.write_bytes(whole)
    (tmp_path / "sides" / "left.parquet").unlink()
    assert code_of(lambda: staged.check(tmp_path / "sides")) == "E_STAGE"

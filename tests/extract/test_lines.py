"""Records as lines, against the way they are read otherwise: `extract` and `scan` are the oracle."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.errors import SourceError
from reconcile.extract import delimited, extract, lines, scan
from reconcile.extract.lines import LINE, Batch, Lines, read_lines
from reconcile.extract.preflight import DelimitedScan
from reconcile.extract.reading import open_regular
from reconcile.extract.tally import Tally, words_of
from reconcile.model import ROW, DelimitedSource, Side, Snapshot

TEXT = st.text(st.sampled_from("a1 あ𠮷\u3000\ufeff,\"'\n\t;"), max_size=5) | st.sampled_from(
    ["", "0", "00", "12345678", "123456789", "12345678あ", "\t", " \n"]
)
# What a field is: its text, and whether the writer put quotes around it.
FIELD = st.tuples(TEXT, st.booleans())
ROWS = st.lists(st.tuples(FIELD, FIELD, FIELD), max_size=8)
NAMES = ("a", "b", "c")


def written(field: tuple[str, bool], delimiter: str = ",") -> str:
    text, quoted = field
    needed = any(mark in text for mark in (delimiter, '"', "\n"))
    return '"' + text.replace('"', '""') + '"' if quoted or needed else text


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, str]:
    """A CSV or TSV file and its delimiter, as somebody's program writes it; at times with a byte too many, or cut."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    delimiter = draw(st.sampled_from([",", "\t"]))
    rows = [tuple((name, False) for name in NAMES), *draw(ROWS)]
    content = "".join(delimiter.join(written(field, delimiter) for field in row) + end for row in rows)
    whole = draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + content.encode()
    whole = whole.removesuffix(end.encode()) if draw(st.booleans()) else whole
    if draw(st.integers(0, 3)):
        return whole, delimiter
    at = draw(st.integers(whole.index(b"c") + 1, len(whole)))
    wrong = draw(st.sampled_from([b"", b'"', b"\n", b"\r", b",", b"\t", b"\x00", b"\x7f", b"\xff", b"\n\n", b"x"]))
    return whole[:at] + wrong + whole[at + draw(st.integers(0, 1)) :], delimiter


def plainly(source: DelimitedSource, folder: Path) -> tuple[Snapshot, pl.DataFrame] | str:
    try:
        snapshot = extract(source, Side.LEFT, folder / "work")
    except SourceError as refused:
        return f"{refused.code} {refused}"
    return snapshot, scan(snapshot).collect()


def as_lines(source: DelimitedSource, key: tuple[int, ...]) -> tuple[Lines, list[Batch]] | str:
    batches: list[Batch] = []
    try:
        with open_regular(source.path, f"left ({source.path.name})") as reader:
            return read_lines(reader, source, key, batches.append), batches
    except SourceError as refused:
        return f"{refused.code} {refused}"


def hashed(line: pl.Series) -> pl.Series:
    return line.hash(7)


def blank(column: str) -> pl.Expr:
    return pl.col(column).fill_null("").str.strip_chars() == ""


@settings(max_examples=150)
@given(files(), st.integers(4, 80), st.sampled_from([(0,), (2,), (1, 0)]))
def test_every_file_is_read_or_refused_as_it_is_otherwise(
    tmp_path: Path, content: tuple[bytes, str], block: int, key: tuple[int, ...]
) -> None:
    source = DelimitedSource(path=tmp_path / "left.csv", delimiter=content[1])
    source.path.write_bytes(content[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK_BYTES", block)
        patch.setattr(lines, "BLOCK_BYTES", block)
        expected, found = plainly(source, tmp_path), as_lines(source, key)
    if isinstance(expected, str) or isinstance(found, str):
        assert found == expected
        return
    (snapshot, table), (records, batches) = expected, found
    assert (records.names, records.preflight) == (snapshot.columns, snapshot.preflight)
    again = records.rows(hashed)
    assert again.drop(LINE).collect().equals(table)
    # Equal lines are equal records, and the other way round.
    texts = [line for batch in batches for line in batch.line]
    values = table.drop(ROW).rows()
    assert len({*zip(texts, values, strict=True)}) == len(set(texts)) == len(set(values))
    assert again.collect()[LINE].equals(hashed(pl.Series(texts, dtype=pl.Binary)).alias(LINE))
    names = records.names
    for number, name in enumerate(names[of] for of in key):
        parts = [part for batch in batches for part in batch.key[number]]
        column = table[name].to_list()
        assert len({*zip(parts, column, strict=True)}) == len(set(parts)) == len(set(column))
        noted = [bool(one) for batch in batches for one in batch.blank[number]]
        assert noted == table.select(blank(name)).to_series().to_list()
    # Some of them alone, and the texts of a column counted.
    some = pl.col(ROW).is_in(table[ROW].gather_every(3).implode())
    assert again.filter(some).drop(LINE).collect().equals(table.filter(some))
    said = (pl.col(names[-1]) == "1") | (pl.col(ROW) == 2)
    assert again.filter(said).select(names[0], ROW).collect().equals(table.filter(said).select(names[0], ROW))
    for name, counted in records.count({name: {*table[name].drop_nulls(), "nowhere", ""} for name in names}).items():
        expected_counts = Counter(table[name].drop_nulls())
        assert counted.filled == expected_counts.total()
        assert +Counter(counted.texts) == expected_counts


@given(st.lists(TEXT), st.sets(TEXT))
def test_texts_are_counted_whatever_they_begin_with(fields: list[str], wanted: set[str]) -> None:
    fields = [text for text in fields if text and not set(text) & set(',"\n')]
    data = np.frombuffer((",".join(fields) + ",").encode(), np.uint8)
    ends = np.flatnonzero(data == ord(","))[: len(fields)]
    begins = np.concatenate(([0], ends + 1))[: len(fields)]
    tally = Tally.of(wanted, ",")
    tally.add(0, tally.among(data, words_of(data), begins, ends))
    assert tally.counted().texts == {text: fields.count(text) for text in wanted}


@pytest.mark.parametrize("size", [64, 4096])
def test_a_file_of_many_blocks_keeps_its_order_and_its_numbers(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", size)
    path = tmp_path / "left.csv"
    path.write_bytes(b"id,v\n" + b"".join(b'%d,"x%d"\n' % (n, n % 7) for n in range(3000)))
    found = as_lines(DelimitedSource(path=path), (0,))
    assert not isinstance(found, str)
    records, batches = found
    assert [batch.first for batch in batches] == [block.first for block in records.blocks]
    wanted = [1, 2, 1499, 2999, 3000]
    rows = records.rows(hashed).filter(pl.col(ROW).is_in(wanted)).select(ROW, "id", "v").collect()
    assert rows.rows() == [(n, str(n - 1), f"x{(n - 1) % 7}") for n in wanted]
    assert records.count({"v": {"x0", "x6", "x7"}})["v"] == (3000, {"x0": 429, "x6": 428, "x7": 0})


def test_a_file_that_changes_after_it_was_read_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "left.csv"
    path.write_bytes(b"id,v\n1,a\n2,b\n")
    found = as_lines(DelimitedSource(path=path), (0,))
    assert not isinstance(found, str)
    path.write_bytes(b"id,v\n1,a\n2,c\n")
    with pytest.raises(SourceError) as refused:
        list(found[0].read(None, hashed))
    assert refused.value.code == "E_UNSTABLE"


def test_a_line_that_is_lost_on_its_way_to_the_scanner_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if decoding had a fault: ends of line are counted before it as well.
    path = tmp_path / "left.csv"
    path.write_bytes(b"id,v\n1,a\n2,b\n")
    monkeypatch.setattr(lines, "as_utf8", lambda blocks, *_: (block.removesuffix(b"2,b\n") for block in blocks))
    assert str(as_lines(DelimitedSource(path=path), (0,))).startswith("E_COUNT")


def test_records_that_nobody_takes_stop_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "left.csv"
    path.write_bytes(b"id,v\n1,a\n2,b\n")
    monkeypatch.setattr(DelimitedScan, "found", lambda scan: (one for one in FOUND(scan) if one.records > 2))
    assert str(as_lines(DelimitedSource(path=path), (0,))).startswith("E_COUNT")


FOUND = DelimitedScan.found

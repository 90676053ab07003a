"""reladiff's command line, join algorithm, in DuckDB (`reference/peers.md` §6).

It compares tables, not files: `load` makes them. The benchmark runs this module as a program beforehand, and does not
charge for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

from tests.bench.peers.call import Answer, RefusedError


def load(left: Path, right: Path, database: Path) -> None:
    """Make tables `l` and `r`; text stays text."""
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        for table, path in (("l", left), ("r", right)):
            reader = "read_parquet(?)" if path.suffix == ".parquet" else "read_csv(?, all_varchar = true)"
            connection.execute(f"CREATE TABLE {table} AS FROM {reader}", [str(path)])


def compare(left: Path, right: Path, key: Sequence[str], out: Path) -> Answer:
    """Compare two files, loaded first if they are not yet."""
    database = left.with_name("reladiff.duckdb") if left.with_name("reladiff.duckdb").exists() else out / "r.duckdb"
    if database.parent == out:
        load(left, right, database)
    options = ["-c", "%", "-a", "joindiff", "--json"]
    for part in key:
        options += ["-k", part]
    found = out / "reladiff.jsonl"
    with found.open("wb") as file:
        program = Path(sys.executable).with_name("reladiff")
        url = f"duckdb:///{database}"
        done = subprocess.run(
            [program, url, "l", "r", *options],
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "1000000"},  # it breaks its JSON into lines of the terminal's width
        )
    if done.returncode or "ERROR" in done.stderr:  # it may print ERROR and exit 0
        raise RefusedError(done.returncode)
    signs: dict[tuple[str, ...], set[str]] = {}
    with found.open(encoding="utf-8") as lines:
        for line in lines:
            sign, values = json.loads(line)
            signs.setdefault(tuple(map(str, values[: len(key)])), set()).add(sign)
    every = list(signs.values())
    return Answer(
        equal=not every,
        only_left=every.count({"-"}),
        only_right=every.count({"+"}),
        changed=every.count({"-", "+"}),
        repeated=None,
    )


if __name__ == "__main__":
    load(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[1]).with_name("reladiff.duckdb"))

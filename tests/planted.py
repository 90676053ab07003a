"""A small ward with a canary in every column of either side, of current rows and of history, and in every key file.

For each column there is one person whose value is a canary in the CS and another one in the register; the rest of the
person agrees. So each canary takes the way of its own column: a value that differs, a date that cannot be read, a code
that no list has, a key that only one side knows.
"""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb

from fixtures.ward import LAYOUTS, make_ward
from reconcile.extract.layout import read_layout
from reconcile.model import Column
from schemas.identity_record import DATASET

AS_OF = "2026-11-20"
MY_NUMBER = "kojin_bango"
RUN_FILE = """\
dataset = "schemas.identity_record"
left = "cs"
right = "register"
out = "results"
site_key = "keys/site.key"
evidence_key = "keys/evidence.key"
purpose = "整合性確認の試験"

[gates]
municipality = "13107"

[sources.cs]
label = "CS"
path = "cs.csv"
layout = "cs_csv"

[sources.register]
label = "既存住基"
url = "duckdb:///register.duckdb"
layout = "register_table"
"""
_DIGITS = {"juminhyo_code": 11, "old_juminhyo_code": 11, MY_NUMBER: 12, "atena_no": 15}
_KEEP = frozenset(("municipality",))
"""Another municipality in one row holds the whole run, and nothing would be reported that could leak."""


COMPARED = {field.name for field in DATASET.compared} | {*DATASET.key}
SHOWN = "katagaki"


class Site(NamedTuple):
    """Where the ward lies, and what was planted in it: name (`left name_kanji`, `history batch`, `site key`) -> value."""

    config: Path
    canaries: dict[str, str | bytes]

    def of(self, *fields: str) -> set[str]:
        """The names of the canaries of some columns."""
        return {name for name in self.canaries if name.split()[-1] in fields}


def plant(folder: Path, residents: int = 300) -> Site:
    """Make the ward, two keys and the run file.

    Args:
        folder: Made if missing.
        residents: How many live there besides the canaries; three times the columns or more.
    """
    make_ward(folder, residents, 5, date.fromisoformat(AS_OF), ("cs_csv", "register_duckdb"), faults="none")
    for name in ("truth.parquet", "ward.json"):
        (folder / name).unlink()
    canaries: dict[str, str | bytes] = {}
    first, second = _victims(folder / "register.duckdb")
    _left(folder / "cs.csv", first, canaries)
    _right(folder / "register.duckdb", second, canaries)
    keys = folder / "keys"
    keys.mkdir(mode=0o700)
    for name in ("site", "evidence"):
        canaries[f"{name} key"] = secrets.token_bytes(32)
        (keys / f"{name}.key").write_bytes(canaries[f"{name} key"])  # type: ignore[arg-type]
        (keys / f"{name}.key").chmod(0o400)
    config = folder / "run.toml"
    config.write_text(RUN_FILE, encoding="utf-8")
    return Site(config, canaries)


def _canary(field: str) -> str:
    """A value that nobody has: digits where the column takes nothing else, with a leading zero that is easily lost."""
    if size := _DIGITS.get(field):
        return "0" + "".join(secrets.choice("123456789") for _ in range(size - 1))
    return "カナリア" + secrets.token_hex(4)


def _victims(register: Path) -> tuple[list[str], list[str]]:
    """Keys of living residents that stand once: of those without older rows, and of those with some."""
    with duckdb.connect(str(register), read_only=True) as database:
        rows = database.sql(
            "SELECT jumin_cd, jumin_cd IN (SELECT jumin_cd FROM juki_history) FROM juki_current "
            "GROUP BY jumin_cd HAVING count(*) = 1 AND min(genzon_kbn) = (SELECT mode(genzon_kbn) FROM juki_current) "
            "ORDER BY jumin_cd"
        ).fetchall()
    return [code for code, older in rows if not older], [code for code, older in rows if older]


def _left(path: Path, people: list[str], canaries: dict[str, str | bytes]) -> None:
    layout = read_layout(LAYOUTS / "cs_csv.toml")
    head, names, *rows, tail = csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
    by_key = {row[0]: row for row in rows}
    for column, key in zip(_columns(layout.columns), people, strict=False):
        value = canaries[f"left {column.name}"] = _canary(column.name)
        by_key[key][names.index(column.source)] = value
    key_place = names.index(next(column.source for column in layout.columns if column.name == layout.control_column))
    tail[2] = str(sum(int(row[key_place]) for row in rows) % layout.control_modulus)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator=layout.end_of_record).writerows([head, names, *rows, tail])


def _right(path: Path, people: list[str], canaries: dict[str, str | bytes]) -> None:
    layout = read_layout(LAYOUTS / "register_table.toml")
    with duckdb.connect(str(path)) as database:
        # Another person than on the left for each column: the same one would hide behind the other's difference.
        for column, key in zip(_columns(layout.columns), people, strict=False):
            if column.name not in COMPARED:  # its person is told of by something else that differs
                database.execute(f"UPDATE juki_current SET {SHOWN} = ? WHERE jumin_cd = ?", ["別の方書", key])  # noqa: S608
            for side, table in (("history", "juki_history"), ("right", "juki_current")):
                value = canaries[f"{side} {column.name}"] = _canary(column.name)
                database.execute(f'UPDATE {table} SET "{column.source}" = ? WHERE jumin_cd = ?', [value, key])  # noqa: S608
        database.execute("CHECKPOINT")


def _columns(columns: tuple[Column, ...]) -> Iterator[Column]:
    return (column for column in columns if column.name not in _KEEP)

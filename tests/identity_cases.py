"""Golden cases of the taxonomy: a file a code in `fixtures/cases/identity/`, each with cases just inside and just outside.

A case says in a sentence what it is about, and describes by what it differs from one invented person what each side
holds. It is written down in the forms of the two systems (a CS file with header and trailer, a DuckDB register with
its history, as their layouts declare) and run through the command line. `findings` are *all* that must come out, as
`person kind field code`; `variants` and `parts`, where given, likewise (`parts` with the event that they belong to).
`n` numbers people (1 if not said), `number_of` gives the 個人番号 of another; "" is null.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from fixtures.ward.forms import FORMS, Extract
from reconcile.extract.layout import read_layout
from schemas.identity_record import DATASET
from tests.golden import CASES

IDENTITY = CASES / "identity"
LAYOUTS = Path(__file__).parents[1] / "schemas" / "layouts"

EXTRACTED = {"cs_csv": "20261124020000", "register_duckdb": "20261124000000"}
"""A Tuesday after a long weekend: 2026-11-23 is 勤労感謝の日. The register was extracted two hours before the CS."""

RUN_FILE = """
dataset = "schemas.identity_record"
left = "cs"
right = "register"

[sources.cs]
label = "CS"
path = "cs.csv"
layout = "cs_csv"
towns = "towns.csv"

[sources.register]
label = "既存住基"
url = "duckdb:///register.duckdb"
layout = "register_table"
towns = "towns.csv"
extracted_at = "20261124000000"
"""

TOWNS = "code,town\n0001001,吾妻橋一丁目\n0001002,吾妻橋二丁目\n"
"""The site's table of town codes; who has no code is not held against it."""

Row = dict[str, str | None]
Given = Mapping[str, str | int]

BASE: Mapping[str, str | None] = {
    "source_state": "現存",
    "resident_kind": "日本人",
    "municipality": "13107",
    "name_kanji": "山田　花子",
    "furigana_name": "ヤマダ　ハナコ",
    "birth": "S45-07-30",
    "sex": "女",
    "address_town": "墨田区吾妻橋一丁目",
    "address_lot": "23番20号",
    "event_reason": "転居",
    "event_date": "R02-04-01",
    "process_time": "20200401090000",
    "sequence": "1",
    "pending": "00",
    "protected": "0",
}
"""The person that every case begins with: invented, current, long unchanged, the same on both sides."""

BYSTANDER: Given = {"n": 9}
"""On both sides of every case, so that none is empty."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One `[[case]]` of a file. `appears`: whether the file's code is among what must come out."""

    code: str
    idea: str
    appears: bool
    left: Sequence[Given] = ({},)
    right: Sequence[Given] = ({},)
    history: Sequence[Given] = ()
    findings: Sequence[str]
    variants: Sequence[str] | None = None
    parts: Sequence[str] = field(default=())

    @property
    def told(self) -> set[str]:
        """The codes that come out."""
        return {line.split()[-1] for line in (*self.findings, *(self.variants or ()))}


def read_cases() -> Iterator[Case]:
    """Every case of every file, in order; a key that `Case` does not know is a `TypeError`."""
    for path in sorted(IDENTITY.glob("*.toml")):
        for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
            yield Case(code=path.stem, **case)


def key(n: int) -> str:
    """The 住民票コード of person `n`."""
    return f"1000000000{n}"


def number(n: int) -> str:
    """A valid 個人番号 of person `n` (平成26年総務省令85号5条: P_n the n-th digit from below, Q_n = n+1 or n-5)."""
    digits = f"1234567890{n}"
    total = sum(int(p) * (i + 1 if i <= 6 else i - 5) for i, p in enumerate(reversed(digits), start=1))
    return digits + str(0 if total % 11 <= 1 else 11 - total % 11)


def write(case: Case, folder: Path) -> Path:
    """Write both sides and the run file; return the run file."""
    sides = {"cs_csv": case.left, "register_duckdb": case.right}
    for name, rows in sides.items():
        spec = FORMS[name]
        form = spec.writer(
            folder / spec.file, read_layout(LAYOUTS / f"{spec.layout}.toml"), Extract("13107", EXTRACTED[name])
        )
        form.write(_frame([*rows, BYSTANDER]), _frame(case.history))
        form.close()
    (folder / "towns.csv").write_text(TOWNS, encoding="utf-8")
    config = folder / "run.toml"
    config.write_text(RUN_FILE, encoding="utf-8")
    return config


def _frame(rows: Sequence[Given]) -> pl.DataFrame:
    names = [field.name for field in DATASET.fields]
    return pl.DataFrame([_row(given, names) for given in rows], schema=dict.fromkeys(names, pl.String))


def _row(given: Given, names: Sequence[str]) -> Row:
    n = int(given.get("n", 1))
    whose = {name: str(value) or None for name, value in given.items() if name not in ("n", "number_of")}
    if unknown := set(whose) - set(names):
        raise ValueError(f"no such fields: {sorted(unknown)}")
    own = {
        "juminhyo_code": key(n),
        "kojin_bango": number(int(given.get("number_of", n))),
        "atena_no": f"10000000{n}",
    }
    return {**dict.fromkeys(names), **BASE, **own, **whose}

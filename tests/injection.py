"""Injected differences: a thousand of each of nine kinds, at random fields, in distinct records. All found, nothing else.

What must be found follows from what was injected, not from an oracle. The findings come back through the files that
the sides are given as; `FORMS` says how. To try another form, add a line there.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

import numpy as np
import polars as pl

from reconcile import compare
from reconcile.api import ad_hoc
from reconcile.characters.codec import encode
from reconcile.extract import extract, scan
from reconcile.model import Column, Envelope, FixedWidthSource, Layout, Run, Side, Slot
from reconcile.pipeline import Options, reconcile
from reconcile.search.check import Input

Row = dict[str, str | None]
Found = tuple[str, str, str | None]
"""Key, kind and field of a finding."""

FIELDS = ("name", "kana", "birth", "sex", "town", "lot", "katagaki")
COLUMNS = ("atena_no", *FIELDS)
NULLABLE = ("kana", "katagaki")  # of these about half are null to begin with

SURNAMES = (
    "渡邉",
    "渡邊",
    "渡辺",
    "髙橋",
    "高橋",
    "山﨑",
    "山崎",
    "葛\U000e0100西",
    "葛西",
    "𠮷田",
    "吉田",
    "辻\U000e0101",
)
GIVEN = ("太郎", "花子", "一", "めぐみ", "翔", "さくら", "ジョン", "薫")
KANA = ("ワタナベ", "タカハシ", "ヤマザキ", "カサイ", "ヨシダ", "ツジ")
TOWNS = ("東京都墨田区吾妻橋一丁目", "東京都墨田区押上二丁目", "東京都墨田区両国三丁目", "東京都墨田区東向島四丁目")
KATAGAKI = ("すみだ荘１０１", 'メゾン"隅田"', "コーポ,両国", "ハイツ　錦糸　２０５号", "すみだ荘\n２階")


@dataclass(frozen=True)
class Alphabet:
    """What a form can hold: in a fixed-width record padding ends a text, so there "" is null and no space comes last."""

    surnames: Sequence[str]
    katagaki: Sequence[str]
    endings: Sequence[str]
    empty: Sequence[str]


FREE = Alphabet(surnames=SURNAMES, katagaki=KATAGAKI, endings=(" ", "\U000e0100"), empty=("",))
PADDED = Alphabet(
    surnames=("渡邉", "渡邊", "渡辺", "髙橋", "高橋", "山﨑", "山崎", "葛西", "𠮷田", "吉田"),
    katagaki=("すみだ荘１０１", "メゾン隅田", "ハイツ　錦糸　２０５号"),
    endings=("異", "号"),
    empty=(),
)


@dataclass
class Injected:
    """Both sides after the injection, and what a comparison must find in them."""

    left: list[Row]
    right: list[Row]
    expected: Counter[Found] = field(default_factory=Counter)


def base(records: int, chance: random.Random, alphabet: Alphabet) -> list[Row]:
    """Residents who agree. No two have the same values: the lot is the record's own.

    A code repeats its five digits three times, so that any two differ in three places or more: a code with one wrong
    digit is nobody else's, neither right nor wrong.
    """
    return [
        {
            "atena_no": f"{(number * 7919 + 12_345) % 100_000:05d}" * 3,
            "name": f"{chance.choice(alphabet.surnames)}\u3000{chance.choice(GIVEN)}",
            "kana": chance.choice((None, chance.choice(KANA))),
            "birth": f"{chance.randint(1920, 2025)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}",
            "sex": chance.choice("12"),
            "town": chance.choice(TOWNS),
            "lot": f"{number}番{chance.randint(1, 20)}号",
            "katagaki": chance.choice((None, chance.choice(alphabet.katagaki))),
        }
        for number in range(records)
    ]


def other(value: str | None, chance: random.Random, alphabet: Alphabet) -> str:
    """A text that differs from `value`, now by a character, now by its ending, now altogether."""
    text = value or ""
    at = chance.randrange(len(text) + 1)
    endings = (text + ending for ending in alphabet.endings)
    return chance.choice((*endings, text[:at] + "異" + text[at:], "全く別の値" + text[:1]))


# --------------------------------------------------------------------------------------------------- nine mutations
# Each takes the record's two copies and gives back what stands on each side, and what must be found.

Mutated = tuple[list[Row], list[Row], list[Found]]
Mutation = Callable[[Row, random.Random, Alphabet], Mutated]


def value_changed(row: Row, chance: random.Random, alphabet: Alphabet) -> Mutated:
    name = chance.choice([f for f in FIELDS if row[f] is not None])
    changed = {**row, name: other(row[name], chance, alphabet)}
    sides = ([row], [changed]) if chance.random() < 0.5 else ([changed], [row])
    return *sides, [(_code(row), "value", name)]


def value_to_null(row: Row, chance: random.Random, _: Alphabet) -> Mutated:
    name = chance.choice([f for f in FIELDS if row[f] is not None])
    return [row], [{**row, name: None}], [(_code(row), "value", name)]


def null_to_value(row: Row, chance: random.Random, alphabet: Alphabet) -> Mutated:
    name = chance.choice(NULLABLE)
    now = chance.choice((*alphabet.empty, other(None, chance, alphabet)))  # null and "" differ
    return [{**row, name: None}], [{**row, name: now}], [(_code(row), "value", name)]


def dropped_left(row: Row, _: random.Random, __: Alphabet) -> Mutated:
    return [], [row], [(_code(row), "only_right", None)]


def dropped_right(row: Row, _: random.Random, __: Alphabet) -> Mutated:
    return [row], [], [(_code(row), "only_left", None)]


def duplicate_left(row: Row, _: random.Random, __: Alphabet) -> Mutated:
    return [row, dict(row)], [row], [(_code(row), "duplicate_left", None)]


def duplicate_right_changed(row: Row, chance: random.Random, alphabet: Alphabet) -> Mutated:
    name = chance.choice(FIELDS)
    return [row], [row, {**row, name: other(row[name], chance, alphabet)}], [(_code(row), "duplicate_right", None)]


def key_changed(row: Row, chance: random.Random, _: Alphabet) -> Mutated:
    code = _code(row)
    at = chance.randrange(len(code))
    digit = chance.choice([d for d in "0123456789" if d != code[at]])
    wrong = code[:at] + digit + code[at + 1 :]
    return [row], [{**row, "atena_no": wrong}], [(code, "only_left", None), (wrong, "only_right", None)]


MUTATIONS: dict[str, Mutation] = {
    "value changed": value_changed,
    "value to null": value_to_null,
    "null to value": null_to_value,
    "row dropped left": dropped_left,
    "row dropped right": dropped_right,
    "duplicate added left": duplicate_left,
    "duplicate with a changed value added right": duplicate_right_changed,
    "digits of the key changed": key_changed,
}


def swapped(one: Row, two: Row) -> Mutated:
    """The ninth: two records whose values changed places. A swap, and every value of either that is another now."""
    crossed = [{**two, "atena_no": one["atena_no"]}, {**one, "atena_no": two["atena_no"]}]
    found = [(_code(row), "value", f) for row in (one, two) for f in FIELDS if one[f] != two[f]]
    return [one, two], crossed, [*found, (min(_code(one), _code(two)), "identity_swap", None)]


def inject(seed: int, each: int, alphabet: Alphabet = FREE) -> Injected:
    """`each` of the nine kinds in distinct records, among as many untouched ones; then every row in another place."""
    chance = random.Random(seed)  # noqa: S311  no secret
    kinds = len(MUTATIONS) + 2
    rows = base(2 * kinds * each, chance, alphabet)
    chance.shuffle(rows)
    untouched = rows[kinds * each :]
    result = Injected(left=[*untouched], right=[*map(dict, untouched)])
    for n, mutation in enumerate(MUTATIONS.values()):
        for row in rows[n * each : (n + 1) * each]:
            _add(result, mutation(row, chance, alphabet))
    pairs = rows[(kinds - 2) * each : kinds * each]
    for one, two in zip(pairs[::2], pairs[1::2], strict=True):
        _add(result, swapped(one, two))
    chance.shuffle(result.left)
    chance.shuffle(result.right)
    return result


def _add(result: Injected, mutated: Mutated) -> None:
    left, right, found = mutated
    result.left.extend(left)
    result.right.extend(right)
    result.expected.update(found)


def _code(row: Row) -> str:
    code = row["atena_no"]
    assert code is not None
    return code


# ------------------------------------------------------------------------------------------------------------ forms


def write_csv(rows: Sequence[Row], path: Path) -> Path:
    """UTF-8; null is an empty cell and "" a quoted one."""
    lines = [COLUMNS, *([_cell(row[name]) for name in COLUMNS] for row in rows)]
    path.write_text("".join(",".join(line) + "\n" for line in lines), encoding="utf-8", newline="")
    return path


def write_parquet(rows: Sequence[Row], path: Path) -> Path:
    """Every column text."""
    pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String())).write_parquet(path)
    return path


def _cell(value: str | None) -> str:
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def through_csv(left: Sequence[Row], right: Sequence[Row], folder: Path) -> pl.DataFrame:
    return compare(
        write_csv(left, folder / "left.csv"), write_csv(right, folder / "right.csv"), key=["atena_no"]
    ).findings


def through_parquet(left: Sequence[Row], right: Sequence[Row], folder: Path, partitions: int = 1) -> pl.DataFrame:
    files = write_parquet(left, folder / "left.parquet"), write_parquet(right, folder / "right.parquet")
    return compare(*files, key=["atena_no"], partitions=partitions).findings


def through_parquet_in_partitions(left: Sequence[Row], right: Sequence[Row], folder: Path) -> pl.DataFrame:
    return through_parquet(left, right, folder, partitions=7)


def write_fixed_width(rows: Sequence[Row], path: Path) -> Path:
    """Records of 住基ネット統一文字 between a header and a trailer, as `FIXED_WIDTH` declares them."""
    size, code = FIXED_WIDTH.record_bytes, FIXED_WIDTH.columns[0]
    records = np.full((len(rows) + 2, size), ord(" "), np.uint8)
    records[0, :1], records[1:-1, :1], records[-1, :1] = ord("H"), ord("D"), ord("T")
    codes = [_code(row) for row in rows]
    total = sum(map(int, codes)) % FIXED_WIDTH.control_modulus
    records[-1, 1:21] = np.frombuffer(f"{len(rows):010d}{total:010d}".encode(), np.uint8)
    records[1:-1, code.offset : code.offset + code.length] = np.frombuffer("".join(codes).encode(), np.uint8).reshape(
        len(rows), -1
    )
    for column in FIXED_WIDTH.columns[1:]:
        written, damaged = encode(pl.Series([row[column.name] for row in rows], dtype=pl.String), column.length // 2)
        assert not damaged.any(), f"{column.name}: the alphabet has a character that the form has not"
        records[1:-1, column.offset : column.offset + column.length] = written.view(np.uint8).reshape(len(rows), -1)
    path.write_bytes(records.tobytes())
    return path


def through_fixed_width(left: Sequence[Row], right: Sequence[Row], folder: Path) -> pl.DataFrame:
    inputs = []
    for side, rows in zip(Side, (left, right), strict=True):
        path = write_fixed_width(rows, folder / f"{side}.dat")
        snapshot = extract(FixedWidthSource(path=path, layout=FIXED_WIDTH), side, folder / "work")
        # Compared as text exactly as it stands, like the other forms: decoding is not what is tried here.
        inputs.append(Input(replace(snapshot, layout=None), scan(snapshot)))
    now = datetime.now(UTC)
    run = Run(run_id="injection", started_at=now, as_of=now, version="0", site_key=b"k" * 32)
    dataset = ad_hoc(["atena_no"], *(entry.snapshot for entry in inputs))
    return reconcile(run, dataset, (inputs[0], inputs[1]), Options(seed=1)).in_text().findings


_WIDTHS = {"name": 30, "kana": 20, "birth": 20, "sex": 20, "town": 40, "lot": 30, "katagaki": 40}  # characters
_OFFSETS = [16, *(16 + 2 * n for n in accumulate(_WIDTHS.values()))]
FIXED_WIDTH = Layout(
    name="injection",
    kind="fixed_width",
    record_bytes=_OFFSETS[-1],
    end_of_record="",
    record_mark="D",
    columns=(
        Column(name="atena_no", offset=1, length=15),
        *(
            Column(name=name, offset=offset, length=2 * width, charset="juki")
            for (name, width), offset in zip(_WIDTHS.items(), _OFFSETS, strict=False)
        ),
    ),
    header=Envelope(mark="H", slots={}),
    trailer=Envelope(mark="T", slots={"count": Slot(offset=1, length=10), "control_total": Slot(offset=11, length=10)}),
    control_column="atena_no",
)

Form = Callable[[Sequence[Row], Sequence[Row], Path], pl.DataFrame]
"""Writes both sides into a folder, compares them, and gives back findings with `atena_no`, `kind`, `field`."""

FORMS: dict[str, tuple[Form, Alphabet]] = {
    "csv": (through_csv, FREE),
    "fixed width": (through_fixed_width, PADDED),
    "parquet": (through_parquet, FREE),
    "parquet in partitions": (through_parquet_in_partitions, FREE),
}
"""Each form with the texts that it can hold."""

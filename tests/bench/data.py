"""The benchmark's inputs: invented residents as text, each a pure function of their number, written a part at a time.

So the same seed gives the same files, and 125 million residents need no more memory than their permutation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

ROWS_PER_PART = 1_000_000
_WORDS = {
    "surname": ("佐藤 鈴木 髙橋 田中 渡邉 伊藤 山﨑 中村 小林 加藤 吉田 山田",),
    "given": ("一 正 和 美 由 健 直 真 裕 恵", "子 郎 美 男 代 樹 奈 介 江 也"),
    "kana": ("サトウ　 スズキ　 タカハシ　 タナカ　 ワタナベ　 イトウ　", "ハナコ タロウ ヨシミ ケンジ"),
    "birth": ("S H R", 64, ".", 12, ".", 28),
    "sex": ("1 2",),
    "town": ("墨田 向島 押上 業平 錦糸 両国 本所 京島", "一丁目 二丁目 三丁目 四丁目"),
    "lot": (40, "番", 30, "号"),
    "house": ("コーポ", 300, "号室"),
    "moved": (9999, "-", 12, "-", 28),
    "reason": (40,),
    "office": (999_999,),
    "note": (999_999_999,),
    "former": ("旧 新", "佐藤 鈴木 髙橋 田中"),
    "postal": (9999, "-", 999),
    "municipality": ("131075 131083 131091",),
    "household": (99_999_999,),
    "relation": ("世帯主 妻 夫 子 父 母",),
    "domicile": ("東京都墨田区 東京都江東区 千葉県市川市 新潟県三条市", 900, "番地"),
    "nationality": ("日本 日本 日本 中国 韓国",),
    "processed": (2026, 12, 28),
}
"""Column -> its parts in order: words to choose from, or a number below this, in as many digits."""

COLUMNS = tuple(_WORDS)[:12]
MOST_COLUMNS = len(_WORDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How the two sides differ: shares of the people.

    `differing` have one other value, in each column as often; `missing` are absent, as many on each side; `repeated`
    stand twice on both sides, alike. `everywhere` changes `note` in every row instead.
    """

    differing: float = 0.015
    missing: float = 0.001
    repeated: float = 0.0
    everywhere: bool = False


PLAIN = Shape()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two files of the same people, and how many differences of each kind were planted."""

    left: Path
    right: Path
    planted: dict[str, int]


def make_pair(
    folder: Path, rows: int, *, kind: str, columns: int = len(COLUMNS), seed: int = 1, shape: Shape = PLAIN
) -> Pair:
    """Write `left` and `right`: an 11-digit text key and text columns, the right side in another order.

    Args:
        folder: Where the files go; made if it is not there.
        rows: People a side, before the missing ones are taken out and the repeated ones added.
        kind: "parquet" (zstd) or "csv".
        columns: Besides the key, up to `MOST_COLUMNS`.
        seed: The same seed gives the same files.
        shape: How the two sides differ.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.Generator(np.random.PCG64(seed))
    missing, repeated = round(rows * shape.missing), round(rows * shape.repeated)
    differing = rows - 2 * missing if shape.everywhere else round(rows * shape.differing)
    # Disjoint fates by rank: missing left, missing right, differing, and from the other end repeated.
    fate = generator.permutation(rows).astype(np.uint32)
    everyone = np.arange(rows, dtype=np.uint32)
    twice = everyone[fate >= rows - repeated]
    here = {
        "left": np.concatenate([everyone[(fate < missing) | (fate >= 2 * missing)], twice]),
        "right": np.concatenate([everyone[fate >= missing], twice]),
    }
    generator.shuffle(here["right"])
    pair = Pair(
        left=folder / f"left.{kind}",
        right=folder / f"right.{kind}",
        planted={
            "only_left": missing,
            "only_right": missing,
            "value": differing,
            **({"duplicate_left": repeated, "duplicate_right": repeated} if repeated else {}),
        },
    )
    changed = (2 * missing, 2 * missing + differing)
    for path, numbers in ((pair.left, here["left"]), (pair.right, here["right"])):
        between = changed if path is pair.right else (0, 0)
        _write(path, (_people(part, fate, columns, between, shape) for part in _parts(numbers)), len(numbers))
    return pair


def _parts(numbers: np.ndarray) -> Iterator[np.ndarray]:
    for begin in range(0, len(numbers), ROWS_PER_PART):
        yield numbers[begin : begin + ROWS_PER_PART]


def _write(path: Path, parts: Iterator[pl.DataFrame], rows: int) -> None:
    if path.suffix == ".csv":
        with path.open("wb") as file:
            for number, part in enumerate(parts):
                part.write_csv(file, include_header=number == 0)
        return
    if rows <= ROWS_PER_PART:
        next(parts).write_parquet(path)
        return
    names = []
    for number, part in enumerate(parts):
        names.append(path.with_name(f"{path.stem}.{number:04d}.part"))
        part.write_parquet(names[-1])
    pl.scan_parquet(names).sink_parquet(path)
    for name in names:
        name.unlink()


def _people(
    numbers: np.ndarray, fate: np.ndarray, columns: int, changed: tuple[int, int], shape: Shape
) -> pl.DataFrame:
    """These people's rows; whose fate lies between `changed` has one other value."""
    names = list(_WORDS)[:columns]
    ranks = fate[numbers]
    other = (ranks >= changed[0]) & (ranks < changed[1])
    where = np.full(len(numbers), names.index("note")) if shape.everywhere else ranks % columns
    frame = pl.select(
        # Digits in no order: 2**31 - 1 is prime to the modulus, so no two people share a number.
        pl.lit(pl.Series((numbers.astype(np.uint64) * 2_147_483_647) % 9_999_999_967 + 10_000_000_000))
        .cast(pl.String)
        .alias("id"),
        *(_column(numbers, name, position).alias(name) for position, name in enumerate(names)),
    )
    return frame.with_columns(
        pl.when(pl.Series(other & (where == position))).then(pl.col(name) + "改").otherwise(name).alias(name)
        for position, name in enumerate(names)
    )


def _column(numbers: np.ndarray, name: str, position: int) -> pl.Expr:
    parts: list[pl.Expr] = []
    for place, part in enumerate(_WORDS[name]):
        draw = _mixed(numbers, position * 16 + place)
        if isinstance(part, int):
            drawn = pl.lit(pl.Series(draw % np.uint64(part)))
            parts.append(drawn.cast(pl.String).str.zfill(len(str(part))))
        elif " " in part:
            words = pl.Series(part.split(" "))
            parts.append(pl.lit(words.gather(pl.Series(draw % np.uint64(len(words))))))
        else:
            parts.append(pl.lit(part))
    return pl.concat_str(parts)


def _mixed(numbers: np.ndarray, stream: int) -> np.ndarray:
    """The numbers' draws of one stream: the finalizer of splitmix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    z = numbers.astype(np.uint64) + np.uint64((stream + 1) * 0x9E3779B97F4A7C15 % (1 << 64))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))

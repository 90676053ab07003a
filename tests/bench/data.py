"""The benchmark's inputs: invented residents as text, made once a run from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

COLUMNS = ("surname", "given", "kana", "birth", "sex", "town", "lot", "house", "moved", "reason", "office", "note")
_SHARE_DIFFERING = 0.015
_SHARE_MISSING = 0.001  # a side


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two files of the same people, and how many differences of each kind were planted."""

    left: Path
    right: Path
    planted: dict[str, int]


def make_pair(folder: Path, rows: int, *, kind: str, seed: int = 1) -> Pair:
    """Write `left` and `right`: an 11-digit text key and 12 text columns, the right side in another order.

    1.5 % of the rows differ in one column, each column as often; 0.1 % a side are missing on the other.

    Args:
        folder: Where the files go.
        rows: People a side, before the missing ones are taken out.
        kind: "parquet" (zstd) or "csv".
        seed: Of the generator; the same seed gives the same files.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    left = _people(rows, generator)
    fate = generator.permutation(rows)  # disjoint fates: missing left, missing right, differing
    missing, differing = round(rows * _SHARE_MISSING), round(rows * _SHARE_DIFFERING)
    changed = np.zeros(rows, dtype=bool)
    changed[fate[2 * missing : 2 * missing + differing]] = True
    column = pl.Series(generator.integers(0, len(COLUMNS), rows))
    right = left.with_columns(
        pl.when(pl.Series(changed) & (column == i)).then(pl.col(c) + "改").otherwise(c).alias(c)
        for i, c in enumerate(COLUMNS)
    )
    shuffled = generator.permutation(rows)
    right = right[shuffled[~np.isin(shuffled, fate[:missing])]]
    left = left[np.sort(np.concatenate([fate[:missing], fate[2 * missing :]]))]
    pair = Pair(
        left=folder / f"left.{kind}",
        right=folder / f"right.{kind}",
        planted={"only_left": missing, "only_right": missing, "value": differing},
    )
    for frame, path in ((left, pair.left), (right, pair.right)):
        if kind == "csv":
            frame.write_csv(path)
        else:
            frame.write_parquet(path)
    return pair


def _people(rows: int, generator: np.random.Generator) -> pl.DataFrame:
    def number(below: int, digits: int) -> pl.Expr:
        return pl.lit(pl.Series(generator.integers(0, below, rows))).cast(pl.String).str.zfill(digits)

    def of(words: str) -> pl.Expr:
        choices = pl.Series(words.split())
        return pl.lit(choices.gather(pl.Series(generator.integers(0, len(choices), rows))))

    key = pl.lit(pl.Series(generator.permutation(rows)).cast(pl.Int64) * 7 + 10_000_000_000).cast(pl.String)
    return pl.select(
        key.alias("id"),
        of("佐藤 鈴木 髙橋 田中 渡邉 伊藤 山﨑 中村 小林 加藤 吉田 山田").alias("surname"),
        (of("一 正 和 美 由 健 直 真 裕 恵") + of("子 郎 美 男 代 樹 奈 介 江 也")).alias("given"),
        (of("サトウ スズキ タカハシ タナカ ワタナベ イトウ") + "　" + of("ハナコ タロウ ヨシミ ケンジ")).alias("kana"),
        pl.concat_str(of("S H R"), number(64, 2), pl.lit("."), number(12, 2), pl.lit("."), number(28, 2)).alias(
            "birth"
        ),
        of("1 2").alias("sex"),
        (of("墨田 向島 押上 業平 錦糸 両国 本所 京島") + of("一 二 三 四") + "丁目").alias("town"),
        pl.concat_str(number(40, 1), pl.lit("番"), number(30, 1), pl.lit("号")).alias("lot"),
        pl.concat_str(pl.lit("コーポ"), number(300, 1), pl.lit("号室")).alias("house"),
        pl.concat_str(number(20, 4), pl.lit("-"), number(12, 2), pl.lit("-"), number(28, 2)).alias("moved"),
        number(40, 2).alias("reason"),
        number(9, 6).alias("office"),
        number(1_000_000_000, 9).alias("note"),
    )

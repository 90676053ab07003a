"""Rebuild the character tables from the npm package `@mandel59/mojidata`.

    npm pack @mandel59/mojidata@1.8.1
    python -m reconcile.characters.data.build mandel59-mojidata-1.8.1.tgz

The package carries MJ文字情報一覧表 Ver.006.02 and MJ縮退マップ Ver.1.2.0 (IPA, CC BY-SA 2.1 JP) and the IVD of
2022-09-13 (Unicode-3.0) as one SQLite file of 105 MB. Three tables are kept, numbers instead of texts:

mj.parquet       one row a MJ文字図形名, sorted: its number, the code points and selectors that write it, its codes in
                 the other systems
shrink.parquet   one row a 縮退 candidate: MJ number, rule (position in `RULE_TABLES`), target code point, rank, hops
ivd.parquet      one row a registered ideographic variation sequence and collection

A variation selector is stored as its number as in `VS18`: 1-16 = U+FE00-FE0F, 17-256 = U+E0100-E01EF.
"""

from __future__ import annotations

import argparse
import hashlib
import sqlite3
import tarfile
import tempfile
from pathlib import Path

import polars as pl

from reconcile.characters.tables import COLLECTIONS

HERE = Path(__file__).parent
PACKAGE = "@mandel59/mojidata"
VERSION = "1.8.1"
TARBALL_SHA256 = "d51b41cc0164211090757eb2f5e74cd343a1cae82061b14082c4f436891b87b4"
DATABASE = "package/dist/moji.db"

# Order = id = order in which a finding names them: the unification rules of the standards first, then law and
# notices, then the registers' own parent characters, then analogy and dictionaries (the weakest).
RULE_TABLES = (
    "JIS包摂規準UCS統合規則",
    "法務省告示582号別表第四_一",
    "法務省告示582号別表第四_二",
    "民二5202号通知別表_正字俗字等対照表",
    "民一2842号通達別表_誤字俗字正字一覧表_俗字",
    "民一2842号通達別表_誤字俗字正字一覧表_別字",
    "民一2842号通達別表_誤字俗字正字一覧表_無印",
    "戸籍統一文字情報_親字正字",
    "読み字形による類推",
    "辞書類等による関連字",
)

_MJ = """
SELECT CAST(substr(MJ文字図形名, 3) AS INTEGER)         AS mj,
       unicode(対応するUCS)                             AS ucs,
       unicode(実装したUCS)                             AS bare,
       unicode(substr(実装したMoji_JohoコレクションIVS, 2)) AS ivs,
       unicode(substr(実装したSVS, 2))                  AS svs,
       住基ネット統一文字コード                         AS juki,
       戸籍統一文字番号                                 AS koseki,
       入管正字コード                                   AS nyukan,
       X0213                                            AS x0213,
       "X0213_包摂連番"                                 AS unification,
       漢字施策                                         AS policy
FROM mji ORDER BY mj
"""
# Two glyphs are implemented by a second sequence; it is kept as a row of its own without codes of other systems.
_SECOND = """
SELECT CAST(substr(MJ文字図形名, 3) AS INTEGER)       AS mj,
       unicode(重複実装したMoji_JohoコレクションIVS)  AS ucs,
       unicode(substr(重複実装したMoji_JohoコレクションIVS, 2)) AS ivs
FROM mji_duplicated_ivs ORDER BY mj
"""
_SHRINK = """
SELECT CAST(substr(MJ文字図形名, 3) AS INTEGER) AS mj, 表 AS rule, unicode(縮退UCS) AS target,
       順位 AS rank, ホップ数 AS hops
FROM mjsm ORDER BY mj, target
"""
_IVD = "SELECT unicode(IVS) AS ucs, unicode(substr(IVS, 2)) AS ivs, collection FROM ivs"


def tables(database: sqlite3.Connection) -> dict[str, pl.DataFrame]:
    """The three reduced tables, by file name, from the package's SQLite database."""
    mj = pl.concat([_read(database, _MJ), _read(database, _SECOND)], how="diagonal").sort("mj", maintain_order=True)
    shrink = _read(database, _SHRINK)
    ivd = _read(database, _IVD)
    rule_ids = pl.col("rule").replace_strict(list(RULE_TABLES), list(range(len(RULE_TABLES))), return_dtype=pl.UInt8)
    collection_ids = pl.col("collection").replace_strict(
        list(COLLECTIONS), list(range(len(COLLECTIONS))), return_dtype=pl.UInt8
    )
    return {
        "mj.parquet": mj.select(
            pl.col("mj", "ucs", "bare").cast(pl.UInt32),
            _selector("ivs"),
            _selector("svs"),
            _hexadecimal("juki", "J+").cast(pl.UInt16),
            pl.col("koseki").cast(pl.UInt32),
            _hexadecimal("nyukan", "0x"),
            pl.col("x0213").cast(pl.String),
            pl.col("unification").cast(pl.String),
            pl.col("policy").cast(pl.String),
        ),
        "shrink.parquet": shrink.select(
            pl.col("mj").cast(pl.UInt32),
            rule_ids,
            pl.col("target").cast(pl.UInt32),
            pl.col("rank", "hops").cast(pl.UInt8),
        ).sort("mj", "rule", "target"),
        "ivd.parquet": ivd.select(pl.col("ucs").cast(pl.UInt32), _selector("ivs"), collection_ids).sort(
            "ucs", "ivs", "collection"
        ),
    }


def main() -> None:
    """Write the three tables and `SOURCE.toml` beside this script.

    Raises:
        SystemExit: The tarball is not the one whose digest is stated above.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tarball", type=Path, help="mandel59-mojidata-1.8.1.tgz, from npm pack")
    tarball: Path = parser.parse_args().tarball
    digest = _sha256(tarball)
    if digest != TARBALL_SHA256:
        raise SystemExit(f"{tarball.name}: got SHA-256 {digest}, expected {TARBALL_SHA256} (version {VERSION})")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(tarball) as archive:
            archive.extract(DATABASE, folder, filter="data")
        with sqlite3.connect(Path(folder) / DATABASE) as database:
            built = tables(database)
        database.close()
    for name, table in built.items():
        table.write_parquet(HERE / name, compression="zstd", compression_level=19, statistics=False)
    (HERE / "SOURCE.toml").write_text(_source(built), encoding="utf-8")


def _source(built: dict[str, pl.DataFrame]) -> str:
    head = f"""\
# Written by build.py; the digests are checked when the tables are loaded (reconcile/characters/tables.py).
package = "{PACKAGE}"
version = "{VERSION}"
tarball_sha256 = "{TARBALL_SHA256}"
mji = "MJ文字情報一覧表 Ver.006.02"
mjsm = "MJ縮退マップ Ver.1.2.0"
ivd = "2022-09-13"
"""
    files = (
        f'\n[tables."{name}"]\nrows = {table.height}\nsha256 = "{_sha256(HERE / name)}"\n'
        for name, table in built.items()
    )
    return head + "".join(files)


def _read(database: sqlite3.Connection, query: str) -> pl.DataFrame:
    return pl.read_database(query, database, infer_schema_length=None)


def _selector(column: str) -> pl.Expr:
    code = pl.col(column)
    return pl.when(code >= 0xE0100).then(code - 0xE0100 + 17).otherwise(code - 0xFE00 + 1).cast(pl.UInt16).alias(column)


def _hexadecimal(column: str, prefix: str) -> pl.Expr:
    return pl.col(column).str.strip_prefix(prefix).str.to_integer(base=16, dtype=pl.UInt32)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()

"""The character tables in `data/`, loaded once a process, with the version and digests that every report states.

Every accessor is cached and its result shared: read only. A file whose SHA-256 is not the one of `SOURCE.toml` is
refused, because every judgement about a name rests on it.
"""

from __future__ import annotations

import hashlib
import io
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import polars as pl

from reconcile.errors import ConfigError

RULES = (
    "JIS包摂規準・UCS統合規則",
    "法務省告示582号別表第四の一",
    "法務省告示582号別表第四の二",
    "民二5202号通知別表 正字・俗字等対照表",
    "民一2842号通達別表 誤字俗字・正字一覧表 俗字",
    "民一2842号通達別表 誤字俗字・正字一覧表 別字",
    "民一2842号通達別表 誤字俗字・正字一覧表 無印",
    "戸籍統一文字情報 親字・正字",
    "読み・字形による類推",
    "辞書類等による関連字",
)
"""The ten 縮退 rules by their names in MJ縮退マップ 1.2.0; the position is the id in `shrink()`."""

COLLECTIONS = ("Moji_Joho", "Hanyo-Denshi", "Adobe-Japan1", "MSARG", "KRName")
"""The IVD collections; the position is the id in `ivd()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the tables come from: package, editions, and the SHA-256 of each file."""

    package: str
    version: str
    tarball_sha256: str
    mji: str
    mjsm: str
    ivd: str
    sha256: Mapping[str, str]


@cache
def source() -> Source:
    """What `data/SOURCE.toml` declares."""
    raw = tomllib.loads((files("reconcile.characters.data") / "SOURCE.toml").read_text(encoding="utf-8"))
    digests = {name: about["sha256"] for name, about in raw.pop("tables").items()}
    return Source(**raw, sha256=digests)


def version() -> str:
    """The editions in one line, for reports and `doctor`."""
    s = source()
    return f"{s.mji}, {s.mjsm}, IVD {s.ivd} ({s.package} {s.version})"


def digest() -> str:
    """One SHA-256 over the digests of all tables, hexadecimal: changes if any table does."""
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(source().sha256.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


@cache
def mj() -> pl.DataFrame:
    """MJ文字情報一覧表: one row a way to write a glyph, sorted by `mj`.

    Columns: `mj` (number of the MJ文字図形名), `ucs` (対応するUCS, null for 3 withdrawn glyphs), `bare` (実装したUCS: the
    code point that alone stands for the glyph), `ivs`, `svs` (selector number on `ucs`; `clusters`), `juki`
    (住基ネット統一文字コード), `koseki` (戸籍統一文字番号, to be shown with 6 digits), `nyukan` (入管正字コード), `x0213`
    (plane-row-cell), `unification` (JIS包摂連番), `policy` (常用漢字 or 人名用漢字). Nulls where the table has none. Two
    glyphs have a second row for their second sequence, without other codes.
    """
    return _load("mj.parquet")


@cache
def shrink() -> pl.DataFrame:
    """MJ縮退マップ: one row a candidate. Columns: `mj`, `rule` (position in RULES), `target` (code point), `rank`, `hops`."""
    return _load("shrink.parquet")


@cache
def ivd() -> pl.DataFrame:
    """The registered sequences. Columns: `ucs`, `ivs` (selector number), `collection` (position in COLLECTIONS)."""
    return _load("ivd.parquet")


def _load(name: str) -> pl.DataFrame:
    content = (files("reconcile.characters.data") / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != source().sha256[name]:
        raise ConfigError(
            f"reconcile/characters/data/{name}", "got a file that SOURCE.toml does not describe", hint="reinstall"
        )
    return pl.read_parquet(io.BytesIO(content))

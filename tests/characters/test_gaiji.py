"""The site's 外字 table: what it identifies is written as its glyph, all else stays unidentified."""

import hashlib
from pathlib import Path

import polars as pl
import pytest

from reconcile.characters import gaiji
from reconcile.characters.ladder import judge
from reconcile.errors import ConfigError

TABLE = "code,mj,note,version\nU+E001,MJ026191,邉の俗字,2026-04\nU+E002,,点が一つ多い辻,2026-04\n"


def _load(folder: Path, text: str) -> gaiji.Gaiji:
    path = folder / "gaiji.csv"
    path.write_text(text, encoding="utf-8")
    return gaiji.load(path)


def test_an_identified_code_is_its_glyph_and_any_other_stays_unmapped(tmp_path: Path) -> None:
    table = _load(tmp_path, TABLE)
    register = pl.DataFrame({"name": ["渡\ue001", "\ue002", "\ue003", None, "山"]})
    written = register.select(table.replace(pl.col("name"))).to_series()
    assert written.to_list() == ["渡邉\U000e0119", "\ue002", "\ue003", None, "山"]
    pairs = pl.DataFrame({"left": ["渡邉", "辻"], "right": written.head(2)})
    assert judge(pairs)["grade"].to_list() == ["variant", "unmapped"]


def test_the_digest_is_that_of_the_file_so_that_an_update_shows(tmp_path: Path) -> None:
    table = _load(tmp_path, TABLE)
    assert table.sha256 == hashlib.sha256(TABLE.encode()).hexdigest()
    assert (table.known, len(table.meanings), table.versions) == (2, 1, ("2026-04",))
    assert _load(tmp_path, TABLE.replace("MJ026191", "MJ026192")).sha256 != table.sha256


def test_a_table_that_identifies_nothing_changes_nothing(tmp_path: Path) -> None:
    table = _load(tmp_path, "code,mj,note,version\n")
    frame = pl.DataFrame({"name": ["\ue001"]})
    assert frame.select(table.replace(pl.col("name"))).equals(frame)


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        (TABLE.replace("U+E001", "U+9089"), "line 2, code", "private-use"),
        (TABLE.replace("U+E001", "辻"), "line 2, code", "private-use"),
        (TABLE.replace("U+E002", "U+E001"), "line 3", "twice"),
        (TABLE.replace("MJ026191", "MJ999999"), "line 2, mj", "MJ文字図形名"),
        (TABLE.replace("MJ026191", "MJ003719"), "line 2, mj", "Unicode"),
        (TABLE.replace("note,", ""), "gaiji.csv", "columns"),
    ],
)
def test_a_wrong_table_is_refused_with_the_line(tmp_path: Path, text: str, where: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, text)
    assert where in caught.value.where
    assert problem in caught.value.problem

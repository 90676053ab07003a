"""What a database is asked besides its rows: does text come through whole, what do its views say, is it the newest?

All of it goes over the connection and the read path of the rows themselves, on the same snapshot.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from reconcile.errors import SourceError

LONG = 20_000
"""Characters of the long probe: above the limits at which drivers cut (255, 4,000, 8,190, 32,767 bytes)."""

ASCII = (
    "00001234567",  # leading zeros
    "",  # empty is not null
    None,
    "ab   ",  # blanks behind, which CHAR(n) drivers cut or add
    "   ab",
    " ",
    "a'b\"c\\d%_$1{}?",  # a `?` that was there stays one
    "1e5",  # text that looks like a number
    "null",
    "line\nand\ttab",
    "0123456789" * (LONG // 10),
)
"""Values that any server can hold."""

KANA_AND_KANJI = ("墨田区吾妻橋", "　全角　", "カナ漢字かな" * (LONG // 6))
"""Values that a server of any Japanese encoding can hold."""

UNICODE = (
    "辻\U000e0100辻",  # a variation selector: the difference between two names
    "𠮷野家𩸽",  # four bytes in UTF-8, two units in UTF-16
    "\ue000\ue001\uf8ff",  # private use: 外字
    "\U000f0001\U0010fffd",
    "が か\u3099 ｶﾞ",  # composed, decomposed, half width: three texts
    "〜～－−‖∥¢￠£￡¬￢—―",
    "﨑髙德\ufa19神",  # compatibility ideographs that NFC would replace
    "𠮷辻\U000e0100" * (LONG // 6),
)
"""Values that a server in Unicode holds: there, each of them may be a resident's name."""


def probes(encoding: str) -> tuple[str | None, ...]:
    """What is sent, by the encoding in which the server keeps text (PostgreSQL's name of it).

    A server of another encoding refuses what it cannot hold, aloud; it keeps no such name, so none is asked of it.
    """
    if encoding in ("UTF8", "SQL_ASCII"):
        return ASCII + KANA_AND_KANJI + UNICODE
    return ASCII + KANA_AND_KANJI if encoding.startswith(("EUC_J", "SJIS", "SHIFT_JIS")) else ASCII


def probe_query(values: Sequence[str | None]) -> str:
    """A query whose rows are the values, in their order, read by the same cast as the rows of a table."""
    rows = ", ".join(f"({n}, {_literal(value)})" for n, value in enumerate(values))
    return f"SELECT CAST(v AS VARCHAR) AS c0 FROM (VALUES {rows}) AS probe(n, v) ORDER BY n"  # noqa: S608  our own values


def check_probes(sent: Sequence[str | None], came: Sequence[str | None], where: str) -> None:
    """Hold what came against what was sent.

    Raises:
        SourceError: E_DRIVER, with the number of the first that is another; they are our own texts, nobody's.
    """
    if len(sent) != len(came):
        problem = f"{len(sent)} probe texts were sent, {len(came)} came back"
        raise SourceError(where, problem, hint=_DRIVER, code="E_DRIVER")
    for number, (one, other) in enumerate(zip(sent, came, strict=True), start=1):
        if one != other:
            sizes = (f"{len(text)} characters" if text is not None else "null" for text in (one, other))
            problem = f"probe text {number} did not come back as it was sent ({' -> '.join(sizes)})"
            raise SourceError(where, problem, hint=_DRIVER, code="E_DRIVER")


_DRIVER = "the driver, or the encoding of the connection or the database, cuts or replaces text"


def digest_of_views(views: Iterable[Sequence[str]]) -> str:
    """The SHA-256 of the texts by which a source's views are defined; of an empty list where it is a plain table.

    Args:
        views: Schema, name and text of each view that the source is or rests on; the order does not matter.
    """
    text = json.dumps(sorted([list(map(str, view)) for view in views]), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def replayed(where: str, *, in_recovery: bool, at: str | None) -> dict[str, str]:
    """What a replica says of its age, as the header's item `extracted_at`: the gates `as_of` and `window` decide by it.

    A replica shows the past: that of the last transaction that it has replayed. The primary shows now, and says
    nothing.

    Args:
        where: The source, for errors.
        in_recovery: `pg_is_in_recovery()`.
        at: `pg_last_xact_replay_timestamp()` at the ward, YYYYMMDDhhmmss; None if it has replayed none.

    Raises:
        SourceError: E_STALE, it has replayed nothing since it was started: its age is not known.
    """
    if not in_recovery:
        return {}
    if at is None:
        problem = "is a replica that cannot say how old its rows are"
        raise SourceError(where, problem, hint="is it connected? Read the primary, or wait", code="E_STALE")
    return {"extracted_at": at}


def _literal(value: str | None) -> str:
    # No value of a site: `standard_conforming_strings` is on, so that a quote is the only thing to double.
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


ENCODING = "SELECT current_setting('server_encoding')"

REPLICA = """
SELECT pg_is_in_recovery(), to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'Asia/Tokyo', 'YYYYMMDDHH24MISS')
"""


def views_of_postgres(tables: Iterable[str]) -> str:
    """The query for the views that tables are or rest on, however deep: their schema, name and text.

    Not told: what a function does that a view calls.

    Args:
        tables: Quoted identifiers.
    """
    roots = ", ".join(f"(to_regclass('{table}')::oid)" for table in tables)
    return f"""
WITH RECURSIVE used(oid) AS (
  SELECT oid FROM (VALUES {roots}) AS roots(oid)
  UNION
  SELECT depends.refobjid FROM used
    JOIN pg_catalog.pg_rewrite AS rule ON rule.ev_class = used.oid
    JOIN pg_catalog.pg_depend AS depends ON depends.objid = rule.oid
     AND depends.classid = 'pg_catalog.pg_rewrite'::regclass AND depends.refclassid = 'pg_catalog.pg_class'::regclass
)
SELECT space.nspname::text, relation.relname::text, pg_catalog.pg_get_viewdef(relation.oid)
  FROM used JOIN pg_catalog.pg_class AS relation USING (oid)
  JOIN pg_catalog.pg_namespace AS space ON space.oid = relation.relnamespace
 WHERE relation.relkind IN ('v', 'm')
"""  # noqa: S608  quoted identifiers only


VIEWS_OF_DUCKDB = "SELECT schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal"
"""Every view of the file: which of them a view rests on, DuckDB does not say."""

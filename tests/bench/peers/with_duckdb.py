"""No peer but what its user would write: `FULL OUTER JOIN … IS DISTINCT FROM`, everything as text, written out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from tests.bench.peers.call import Answer

_COUNT = """
SELECT count(*) FILTER (WHERE _r IS NULL), count(*) FILTER (WHERE _l IS NULL),
       count(*) FILTER (WHERE _l IS NOT NULL AND _r IS NOT NULL)
FROM read_parquet(?)
"""


def compare(left: Path, right: Path, key: Sequence[str], out: Path) -> Answer:
    """Join, keep what differs, count it."""
    chg = out / "duckdb.parquet"
    with duckdb.connect() as connection:
        for table, path in (("l", left), ("r", right)):
            reader = "read_parquet" if path.suffix == ".parquet" else "read_csv"
            options = "" if reader == "read_parquet" else ", all_varchar = true"
            text = str(path).replace("'", "''")
            connection.execute(f"CREATE VIEW {table} AS SELECT 1 AS _{table}, * FROM {reader}('{text}'{options})")  # noqa: S608
        names = [row[0] for row in connection.execute("DESCRIBE l").fetchall()]
        others = {row[0] for row in connection.execute("DESCRIBE r").fetchall()}
        shared = [name for name in names if name in others and name not in key]
        on = " AND ".join(f'l."{name}" = r."{name}"' for name in key)
        differs = " OR ".join(["_l IS NULL", "_r IS NULL", *(f'l."{n}" IS DISTINCT FROM r."{n}"' for n in shared)])
        both = ", ".join(f'l."{name}" AS "{name}", r."{name}" AS "{name}:right"' for name in [*key, *shared])
        target = str(chg).replace("'", "''")
        connection.execute(
            f"COPY (SELECT _l, _r, {both} FROM l FULL OUTER JOIN r ON {on} WHERE {differs}) TO '{target}'"  # noqa: S608
        )
        row = connection.execute(_COUNT, [str(chg)]).fetchone()
    only_left, only_right, changed = row or (0, 0, 0)
    return Answer(
        equal=not (only_left or only_right or changed),
        only_left=only_left,
        only_right=only_right,
        changed=changed,
        repeated=None,
    )

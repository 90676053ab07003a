"""One side, streamed once: its fingerprints, and what is refused or noticed of single rows.

A batch is decoded, validated, looked at, and turned into numbers; its text is then let go. An ad-hoc side declares
nothing but a key, so there the query itself gives numbers, and no text leaves it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import polars as pl

from reconcile.account import DOUBTFUL, SECOND, Checks
from reconcile.canonicalize import UNDECLARED, canonical, undeclared
from reconcile.diff import DiffPlan
from reconcile.errors import SourceError
from reconcile.extract.tally import Counted
from reconcile.model import REJECTS, ROW, Address, Characters, Composite, Dataset, Rule, Side, Snapshot
from reconcile.proof.profile import profile
from reconcile.rules.address import chome_notation
from reconcile.rules.check_digit import CHECK_DIGITS
from reconcile.rules.municipality import municipality_5, well_formed
from reconcile.rules.width import no_spaces
from reconcile.search.prints import Prints
from reconcile.validate import NULL_KEY, validate

Progress = Callable[[str, int, int], None]
"""Called with the name of the step, what is done and what is to do."""

ROWS_PER_BATCH = 100_000


class Printed(NamedTuple):
    """What a side became in the very pass that read it (`reconcile.search.alike`); `check` need not stream it again.

    Attributes:
        prints: The fingerprints of the rows that take part. They can be used once.
        rejects: REJECTS of the others, in row order.
        second: Yields `_two` of the side's rows.
        tally: Column -> texts that are asked for; gives for each how many of all rows have any text, and how many each.
    """

    prints: Prints
    rejects: pl.DataFrame
    second: pl.Expr
    tally: Callable[[Mapping[str, Collection[str]]], Mapping[str, Counted]]


class Input(NamedTuple):
    """One side, ready to be read.

    Attributes:
        snapshot: What it is.
        rows: Yields ROW and the snapshot's columns, as text.
        gaiji: What its private-use codes mean, None if nobody said.
        history: Yields the same columns of this side's older rows, None if it keeps none.
        composite: How the other side writes several names as one text, None if it does not.
        known: Columns whose decoding is a table of their values (`survey.decoded_once`).
        sentinels: How many of the rows, the last, are no records of the source (`reconcile.proof.sentinel`).
        printed: What its rows became when they were read; None if `check` is to stream them.
    """

    snapshot: Snapshot
    rows: pl.LazyFrame
    gaiji: Rule | None = None
    history: pl.LazyFrame | None = None
    sentinels: int = 0
    composite: Composite | None = None
    known: Mapping[str, pl.Expr] = MappingProxyType({})
    printed: Printed | None = None

    def canonical(self, dataset: Dataset) -> dict[str, pl.Expr]:
        """Name -> expression of every column that this side and the dataset have."""
        one = self.snapshot
        return canonical(dataset, one.layout, one.columns, self.gaiji, composite=self.composite, known=self.known)


def reading(progress: Progress, side: Side) -> Callable[[int], None]:
    """What is told of each batch that is read of a side: how many records it has been so far."""
    return lambda done: progress(f"read {side}", done, 0)


def check(entry: Input, dataset: Dataset, this: DiffPlan, prints: Prints, progress: Progress) -> Checks:
    """Stream one side.

    Args:
        entry: The side.
        dataset: What is declared of it.
        this: The plan.
        prints: Takes the fingerprints of the rows that take part in the comparison.
        progress: Told of every batch.

    Returns:
        The checks, with keys.

    Raises:
        SourceError: E_CHARSET, names were decoded with the wrong charset.
    """
    snapshot = entry.snapshot
    step = f"check {snapshot.side}"
    expressions = entry.canonical(dataset)
    progress(step, 0, snapshot.rows)
    if entry.printed is not None:
        parts = [Checks(rejects=entry.printed.rejects)]
    elif dataset.schema is None:
        numbers = _text(entry.rows, expressions, this)
        parts = [_check_text(batch, prints) for batch in _batches(numbers, snapshot.rows, step, progress)]
    else:
        korean, parts = _Hangul(dataset, expressions), []
        for batch in _batches(entry.rows, snapshot.rows, step, progress):
            decoded = batch.select(ROW, **expressions)
            korean.add(decoded)
            fingerprints, checks = _check_batch(decoded, dataset, snapshot, this)
            prints.add(fingerprints)
            own = decoded.filter(pl.col(ROW) <= snapshot.rows) if entry.sentinels else decoded
            compared = (field.name for field in this.fields.values() if field.name in decoded.columns)
            parts.append(replace(checks, columns=profile(own.select(compared))))
        korean.refuse(f"{snapshot.side} {snapshot.label}")
    progress(step, snapshot.rows, snapshot.rows)
    merged = Checks.merge(parts)
    return merged.with_keys(lambda rows: _keys(entry, expressions, this, rows), dataset.second_key)


def _batches(rows: pl.LazyFrame, total: int, step: str, progress: Progress) -> Iterator[pl.DataFrame]:
    done = 0
    for batch in rows.collect_batches(chunk_size=ROWS_PER_BATCH, maintain_order=True, engine="streaming"):
        yield batch
        done += batch.height
        progress(step, done, total)


def _text(rows: pl.LazyFrame, expressions: dict[str, pl.Expr], this: DiffPlan) -> pl.LazyFrame:
    """FINGERPRINTS, and the `field` of the key that is blank: a side of text becomes numbers in one streamed query."""
    blank = [expressions[source].fill_null("").str.strip_chars() == "" for source in this.key.values()]
    field = pl.coalesce(*(pl.when(b).then(pl.lit(s)) for b, s in zip(blank, this.key.values(), strict=True)))
    return rows.select(*this.fingerprint(expressions), field.alias("field"))


def _check_text(batch: pl.DataFrame, prints: Prints) -> Checks:
    refused = batch.filter(pl.col("field").is_not_null())
    prints.add(batch.filter(pl.col("field").is_null()) if refused.height else batch)
    return Checks(rejects=refused.select(ROW, "field", check=pl.lit(NULL_KEY)).match_to_schema(REJECTS))


def _check_batch(
    decoded: pl.DataFrame, dataset: Dataset, snapshot: Snapshot, this: DiffPlan
) -> tuple[pl.DataFrame, Checks]:
    rejects = validate(decoded, dataset)
    if rejects.height:
        decoded = decoded.join(rejects, on=ROW, how="anti", maintain_order="left")
    columns = {name: pl.col(name) for name in decoded.columns if name != ROW}
    wrong_digit = {
        f.name: pl.col(f.name).is_not_null() & ~CHECK_DIGITS[f.check_digit](pl.col(f.name))
        for f in dataset.fields
        if f.check_digit and f.name in columns
    }
    unknown = {name: pl.col(name).str.starts_with(UNDECLARED) for name in undeclared(dataset, snapshot.layout)}
    from reconcile.characters.relations import DOUBTFUL_TEXT  # noqa: PLC0415  tables that an ad-hoc diff does not need

    doubtful = {name: pl.col(name).str.contains(DOUBTFUL_TEXT) for name in _names(dataset) if name in columns}
    outside = {name: ~_own_municipality(pl.col(name), snapshot) for name in [dataset.municipality] if name in columns}
    unknown_town, contradicted = _towns(dataset, snapshot, columns)
    tests = {
        "check_digit": wrong_digit,
        "code_range": {**outside, **unknown_town},
        "town": contradicted,
        "undeclared": unknown,
        DOUBTFUL: doubtful,
    }
    checks = Checks(
        rejects=rejects,
        notices=pl.concat([_noticed(decoded, test, check) for check, test in tests.items()]),
        second=_seconds(decoded, this.seed, dataset.second_key),
    )
    return decoded.select(this.fingerprint(columns)), checks


def _towns(
    dataset: Dataset, snapshot: Snapshot, columns: Mapping[str, pl.Expr]
) -> tuple[dict[str, pl.Expr], dict[str, pl.Expr]]:
    """Town codes that the site's table does not have, and those whose town is another than the address says (E5).

    Nothing can be said without a table, or where the code or the town is missing. The town's notation is folded.
    """
    towns = snapshot.layout.towns if snapshot.layout else {}
    codes = [field.name for field in dataset.fields if field.code_system and field.name in columns]
    texts = [
        field.name
        for field in dataset.fields
        if isinstance(field.comparator, Address) and field.comparator.part == "town" and field.name in columns
    ]
    if not towns or not codes or not texts:
        return {}, {}
    name, code = codes[0], columns[codes[0]]
    folded = pl.DataFrame({"code": list(towns), "town": list(towns.values())}).with_columns(_folded(pl.col("town")))
    declared = code.replace_strict(dict(folded.iter_rows()), default=None, return_dtype=pl.String)
    return {name: code.is_not_null() & declared.is_null()}, {name: declared != _folded(columns[texts[0]])}


def _folded(town: pl.Expr) -> pl.Expr:
    return chome_notation(no_spaces(town))


def _own_municipality(code: pl.Expr, snapshot: Snapshot) -> pl.Expr:
    """Whether a code is well formed, and, where the layout says whose residents it holds, one of those."""
    declared = snapshot.layout.municipalities if snapshot.layout else {}
    five = municipality_5(code)  # also where the layout leaves the check digit on
    return five.is_in(list(declared)) if declared else well_formed(five)


def _names(dataset: Dataset) -> list[str]:
    return [field.name for field in dataset.fields if isinstance(field.comparator, Characters)]


def _noticed(rows: pl.DataFrame, tests: Mapping[str, pl.Expr], check: str) -> pl.DataFrame:
    frames = [
        rows.filter(test).select(ROW, field=pl.lit(name), check=pl.lit(check)).match_to_schema(REJECTS)
        for name, test in tests.items()
    ]
    return pl.concat(frames or [pl.DataFrame(schema=REJECTS)])


def _seconds(rows: pl.DataFrame, seed: int, second_key: str) -> pl.DataFrame:
    if second_key not in rows.columns:
        return pl.DataFrame(schema=SECOND)
    present = rows.filter(pl.col(second_key).is_not_null())
    return present.select(ROW, _second=pl.col(second_key).hash(seed))


def _keys(entry: Input, expressions: dict[str, pl.Expr], this: DiffPlan, rows: pl.Series) -> pl.DataFrame:
    """ROW, the key, and `_second`, of the given rows."""
    key = [expressions[source].alias(name) for name, source in this.key.items()]
    second = expressions[this.fields[this.second].name] if this.second else pl.lit(None, pl.String)
    # For none of them a column of the whole side must not be read.
    wanted = entry.rows.filter(pl.col(ROW).is_in(rows.implode())) if rows.len() else entry.rows.head(0)
    return wanted.select(ROW, *key, second.alias("_second")).collect(engine="streaming")


class _Hangul:
    """Counts, over all batches, the values of each name column and those that hold a Hangul syllable."""

    def __init__(self, dataset: Dataset, expressions: Mapping[str, pl.Expr]) -> None:
        self._values = dict.fromkeys((name for name in _names(dataset) if name in expressions), 0)
        self._korean = dict(self._values)

    def add(self, decoded: pl.DataFrame) -> None:
        from reconcile.characters import codec  # noqa: PLC0415

        for name in self._values:
            column = decoded[name]
            self._values[name] += column.count()
            self._korean[name] += int(column.str.contains(codec.HANGUL).sum())

    def refuse(self, where: str) -> None:
        from reconcile.characters import codec  # noqa: PLC0415

        for name, values in self._values.items():
            if self._korean[name] >= codec.HANGUL_SHARE * values > 0:
                raise SourceError(
                    where,
                    f"column {name}: {self._korean[name]} of {values} values hold Hangul, expected Japanese names",
                    hint="住基ネット統一文字 read as UTF-16? Declare charset = 'juki' in the layout",
                    code="E_CHARSET",
                )

"""Why a key found no partner: the ways in which a code is damaged on its way, tried in order.

A diagnosis needs the other side's leftover key that it would turn into (leading zero lost, two digits transposed);
only a wrong check digit is seen in the key alone. A hint never pairs: it tells a person where to look. Each test is
a hash join of derived texts, and a form that many keys share is joined once: linear in keys and length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import polars as pl

from reconcile.model import Rule
from reconcile.rules.check_digit import CHECK_DIGITS
from reconcile.rules.width import no_spaces, width

KEYS_FOR_COSTLY_TESTS = 200_000
"""Above so many leftover keys on a side, the tests that derive one text a character are left out: so many leftovers
are no typing errors, and the run's alarms say so."""

FORMS_AT_ONCE = 400_000
"""Derived texts of one side that are joined together."""

LONGEST_KEY = 40
"""Keys longer than this are not tried digit by digit."""

SCHEMA = pl.Schema({"side": pl.String, "key": pl.String, "hint": pl.String, "candidate": pl.String})

_SCIENTIFIC = r"^([0-9])(?:\.([0-9]+))?[Ee]\+?([0-9]+)$"
_SHORTEST_PREFIX = 6

Sides = Mapping[str, pl.DataFrame]
"""Left, then right: the column `key`."""

Forms = tuple[pl.LazyFrame, pl.LazyFrame]
"""Left and right: `key`, and the `form` under which it may meet a key of the other side; null meets none."""

Derive = Callable[[pl.Expr], pl.Expr]
DeriveAt = Callable[[pl.Expr, int], pl.Expr]


def key_hints(left: pl.Series, right: pl.Series, check_digit: str = "") -> pl.DataFrame:
    """Diagnose leftover keys.

    Args:
        left: The keys that stand on the left only, as text, each once.
        right: The keys that stand on the right only.
        check_digit: The algorithm of the key's last digit (`rules.check_digit`), or "".

    Returns:
        SCHEMA, one row a diagnosed key: the first diagnosis that holds, in the order of this module; `candidate` is
        the other side's key if exactly one fits, else null. Keys without a diagnosis have no row. Sorted by side and
        key. With more than `KEYS_FOR_COSTLY_TESTS` keys on a side, transposed, mistyped and truncated keys have no row.
    """
    sides = {"left": left.alias("key").to_frame(), "right": right.alias("key").to_frame()}
    found = [_meet(sides, name, derive) for name, derive in _SAME_AFTER]
    found.append(_spreadsheet(sides))
    if max(left.len(), right.len()) <= KEYS_FOR_COSTLY_TESTS:
        found.append(_both_ways(_at_every_position(sides, _swapped, _whole), "transposed_digits"))
        found.append(_both_ways(_at_every_position(sides, _wildcard, _wildcard), "one_digit_off"))
        found.append(_both_ways(_truncated(sides), "truncated"))
    if check_digit:
        found.append(_wrong_check_digit(sides, CHECK_DIGITS[check_digit]))
    return pl.concat(found).unique(["side", "key"], keep="first").sort("side", "key")


_SAME_AFTER: Sequence[tuple[str, Derive]] = (
    ("leading_zeros", lambda key: key.str.strip_chars_start("0")),
    ("full_width", width),
    ("white_space", no_spaces),
    ("letter_case", lambda key: key.str.to_lowercase()),
)


def _meet(sides: Sides, hint: str, derive: Derive) -> pl.DataFrame:
    """Keys of the two sides that one derivation turns into one text."""
    left, right = (keys.lazy().select("key", form=derive(pl.col("key"))) for keys in sides.values())
    return _both_ways([(left, right)], hint)


def _both_ways(meetings: Iterable[Forms], hint: str) -> pl.DataFrame:
    """SCHEMA: every key that has a form which the other side has too, and its candidate if only one key has it."""
    met: dict[str, list[pl.DataFrame]] = {"left": [], "right": []}
    for left, right in meetings:
        for side, found in zip(met, pl.collect_all([_met(left, right), _met(right, left)]), strict=True):
            met[side].append(found)
    nothing = pl.DataFrame(schema={"key": pl.String, "first": pl.String, "last": pl.String})
    return (
        pl.concat(
            pl.concat([nothing, *frames])
            .lazy()
            .group_by("key")
            .agg(pl.col("first").min(), pl.col("last").max())
            .select(
                side=pl.lit(side),
                key="key",
                hint=pl.lit(hint),
                candidate=pl.when(pl.col("first") == pl.col("last")).then("first"),
            )
            for side, frames in met.items()
        )
        .collect()
        .match_to_schema(SCHEMA)
    )


def _met(own: pl.LazyFrame, other: pl.LazyFrame) -> pl.LazyFrame:
    """The keys of `own` with the first and last of the other side's that share a form; never one row a pair."""
    forms = other.group_by("form").agg(first=pl.col("key").min(), last=pl.col("key").max())
    return own.join(forms, on="form", how="inner").select("key", "first", "last")


def _spreadsheet(sides: Sides) -> pl.DataFrame:
    """A code that a spreadsheet took for a number: 1.23457E+10, or 12345678901.0."""
    return _both_ways(_shown_as_number(sides), "spreadsheet_damage")


def _shown_as_number(sides: Sides) -> Iterator[Forms]:
    # Whole on both sides after ".0" is taken off.
    left, right = (
        keys.lazy().select("key", form=pl.col("key").str.replace(r"^([0-9]+)\.0+$", "${1}")) for keys in sides.values()
    )
    yield left, right
    scientific = pl.col("key").str.extract_groups(_SCIENTIFIC)
    digits = scientific.struct.field("1") + scientific.struct.field("2").fill_null("")
    length = scientific.struct.field("3").cast(pl.Int32, strict=False) + 1
    for side, other in (("left", "right"), ("right", "left")):
        damaged = sides[side].select("key", digits=digits, length=length).drop_nulls()
        whole = sides[other].filter(pl.col("key").str.contains("^[0-9]{2,30}$"))
        for (shown,), group in damaged.group_by(pl.col("digits").str.len_chars()):
            own = group.lazy().select("key", form=_form(pl.col("length"), pl.col("digits")))
            rounded = whole.lazy().select("key", form=_rounded(pl.col("key"), int(shown)))
            yield (own, rounded) if side == "left" else (rounded, own)


def _form(length: pl.Expr, digits: pl.Expr) -> pl.Expr:
    """How many digits a number has, and the first of them."""
    return pl.concat_str(length, pl.lit(":"), digits)


def _rounded(key: pl.Expr, shown: int) -> pl.Expr:
    """The form of `_spreadsheet` that a whole number takes when `shown` digits of it are shown."""
    number = key.str.strip_chars_start("0")
    length = number.str.len_chars()
    # One digit more than is shown, and half of the last one up; 0 stands for a digit that the number does not have.
    cut = (number + "0").str.slice(0, shown + 1).cast(pl.Int64, strict=False)
    rounded = ((cut + 5) // 10).cast(pl.String)
    grown = length + rounded.str.len_chars() - shown
    return pl.when(shown <= length).then(_form(grown, rounded.str.slice(0, shown)))


def _at_every_position(sides: Sides, derive_left: DeriveAt, derive_right: DeriveAt) -> Iterator[Forms]:
    """The forms of both sides, so many positions of the key at a time that few forms are in memory."""
    usable = {side: keys.filter(pl.col("key").str.len_chars() <= LONGEST_KEY) for side, keys in sides.items()}
    longest = pl.concat(usable.values()).select(pl.col("key").str.len_chars().max()).item() or 0
    step = max(1, FORMS_AT_ONCE // max(1, *(keys.height for keys in usable.values())))
    for start in range(0, longest, step):
        positions = range(start, min(start + step, longest))
        left = _forms(usable["left"], derive_left, positions)
        yield left, _forms(usable["right"], derive_right, positions)


def _forms(keys: pl.DataFrame, derive: DeriveAt, positions: range) -> pl.LazyFrame:
    """`key`, `form`: the forms of every key at these positions, each once, or one null.

    A form may be the key itself: that meets nobody, for a key that stands on both sides has its first diagnosis already.
    """
    forms = pl.concat_list(derive(pl.col("key"), i) for i in positions).list.drop_nulls().list.unique()
    return keys.lazy().select("key", form=forms).explode("form")


def _whole(key: pl.Expr, _: int) -> pl.Expr:
    """The key as it stands."""
    return key


def _swapped(key: pl.Expr, i: int) -> pl.Expr:
    """The key with the characters at `i` and `i + 1` exchanged; the key itself where it ends before them."""
    return key.str.slice(0, i) + key.str.slice(i + 1, 1) + key.str.slice(i, 1) + key.str.slice(i + 2)


def _wildcard(key: pl.Expr, i: int) -> pl.Expr:
    """The key with the digit at `i` open; null where no digit stands there or the key is not of digits."""
    # Of codes of three digits half the others are one digit off: that would say nothing.
    digits = key.str.contains("^[0-9]{4,}$") & (key.str.slice(i, 1) != "")
    return pl.when(digits).then(key.str.slice(0, i) + "?" + key.str.slice(i + 1))


def _truncated(sides: Sides) -> Iterator[Forms]:
    """One key is the beginning of the other: at least six characters, and at least 60 % of it."""
    yield from _at_every_position(sides, _whole, _beginning)
    yield from _at_every_position(sides, _beginning, _whole)


def _beginning(key: pl.Expr, i: int) -> pl.Expr:
    return pl.when((i >= _SHORTEST_PREFIX) & (i * 10 >= key.str.len_chars() * 6)).then(key.str.slice(0, i))


def _wrong_check_digit(sides: Sides, check: Rule) -> pl.DataFrame:
    return pl.concat(
        keys.filter(~check(pl.col("key"))).select(
            side=pl.lit(side), key="key", hint=pl.lit("check_digit"), candidate=pl.lit(None, pl.String)
        )
        for side, keys in sides.items()
    ).match_to_schema(SCHEMA)

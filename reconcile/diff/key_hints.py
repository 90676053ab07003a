"""Why a key found no partner: the ways in which a code is damaged on its way, tried in order.

A diagnosis needs the other side's leftover key that it would turn into (leading zero lost, two digits transposed);
only a wrong check digit is seen in the key alone. A hint never pairs: it tells a person where to look. Each test is
one hash join of derived texts, linear in keys and length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from reconcile.model import Rule
from reconcile.rules.check_digit import CHECK_DIGITS
from reconcile.rules.width import no_spaces, width

KEYS_FOR_COSTLY_TESTS = 200_000
"""Above so many leftover keys on a side, the tests that derive one text a character are left out: so many leftovers
are no typing errors, and the run's alarms say so."""

LONGEST_KEY = 40
"""Keys longer than this are not tried digit by digit."""

SCHEMA = pl.Schema({"side": pl.String, "key": pl.String, "hint": pl.String, "candidate": pl.String})

_SCIENTIFIC = r"^([0-9])(?:\.([0-9]+))?[Ee]\+?([0-9]+)$"
_SHORTEST_PREFIX = 6

Derive = Callable[[pl.Expr], pl.Expr]


def key_hints(left: pl.Series, right: pl.Series, check_digit: str = "") -> pl.DataFrame:
    """Diagnose leftover keys.

    Args:
        left: The keys that stand on the left only, as text, each once.
        right: The keys that stand on the right only.
        check_digit: The algorithm of the key's last digit (`rules.check_digit`), or "".

    Returns:
        SCHEMA, one row a diagnosed key: the first diagnosis that holds, in the order of this module; `candidate` is
        the other side's key if exactly one fits, else null. Keys without a diagnosis have no row.
    """
    sides = {"left": left.alias("key").to_frame(), "right": right.alias("key").to_frame()}
    found = [_meet(sides, name, derive) for name, derive in _SAME_AFTER]
    found.append(_spreadsheet(sides))
    if max(left.len(), right.len()) <= KEYS_FOR_COSTLY_TESTS:
        found.append(_meet_any(sides, "transposed_digits", _swapped, itself="right"))
        found.append(_meet_any(sides, "one_digit_off", _wildcard, itself=""))
        found.append(_truncated(sides))
    if check_digit:
        found.append(_wrong_check_digit(sides, CHECK_DIGITS[check_digit]))
    return pl.concat(found).unique(["side", "key"], keep="first", maintain_order=True)


_SAME_AFTER: Sequence[tuple[str, Derive]] = (
    ("leading_zeros", lambda key: key.str.strip_chars_start("0")),
    ("full_width", width),
    ("white_space", no_spaces),
    ("letter_case", lambda key: key.str.to_lowercase()),
)


def _meet(sides: dict[str, pl.DataFrame], hint: str, derive: Derive) -> pl.DataFrame:
    """Keys of the two sides that one derivation turns into one text."""
    derived = {side: keys.select("key", form=derive(pl.col("key"))) for side, keys in sides.items()}
    return _both_ways(derived["left"], derived["right"], hint)


def _both_ways(left: pl.DataFrame, right: pl.DataFrame, hint: str) -> pl.DataFrame:
    """`key`, `form` of each side -> SCHEMA: every key whose form the other side has, and its candidate if unique."""
    return (
        pl.concat([_met("left", left, right), _met("right", right, left)])
        .with_columns(hint=pl.lit(hint))
        .select(*SCHEMA)
    )


def _met(side: str, forms: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    # The smallest and the greatest key of a form tell whether there is one: a form that a thousand keys share on each
    # side costs two thousand rows, not a million.
    found = others.group_by("form").agg(least=pl.col("key").min(), most=pl.col("key").max())
    return (
        forms.join(found, on="form", how="inner")
        .group_by("key")
        .agg(pl.col("least").min(), pl.col("most").max())
        .select(side=pl.lit(side), key="key", candidate=pl.when(pl.col("least") == pl.col("most")).then("least"))
    )


def _spreadsheet(sides: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """A code that a spreadsheet took for a number: 1.23457E+10, or 12345678901.0."""
    scientific = pl.col("key").str.extract_groups(_SCIENTIFIC)
    digits = scientific.struct.field("1") + scientific.struct.field("2").fill_null("")
    power = scientific.struct.field("3").cast(pl.Int32, strict=False)
    damaged = pl.concat_str(digits.str.len_chars(), pl.lit(":"), power + 1, pl.lit(":"), digits)
    frames = []
    for side, other in (("left", "right"), ("right", "left")):
        shown = sides[side].select("key", form=damaged).drop_nulls()
        lengths = shown.select(pl.col("form").str.split(":").list.get(0).cast(pl.UInt32)).unique().to_series().to_list()
        whole = [
            sides[other]
            .filter(pl.col("key").str.contains("^[0-9]{2,30}$"))
            .select("key", form=_rounded(pl.col("key"), shown_digits))
            for shown_digits in lengths
        ]
        rounded = pl.concat([shown.clear(), *(frame.drop_nulls() for frame in whole)])
        left, right = (shown, rounded) if side == "left" else (rounded, shown)
        frames.append(_both_ways(left, right, "spreadsheet_damage"))
    frames.append(_meet(sides, "spreadsheet_damage", lambda key: key.str.replace(r"^([0-9]+)\.0+$", "${1}")))
    return pl.concat(frames)


def _rounded(key: pl.Expr, shown: int) -> pl.Expr:
    """The form of `_spreadsheet` that a whole number takes when `shown` digits of it are shown."""
    number = key.str.strip_chars_start("0")
    length = number.str.len_chars()
    cut = number.str.slice(0, shown).cast(pl.Int64, strict=False)
    up = (number.str.slice(shown, 1).cast(pl.Int64, strict=False).fill_null(0) >= 5).cast(pl.Int64)
    rounded = (cut + up).cast(pl.String)
    grown = (rounded.str.len_chars() > shown).cast(pl.UInt32)
    # A spreadsheet does not show the zeros at the end of the mantissa.
    mantissa = rounded.str.slice(0, shown)
    return pl.when(shown <= length).then(
        pl.concat_str(pl.lit(shown), pl.lit(":"), length + grown, pl.lit(":"), mantissa)
    )


def _meet_any(
    sides: dict[str, pl.DataFrame], hint: str, derive: Callable[[pl.Expr, int], pl.Expr], *, itself: str
) -> pl.DataFrame:
    """Keys that meet under one of many derivations, one a position; the side `itself` is taken as it stands."""
    forms = {side: _positions(keys, derive) for side, keys in sides.items()}
    if itself:
        forms[itself] = sides[itself].select("key", form="key")
    return _both_ways(forms["left"], forms["right"], hint)


def _positions(keys: pl.DataFrame, derive: Callable[[pl.Expr, int], pl.Expr]) -> pl.DataFrame:
    usable = keys.filter(pl.col("key").str.len_chars() <= LONGEST_KEY)
    longest = usable.select(pl.col("key").str.len_chars().max()).item() or 0
    frames = [usable.select("key", form=derive(pl.col("key"), i)).drop_nulls() for i in range(longest)]
    return pl.concat(frames or [keys.select("key", form="key").clear()])


def _swapped(key: pl.Expr, i: int) -> pl.Expr:
    """The key with the characters at `i` and `i + 1` exchanged; null where they are alike or the key ends."""
    one, two = key.str.slice(i, 1), key.str.slice(i + 1, 1)
    return pl.when((two != "") & (one != two)).then(key.str.slice(0, i) + two + one + key.str.slice(i + 2))


def _wildcard(key: pl.Expr, i: int) -> pl.Expr:
    """The key with the digit at `i` open; null where no digit stands there or the key is not of digits."""
    # Of codes of three digits half the others are one digit off: that would say nothing.
    digits = key.str.contains("^[0-9]{4,}$") & (key.str.slice(i, 1) != "")
    return pl.when(digits).then(key.str.slice(0, i) + "?" + key.str.slice(i + 1))


def _truncated(sides: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """One key is the beginning of the other: at least six characters, and at least 60 % of it."""
    whole = {side: keys.select("key", form="key") for side, keys in sides.items()}
    cut = {side: _positions(keys, _beginning) for side, keys in sides.items()}
    return pl.concat(
        [_both_ways(whole["left"], cut["right"], "truncated"), _both_ways(cut["left"], whole["right"], "truncated")]
    )


def _beginning(key: pl.Expr, i: int) -> pl.Expr:
    length = key.str.len_chars()
    return pl.when((i >= _SHORTEST_PREFIX) & (i < length) & (i * 10 >= length * 6)).then(key.str.slice(0, i))


def _wrong_check_digit(sides: dict[str, pl.DataFrame], check: Rule) -> pl.DataFrame:
    return pl.concat(
        keys.filter(~check(pl.col("key"))).select(
            side=pl.lit(side), key="key", hint=pl.lit("check_digit"), candidate=pl.lit(None, pl.String)
        )
        for side, keys in sides.items()
    ).match_to_schema(SCHEMA)

"""The oracle: what a comparison of two tables must say, in dictionaries and loops.

Written from `architecture.md` §4 and §5 by someone who had not read the engine, and without polars, DuckDB or numpy, so
that an error of the engine is not an error here. Slow and plain on purpose; the engine is held to it (law 6).

Not modelled: the hint of a key without a partner (`leading_zeros`, …) and the rule of a swap. They explain a finding,
they make none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypedDict

Row = Mapping[str, str | None]
Values = tuple[str | None, ...]

BUCKETS = ("rejected", "duplicate", "matched", "mismatched", "only")


class Finding(NamedTuple):
    """One finding, without its id. `key` holds the parts as they stand; row numbers count from 1."""

    key: Values
    kind: str
    field: str | None = None
    left_raw: str | None = None
    right_raw: str | None = None
    left_row: int | None = None
    right_row: int | None = None
    rule: str | None = None
    hint: str | None = None


class Answer(TypedDict):
    """What a comparison says. `balance` is by side ("left", "right"), then by the names of `model.Balance`."""

    verdict: str
    balance: dict[str, dict[str, int]]
    findings: set[Finding]


class _Line(NamedTuple):
    number: int
    values: Values


class _Pair(NamedTuple):
    key: Values
    left: _Line
    right: _Line


def reference(
    left_rows: Sequence[Row], right_rows: Sequence[Row], key: Sequence[str], *, allow_empty: bool = False
) -> Answer:
    """Compare two tables, each a sequence of rows with the same columns throughout.

    Every column that both sides have is compared as text, exactly as it stands: null equals null, null and "" differ.

    Raises:
        ValueError: The oracle lost or invented a row.
    """
    fields = _shared_fields(left_rows, right_rows, key)
    left, right = _by_key(left_rows, key, fields), _by_key(right_rows, key, fields)
    findings: set[Finding] = set()
    balance: dict[str, dict[str, int]] = {}
    for side, rows in (("left", left_rows), ("right", right_rows)):
        rejects = _rejects(side, rows, key)
        findings.update(rejects)
        balance[side] = {"records": len(rows), "rows": len(rows), "out_of_scope": 0, **dict.fromkeys(BUCKETS, 0)}
        balance[side]["rejected"] = len(rejects)

    mismatched: list[_Pair] = []
    for parts in [*left, *(parts for parts in right if parts not in left)]:
        pair = _settle(parts, left.get(parts, []), right.get(parts, []), balance, findings)
        if pair is not None:
            mismatched.append(pair)
            findings.update(_value_findings(pair, fields))
    _count_pairs(balance, "mismatched", len(mismatched))
    findings.update(_swaps(mismatched))

    for side, counts in balance.items():
        if counts["rows"] != sum(counts[bucket] for bucket in BUCKETS):
            raise ValueError(f"{side}: the oracle's own balance does not close")
    return {"verdict": _verdict(balance, findings, allow_empty=allow_empty), "balance": balance, "findings": findings}


def _shared_fields(left: Sequence[Row], right: Sequence[Row], key: Sequence[str]) -> list[str]:
    if not left or not right:
        return []  # nothing will be compared
    return [name for name in left[0] if name in right[0] and name not in key]


def _is_blank(part: str | None) -> bool:
    return part is None or part.strip() == ""


def _rejects(side: str, rows: Sequence[Row], key: Sequence[str]) -> list[Finding]:
    """One finding a row whose key is blank, in whole or in part: its first blank part."""
    found = []
    for number, row in enumerate(rows, start=1):
        blank = next((name for name in key if _is_blank(row[name])), None)
        parts = tuple(row[name] for name in key)
        if blank is not None and side == "left":
            found.append(Finding(parts, "reject_left", blank, left_row=number, rule="null_key"))
        elif blank is not None:
            found.append(Finding(parts, "reject_right", blank, right_row=number, rule="null_key"))
    return found


def _by_key(rows: Sequence[Row], key: Sequence[str], fields: Sequence[str]) -> dict[Values, list[_Line]]:
    """The rows that have a key, in their order."""
    groups: dict[Values, list[_Line]] = {}
    for number, row in enumerate(rows, start=1):
        if not any(_is_blank(row[name]) for name in key):
            line = _Line(number, tuple(row[name] for name in fields))
            groups.setdefault(tuple(row[name] for name in key), []).append(line)
    return groups


def _settle(
    key: Values,
    left: list[_Line],
    right: list[_Line],
    balance: dict[str, dict[str, int]],
    findings: set[Finding],
) -> _Pair | None:
    """The rows of one key: equal ones pair; one left over on each side is a pair to compare; what else is left waits."""
    rest_left, rest_right = list(left), list(right)
    for line in left:  # the earliest rows pair first, so that a surplus copy is the last one
        partner = next((other for other in rest_right if other.values == line.values), None)
        if partner is not None:
            rest_left.remove(line)
            rest_right.remove(partner)
            _count_pairs(balance, "matched", 1)
    if len(left) > 1 or len(right) > 1:
        pair = _Pair(key, rest_left.pop(), rest_right.pop()) if len(rest_left) == len(rest_right) == 1 else None
        balance["left"]["duplicate"] += len(rest_left)
        balance["right"]["duplicate"] += len(rest_right)
        hint = f"{len(left)} × {len(right)}"
        if rest_left and rest_right:
            hint = f"ambiguous {hint}"
        if len(left) > 1:
            findings.add(Finding(key, "duplicate_left", left_row=left[0].number, hint=hint))
        if len(right) > 1:
            findings.add(Finding(key, "duplicate_right", right_row=right[0].number, hint=hint))
        return pair
    if rest_left and rest_right:
        return _Pair(key, rest_left[0], rest_right[0])
    if rest_left:
        balance["left"]["only"] += 1
        findings.add(Finding(key, "only_left", left_row=rest_left[0].number))
    if rest_right:
        balance["right"]["only"] += 1
        findings.add(Finding(key, "only_right", right_row=rest_right[0].number))
    return None


def _count_pairs(balance: dict[str, dict[str, int]], bucket: str, pairs: int) -> None:
    for counts in balance.values():
        counts[bucket] += pairs


def _value_findings(pair: _Pair, fields: Sequence[str]) -> list[Finding]:
    key, left, right = pair
    return [
        Finding(key, "value", field, was, now, left.number, right.number)
        for field, was, now in zip(fields, left.values, right.values, strict=True)
        if was != now
    ]


def _swaps(pairs: Sequence[_Pair]) -> list[Finding]:
    """Two pairs whose complete values cross over, unless a third pair has the same values."""
    found = []
    for one in pairs:
        for two in pairs:
            crossed = one.left.values == two.right.values and two.left.values == one.right.values
            if one.key < two.key and crossed and _unique(one.left.values, pairs) and _unique(two.left.values, pairs):
                hint = f"{_joined(one.key)}<->{_joined(two.key)}"
                found.append(
                    Finding(one.key, "identity_swap", left_row=one.left.number, right_row=one.right.number, hint=hint)
                )
    return found


def _unique(values: Values, pairs: Sequence[_Pair]) -> bool:
    left = sum(pair.left.values == values for pair in pairs)
    right = sum(pair.right.values == values for pair in pairs)
    return left == 1 and right == 1


def _joined(key: Values) -> str:
    return "|".join(part or "" for part in key)


def _verdict(balance: dict[str, dict[str, int]], findings: set[Finding], *, allow_empty: bool) -> str:
    if not allow_empty and any(counts["rows"] == 0 for counts in balance.values()):
        return "inconclusive"
    if any(counts["rejected"] or counts["duplicate"] for counts in balance.values()):
        return "partial"
    return "mismatch" if findings else "consistent"

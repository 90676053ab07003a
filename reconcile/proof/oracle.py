"""The nightly oracle: the comparison once more, in plain Python, over the same records; it must come to the same.

The engine's speed comes from hashes, sorts and joins of a library in another language, and such libraries have lost
rows without an error (`reliability.md` F077). Here is nothing but dictionaries: each record becomes one number under
its key (Python's own hash: 64 bits, seeded anew in each process), and what is not equal on both sides is looked at
value by value. It shares with the engine how a record is read and decoded, and nothing of how records are paired and
compared.

Only canonical values are compared: whether two different values mean the same is the comparators' matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from reconcile.errors import BalanceError
from reconcile.model import Side

Key = tuple[str, ...]
Values = tuple[str | None, ...]
Record = tuple[int, Key, Values]
"""Record number, the key's parts, the compared values in the plan's order."""

Records = Callable[[Collection[Key] | None], Iterator[Record]]
"""Reads a side from its beginning: every record, or at least those of these keys."""


class Outcome(NamedTuple):
    """Where every record went, said in record numbers, so that two ways of comparing can be held side by side.

    Attributes:
        equal: How many pairs agree in every value; None if that was not counted.
        differing: (left record, right record, position of the field), one a differing value.
        only: side -> records whose key the other side does not have.
        left_over: side -> how many records of repeated keys were paired with none.
        beside: side -> how many closed records of repeated keys are out of scope.
    """

    equal: int | None
    differing: frozenset[tuple[int, int, int]]
    only: Mapping[Side, frozenset[int]]
    left_over: Mapping[Side, int]
    beside: Mapping[Side, int]


def agree(engine: Outcome, oracle: Outcome) -> None:
    """Assert that both came to the same.

    Raises:
        BalanceError: E_ORACLE, they did not; the text counts, and names no record.
    """
    parts = {
        "equal pairs": (engine.equal, oracle.equal),
        "differing values": (engine.differing, oracle.differing),
        **{f"records only on the {side}": (engine.only[side], oracle.only[side]) for side in Side},
        **{f"{side} records left over": (engine.left_over[side], oracle.left_over[side]) for side in Side},
        **{f"{side} records out of scope": (engine.beside[side], oracle.beside[side]) for side in Side},
    }
    if engine.equal is None:
        del parts["equal pairs"]
    wrong = [f"{name} {_many(one)} and {_many(other)}" for name, (one, other) in parts.items() if one != other]
    if wrong:
        raise BalanceError("the engine and the plain comparison", f"disagree: {'; '.join(wrong)}", code="E_ORACLE")


def _never(_values: Values) -> bool:
    """No record is closed."""
    return False


def compare(left: Records, right: Records, closed: Callable[[Values], bool] = _never) -> Outcome:
    """Compare two sides, key by key.

    Args:
        left: The records of the left side that take part: none refused, none without a key.
        right: Those of the right side.
        closed: Whether a record has ended, so that another of its key may stand beside it.

    Within a repeated key, equal records pair one to one in record order; if one is then left on each side, those two
    are compared; the rest is left over (`architecture.md` §4). An open record stands for its key before closed ones
    (`docs/decisions.md`, "A closed record").
    """
    numbers: dict[Side, dict[Key, int]] = {}
    repeated: set[Key] = set()
    for side, records in zip(Side, (left, right), strict=True):
        numbers[side] = _numbers(records, repeated)
    ours, theirs = numbers[Side.LEFT], numbers[Side.RIGHT]
    equal = sum(1 for key, number in ours.items() if key not in repeated and theirs.get(key) == number)
    doubtful = repeated | {key for key, number in ours.items() if theirs.get(key) != number}
    doubtful |= {key for key in theirs if key not in ours}
    groups = {
        side: _of_keys(records, doubtful) if doubtful else {} for side, records in zip(Side, (left, right), strict=True)
    }
    differing: set[tuple[int, int, int]] = set()
    only: dict[Side, set[int]] = {side: set() for side in Side}
    left_over, beside = dict.fromkeys(Side, 0), dict.fromkeys(Side, 0)
    for key in doubtful:
        mine, its = groups[Side.LEFT].get(key, []), groups[Side.RIGHT].get(key, [])
        if key not in repeated and not (mine and its):
            only[Side.LEFT].update(number for number, _ in mine)
            only[Side.RIGHT].update(number for number, _ in its)
            continue
        taken = Counter(values for _, values in mine) & Counter(values for _, values in its)
        equal += taken.total()
        every = {Side.LEFT: mine, Side.RIGHT: its}
        rest: dict[Side, Group] = {side: _beyond(group, taken) for side, group in every.items()}
        for one, other in _pairs(every, rest, closed):
            pairs = enumerate(zip(one[1], other[1], strict=True))
            differing.update((one[0], other[0], field) for field, (value, its_value) in pairs if value != its_value)
        for side in Side:
            for record, place in _places(side, every, rest, closed):
                if place == "only":
                    only[side].add(record[0])
                elif place == "beside":
                    beside[side] += 1
                else:
                    left_over[side] += 1
    return Outcome(
        equal=equal,
        differing=frozenset(differing),
        only={side: frozenset(numbers) for side, numbers in only.items()},
        left_over=left_over,
        beside=beside,
    )


def _numbers(records: Records, repeated: set[Key]) -> dict[Key, int]:
    """Key -> a number for its values; adds to `repeated` the keys that stand twice."""
    numbers: dict[Key, int] = {}
    for _, key, values in records(None):
        if key in numbers:
            repeated.add(key)
        numbers[key] = hash(values)
    return numbers


def _of_keys(records: Records, wanted: set[Key]) -> dict[Key, list[tuple[int, Values]]]:
    """The records of these keys, in record order."""
    found: dict[Key, list[tuple[int, Values]]] = {}
    for number, key, values in records(wanted):
        if key in wanted:
            found.setdefault(key, []).append((number, values))
    return found


def _beyond(group: Iterable[tuple[int, Values]], taken: Counter[Values]) -> Group:
    """The records of a group after the first `taken` of their kind."""
    left = Counter(taken)
    rest = []
    for number, values in group:
        if left[values]:
            left[values] -= 1
        else:
            rest.append((number, values))
    return rest


Group = list[tuple[int, Values]]


def _foremost(rest: Group, every: Group, closed: Callable[[Values], bool]) -> tuple[int, Values] | None:
    """The record that stands for its key on a side: the only open one that is left, or the only one there ever was."""
    opened = [record for record in rest if not closed(record[1])]
    if len(opened) == 1:
        return opened[0]
    return rest[0] if rest and len(every) == 1 else None


def _only_closed(rest: Group, _every: Group, closed: Callable[[Values], bool]) -> tuple[int, Values] | None:
    """The closed record of a side, where one is left."""
    shut = [record for record in rest if closed(record[1])]
    return shut[0] if len(shut) == 1 else None


def _pairs(
    every: Mapping[Side, Group], rest: dict[Side, Group], closed: Callable[[Values], bool]
) -> list[tuple[tuple[int, Values], tuple[int, Values]]]:
    """The records of one key that are compared; takes them out of `rest`."""
    pairs = []
    for stands in (_foremost, _only_closed):
        one, other = (stands(rest[side], every[side], closed) for side in Side)
        if one is not None and other is not None:
            pairs.append((one, other))
            rest[Side.LEFT].remove(one)
            rest[Side.RIGHT].remove(other)
    return pairs


def _places(
    side: Side, every: Mapping[Side, Group], rest: Mapping[Side, Group], closed: Callable[[Values], bool]
) -> Iterator[tuple[tuple[int, Values], str]]:
    """Where each record of a side goes that was paired with none: "only", "beside" or "left_over"."""
    opened = [record for record in every[side] if not closed(record[1])]
    known = len(every[side]) > len(rest[side])
    copies = Counter(values for _, values in every[side])
    for record in rest[side]:
        if rest[side.other]:  # nobody knows what belongs to what
            yield record, "left_over"
        elif closed(record[1]) and (opened or known) and copies[record[1]] == 1:
            yield record, "beside"
        else:
            yield record, "only" if opened == [record] and len(every[side]) > 1 else "left_over"


def _many(part: int | Collection[object] | None) -> int:
    return len(part) if isinstance(part, Collection) else part or 0

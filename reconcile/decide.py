"""The verdict: one pure function of positive evidence. What is not known is never "consistent".

The gates are those of `reference/reliability.md` §2.1: those that the inputs of one run can answer, and those that need
the nights before (volume, repeated inputs). A gate that was not tried does not stand in the list; the gates that a
verdict needs do stand in `REQUIRED`, so that leaving one out cannot make a run clean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import NamedTuple

from reconcile.errors import BalanceError
from reconcile.model import SIDE_LABELS, Balance, Side, Verdict

FEW = 20
"""A difference in counts that holds no run, however small the sides: in a thousand, a large household is a percent."""

REQUIRED = frozenset(("counts", "balance", "not_empty"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One condition that a run must meet to claim anything.

    `ja` and `en` say, for people, what was checked and what was found; without personal values. `part`: if it fails,
    the rest still holds, and the run is partial.
    """

    name: str
    passed: bool
    ja: str
    en: str
    part: bool = False


class Remedy(NamedTuple):
    """What a gate that was not passed is called, and what to do about it."""

    code: str
    ja: str
    en: str


_EXPORT = ("出力元で出力し直す", "have the export made again")
_SIDE = (
    "実行ファイルの左右と、置いたファイルを確かめる",
    "check left and right of the run file, and the files themselves",
)
_APPROVE = (
    "出力元に理由を確かめる。正しいときは承認を得て実行ファイルの[gates]に書く",
    "ask the source why; if it is right, have it approved and named in [gates] of the run file",
)
_REPORT = ("出力フォルダごと保全し、委託先へ", "keep the whole output folder, and report it")

REMEDIES: Mapping[str, Remedy] = {
    "counts": Remedy("E_COUNT", *_REPORT),
    "balance": Remedy("E_BALANCE", *_REPORT),
    "not_empty": Remedy("E_ZERO_ROWS", *_EXPORT),
    "overlap": Remedy("E_NO_OVERLAP", *_SIDE),
    "two_inputs": Remedy("E_SAME_INPUT", *_SIDE),
    "municipality": Remedy("E_MUNICIPALITY", *_SIDE),
    "role": Remedy("E_SIDE", *_SIDE),
    "floor": Remedy("E_VOLUME", *_APPROVE),
    "stated_count": Remedy("E_COUNT", *_EXPORT),
    "control_total": Remedy("E_CONTROL", *_EXPORT),
    "as_of": Remedy("E_STALE", *_EXPORT),
    "window": Remedy("E_STALE", *_EXPORT),
    "fresh": Remedy("E_STALE", *_APPROVE),
    "volume": Remedy("E_VOLUME", *_APPROVE),
    "count_difference": Remedy("E_VOLUME", *_APPROVE),
    "gaiji": Remedy("E_TABLE", *_APPROVE),
    "view": Remedy("E_VIEW", *_APPROVE),
    "run_file": Remedy(
        "E_RUN_FILE",
        "変更の内容を確かめる。正しいときは承認を得て reconcile accept を行う",
        "check what was changed; if it is right, have it approved and run reconcile accept",
    ),
    "dead_columns": Remedy("E_COLUMN_DEAD", *_APPROVE),
    "empty_columns": Remedy("E_COLUMN_EMPTY", *_APPROVE),
    "profile": Remedy("E_PROFILE", *_APPROVE),
    "sentinels": Remedy("E_SELFTEST", *_REPORT),
    "oracle": Remedy("E_ORACLE", *_REPORT),
}
"""Gate -> what to do if it fails; a gate that there is one of a side has the side behind its name."""


def remedy(gate: str) -> Remedy:
    """What to do about a gate, by its name."""
    for side in Side:
        gate = gate.removesuffix(f"_{side}")
    return REMEDIES[gate]


def decide(gates: Sequence[Gate], balance: Mapping[Side, Balance], findings: int) -> Verdict:
    """What the run may claim.

    Args:
        gates: Every gate tried, passed or not.
        balance: Both sides' rows.
        findings: How many there are.
    """
    if not {gate.name for gate in gates} >= REQUIRED or not all(gate.passed or gate.part for gate in gates):
        return Verdict.INCONCLUSIVE
    if set(balance) != set(Side) or not all(side.closes for side in balance.values()):
        return Verdict.INCONCLUSIVE
    if not all(gate.passed for gate in gates) or any(side.rejected or side.duplicate for side in balance.values()):
        return Verdict.PARTIAL
    return Verdict.MISMATCH if findings or any(s.mismatched or s.only for s in balance.values()) else Verdict.CONSISTENT


def verdict_of_fault(code: str) -> Verdict:
    """What a run that ended in a fault may say: `tampered`, `failed` if it was our fault, else `inconclusive`."""
    if code == "E_TAMPERED":
        return Verdict.TAMPERED
    ours = code.startswith(("E_BALANCE", "E_FAILED", "E_ORACLE", "E_SELFTEST", "E_STAGE"))
    return Verdict.FAILED if ours else Verdict.INCONCLUSIVE


def check_balance(balance: Mapping[Side, Balance]) -> None:
    """Assert that every row of both sides is accounted for exactly once.

    Raises:
        BalanceError: It is not: a fault of this program. Nothing may be reported as clean.
    """
    for side, rows in balance.items():
        if not rows.closes:
            raise BalanceError(f"{side} side", f"the rows do not add up: {rows}")
    left, right = balance[Side.LEFT], balance[Side.RIGHT]
    if (left.matched, left.mismatched) != (right.matched, right.mismatched):
        raise BalanceError(
            "both sides",
            f"matched {left.matched} and {right.matched}, mismatched {left.mismatched} and {right.mismatched}",
        )


def gates_of(balance: Mapping[Side, Balance], *, allow_empty: bool, overlap_min: float) -> list[Gate]:
    """The gates that two inputs alone can answer, after `check_balance` has passed."""
    smaller = min(side.rows - side.out_of_scope for side in balance.values())
    paired = min(side.matched + side.mismatched + side.duplicate + side.rejected for side in balance.values())
    counts = all(side.records == side.rows for side in balance.values())
    filled = allow_empty or all(side.rows > side.out_of_scope for side in balance.values())
    rows = " / ".join(f"{side.rows:,}" for side in balance.values())
    gates = [
        Gate(
            name="counts",
            passed=counts,
            ja="読取り前の件数と読取り件数の一致",
            en="records counted before parsing equal rows parsed",
        ),
        Gate(
            name="balance",
            passed=all(side.closes for side in balance.values()),
            ja="全件が一度ずつ計上されていること",
            en="every row is accounted for exactly once",
        ),
        Gate(
            name="not_empty",
            passed=filled,
            ja=f"両側に件数があること({rows}件)",
            en=f"both inputs have rows ({rows})",
        ),
    ]
    if overlap_min:
        gates.append(
            Gate(
                name="overlap",
                passed=paired >= overlap_min * smaller,
                ja=f"対応付いた割合が{overlap_min:.0%}以上であること({paired:,}/{smaller:,})",
                en=f"at least {overlap_min:.0%} of the smaller side has a partner ({paired:,}/{smaller:,})",
            )
        )
    return gates


@dataclass(frozen=True, slots=True, kw_only=True)
class LastNights:
    """What the nights before read, left and right.

    Attributes:
        records: Counts of the last nights that claimed something, oldest first.
        sha256: Night -> digests of the inputs, of every night that read any.
    """

    records: tuple[tuple[int, int], ...] = ()
    sha256: tuple[tuple[date, tuple[str | None, str | None]], ...] = ()


def history_gates(
    records: tuple[int, int],
    sha256: tuple[str | None, str | None],
    last: LastNights,
    *,
    volume_change_max: float,
    count_difference_max: float,
    accepted: Sequence[str] = (),
    labels: Mapping[Side, str] = SIDE_LABELS,
) -> list[Gate]:
    """The gates of a nightly run that compare tonight's inputs with each other's volume and with the nights before.

    Args:
        records: Tonight's counts, left and right.
        sha256: Digests of tonight's files; None for a side that is no file and so cannot be an old one.
        last: The nights before, tonight not among them.
        volume_change_max: Share of the median by which a side's count may differ from it.
        count_difference_max: Share of the larger side by which the sides' counts may differ.
        accepted: Digests that may be read on another night too.
        labels: What the sides are called.
    """
    apart, larger = abs(records[0] - records[1]), max(records)
    gates = [
        Gate(
            name="count_difference",
            passed=apart <= max(count_difference_max * larger, FEW),
            ja=f"両側の件数の差が{count_difference_max:.1%}(又は{FEW}件)以内であること({records[0]:,}/{records[1]:,})",
            en=f"the sides' counts differ by at most {count_difference_max:.1%} or {FEW} "
            f"({records[0]:,} / {records[1]:,})",
        )
    ]
    for place, side in enumerate(Side):
        name = labels[side]
        if last.records:
            usual = median(night[place] for night in last.records)
            gates.append(
                Gate(
                    name=f"volume_{side}",
                    passed=abs(records[place] - usual) <= volume_change_max * usual,
                    ja=f"{name}の件数が直近{len(last.records)}回の中央値から{volume_change_max:.0%}以内であること"
                    f"({records[place]:,}/{usual:,.0f})",
                    en=f"{name}: the count is within {volume_change_max:.0%} of the median of the last "
                    f"{len(last.records)} nights ({records[place]:,} / {usual:,.0f})",
                )
            )
        if (digest := sha256[place]) is not None:
            same = [night for night, digests in last.sha256 if digests[place] == digest]
            meant = digest in accepted
            again = f"({same[-1]}と同じ{'、承認済' if meant else ''})" if same else ""
            gates.append(
                Gate(
                    name=f"fresh_{side}",
                    passed=not same or meant,
                    ja=f"{name}の入力が前の回と同じファイルでないこと{again}",
                    en=f"{name}: the file is not one of an earlier night" + (f" (of {same[-1]})" if same else ""),
                )
            )
    return gates

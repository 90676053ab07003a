"""Header and trailer records: what they must say, and whether the records agree with it.

A reader that loses the last rows of a file says nothing (`reference/reliability.md` E-1: a cut at the end of a row
passed all six readers tried). Only what the writer of the file counted can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import numpy as np
import numpy.typing as npt

from reconcile.errors import DeclarationError, SourceError
from reconcile.model import Envelope, Layout, Preflight

# Item -> (digits it must have, 0 for any number; code of the refusal). Items not named here are free text.
_DIGITS: Mapping[str, tuple[int, str]] = {
    "municipality": (0, "E_HEADER"),
    "extracted_at": (14, "E_HEADER"),
    "count": (0, "E_COUNT"),
    "control_total": (0, "E_CONTROL"),
}


def control_total(digits: npt.NDArray[np.uint8], lengths: npt.NDArray[np.int64], modulus: int) -> int:
    """The sum, modulo `modulus`, of numbers written in ASCII digits.

    Args:
        digits: (n, width) bytes; row i holds its number in its first `lengths[i]` bytes.
        lengths: (n,) bytes of each number.
        modulus: Of the layout; below 2**32, so that neither a digit more nor a sum of a block leaves 64 bits.

    Returns:
        The sum. A value that is empty or has anything but digits counts 0: it becomes a reject, later.

    Raises:
        DeclarationError: The modulus is out of range.
    """
    if not 1 <= modulus < 2**32:
        raise DeclarationError("control_modulus", f"got {modulus}, expected 1 to 2**32 - 1")
    values = np.zeros(len(digits), np.uint64)
    valid = np.ones(len(digits), np.bool_)
    for place in range(digits.shape[1]):
        within = place < lengths
        digit = digits[:, place] - np.uint8(ord("0"))  # wraps: all but digits become greater than 9
        valid &= (digit <= 9) | ~within
        values = np.where(within, (values * np.uint64(10) + digit) % np.uint64(modulus), values)
    return int(values[valid].sum()) % modulus


def read_items(envelope: Envelope, layout: Layout, where: str, text_of: Callable[[int, int], str]) -> Mapping[str, str]:
    """The items of one envelope record as text, in declared order.

    Args:
        envelope: The declaration; its mark has been recognized.
        layout: For the version that the header must state.
        where: The record, for messages.
        text_of: Offset and length of a slot -> its text.

    Raises:
        SourceError: E_HEADER, E_COUNT or E_CONTROL: an item is not written in (enough) ASCII digits, the time of the extract
            is none, or the version of the layout is another one.
    """
    items = {name: text_of(slot.offset, slot.length) for name, slot in envelope.slots.items()}
    for name, text in items.items():
        digits, code = _DIGITS.get(name, (-1, ""))
        if code and not (text.isascii() and text.isdigit() and digits in (0, len(text))):
            expected = f"{digits} digits" if digits else "digits"
            raise SourceError(f"{where}, {name}", f"got something else, expected {expected}", code=code)
    if "extracted_at" in items:
        _check_instant(items["extracted_at"], f"{where}, extracted_at")
    if items.get("layout_version", layout.version) != layout.version:
        raise SourceError(
            f"{where}, layout_version",
            f"got another version, expected {layout.version!r}",
            hint="the layout of the source changed: check its columns and declare the new version",
            code="E_HEADER",
        )
    return items


def _check_instant(text: str, where: str) -> None:
    """Refuse fourteen digits that are no time: the gates on how old an extract is could not be tried (F042)."""
    try:
        datetime.strptime(text, "%Y%m%d%H%M%S")  # noqa: DTZ007  Asia/Tokyo, as declared
    except ValueError:
        raise SourceError(where, "got no time that a clock shows, expected YYYYMMDDhhmmss", code="E_HEADER") from None


def settle(
    where: str,
    header: Mapping[str, str],
    trailer: Mapping[str, str],
    found: Preflight,
) -> Preflight:
    """Hold what was counted against what the file says it holds.

    Args:
        where: The file, for messages.
        header: Items of the header record; empty if there is none.
        trailer: Items of the trailer record; empty if there is none.
        found: Records and control total as counted on the bytes.

    Returns:
        `found` with the header's items, the declared count and the control total; the last two None if not declared.

    Raises:
        SourceError: E_COUNT or E_CONTROL.
    """
    declared = {**header, **trailer}
    count = int(declared["count"]) if "count" in declared else None
    total = int(declared["control_total"]) if "control_total" in declared else None
    if count is not None and count != found.records:
        raise SourceError(
            where,
            f"got {found.records} records, expected the {count} that the file states",
            hint="have the file written again",
            code="E_COUNT",
        )
    # Both totals are sums of residents' codes: neither belongs in a message.
    if total is not None and total != found.control_total:
        raise SourceError(
            where,
            "the control total of the records is not the one that the file states",
            hint="a record was changed or replaced: have the file written again",
            code="E_CONTROL",
        )
    return Preflight(
        records=found.records,
        source_bytes=found.source_bytes,
        sha256=found.sha256,
        trailer_count=count,
        control_total=total,
        header=dict(header),
    )

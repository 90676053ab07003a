"""A worklist as it comes back from the office: what was decided about each finding, and nothing else of it.

Read are the run's number on the cover and, by heading, 対応状況・理由・担当者・期限 beside the finding's id. The free text
(所見) may name a person and is never read; the values of both sides are not either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zipfile import BadZipFile, ZipFile

from reconcile.errors import SourceError
from reconcile.model import Decision
from reconcile.report.listing import DUE, IDENTIFIER, REASON, REASONS, STAFF, STATE, STATES
from reconcile.report.worklist import LIST

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

COVER, RUN = "表紙", "実行番号"
MOST_BYTES = 200 << 20
MOST_UNPACKED = 4 << 30
"""What a list of a million findings stays well below; more is no worklist of ours."""

_STAFF_ID = re.compile(r"(?!(?:[^0-9]*[0-9]){8})[A-Za-z0-9][A-Za-z0-9_-]{0,19}")
"""Not eight digits: a 生年月日 has eight, a 住民票コード eleven, a 個人番号 twelve, and none belongs here."""
_ID = re.compile(r"[0-9a-f]{32}")


class Returned(NamedTuple):
    """A worklist that was read.

    Attributes:
        run_id: The run that wrote it, as its cover says.
        decisions: One a finding about which something was entered.
        content: The file's bytes, for its digest.
    """

    run_id: str
    decisions: tuple[Decision, ...]
    content: bytes


def returned(path: Path) -> Returned:
    """Read a worklist.

    Raises:
        SourceError: E_WORKLIST, it is no worklist of ours, or an entry is not one that may be made; the text names
            the sheet's row and the heading, never what stands there. Nothing is taken from such a file.
    """
    import openpyxl  # noqa: PLC0415  only this command needs it

    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        with ZipFile(BytesIO(content)) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
    except FileNotFoundError:
        raise SourceError(path.name, "got no such file, expected a worklist (xlsx)", code="E_NOT_FOUND") from None
    except (OSError, BadZipFile):
        raise _refused("is no workbook (xlsx)") from None
    if len(content) > MOST_BYTES or unpacked > MOST_UNPACKED:
        raise _refused("is larger than any worklist")
    try:
        book = openpyxl.load_workbook(BytesIO(content), read_only=True, data_only=True)
    except Exception:  # noqa: BLE001  whatever a damaged workbook makes of its reader; its text may quote a cell
        raise _refused("cannot be read as a workbook") from None
    if COVER not in book.sheetnames or LIST not in book.sheetnames:
        raise _refused("has no cover or no list: it is not one of ours")
    run_id = next((str(row[2]) for row in book[COVER].iter_rows(values_only=True) if row and row[0] == RUN), "")
    lists = [book[name] for name in book.sheetnames if name == LIST or name.startswith(f"{LIST} (")]
    decisions = [one for sheet in lists for one in _decisions(sheet)]
    if len({one.finding_id for one in decisions}) < len(decisions):
        raise _refused("decides twice about one finding")
    return Returned(run_id=run_id, decisions=tuple(decisions), content=content)


def _decisions(sheet: Worksheet) -> Iterator[Decision]:
    rows = sheet.iter_rows(values_only=True)
    headings = [str(name) for name in next(rows, ())]
    if missing := [name for name in (IDENTIFIER, STATE) if name not in headings]:
        raise _refused(f"sheet {sheet.title}: has no column {missing[0]!r}")
    at = {name: headings.index(name) for name in (IDENTIFIER, STATE, REASON, STAFF, DUE) if name in headings}
    for number, row in enumerate(rows, start=2):
        said = {name: row[place] if place < len(row) else None for name, place in at.items()}
        if said[IDENTIFIER] is None:
            if any(_text(said.get(name)) for name in (STATE, REASON, STAFF, DUE)):
                raise _wrong(sheet, number, IDENTIFIER, "the id of the finding is gone")
            continue
        state, reason, staff = (_text(said.get(name)) for name in (STATE, REASON, STAFF))
        due = _due(sheet, number, said.get(DUE))
        if state in (None, STATES[0]) and not (reason or staff or due):
            continue
        if not _ID.fullmatch(str(said[IDENTIFIER])):
            raise _wrong(sheet, number, IDENTIFIER, "is no id of a finding")
        _one_of(sheet, number, STATE, state or STATES[0], STATES)
        if reason:
            _one_of(sheet, number, REASON, reason, REASONS)
        if staff and not _STAFF_ID.fullmatch(staff):
            raise _wrong(
                sheet, number, STAFF, "expected a staff id (letters and digits, at most seven digits), not a name"
            )
        yield Decision(
            finding_id=str(said[IDENTIFIER]), state=state or STATES[0], reason=reason, operator=staff, due=due
        )


def _text(value: Any) -> str | None:  # noqa: ANN401  a cell
    text = "" if value is None else str(value).strip()
    return text or None


def _due(sheet: Worksheet, number: int, value: Any) -> date | None:  # noqa: ANN401
    if isinstance(value, datetime):
        return value.date()
    text = _text(value)
    if text is None:
        return None
    for form in ("%Y-%m-%d", "%Y/%m/%d"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007  a day
        except ValueError:
            continue
    raise _wrong(sheet, number, DUE, "expected a day, as 2026-12-01")


def _one_of(sheet: Worksheet, number: int, heading: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise _wrong(sheet, number, heading, f"expected one of {', '.join(known)}")


def _wrong(sheet: Worksheet, number: int, heading: str, problem: str) -> SourceError:
    return _refused(f"sheet {sheet.title}, row {number}, {heading}: {problem}")


def _refused(problem: str) -> SourceError:
    return SourceError("worklist", problem, hint="nothing was taken from it", code="E_WORKLIST")

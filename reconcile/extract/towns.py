"""The site's table of its town codes (町字コード): a CSV of two columns, code and town."""

from __future__ import annotations

import csv
from pathlib import Path

from reconcile.errors import DeclarationError

HEADER = ["code", "town"]


def read_towns(path: Path) -> dict[str, str]:
    """Read the table.

    Returns:
        Code -> town, as the site writes it (向島一丁目).

    Raises:
        DeclarationError: It is missing or no UTF-8, its first line is not `code,town`, a line has not two texts, or a
            code stands twice.
    """
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError):
        raise DeclarationError(path.name, "cannot be read, expected a CSV in UTF-8") from None
    if not lines or lines[0] != HEADER:
        raise DeclarationError(path.name, f"got another first line, expected {','.join(HEADER)}")
    towns: dict[str, str] = {}
    for number, cells in enumerate(lines[1:], 2):
        if len(cells) != len(HEADER) or not all(cells):
            raise DeclarationError(f"{path.name}: line {number}", "expected a code and a town")
        if cells[0] in towns:
            raise DeclarationError(f"{path.name}: line {number}", "the code stands twice")
        towns[cells[0]] = cells[1]
    return towns

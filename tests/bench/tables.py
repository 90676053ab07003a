"""What was measured, as a table on the terminal and as Markdown between two marks of a document."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from reconcile import __version__
from tests.bench.measure import MEBIBYTE, Cost

LOG_COLUMNS = 160
VERSIONS = ("polars", "duckdb", "pyarrow", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measured thing. `ratios`: per round, to the line that is named in `against`; `note`: what is to be known."""

    what: str
    costs: Sequence[Cost] = ()
    ratios: Sequence[float] = ()
    against: str = ""
    goal: str = ""
    met: bool | None = None
    note: str = ""

    @property
    def wall_seconds(self) -> float:
        """The median over the rounds."""
        return statistics.median(cost.wall_seconds for cost in self.costs)

    @property
    def peak_mebibytes(self) -> float:
        """The worst over the rounds: a limit is a limit."""
        return max(cost.peak_anonymous_bytes for cost in self.costs) / MEBIBYTE

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of `HEADINGS`."""
        ratio = ""
        if self.ratios:
            low, high = min(self.ratios), max(self.ratios)
            ratio = f"{statistics.median(self.ratios):.2f} × {self.against}"
            ratio += f" ({low:.2f}-{high:.2f})" if len(self.ratios) > 1 else ""
        wall, peak = (f"{self.wall_seconds:.2f}", f"{self.peak_mebibytes:,.0f}") if self.costs else ("", "")
        return self.what, wall, peak, ratio, self.goal, {True: "✓", False: "✗", None: ""}[self.met], self.note


HEADINGS = ("what", "wall s", "peak MiB", "ratio", "goal", "", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Lines that belong together."""

    title: str
    lines: Sequence[Line] = field(default_factory=tuple)

    @property
    def missed(self) -> bool:
        """Whether a goal was missed."""
        return any(line.met is False for line in self.lines)


def show(sections: Sequence[Section]) -> None:
    """Print the tables; into a file or a CI log too wide for 80 columns."""
    console = Console()
    console = console if console.is_terminal else Console(width=LOG_COLUMNS)
    for section in sections:
        table = Table(title=section.title)
        for heading in HEADINGS:
            table.add_column(heading, justify="right" if heading in HEADINGS[1:4] else "left")
        for line in section.lines:
            table.add_row(*line.cells())
        console.print(table)


def markdown(sections: Sequence[Section], command: str, rounds: str = "") -> str:
    """The same for a document, with the date, the machine and the versions above it."""
    parts = [conditions(command, rounds)]
    for section in sections:
        rows = [HEADINGS, ("---", "---:", "---:", "---:", "---", "---", "---"), *(one.cells() for one in section.lines)]
        parts.append(f"### {section.title}\n")
        parts.append("\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows) + "\n")
    return "\n".join(parts)


def conditions(command: str, rounds: str = "") -> str:
    """When, how often, on what, and with which versions something was measured; nothing that names the machine."""
    versions = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    gibibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"Written by `{command}` on {datetime.now(UTC):%Y-%m-%d}{rounds}: {os.cpu_count()} cores, {gibibytes:.0f} GiB, "
        f"load {os.getloadavg()[1]:.1f}, reconcile {__version__}, Python {platform.python_version()}, {versions}.\n"
    )


def put(document: Path, mark: str, text: str) -> None:
    """Replace what stands between `<!-- mark -->` and `<!-- /mark -->`.

    Raises:
        ValueError: The document has no such marks.
    """
    old = document.read_text(encoding="utf-8")
    between = re.compile(rf"(?<=<!-- {mark} -->\n).*?(?=<!-- /{mark} -->)", re.DOTALL)
    if not between.search(old):
        raise ValueError(f"{document.name} has no marks {mark}")
    document.write_text(between.sub(lambda _: text, old), encoding="utf-8")

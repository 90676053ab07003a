"""`page.html`: a run at a glance, for whoever operates it. One file, no reference to anything outside, counts only.

Every text is escaped where it is printed (Jinja2, autoescape), and the page's own policy forbids scripts and any
load: `reference/reliability.md` F113.
"""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from reconcile.model import Report
from reconcile.report.overview import overview

SEVERITY_COLORS = {
    "重大": "#8f1d2c",
    "要修正": "#c2571a",
    "要確認": "#d9a521",
    "時差": "#7fa3bf",
    "情報": "#a9bccb",
    "対象外": "#ccd5dc",
}
"""Dark to light with gravity, so that a black and white print keeps the order."""


def render(report: Report) -> bytes:
    """The page in UTF-8.

    Raises:
        BalanceError: The verdict and the counts contradict each other (`wording.all_clear`).
    """
    source = (files("reconcile.report") / "templates" / "page.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source).render(run=overview(report), colors=SEVERITY_COLORS).encode()

"""page.html: the run at a glance, for whoever operates it. One file, no reference to anything outside, counts only.

The page is `templates/page.html`. Every value is escaped where it is printed (Jinja2, autoescape), and the page's own
policy forbids scripts and any load: `reference/reliability.md` F113.
"""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from reconcile.model import Report

from reconcile.report import tables, wording


def render(report: Report) -> bytes:
    """The page in UTF-8.

    Raises:
        BalanceError: The verdict and the counts contradict each other (`wording.all_clear`).
    """
    source = (files("reconcile.report") / "templates" / "page.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    claims = report.verdict in wording.CLAIMING
    lines = tables.by_code(report) if claims else []
    return (
        environment.from_string(source)
        .render(
            run=report.run,
            dataset=report.dataset.label or report.dataset.name,
            verdict=report.verdict.value,
            verdict_label=wording.VERDICTS[report.verdict],
            headline=wording.headline(report),
            claims=claims,
            as_of=wording.moment(report.run.as_of),
            started_at=wording.moment(report.run.started_at),
            unit=wording.unit(report.dataset),
            inputs=tables.inputs(report),
            accounts=tables.accounts(report),
            gates=tables.gates(report),
            by_code=lines,
            by_severity=tables.by_severity(report) if claims else [],
            by_field=tables.by_field(report) if claims else [],
            by_rule=tables.by_rule(report) if claims else [],
            most=max((line.findings for line in lines), default=0),
            findings=report.findings.height,
            persons=tables.persons(report),
        )
        .encode()
    )

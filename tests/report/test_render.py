"""Every format: the same report, the same bytes; names that tell roles only."""

import subprocess
import sys

import pytest

from reconcile.errors import ConfigError
from reconcile.model import Report
from reconcile.report import FILE_NAMES, FORMATS, RENDERERS, render


@pytest.mark.parametrize("name", RENDERERS)
def test_rendering_twice_gives_the_same_bytes(report: Report, name: str) -> None:
    assert RENDERERS[name](report) == RENDERERS[name](report)


def test_all_formats_are_rendered_under_their_names(report: Report) -> None:
    assert [name for name, _ in render(report)] == [
        "worklist.xlsx", "council.pdf", "page.html", "findings.parquet", "variants.parquet", "findings.csv",
        "summary.json",
    ]  # fmt: skip
    assert RENDERERS.keys() == FILE_NAMES.keys() == {*FORMATS, "variants"}


def test_an_unknown_format_is_the_operators_to_mend(report: Report) -> None:
    with pytest.raises(ConfigError, match="docx"):
        list(render(report, ["docx"]))


def test_a_missing_package_is_told_with_the_next_step(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    monkeypatch.delitem(sys.modules, "reconcile.report.council", raising=False)
    with pytest.raises(ConfigError, match=r"typst.*reconcile\[pdf\]"):
        RENDERERS["pdf"](report)


def test_the_package_loads_no_library_of_a_format() -> None:
    heavy = "{'xlsxwriter', 'typst', 'jinja2', 'matplotlib'}"
    script = f"import sys, reconcile.report; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

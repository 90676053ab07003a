"""Whatever a value, a label or a gate says: no formula, no element, no control of a terminal, no second line of a log."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser

import polars as pl
import pymupdf
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.model import Report
from reconcile.report import render
from reconcile.terminal import Terminal
from tests.report.conftest import HOSTILE

MORE = ("=cmd|' /C calc'!A0", "＝1+1", "＋1", "\r\n=1", "[x](javascript:alert(1))", "![](http://x.test/a.png)", "\u202egnp.exe", "\x9b31m",
        "\x1b]0;title\x07", "a\u2028b", "a\x85b", '#image("/etc/passwd")', '$ x $ #link("http://x.test")[y]', "</style><script>",
        "&lt;script&gt;", "'", '"', "\x00", "\ufeff=1", "{% raw %}{{", "\\u001b[2J", "<!--", "]]>")  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from([*HOSTILE, *MORE]),
    st.text(min_size=1, max_size=12),
    st.tuples(st.sampled_from("=+-@\t\r\n＝＋－＠"), st.text(max_size=8)).map("".join),
)
Make = Callable[..., Report]


def _with(make: Make, texts: list[str]) -> Report:
    """The shared report, each of its names replaced by one of the texts."""
    base = make()
    names = base.findings.with_row_index("_i").with_columns(
        pl.when(pl.col("field") == "name_kanji")
        .then(pl.col("_i").map_elements(lambda i: texts[i % len(texts)], pl.String))
        .otherwise("left_raw")
        .alias("left_raw")
    )
    return make(findings=names.drop("_i"))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))


def _tags(page: bytes) -> list[tuple[str, tuple[str, ...]]]:
    parser = _Tags()
    parser.feed(page.decode())
    return parser.seen


def _files(report: Report, *formats: str) -> dict[str, bytes]:
    return dict(render(report, formats))


@settings(max_examples=8)  # a workbook each: many texts in one
@given(texts=st.lists(TEXTS, min_size=8, max_size=14))
def test_no_cell_is_a_formula_or_a_link_in_either_list(make: Make, texts: list[str]) -> None:
    files = _files(_with(make, texts), "xlsx", "csv")

    with zipfile.ZipFile(io.BytesIO(files["worklist.xlsx"])) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheets = [content for name, content in parts.items() if name.startswith("xl/worksheets/sheet")]
    assert sheets
    assert not any(b"<f>" in sheet or b"<f " in sheet or b"<hyperlink" in sheet for sheet in sheets)
    assert all(
        b"http" not in content.replace(b"http://schemas", b"") or not name.endswith(".rels")
        for name, content in parts.items()
    )
    assert b" state=" not in parts["xl/workbook.xml"]  # no sheet is hidden
    rows = list(csv.reader(io.StringIO(files["findings.csv"].decode("utf-8-sig"), newline="")))
    assert not any(re.match(r"[=+\-@\t\r\n＝＋－＠]", cell) for row in rows for cell in row)


@settings(max_examples=25)
@given(text=TEXTS)
def test_a_gate_s_text_makes_no_element_of_the_page(make: Make, text: str) -> None:
    base = make()
    gates = [
        {"gate": text, "outcome": "failed", "detail": text, "en": text, "ja": text, "todo_ja": text, "todo_en": text}
    ]
    plain = [{name: value if name == "outcome" else "x" for name, value in gates[0].items()}]

    page = _files(make(summary={**base.summary, "gates": gates}), "html")["page.html"]
    same = _files(make(summary={**base.summary, "gates": plain}), "html")["page.html"]

    assert _tags(page) == _tags(same)


def test_a_gate_s_text_is_text_on_the_council_paper(make: Make) -> None:
    """Typst would draw, link or run what is not escaped; one paper with all of it."""
    base = make()
    text = " ".join(one for one in (*HOSTILE, *MORE) if one.isprintable())
    gates = [{"gate": text, "outcome": "failed", "detail": text, "en": text}]

    paper = _files(make(summary={**base.summary, "gates": gates}), "pdf")["council.pdf"]

    with pymupdf.Document(stream=paper, filetype="pdf") as document:  # type: ignore[no-untyped-call]
        links = [link for page in document for link in page.get_links()]
        embedded = document.embfile_count()
    assert links == []
    assert embedded == 0


@settings(max_examples=50)
@given(text=TEXTS)
def test_nothing_drives_the_terminal_or_adds_a_line(text: str) -> None:
    terminal = Terminal(lang="en", quiet=False, as_json=False)
    terminal.out.file, terminal.err.file = io.StringIO(), io.StringIO()

    terminal.lines([text])
    terminal.fault(text)
    terminal.note(text)

    for stream, lines in ((terminal.out.file, 1), (terminal.err.file, 2)):
        written = stream.getvalue()
        assert len(written.splitlines()) == lines
        assert all(c.isprintable() or c in "\n\u3000" for c in written)


def test_documents_say_nothing_of_who_made_them_where(report: Report) -> None:
    """docProps, PDF metadata: the name of the document, the program, the time of the run. No user, no machine, no path."""
    files = _files(report, "xlsx", "pdf")

    with zipfile.ZipFile(io.BytesIO(files["worklist.xlsx"])) as book:
        core, app = book.read("docProps/core.xml").decode(), book.read("docProps/app.xml").decode()
        names = book.namelist()
    with pymupdf.Document(stream=files["council.pdf"], filetype="pdf") as document:  # type: ignore[no-untyped-call]
        metadata = document.metadata
    assert set(re.findall(r"<(?:dc|cp|dcterms):(\w+)", core)) == {
        "coreProperties",
        "title",
        "creator",
        "lastModifiedBy",
        "created",
        "modified",
    }
    assert re.findall(r"<(?:dc:creator|cp:lastModifiedBy)>([^<]*)", core) == ["reconcile", "reconcile"]
    assert "<Company></Company>" in app or "Company" not in app
    assert not [name for name in names if "custom" in name or "vba" in name or "external" in name.lower()]
    assert {name for name, value in metadata.items() if value} <= {
        "format",
        "title",
        "author",
        "creator",
        "producer",
        "creationDate",
        "modDate",
        "subject",
        "keywords",
    }
    assert "/" not in "".join(str(metadata[name] or "") for name in ("title", "author", "subject", "keywords"))

"""page.html, parsed as a browser would."""

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import polars as pl
import pytest

from reconcile.model import Report, Run, Side, Verdict
from reconcile.report import page
from tests.report.conftest import HOSTILE

VOID = {"meta", "br", "rect"}


class Tree(HTMLParser):
    """The elements of a page with their attributes, in order; fails on one that is not closed."""

    def __init__(self, written: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(written.decode())
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def shape(self) -> list[str]:
        return [tag for tag, _ in self.elements]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def _with_texts(report: Report, text: str) -> Report:
    """The report with a text in every place where one may come from outside: labels, run, gates, rules."""
    run = report.run
    return replace(
        report,
        run=Run(run_id=text, started_at=run.started_at, as_of=run.as_of, version=text),
        sides={side: replace(about, label=text) for side, about in report.sides.items()},
        dataset=replace(report.dataset, label=text),
        variants=report.variants.with_columns(
            pl.when(pl.col("rule") == "fold_width").then(pl.lit(text)).otherwise("rule").alias("rule")
        ),
        summary={**report.summary, "gates": [{"gate": text, "outcome": text, "detail": text}]},
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_changes_the_elements_of_the_page(report: Report, text: str) -> None:
    plain, hostile = Tree(page.render(_with_texts(report, "x"))), Tree(page.render(_with_texts(report, text)))
    assert hostile.elements == plain.elements
    assert " ".join(text.split()) in hostile.text


def test_nothing_is_loaded_from_outside(report: Report) -> None:
    tree = Tree(page.render(report))
    assert not {"script", "link", "img", "iframe", "object", "form", "a", "base"} & set(tree.shape)
    names = {name for _, attributes in tree.elements for name, _ in attributes}
    assert not names & {"src", "href", "srcset", "action", "xlink:href"}
    assert not any(name.startswith("on") for name in names)
    written = page.render(report).decode()
    assert "http:" not in written
    assert "https:" not in written
    assert "url(" not in written
    assert "@import" not in written


def test_the_page_forbids_itself_every_load(report: Report) -> None:
    metas = [dict(attributes) for tag, attributes in Tree(page.render(report)).elements if tag == "meta"]
    assert {
        "http-equiv": "Content-Security-Policy",
        "content": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    } in metas


def test_no_resident_stands_on_it(report: Report) -> None:
    text = Tree(page.render(report)).text
    about = pl.concat([report.findings[name] for name in ("juminhyo_code", "left_raw", "right_raw", "finding_id")])
    assert [value for value in about.drop_nulls() if len(value) > 4 and value in text] == []


def test_verdict_balance_codes_fields_gates_and_run_are_there(report: Report) -> None:
    text = Tree(page.render(report)).text
    for said in (
        "不一致あり",
        "99,980",
        "99.98%",
        "氏名相違",
        "氏名(漢字) 16 16",
        "件数の一致 合格 <b>100,039</b>",
        "a" * 64,
    ):
        assert said in text


def test_the_longest_bar_is_the_most_frequent_code_and_none_is_invisible(report: Report) -> None:
    widths = [int(dict(a)["width"] or 0) for tag, a in Tree(page.render(report)).elements if tag == "rect"]
    assert len(widths) == 9
    assert max(widths) == 1000
    assert min(widths) >= 3


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.FAILED, Verdict.TAMPERED])
def test_a_run_that_claims_nothing_shows_counts_of_records_only(clean: Report, verdict: Verdict) -> None:
    text = Tree(page.render(replace(clean, verdict=verdict))).text
    assert "確認できませんでした" in text
    assert "合う" not in text
    assert "差異の件数" not in text


def test_a_side_that_could_not_be_read_leaves_the_page_whole(make: Callable[..., Report], report: Report) -> None:
    one = make(verdict=Verdict.INCONCLUSIVE, sides={Side.RIGHT: report.sides[Side.RIGHT]})
    assert "100,039" in Tree(page.render(one)).text
    assert "読み込めた入力がありません" in Tree(page.render(make(verdict=Verdict.FAILED, sides={}))).text

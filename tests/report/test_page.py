"""page.html, parsed as a browser would."""

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

import reconcile
from reconcile.errors import BalanceError
from reconcile.model import Report, Run, Side, Verdict
from reconcile.report import page, wording
from tests.report.conftest import HOSTILE
from tests.report.papers import SECRETS, ad_hoc

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
    # Control characters (ESC, TAB) are shown, not passed on.
    assert "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text) in hostile.text


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
        "<b>100,039</b> 合格",
        "100,040 = 40 + 1 + 0 + 99,980 + 18 + 1",
        "a" * 64,
    ):
        assert said in text


def test_the_longest_bar_is_the_most_frequent_and_none_is_invisible(report: Report) -> None:
    widths = [float(dict(a)["width"] or 0) for tag, a in Tree(page.render(report)).elements if tag == "rect"]
    assert len(widths) == 9 + 7 + 2  # codes; six fields and (記録全体); rules
    assert max(widths) == 100
    assert min(widths) > 0


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.FAILED, Verdict.TAMPERED])
def test_a_run_that_claims_nothing_shows_counts_of_records_only(report: Report, verdict: Verdict) -> None:
    text = Tree(page.render(replace(report, verdict=verdict))).text
    assert "確認できませんでした" in text
    assert "100,040" in text
    for said in ("99,980", "合っています", "対応を要する差異", "区分別", "項目別"):
        assert said not in text


def test_only_a_consistent_run_is_called_all_clear(clean: Report, report: Report) -> None:
    assert "不一致0件" in page.render(clean).decode()
    for verdict in set(Verdict) - {Verdict.CONSISTENT}:
        assert "不一致0件" not in page.render(replace(report, verdict=verdict)).decode()
        assert "不一致0件" not in page.render(replace(clean, verdict=verdict)).decode()


def test_a_consistent_verdict_beside_findings_is_refused(report: Report) -> None:
    with pytest.raises(BalanceError):
        page.render(replace(report, verdict=Verdict.CONSISTENT))


def test_the_all_clear_is_worded_in_one_module_only() -> None:
    # F142: nothing else may print the words, whatever the verdict.
    sources = [path for path in Path(reconcile.__file__).parent.rglob("*") if path.suffix in {".py", ".html", ".typ"}]
    saying = {path for path in sources if "不一致0件" in path.read_text(encoding="utf-8")}
    assert saying == {Path(wording.__file__)}


def test_without_a_dataset_the_page_goes_by_kind_and_hostile_columns_leave_it_whole() -> None:
    plain, hostile = Tree(page.render(ad_hoc("abcdefghijklmn"))), Tree(page.render(ad_hoc(HOSTILE)))
    assert hostile.elements == plain.elements
    assert "種類別" in hostile.text
    assert "値の相違" in hostile.text
    assert "重大度" not in hostile.text
    assert not [secret for secret in SECRETS if secret in hostile.text]


def test_a_side_that_could_not_be_read_leaves_the_page_whole(make: Callable[..., Report], report: Report) -> None:
    one = make(verdict=Verdict.INCONCLUSIVE, sides={Side.RIGHT: report.sides[Side.RIGHT]})
    assert "100,039" in Tree(page.render(one)).text
    assert "読み込めた入力がありません" in Tree(page.render(make(verdict=Verdict.FAILED, sides={}))).text

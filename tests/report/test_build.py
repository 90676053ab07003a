"""summary.json: the object of architecture.md §5."""

import json
from collections.abc import Callable

import polars as pl

from reconcile.model import Dataset, Field, Report, Side, Verdict, findings_schema, variants_schema
from reconcile.report import RENDERERS
from reconcile.report.build import SEVERITIES, summarize
from schemas import taxonomy
from tests.report.conftest import RUN

AD_HOC = Dataset(name="ad-hoc", fields=(Field(name="id", key=True), Field(name="x")))


def test_the_object_has_the_names_of_the_architecture(report: Report) -> None:
    assert list(report.summary) == [
        "schema", "run_id", "handling", "dataset", "as_of", "verdict", "sides", "findings", "suppressed", "persons", "equal_by_rule", "gates",
    ]  # fmt: skip
    sides = report.summary["sides"]
    assert isinstance(sides, dict)
    assert list(sides) == ["left", "right"]
    assert list(sides["left"]) == [
        "label", "records", "rows", "out_of_scope", "rejected", "duplicate", "matched", "mismatched", "only", "sha256",
    ]  # fmt: skip
    assert sides["left"] == {
        "label": "CS", "records": 100_040, "rows": 100_040, "out_of_scope": 40, "rejected": 1, "duplicate": 0,
        "matched": 99_980, "mismatched": 18, "only": 1, "sha256": "a" * 64,
    }  # fmt: skip


def test_every_finding_is_counted_once_in_each_breakdown_that_applies(report: Report) -> None:
    found = report.summary["findings"]
    assert found == {
        "by_kind": {"only_left": 1, "only_right": 1, "reject_left": 1, "value": 21},
        "by_code": {"A1": 1, "A2": 1, "B2": 1, "C1": 14, "C2": 2, "E1": 1, "E2": 2, "F3": 1, "Q2": 1},
        "by_field": {
            "juminhyo_code": 1, "kojin_bango": 1, "name_kanji": 16, "furigana_name": 1, "address_town": 1,
            "address_lot": 2,
        },
        "by_severity": {"重大": 1, "要修正": 19, "要確認": 3, "情報": 1},
    }  # fmt: skip
    assert report.summary["equal_by_rule"] == {"fold_width": 3, "same_character": 1}


def test_a_person_counts_once_under_the_gravest_severity(report: Report) -> None:
    # ...035 has 重大 and 要確認, ...043 has 要確認 and 要修正; the rejected row without a key is nobody else's.
    assert report.summary["persons"] == {"by_severity": {"重大": 1, "要修正": 19, "要確認": 1, "情報": 1}}


def test_rejected_rows_without_a_key_are_not_one_person() -> None:
    rows = [("f", None, "reject_left", "Q2", "要確認", None, None, None, n, None, None, None) for n in (1, 2, 3)]
    findings = pl.DataFrame(rows, schema=findings_schema(("id",)), orient="row")
    counted = summarize(
        RUN, AD_HOC, Verdict.PARTIAL, {}, findings=findings, variants=pl.DataFrame(schema=variants_schema(("id",)))
    )
    assert counted["persons"] == {"by_severity": {"要確認": 3}}


def test_a_dataset_without_a_taxonomy_has_kinds_and_fields_only() -> None:
    rows = [("f", "007", "value", None, None, "x", "1", "2", 1, 1, None, None)]
    findings = pl.DataFrame(rows, schema=findings_schema(("id",)), orient="row")
    counted = summarize(
        RUN, AD_HOC, Verdict.MISMATCH, {}, findings=findings, variants=pl.DataFrame(schema=variants_schema(("id",)))
    )
    assert counted["findings"] == {"by_kind": {"value": 1}, "by_code": {}, "by_field": {"x": 1}, "by_severity": {}}
    assert counted["persons"] == {"by_severity": {}}


def test_a_side_that_was_not_read_is_absent_not_zero(make: Callable[..., Report], report: Report) -> None:
    one = make(verdict=Verdict.INCONCLUSIVE, sides={Side.RIGHT: report.sides[Side.RIGHT]})
    assert isinstance(one.summary["sides"], dict)
    assert list(one.summary["sides"]) == ["right"]


def test_order_of_the_findings_does_not_change_the_counts(make: Callable[..., Report], report: Report) -> None:
    assert make(findings=report.findings.reverse(), variants=report.variants.reverse()).summary == report.summary


def test_the_file_is_utf8_json_with_one_newline_at_the_end(report: Report) -> None:
    written = RENDERERS["json"](report)
    assert json.loads(written.decode("utf-8")) == report.summary
    assert written.endswith(b"}\n")
    assert "要修正".encode() in written


def test_the_summary_tells_nothing_about_a_resident(report: Report) -> None:
    text = RENDERERS["json"](report).decode()
    values = pl.concat([report.findings["juminhyo_code"], report.findings["left_raw"], report.findings["right_raw"]])
    assert [value for value in values.drop_nulls() if len(value) > 3 and value in text] == []


def test_severities_stand_in_the_order_of_the_taxonomy() -> None:
    assert SEVERITIES == taxonomy.SEVERITIES

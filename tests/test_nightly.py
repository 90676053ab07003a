"""The nightly job without an orchestrator: what stands in the folder afterwards, and what a run may not claim."""

from __future__ import annotations

import json
import stat
from datetime import UTC, date, datetime, tzinfo
from itertools import count
from pathlib import Path
from typing import Self

import pytest

from fixtures.ward import make_ward
from reconcile import deliver, nightly
from reconcile.errors import ConfigError, EvidenceError, ReconcileError, SourceError
from reconcile.model import Side, Verdict
from reconcile.nights.history import ledger_of
from reconcile.terminal import WORDS, Terminal

RUN_FILE = """\
dataset = "schemas.identity_record"
left = "cs"
right = "register"
out = "results"
site_key = "site.key"

[gates]
municipality = "13107"

[sources.cs]
label = "CS"
path = "cs.dat"
layout = "cs_fixed"
{gaiji}
[sources.register]
label = "既存住基"
url = "duckdb:///register.duckdb"
layout = "register_table"
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A ward of a thousand, and its run file."""
    make_ward(tmp_path, 1_000, 3, date(2026, 11, 20), ("cs_fixed", "register_duckdb"))
    config = tmp_path / "run.toml"
    config.write_text(RUN_FILE.format(gaiji=""), encoding="utf-8")
    return config


def run(config: Path) -> tuple[dict[str, object], Path]:
    return nightly.run(config, "2026-11-20", lambda _step, _done, _total: None)


def status(config: Path) -> dict[str, object]:
    said: dict[str, object] = json.loads((config.parent / "results" / "status.json").read_bytes())
    return said


def test_a_run_leaves_its_files_for_the_owner_only_and_no_snapshot(site: Path) -> None:
    summary, folder = run(site)

    assert summary["verdict"] == "partial"  # the ward has repeated keys
    assert {path.name for path in folder.iterdir()} == {
        "council.pdf",
        "findings.parquet",
        "manifest.json",
        "page.html",
        "summary.json",
        "variants.parquet",
        "worklist.xlsx",
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.parent.glob(".stage-*")) == []
    assert status(site) == {"run_id": folder.name, "verdict": "partial", "results": folder.name}


def test_the_verdict_is_read_back_and_a_changed_file_is_noticed(site: Path) -> None:
    _, folder = run(site)

    assert deliver.reread(folder) is Verdict.PARTIAL
    findings = folder / "findings.parquet"
    content = bytearray(findings.read_bytes())
    content[len(content) // 2] ^= 1
    findings.write_bytes(content)
    assert deliver.reread(folder) is Verdict.TAMPERED


def test_a_disk_that_does_not_give_a_file_back_is_a_failure_and_no_tampering(site: Path) -> None:
    _, folder = run(site)
    (folder / "council.pdf").unlink()
    (folder / "council.pdf").mkdir()  # reading it is an error of the system, and not a file that is gone

    assert deliver.reread(folder) is Verdict.FAILED


@pytest.mark.parametrize("name", ["summary.json", deliver.MANIFEST])
def test_an_earlier_summary_that_the_disk_does_not_give_back_is_no_tampering(site: Path, name: str) -> None:
    _, folder = run(site)
    content = (folder / name).read_bytes()
    (folder / name).unlink()
    with pytest.raises(EvidenceError):
        deliver.summary_of(folder)
    (folder / name).mkdir()
    with pytest.raises(SourceError) as refused:
        deliver.summary_of(folder)
    assert refused.value.code == "E_READ"
    (folder / name).rmdir()
    (folder / name).write_bytes(content)
    assert deliver.summary_of(folder)["verdict"] == "partial"


def test_a_cut_file_is_inconclusive_and_leaves_nothing_but_the_status(site: Path) -> None:
    export = site.parent / "cs.dat"
    export.write_bytes(export.read_bytes()[:-640])

    with pytest.raises(SourceError) as refused:
        run(site)

    assert status(site)["verdict"] == "inconclusive"
    assert status(site)["code"] == refused.value.code
    assert sorted(path.name for path in (site.parent / "results").iterdir()) == [
        ".lock",
        "evidence",
        "ledger.sqlite",
        "status.json",
    ]


def test_an_export_of_another_municipality_is_inconclusive(site: Path) -> None:
    site.write_text(site.read_text(encoding="utf-8").replace('"13107"', '"13101"'), encoding="utf-8")

    summary, _ = run(site)

    assert summary["verdict"] == "inconclusive"


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_terminal_counts_nothing_of_a_run_that_claims_nothing(
    site: Path, lang: str, capsys: pytest.CaptureFixture[str]
) -> None:
    summary, folder = run(site)
    Terminal(lang=lang, quiet=True, as_json=False).show_summary(summary, folder)
    counted = capsys.readouterr().out
    words = (WORDS["matched"], WORDS["rejected"], WORDS["findings"], WORDS["rule"])
    assert all(word[lang == "en"] in counted for word in words)

    Terminal(lang=lang, quiet=True, as_json=False).show_summary({**summary, "verdict": "inconclusive"}, folder)
    said = capsys.readouterr().out
    assert [word for word in words if word[lang == "en"] in said] == []
    assert WORDS["records"][lang == "en"] in said  # what was read is no claim


def test_two_different_populations_are_inconclusive(site: Path) -> None:
    make_ward(site.parent / "other", 1_000, 4, date(2026, 11, 20), ("cs_fixed",))
    (site.parent / "other" / "cs.dat").replace(site.parent / "cs.dat")

    summary, _ = run(site)

    assert summary["verdict"] == "inconclusive"


def test_one_source_on_both_sides_is_refused(site: Path) -> None:
    site.write_text(site.read_text(encoding="utf-8").replace('right = "register"', 'right = "cs"'), encoding="utf-8")

    with pytest.raises(ConfigError) as refused:
        run(site)

    assert refused.value.code == "E_SAME_INPUT"


def test_a_gaiji_table_that_changed_since_the_previous_run_holds_the_run(site: Path) -> None:
    """三田市 2020: a font file was overwritten, and 113 addresses changed without a change of any record."""
    table = site.parent / "gaiji.csv"
    table.write_text("code,mj,note,version\nU+E001,MJ026191,,2026-04\n", encoding="utf-8")
    site.write_text(RUN_FILE.format(gaiji='gaiji = "gaiji.csv"\n'), encoding="utf-8")
    first, _ = run(site)
    table.write_text("code,mj,note,version\nU+E001,MJ026190,,2026-05\n", encoding="utf-8")

    second, _ = run(site)

    assert first["verdict"] == "partial"
    assert second["verdict"] == "inconclusive"
    assert [gate["gate"] for gate in second["gates"] if gate["outcome"] == "failed"] == ["gaiji_left"]  # type: ignore[attr-defined]


def test_a_gaiji_table_whose_digest_was_accepted_runs(site: Path) -> None:
    table = site.parent / "gaiji.csv"
    table.write_text("code,mj,note,version\nU+E001,MJ026191,,2026-04\n", encoding="utf-8")
    site.write_text(RUN_FILE.format(gaiji='gaiji = "gaiji.csv"\n'), encoding="utf-8")
    run(site)
    table.write_text("code,mj,note,version\nU+E001,MJ026190,,2026-05\n", encoding="utf-8")
    held, _ = run(site)
    digest = held["tables"]["gaiji_left_sha256"]  # type: ignore[index]
    accepted = f'municipality = "13107"\naccepted_tables = ["{digest}"]'
    text = site.read_text(encoding="utf-8").replace('municipality = "13107"', accepted)
    site.write_text(text, encoding="utf-8")

    summary, _ = run(site)

    assert summary["verdict"] == "partial"


def test_a_second_run_is_refused_and_leaves_the_first_one_s_status_alone(site: Path) -> None:
    with nightly.alone(site):
        nightly.begin(site, "2026-11-20")
        before = status(site)
        with pytest.raises(ConfigError) as refused:
            run(site)

        assert refused.value.code == "E_LOCKED"
        assert status(site) == before


def test_what_a_dead_run_left_is_gone_before_the_next_begins(site: Path) -> None:
    """A kill between two steps leaves snapshots with names and 個人番号 in the stage folder."""
    job = nightly.begin(site, "2026-11-20")
    nightly.prepare(job, Side.LEFT)
    assert list(job.stage.rglob("left.parquet"))

    run(site)

    assert not job.stage.exists()


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("E_TRUNCATED", Verdict.INCONCLUSIVE),
        ("E_CONFIG", Verdict.INCONCLUSIVE),
        ("E_BALANCE", Verdict.FAILED),
        ("E_FAILED PanicException", Verdict.FAILED),
    ],
)
def test_a_fault_of_ours_is_failed_and_everybody_else_s_is_inconclusive(
    code: str, verdict: Verdict, site: Path
) -> None:
    job = nightly.begin(site, "2026-11-20")

    nightly.give_up(job, code)

    assert status(site)["verdict"] == verdict.value


def test_sides_that_were_exchanged_in_the_run_file_confirm_nothing(site: Path) -> None:
    text = site.read_text(encoding="utf-8")
    exchanged = text.replace('left = "cs"', 'left = "register"').replace('right = "register"', 'right = "cs"')
    site.write_text(exchanged, encoding="utf-8")

    summary, _ = run(site)

    assert summary["verdict"] == "inconclusive"
    assert status(site)["verdict"] == "inconclusive"


@pytest.mark.parametrize("day", ["2026-11-24", "1926-11-20"])
def test_an_export_of_another_day_confirms_nothing(site: Path, day: str) -> None:
    """The second: the year was mistyped on the first night, which nothing but the export itself can tell."""
    summary, _ = nightly.run(site, day, lambda _step, _done, _total: None)

    assert summary["verdict"] == "inconclusive"
    gates = summary["gates"]
    assert isinstance(gates, list)
    assert [gate["gate"] for gate in gates if gate["outcome"] == "failed"] == ["as_of_left"]


@pytest.mark.parametrize("day", ["2926-11-20", "2026-11-31", "20.11.2026"])
def test_a_day_that_is_none_or_has_not_come_yet_is_refused_and_changes_nothing(site: Path, day: str) -> None:
    _, folder = run(site)
    before = {path: path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()}

    with pytest.raises(ConfigError) as refused:
        nightly.run(site, day, lambda _step, _done, _total: None)

    assert refused.value.code == "E_CONFIG"
    assert {path: path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()} == before


def test_the_rates_of_earlier_runs_are_what_the_next_is_measured_by(site: Path) -> None:
    first, _ = run(site)
    second, _ = run(site)

    def figures(summary: dict[str, object]) -> dict[str, float]:
        alarms = summary["alarms"]
        assert isinstance(alarms, list)
        (found,) = (alarm["figures"] for alarm in alarms if alarm["code"] == "X2")
        told: dict[str, float] = found
        return told

    rates = first["rates"]
    assert isinstance(rates, dict)
    assert figures(first)["previous_runs"] == 0
    assert figures(second)["previous_runs"] == 1
    assert figures(second)["previous_median"] == pytest.approx(rates["persons"]["mismatch"]["rate"])


class WithinOneSecond(datetime):
    """A clock that is read a microsecond later each time, all in one second."""

    readings = count()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """The next microsecond."""
        return cls(2026, 11, 20, 17, 30, 0, next(cls.readings), UTC).astimezone(tz)


def test_runs_of_one_second_know_their_order(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A random part that decided which was earlier lost the night before every second time, and its gates with it."""
    monkeypatch.setattr(nightly, "datetime", WithinOneSecond)
    folders = [run(site)[1] for _ in range(4)]

    alarms = json.loads((folders[-1] / "summary.json").read_bytes())["alarms"]
    assert [alarm["figures"]["previous_runs"] for alarm in alarms if alarm["code"] == "X2"] == [3]
    assert [folder.name for folder in folders] == sorted(folder.name for folder in folders)
    with ledger_of(folders[0].parent) as ledger:
        assert [night.run_id for night in ledger.nights()] == [folder.name for folder in folders]


def test_a_site_changes_a_severity_by_name_and_date_for_the_day_of_the_run(site: Path) -> None:
    rule = '\n[[severity]]\ncode = "E3"\nseverity = "要修正"\nfrom = {}\napprover = "窓口課長"\ndate = 2026-11-01\n'
    text = site.read_text(encoding="utf-8")
    site.write_text(text + rule.format("2026-11-21"), encoding="utf-8")
    early, _ = run(site)
    # Into another folder: in the same one a run file that changed is held until it is accepted (`nights/test_run_file`).
    site.write_text(text.replace("results", "others") + rule.format("2026-11-20"), encoding="utf-8")
    changed, folder = run(site)

    assert early["severity_changes"] == []
    assert [one["code"] for one in changed["severity_changes"]] == ["E3"]  # type: ignore[attr-defined]
    assert changed["findings"] != early["findings"]
    assert "窓口課長" in (folder / "page.html").read_text(encoding="utf-8")


def test_a_run_that_cannot_even_say_that_it_began_takes_the_last_verdict_away(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F149: an all-clear of yesterday is none of tonight."""
    run(site)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(deliver, "_write", full)
        with pytest.raises(ReconcileError):
            run(site)

    assert not (site.parent / "results" / "status.json").exists()
    run(site)
    assert status(site)["verdict"] == "partial"


def test_a_run_that_finds_another_at_work_leaves_its_status_alone(site: Path) -> None:
    run(site)
    said = status(site)
    with nightly.alone(site), pytest.raises(ConfigError, match="another run is at work"):
        run(site)
    assert status(site) == said

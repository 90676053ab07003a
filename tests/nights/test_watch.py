"""F095: a night in which nothing ran turns red by itself, whatever the files beside it look like."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from reconcile import deliver
from reconcile.config import read_config
from reconcile.errors import EvidenceError, ReconcileError
from reconcile.model import TOKYO
from reconcile.nights.watch import watch
from tests.faults.site import AS_OF, night, place, quickly, ward


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose last run was made just now and agrees."""
    folder = tmp_path_factory.mktemp("watched")
    with quickly():
        config = place(ward(folder / "made"), folder / "site")
        assert night(config).verdict == "consistent"
    return config


def published(config: Path) -> datetime:
    at = watch(read_config(config), datetime.now(UTC)).confirmed_at
    assert at is not None
    return at


@pytest.mark.parametrize(
    ("hours", "code", "leaves"), [(0.1, "", 0), (25.99, "", 0), (26.01, "E_LATE", 2), (99, "E_LATE", 2)]
)
def test_it_is_red_from_26_hours_on(ran: Path, hours: float, code: str, leaves: int) -> None:
    seen = watch(read_config(ran), published(ran) + timedelta(hours=hours))

    assert (seen.code, seen.exit_code, seen.verdict) == (code, leaves, "consistent")


def test_the_limit_is_the_run_files(ran: Path) -> None:
    longer = ran.with_name("longer.toml")
    longer.write_text(ran.read_text(encoding="utf-8") + "\n[schedule]\nred_after_hours = 80\n", encoding="utf-8")

    assert watch(read_config(longer), published(ran) + timedelta(hours=79)).code == ""
    assert watch(read_config(longer), published(ran) + timedelta(hours=81)).code == "E_LATE"


def test_a_new_time_of_the_files_makes_no_old_run_new(ran: Path) -> None:
    at = published(ran)
    for path in (ran.parent / "results").rglob("*"):
        os.utime(path)

    assert watch(read_config(ran), at + timedelta(hours=27)).code == "E_LATE"


def test_the_planned_nights_that_nothing_confirmed_are_listed(ran: Path) -> None:
    begun = date.fromisoformat(AS_OF)
    later = max(published(ran), datetime(2026, 11, 23, 3, tzinfo=UTC)) + timedelta(days=2)
    today = later.astimezone(TOKYO).date()

    missed = watch(read_config(ran), later).missed

    assert missed == tuple(begun + timedelta(days=n) for n in range(1, (today - begun).days))


def test_a_folder_in_which_nothing_ever_ran_is_red(ran: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(ran.read_text(encoding="utf-8"), encoding="utf-8")

    seen = watch(read_config(config), datetime.now(UTC))

    assert (seen.code, seen.exit_code, seen.confirmed_at, seen.missed) == ("E_LATE", 2, None, ())
    assert not (tmp_path / "evidence.key").exists()


def test_a_run_that_died_or_was_refused_is_no_confirmation(ran: Path) -> None:
    out = ran.parent / "results"
    before = (out / deliver.STATUS).read_bytes()
    try:
        deliver.say(out, {"run_id": "x", "verdict": "unknown"})
        assert watch(read_config(ran), datetime.now(UTC)).code == "E_FAILED"
        with deliver.alone(out):
            at_work = watch(read_config(ran), datetime.now(UTC))
        assert (at_work.code, at_work.running) == ("", True)
        deliver.say(out, {"run_id": "x", "verdict": "inconclusive", "code": "E_TRUNCATED"})
        assert watch(read_config(ran), datetime.now(UTC)).code == "E_TRUNCATED"
        (out / deliver.STATUS).unlink()
        assert watch(read_config(ran), datetime.now(UTC)).exit_code == 2
    finally:
        (out / deliver.STATUS).write_bytes(before)


def newest(out: Path) -> Path:
    return max(path for path in out.iterdir() if deliver.RUN_ID.fullmatch(path.name))


def edited(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


OTHER_RUN = "20261120T000000Z-000000"
ALTERED: dict[str, Callable[[Path], object]] = {
    "status: another verdict": lambda out: edited(out / "status.json", '"consistent"', '"mismatch"'),
    "status: a verdict that claims nothing": lambda out: edited(out / "status.json", '"consistent"', '"inconclusive"'),
    "status: another verdict, and no folder": lambda out: deliver.say(
        out, {"run_id": newest(out).name, "verdict": "mismatch"}
    ),
    "status: another run": lambda out: deliver.say(
        out, {"run_id": OTHER_RUN, "verdict": "consistent", "results": OTHER_RUN}
    ),
    "status: another folder": lambda out: edited(
        out / "status.json", f'"results": "{newest(out).name}"', f'"results": "{OTHER_RUN}"'
    ),
    "status: a fault that was none": lambda out: deliver.say(
        out, {"run_id": newest(out).name, "verdict": "consistent", "code": "E_STALE"}
    ),
    "status: no status": lambda out: (out / "status.json").write_text("[]", encoding="utf-8"),
    "summary": lambda out: edited(newest(out) / "summary.json", '"consistent"', '"mismatch"'),
    "manifest": lambda out: edited(newest(out) / "manifest.json", '"consistent"', '"mismatch"'),
    "a manifest made anew": lambda out: deliver.seal(newest(out), {}),
    "status: a verdict that is no word": lambda out: edited(out / "status.json", '"consistent"', '["consistent"]'),
    "a paper": lambda out: (newest(out) / "page.html").write_bytes(b""),
    "a file of its own": lambda out: (newest(out) / "added.html").write_bytes(b""),
    "a file less": lambda out: (newest(out) / "page.html").unlink(),
    "the folder": lambda out: newest(out).rename(out / ".gone"),
    "the log: a verdict": lambda out: edited(
        out / "evidence" / "log.jsonl", '"verdict":"consistent"', '"verdict":"partial"'
    ),
    "the log: its last entry": lambda out: (out / "evidence" / "log.jsonl").write_bytes(
        b"".join((out / "evidence" / "log.jsonl").read_bytes().splitlines(keepends=True)[:-1])
    ),
    "the log: none": lambda out: (out / "evidence" / "log.jsonl").write_bytes(b""),
    "the signature": lambda out: edited(out / "evidence" / "checkpoint", "\n", "\nx"),
}


@pytest.mark.parametrize("altered", ALTERED)
def test_what_says_other_than_the_evidence_is_an_alarm(ran: Path, tmp_path: Path, altered: str) -> None:
    site = tmp_path / "site"
    shutil.copytree(ran.parent, site)
    assert night_said(site / "run.toml")[0] == 0
    ALTERED[altered](site / "results")

    with pytest.raises(EvidenceError):
        watch(read_config(site / "run.toml"), datetime.now(UTC))
    assert night_said(site / "run.toml")[0] == 3


def test_yesterday_s_status_over_tonight_s_is_an_alarm(ran: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(ran.parent, site)
    yesterday = (site / "results" / "status.json").read_bytes()
    (site / "cs.dat").write_bytes((site / "cs.dat").read_bytes()[:-640])
    with quickly():
        night(site / "run.toml")
    assert night_said(site / "run.toml")[0] == 2

    (site / "results" / "status.json").write_bytes(yesterday)

    assert night_said(site / "run.toml")[0] == 3


def test_an_old_night_that_is_run_again_confirms_nothing_of_a_later_one(ran: Path, tmp_path: Path) -> None:
    """The later one claimed nothing, so that the earlier may be run again; what it finds is no news of now."""
    site = tmp_path / "site"
    shutil.copytree(ran.parent, site)
    config, export = site / "run.toml", (site / "cs.dat").read_bytes()
    at = published(config)
    (site / "cs.dat").write_bytes(export[:-640])
    later = (date.fromisoformat(AS_OF) + timedelta(days=1)).isoformat()
    with quickly():
        assert night(config, "--as-of", later).verdict == "inconclusive"
        (site / "cs.dat").write_bytes(export)
        assert night(config).verdict == "consistent"

    seen = watch(read_config(config), datetime.now(UTC))

    assert (seen.code, seen.exit_code, seen.confirmed_at) == ("E_UNCONFIRMED", 2, at)
    assert date.fromisoformat(later) in seen.missed
    assert watch(read_config(config), at + timedelta(hours=27)).code == "E_LATE"


def test_a_run_that_met_an_alteration_leaves_an_alarm(ran: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(ran.parent, site)
    deliver.say(site / "results", {"run_id": OTHER_RUN, "verdict": "tampered", "code": "E_TAMPERED"})

    assert night_said(site / "run.toml")[0] == 3


def night_said(config: Path) -> tuple[int, str]:
    """`reconcile status`: what it leaves with, and what it says."""
    from reconcile.cli import main  # noqa: PLC0415

    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        patch.setattr("sys.argv", ["reconcile", "status", "--config", str(config)])
        with pytest.raises(SystemExit) as left:
            main()
    assert isinstance(left.value.code, int)
    return left.value.code, out.getvalue()


def test_a_log_that_was_cut_back_is_an_alarm_and_a_clock_that_was_set_back_is_said(ran: Path) -> None:
    with pytest.raises(ReconcileError) as clock:
        watch(read_config(ran), published(ran) - timedelta(hours=1))
    assert clock.value.code == "E_CLOCK"

    log = ran.parent / "results" / "evidence" / "log.jsonl"
    before = log.read_bytes()
    try:
        log.write_bytes(b"\n".join(before.split(b"\n")[:2]) + b"\n")
        with pytest.raises(EvidenceError):
            watch(read_config(ran), datetime.now(UTC))
    finally:
        log.write_bytes(before)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_command_says_it_and_leaves_with_it(
    ran: Path, tmp_path: Path, lang: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from reconcile.cli import main  # noqa: PLC0415

    other = tmp_path / "run.toml"
    other.write_text(ran.read_text(encoding="utf-8"), encoding="utf-8")
    for config, said, leaves in ((ran, "OK", 0), (other, "NG E_LATE", 2)):
        monkeypatch.setattr("sys.argv", ["reconcile", "status", "--config", str(config), "--lang", lang])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == leaves
        assert capsys.readouterr().out.startswith(said)

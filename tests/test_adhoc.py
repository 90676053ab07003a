"""A comparison by hand leaves the nights alone: their status, their files and their evidence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconcile import adhoc, deliver
from reconcile.config import read_config
from reconcile.errors import SourceError
from reconcile.nights import attest
from reconcile.nights.watch import watch
from tests.faults.site import night, place, quickly, ward


@pytest.fixture(scope="module", autouse=True)
def _quickly() -> Iterator[None]:
    with quickly():
        yield


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site after one night."""
    folder = tmp_path_factory.mktemp("adhoc")
    config = place(ward(folder / "made"), folder / "site")
    assert night(config).verdict == "consistent"
    return config


def compared(config: Path, out: Path, *, with_config: bool) -> None:
    for name in ("left.csv", "right.csv"):
        config.with_name(name).write_text("id,v\n1,a\n", encoding="utf-8")
    adhoc.run(
        adhoc.Request(
            left="cs" if with_config else str(config.with_name("left.csv")),
            right="register" if with_config else str(config.with_name("right.csv")),
            key=() if with_config else ("id",),
            dataset="",
            config=config if with_config else None,
            encoding="utf-8",
            allow_empty=False,
            partitions=0,
            out=out,
            formats=("json",),
        ),
        lambda _step, _done, _total: None,
    )


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("with_config", [True, False])
@pytest.mark.parametrize("below", ["", "by_hand", "evidence", "{run}"])
def test_the_folder_of_the_nights_takes_no_comparison_by_hand(ran: Path, below: str, with_config: bool) -> None:  # noqa: FBT001
    results = ran.parent / "results"
    newest = next(path.name for path in results.iterdir() if deliver.RUN_ID.fullmatch(path.name))
    before = everything(results)

    with pytest.raises(SourceError) as refused:
        compared(ran, results / below.format(run=newest), with_config=with_config)

    assert refused.value.code == "E_OUT"
    assert everything(results) == before
    assert watch(read_config(ran), datetime.now(UTC)).verdict == "consistent"
    assert attest.verify(ran, None).failures == []


def test_a_link_to_the_folder_of_the_nights_is_that_folder(ran: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(ran.parent / "results")

    with pytest.raises(SourceError) as refused:
        compared(ran, tmp_path / "link", with_config=False)

    assert refused.value.code == "E_OUT"


def test_nor_does_the_folder_in_which_no_night_has_run_yet(ran: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    for name in ("run.toml", "cs.dat", "register.csv"):
        (tmp_path / name).write_bytes(ran.with_name(name).read_bytes())

    with pytest.raises(SourceError) as refused:
        compared(config, tmp_path / "results", with_config=True)

    assert refused.value.code == "E_OUT"
    assert not (tmp_path / "results").exists()
    assert night(config).verdict == "consistent"  # the first night is not in its way


def test_beside_the_nights_there_is_room(ran: Path, tmp_path: Path) -> None:
    compared(ran, tmp_path / "by_hand", with_config=True)

    assert deliver.reread(tmp_path / "by_hand").value == "consistent"

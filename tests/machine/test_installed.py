"""One changed byte in any installed file is found, and so is code that no package brought."""

from __future__ import annotations

import random
import shutil
from importlib.metadata import distribution
from pathlib import Path

import pytest

from reconcile.errors import ReconcileError
from reconcile.machine.doctor import installed
from reconcile.machine.installed import check_installed

PACKAGES = ("packaging", "typer", "jinja2", "xlsxwriter", "h11", "iniconfig", "idna", "click", "pluggy")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real packages as pip has unpacked them, some hundred files, copied where they may be altered."""
    folder = tmp_path_factory.mktemp("site-packages")
    for name in PACKAGES:
        for file in distribution(name).files or []:
            if ".." not in file.parts and file.suffix != ".pyc":
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), target)
    for record in folder.glob("*.dist-info/RECORD"):  # scripts in bin/ lie outside the folder that is copied
        record.write_text("".join(line for line in record.read_text().splitlines(keepends=True) if line[:2] != ".."))
    return folder


def test_what_pip_has_installed_here_is_as_its_packages_brought_it() -> None:
    found = check_installed()
    assert found.files > 10_000
    assert (found.changed, found.missing) == ((), ())


def test_one_changed_byte_in_any_of_200_files_is_found(site: Path) -> None:
    rng = random.Random(7)  # noqa: S311  not a secret
    before = check_installed([site])
    files = sorted(path for path in site.rglob("*") if path.is_file() and path.name != "RECORD" and path.stat().st_size)
    files = [path for path in files if path.name not in ("INSTALLER", "REQUESTED")]
    assert before.changed == ()
    assert len(files) >= 200
    for path in rng.sample(files, 200):
        content = path.read_bytes()
        place = rng.randrange(len(content))
        path.write_bytes(content[:place] + bytes((content[place] ^ 1 << rng.randrange(8),)) + content[place + 1 :])
        try:
            assert [one.rpartition(": ")[2] for one in check_installed([site]).changed] == [path.name]
        finally:
            path.write_bytes(content)


def test_a_file_that_is_gone_is_found(site: Path) -> None:
    assert check_installed([site]).missing == ()
    (site / "typer" / "core.py").rename(site / "kept")
    try:
        assert check_installed([site]).missing == (f"typer-{distribution('typer').version}: core.py",)
    finally:
        (site / "kept").rename(site / "typer" / "core.py")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sitecustomize.py", "print('hello')"),
        ("typer/also.py", ""),
        ("polars.py", "shadow = True"),
        ("start.pth", "# a comment\nimport os; os.getpid()\n"),
    ],
)
def test_code_that_no_package_brought_is_found(site: Path, name: str, content: str) -> None:
    (site / name).write_text(content)
    try:
        assert check_installed([site]).foreign == (name,)
    finally:
        (site / name).unlink()
    assert check_installed([site]).foreign == ()


def test_a_path_file_that_only_names_a_folder_is_no_code(site: Path) -> None:
    (site / "folder.pth").write_text("/somewhere\n")
    try:
        assert check_installed([site]).foreign == ()
    finally:
        (site / "folder.pth").unlink()


def test_a_record_that_was_rewritten_with_its_file_changes_the_digest_of_all_records(site: Path) -> None:
    (record,) = site.glob("typer-*/RECORD")
    content, before = record.read_bytes(), check_installed([site]).digest
    record.write_bytes(b"\n".join(line for line in content.split(b"\n") if b"core.py" not in line))
    try:
        assert check_installed([site]).digest != before
    finally:
        record.write_bytes(content)


def test_the_doctor_says_how_many_files_are_not_as_installed_and_which(site: Path) -> None:
    changed = site / "typer" / "core.py"
    content = changed.read_bytes()
    changed.write_bytes(content + b"\n")
    try:
        with pytest.raises(ReconcileError) as refused:
            installed([site])
    finally:
        changed.write_bytes(content)
    assert refused.value.code == "E_INSTALLED"
    assert "core.py" in str(refused.value)

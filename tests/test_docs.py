"""The documents say what is so: commands, options, links, verdicts, columns, and the glossary that is generated."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from reconcile.model import EXIT_CODES, Field, Secrecy, findings_schema, variants_schema
from schemas.identity_record import DATASET
from schemas.taxonomy import SEVERITIES, TAXONOMY

ROOT = Path(__file__).resolve().parents[1]
README, README_JA = ROOT / "README.md", ROOT / "README.ja.md"
HANDBOOK, EVIDENCE = ROOT / "docs" / "operator-handbook.ja.md", ROOT / "docs" / "evidence-format.md"
DOCUMENTS = (README, README_JA, *sorted((ROOT / "docs").glob("*.md")), ROOT / ".github" / "CONTRIBUTING.md")
GLOSSARY = re.compile(r"(?<=<!-- glossary -->\n).*?(?=<!-- /glossary -->)", re.DOTALL)

HEADINGS = {
    README: ("identifier", "legal term", "compared as", "codes", "travels"),
    README_JA: ("識別子", "用語", "同じとみなす範囲", "コード", "取扱い"),
}
COMPARED = {
    README: {
        "Exact": "exact text",
        "Characters": "characters, with the authority named",
        "Kana": "kana: script and width aside",
        "Latin": "Latin letters: width and spaces aside",
        "PartialDate": "day, era or western, unknown parts kept",
        "Address": "address: notation aside",
    },
    README_JA: {
        "Exact": "文字列どおり",
        "Characters": "文字(根拠を明示)",
        "Kana": "かな(字種・幅を除く)",
        "Latin": "ローマ字(幅・空白を除く)",
        "PartialDate": "日(元号・西暦、不詳は不詳のまま)",
        "Address": "住所(表記差を除く)",
    },
}
KEY = {README: "key", README_JA: "キー"}
CARRIED = {README: "not compared", README_JA: "比較しない"}
TRAVELS = {
    README: {
        Secrecy.OPEN: "open",
        Secrecy.PERSONAL: "personal",
        Secrecy.SPECIAL: "personal, handled with special care",
        Secrecy.MY_NUMBER: "never stored",
    },
    README_JA: {
        Secrecy.OPEN: "公開可",
        Secrecy.PERSONAL: "個人情報",
        Secrecy.SPECIAL: "特に注意を要する個人情報",
        Secrecy.MY_NUMBER: "保存しない",
    },
}


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def glossary(readme: Path) -> str:
    """The table of a README, from the declaration of the dataset."""
    rows = [HEADINGS[readme], ("---",) * len(HEADINGS[readme])]
    rows += [term(readme, field) for field in DATASET.fields]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def term(readme: Path, field: Field) -> tuple[str, ...]:
    if field.key:
        compared = KEY[readme]
    elif field.compared:
        compared = COMPARED[readme][type(field.comparator).__name__]
    else:
        compared = CARRIED[readme]
    codes = " ".join(sorted(set(field.codes.values())))
    return f"`{field.name}`", field.label, compared, codes, TRAVELS[readme][field.secrecy]


@pytest.mark.parametrize("readme", [README, README_JA], ids=name_of)
def test_the_glossary_is_what_the_dataset_declares(readme: Path, update: bool) -> None:  # noqa: FBT001  a fixture
    text = text_of(readme)
    if update:
        readme.write_text(GLOSSARY.sub(glossary(readme).replace("\\", r"\\"), text), encoding="utf-8")
        text = text_of(readme)
    found = GLOSSARY.search(text)
    assert found
    assert found.group() == glossary(readme), "run: pytest tests/test_docs.py --update"


def commands() -> dict[str, Any]:
    """The commands of the program, by name; Any: typer keeps its copy of click to itself."""
    from reconcile.cli import app  # noqa: PLC0415  only some tests need the command line

    return dict(typer.main.get_group(app).commands)


def code(document: Path) -> list[str]:
    """The lines of code blocks and the inline code of a document."""
    text = text_of(document)
    blocks = [line for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    return blocks + re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


def calls(document: Path) -> list[str]:
    """Every call of the program that a document shows."""
    return [line for line in code(document) if re.match(r"reconcile [a-z]", line)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_command_and_option_that_a_document_shows_exists(document: Path) -> None:
    known = commands()
    for call in calls(document):
        name = call.split()[1]
        assert name in known, call
        command = known[name]
        if inner := getattr(command, "commands", None):  # a group: the next word names the command
            command = inner[call.split()[2]]
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z][a-z-]*", call)) <= options, call


def test_every_command_stands_in_the_readme_and_in_the_handbook() -> None:
    for document in (README, README_JA, HANDBOOK):
        shown = {call.split()[1] for call in calls(document)}
        assert set(commands()) <= shown, name_of(document)


def test_every_command_and_every_option_has_help() -> None:
    for name, command in commands().items():
        assert command.help, name
        assert not [p.name for p in command.params if p.name != "help" and not getattr(p, "help", None)], name


def test_every_make_target_that_a_document_shows_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    shown = {line.split()[1] for document in DOCUMENTS for line in code(document) if re.match(r"make [a-z]", line)}
    assert {"demo", "test", "lint", "bench", "test-nightly"} <= targets
    assert shown <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(document)):
        path, _, anchor = target.partition("#")
        there = (document.parent / path).resolve() if path else document
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", text_of(there), re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, target


def test_the_handbook_says_what_to_do_for_every_code_of_error() -> None:
    sources = [path for package in ("reconcile", "flows") for path in (ROOT / package).rglob("*.py")]
    raised = {code for path in sources for code in re.findall(r"\bE_[A-Z_]+", text_of(path))}
    table = text_of(HANDBOOK).split("## 3.")[1].split("\n## ")[0]
    assert set(re.findall(r"`(E_[A-Z_]+)`", table)) == raised - {"E_RECONCILE"}  # the base class's, never shown


@pytest.mark.parametrize("document", [README, README_JA, HANDBOOK, EVIDENCE], ids=name_of)
def test_the_table_of_verdicts_is_that_of_the_program(document: Path) -> None:
    shown = dict(re.findall(r"^\| `(\w+)` \| (\d) \|", text_of(document), re.MULTILINE))
    assert shown == {str(verdict): str(code) for verdict, code in EXIT_CODES.items()}


@pytest.mark.parametrize(
    ("heading", "columns"),
    [("findings.parquet", findings_schema(())), ("variants.parquet", variants_schema(()))],
    ids=["findings", "variants"],
)
def test_the_columns_of_a_file_stand_in_the_evidence_format(heading: str, columns: dict[str, object]) -> None:
    section = text_of(EVIDENCE).split(f"## {heading}\n")[1].split("\n## ")[0]
    shown = [
        name for line in re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", line)
    ]
    assert shown == list(columns)


def test_the_severities_of_the_handbook_are_those_of_the_taxonomy() -> None:
    section = text_of(HANDBOOK).split("## 4.")[1].split("\n## ")[0]
    shown = re.findall(rf"^\| ({'|'.join(SEVERITIES)}) \|", section, re.MULTILINE)
    assert shown == [severity for severity in SEVERITIES if any(c.severity == severity for c in TAXONOMY.values())]


def test_the_two_readmes_show_the_same_headings_commands_and_links() -> None:
    for pattern in (r"^#+ ", r"^(?:make|reconcile) \S+", r"\]\(([^)#\s]+)\)"):
        one, two = (
            [found for found in re.findall(pattern, text_of(readme), re.MULTILINE) if "README" not in found]
            for readme in (README, README_JA)
        )
        assert one == two


def test_the_benchmark_that_make_calls_exists() -> None:
    assert importlib.util.find_spec("tests.bench.bench")

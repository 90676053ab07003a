"""NFC, NFD, NFKC and NFKD rewrite names (侮 U+FA30 -> U+4FAE): the engine has no use for them."""

import ast
from pathlib import Path

import reconcile

FORMS = {"NFC", "NFD", "NFKC", "NFKD"}


def test_no_module_of_the_engine_normalizes_text() -> None:
    engine = Path(reconcile.__file__).parent
    guilty = [
        f"{path.relative_to(engine)}:{node.lineno}"
        for path in sorted(engine.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Constant) and node.value in FORMS)
        or (isinstance(node, ast.Attribute) and node.attr == "normalize")
        or (isinstance(node, ast.ImportFrom) and node.module == "unicodedata" and _rewrites(node))
    ]
    assert guilty == []


def _rewrites(node: ast.ImportFrom) -> bool:
    # The width of a character on a terminal changes none.
    return any(name.name != "east_asian_width" for name in node.names)

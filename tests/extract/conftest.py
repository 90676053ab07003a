from __future__ import annotations

from pathlib import Path

import pytest

from reconcile.model import Layout
from tests.extract.forms import FORMS, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> tuple[bytes, Layout]:
    """A whole small file with header and trailer, in each form, and its layout."""
    content, layout = FORMS[request.param]
    return content, layout

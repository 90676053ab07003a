"""What every test shares: how many examples a law is tried with, and `pytest --update`.

Profiles: `ci` repeats the same examples on every run, so that a red build is red for everybody; `nightly` draws new
ones (`--hypothesis-profile=nightly`). Neither has a deadline: the machine of the CI is shared.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=SLOW_IS_FINE)
settings.register_profile(
    "nightly", max_examples=20_000, deadline=None, print_blob=True, suppress_health_check=SLOW_IS_FINE
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite the expected side of golden cases; read the diff")


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("hypothesis_profile", None):
        settings.load_profile("ci")


@pytest.fixture(scope="session", autouse=True)
def _own_site_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, and no process that a test starts, makes a key in the home of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECONCILE_SITE_KEY", str(tmp_path_factory.mktemp("keys") / "site.key"))
        yield


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether the goldens are to be rewritten instead of compared."""
    return bool(request.config.getoption("--update"))

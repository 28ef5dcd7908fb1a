"""Ground rules of every test: nothing reports home, no variable of the caller leaks in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

FORCED_BY_LIBRARIES = (
    "ignore::dagster.BetaWarning",
    "ignore::dagster.PreviewWarning",
    "ignore::dagster.SupersessionWarning",
)


def pytest_configure(config: pytest.Config) -> None:
    """Allow the warnings that libraries force on their users; all others stay errors."""
    for line in FORCED_BY_LIBRARIES:
        config.addinivalue_line("filterwarnings", line)


@pytest.fixture(scope="session", autouse=True)
def quiet_environment() -> Iterator[None]:
    """Switch usage reporting off, and hide the caller's own settings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("DAGSTER_DISABLE_TELEMETRY", "yes")
        patch.setenv("OMP_WAIT_POLICY", "PASSIVE")
        for name in ("NGM_ENV", "NGM_HOME", "NGM_LANDING", "NGM_DEBUG", "DAGSTER_HOME"):
            patch.delenv(name, raising=False)
        yield

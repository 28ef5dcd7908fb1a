"""Ground rules of every test: nothing reports home, no variable of the caller leaks in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ngm_assets_tests.whole import Whole, run_whole


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


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Return the whole pipeline, run on a small demo estate; takes about a minute."""
    return run_whole(tmp_path_factory.mktemp("whole"))

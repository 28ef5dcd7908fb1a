"""One Spark session for all tests of the engines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ngm_assets_tests.engine.sessions import java_is_there, open_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Return a Spark session, started once."""
    if not java_is_there():
        pytest.skip("Spark needs Java 17, and there is none: install openjdk-17-jre-headless.")
    session = open_session(tmp_path_factory.mktemp("spark"))
    yield session

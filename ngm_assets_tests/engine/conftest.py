"""The Spark session of this process, for all tests of the engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark(local_spark: SparkSession) -> SparkSession:
    """Return the session."""
    return local_spark

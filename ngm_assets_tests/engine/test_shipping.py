"""What is sent to Spark's workers does not take the place of what this process has."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ngm_assets.engine.shipping import ship_package

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_the_places_modules_are_found_stay_as_they_were(spark: SparkSession) -> None:
    before = list(sys.path)
    with ship_package(spark) as folder:
        assert not any(place.startswith(folder) for place in sys.path)
        assert sys.path == before

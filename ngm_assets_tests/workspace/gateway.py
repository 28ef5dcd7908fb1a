"""Holds the JVM of an emulated cluster; a program of its own, which ends when its input ends.

Its first input line is a JSON object of Spark settings; it answers with one line, the port and
secret of the gateway. Each further line names a job group to cancel.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def main() -> None:
    """Start a session, tell how to reach it, and hold it."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("cluster")
    for name, value in json.loads(sys.stdin.readline()).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    gateway: Any = spark.sparkContext._gateway
    parameters = gateway.gateway_parameters
    print(json.dumps([parameters.port, parameters.auth_token]), flush=True)
    for line in sys.stdin:
        spark.sparkContext.cancelJobGroup(line.strip())
    spark.stop()
    gateway.proc.stdin.close()
    gateway.proc.wait()


if __name__ == "__main__":
    main()

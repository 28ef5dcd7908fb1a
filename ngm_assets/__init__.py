"""Health of a Databricks estate as a graph of partitioned Dagster assets."""

__version__ = "0.1.0"

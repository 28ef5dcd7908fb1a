"""An emulated Databricks workspace: REST interface, DBFS, volumes, jobs on a local Spark."""

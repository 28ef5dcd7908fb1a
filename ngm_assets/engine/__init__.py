"""Engines that run the project's SQL, written once in the Databricks dialect."""

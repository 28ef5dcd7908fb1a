"""The libraries that take long to load, which the definitions and the command line do without."""

HEAVY = {"mlflow", "sklearn", "xgboost", "pyspark", "pandas", "numpy", "scipy", "pyarrow"}
HEAVY |= {"duckdb", "deltalake", "skops", "matplotlib"}

"""Raw system tables: their contract, and the reader of a landing folder of Parquet files."""

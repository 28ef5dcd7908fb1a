"""Raw system tables: their contract, and the reader of a landing folder that holds them as Parquet."""

"""The lakehouse: table contracts, and Delta tables whose date partitions are overwritten atomically."""

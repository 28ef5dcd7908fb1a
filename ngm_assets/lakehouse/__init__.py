"""The lakehouse: table contracts, and Delta tables overwritten by whole date partitions."""

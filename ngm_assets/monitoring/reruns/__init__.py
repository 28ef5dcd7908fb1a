"""Which days are run again for late rows, and which partitions stand failed."""

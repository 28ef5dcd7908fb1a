"""Places alerts are told at, one file each."""

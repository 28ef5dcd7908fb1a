"""Gold: facts that are a pure function of the raw rows, one day at a time."""

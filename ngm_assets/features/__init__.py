"""Features: one row per entity and day, known by the end of that day; one definition for training and scoring."""

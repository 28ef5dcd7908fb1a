"""Features: a row per entity and day, known by its end; one definition for all models."""

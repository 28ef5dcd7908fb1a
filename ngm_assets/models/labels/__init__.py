"""Labels: what came true after day t, one SQL file per domain, for its feature table's keys."""

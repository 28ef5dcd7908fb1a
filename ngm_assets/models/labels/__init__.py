"""Labels: what came true after day t, one SQL file per domain, driven by the keys of its feature table."""

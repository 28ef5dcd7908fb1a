"""An independent second opinion: gold, features and labels worked out in plain Python, row by row.

Nothing here shares code with the package. It reads the written contracts (the YAML column
definitions) for names and types only, and derives every value another way: sets of dates and
loops instead of window functions, slow and plain.
"""

from ngm_assets_tests.oracle.features import feature_tables
from ngm_assets_tests.oracle.gold import Meanings, gold_tables
from ngm_assets_tests.oracle.labels import labels

__all__ = ["Meanings", "feature_tables", "gold_tables", "labels"]

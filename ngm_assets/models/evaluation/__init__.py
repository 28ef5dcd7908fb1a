"""How good a model is: metrics, comparisons, leakage, gates, backtests."""

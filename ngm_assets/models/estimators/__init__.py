"""Estimators: one wrapper per way of learning, found by name."""

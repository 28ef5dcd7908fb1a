"""Drift statistics, one per file: numbers from counts over the same bins or categories."""

"""Predictions: specification by example."""

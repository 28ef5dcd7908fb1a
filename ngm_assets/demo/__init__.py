"""Seeded generator of raw system tables with planted incidents; no production module imports it."""

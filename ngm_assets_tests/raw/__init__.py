"""Tests of the package `raw`."""

"""Tests of the package `lakehouse`."""

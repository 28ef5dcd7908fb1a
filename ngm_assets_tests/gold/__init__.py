"""Tests of the package `gold`."""

"""Tests of the demo estate."""

"""Tests of the monitoring report."""

"""Tests of alerts, sinks and delivery."""

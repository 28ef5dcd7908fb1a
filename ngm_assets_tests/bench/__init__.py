"""Measurements that are run by hand: how long, how much memory, and against what."""

"""Watching data and models: whether what comes in is still what the models were made for."""

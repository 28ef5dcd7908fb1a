"""Rows for models: built from feature tables and label SQL, cut by time or entity."""

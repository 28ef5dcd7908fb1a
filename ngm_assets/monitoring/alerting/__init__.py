"""Alerts: what is worth telling of what monitoring found, to whom, and who took note of it."""

"""Predictions: every key scored per day with the champion in force on that day."""

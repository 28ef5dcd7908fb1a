"""Versions in MLflow: what is kept of one, who is champion, what became of each."""

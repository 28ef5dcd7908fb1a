"""The rows of awkward landings, a file per domain, and how they are written."""

"""Takes secrets out of texts that are going to be printed."""

from __future__ import annotations

import os
from collections.abc import Mapping

SECRETS = (
    "DATABRICKS_TOKEN",
    "DATABRICKS_CLIENT_SECRET",
    "DATABRICKS_PASSWORD",
    "ARM_CLIENT_SECRET",
    "GOOGLE_CREDENTIALS",
)
"""Environment variables that hold secrets."""
SHORTEST = 6
"""Shorter values are no secrets: taking them out would spoil every text."""


def redacted(text: str, environ: Mapping[str, str] | None = None) -> str:
    """Return a text without the values of the secret environment variables."""
    given = os.environ if environ is None else environ
    for name in SECRETS:
        value = given.get(name, "").strip()
        if len(value) >= SHORTEST:
            text = text.replace(value, f"[{name}]")
    return text

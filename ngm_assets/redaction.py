"""Takes secrets out of texts that are going to be printed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

SECRETS = (
    "DATABRICKS_TOKEN",
    "DATABRICKS_CLIENT_SECRET",
    "DATABRICKS_PASSWORD",
    "ARM_CLIENT_SECRET",
    "GOOGLE_CREDENTIALS",
    "NGM_DAGSTER_POSTGRES_URL",
)
"""Environment variables that hold secrets."""
SHORTEST = 6
"""Shorter values are no secrets: taking them out would spoil every text."""


def redacted(text: str, environ: Mapping[str, str] | None = None) -> str:
    """Return a text without the values of the secret environment variables."""
    given = os.environ if environ is None else environ
    for name in SECRETS:
        value = given.get(name, "").strip()
        for secret in (value, *_passwords(value)):
            if len(secret) >= SHORTEST:
                text = text.replace(secret, f"[{name}]")
    return text


def _passwords(value: str) -> tuple[str, ...]:
    """Return the password of an address as it stands there and as it is meant."""
    try:
        password = urlsplit(value).password
    except ValueError:
        return ()
    return (password, unquote(password)) if password else ()

"""What servers say when they refuse: codes told apart, and refusals people can mend explained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ngm_assets.errors import RegistryError

MISSING = frozenset({"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"})
EXISTS = frozenset({"RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"})
LOCKED = "database is locked"
"""What SQLite says when another process has held its file for longer than one waits."""
_LOGIN = "Check DATABRICKS_HOST and the credentials in the environment of this process."
_GRANTS = (
    "Grant USE CATALOG, and on the models schema USE SCHEMA, CREATE MODEL, EXECUTE and APPLY TAG; "
    "only its owner gives a model versions and aliases, so make a group the owner if several "
    "identities train and promote. Grant CAN EDIT on the experiment. If nothing is missing, check "
    "the credentials of this process."
)
_ABSENT = "See that it exists; on Databricks `ngm setup` makes the schemas of the catalog."
MENDS = {
    "PERMISSION_DENIED": _GRANTS,
    "FORBIDDEN": _GRANTS,
    "UNAUTHENTICATED": _LOGIN,
    "UNAUTHORIZED": _LOGIN,
    "CUSTOMER_UNAUTHORIZED": _LOGIN,
    "RESOURCE_DOES_NOT_EXIST": _ABSENT,
    "NOT_FOUND": _ABSENT,
    "INVALID_PARAMETER_VALUE": "Report it: the registry takes less than was sent.",
    "TEMPORARILY_UNAVAILABLE": "Run the same again later: what was written is found again.",
    "REQUEST_LIMIT_EXCEEDED": "Run the same again later: what was written is found again.",
}
"""What to do about a refusal, by its code."""


def code_of(error: Exception) -> str:
    """Return the code a server gave with its refusal; empty if the error is none."""
    sent = getattr(error, "json", None)
    if isinstance(sent, dict) and sent.get("error_code"):
        return str(sent["error_code"])
    return str(getattr(error, "error_code", None) or "")


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn refusals people can mend into errors that say how.

    Args:
        where: What was asked for.

    Raises:
        RegistryError: A server refused what was asked in the block.
    """
    try:
        yield
    except Exception as error:
        code = code_of(error)
        if code not in MENDS and LOCKED in str(error):
            code = "TEMPORARILY_UNAVAILABLE"
        if code not in MENDS:
            raise
        said = str(error).splitlines()[0].removeprefix(f"{code}: ")
        raise RegistryError(
            f"MLflow refused: {said} ({code})", where=where, mend=MENDS[code]
        ) from error

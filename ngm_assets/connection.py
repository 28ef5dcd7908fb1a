"""Opens a client of the Databricks workspace that gives up soon, and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ngm_assets.databricks import Databricks
from ngm_assets.errors import ComputeError, ConfigError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

FIRST_ANSWER_SECONDS = 5
PATIENCE_SECONDS = 12


def connect(workspace: Databricks, *, seconds: int | None = None) -> WorkspaceClient:
    """Return a client with the credentials the SDK finds; the address is tried first.

    Args:
        workspace: Where to connect.
        seconds: How long one request may take, and how long a failing one is tried again;
            None = `PATIENCE_SECONDS`.

    Raises:
        ConfigError: The SDK is not installed, or finds no credentials, or too many.
        ComputeError: Nothing answers at the address.
    """
    try:
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config
    except ImportError:
        raise ConfigError(
            "databricks-sdk is not installed.",
            mend='Install the project with its extra: pip install "ngm_assets[databricks]".',
        ) from None
    _knock(workspace.host)
    limit = seconds or PATIENCE_SECONDS
    try:
        config = Config(
            host=workspace.host, http_timeout_seconds=limit, retry_timeout_seconds=limit
        )
        return WorkspaceClient(config=config)
    except ValueError as error:
        raise no_credentials(error) from None


def no_credentials(error: ValueError) -> ConfigError:
    """Return the error of a process in which the SDK finds no credentials, or too many."""
    return ConfigError(
        f"No usable credentials: {str(error).partition('Config:')[0].strip()}",
        where="DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET",
        mend="Set one of the two in the environment of this process.",
    )


def unreachable() -> tuple[type[Exception], ...]:
    """Return the errors that mean the workspace could not be reached, or did not answer in time."""
    import requests

    return (requests.exceptions.RequestException, TimeoutError)


def no_answer(host: str, error: BaseException) -> ComputeError:
    """Return the error of a workspace that does not answer."""
    import requests

    cause = error.__cause__ or error
    late = isinstance(cause, requests.exceptions.Timeout)
    return ComputeError(
        f"{host} {'did not answer in time' if late else 'cannot be reached'} "
        f"({type(cause).__name__}).",
        where="DATABRICKS_HOST",
        mend="Check the address, the network and the proxy.",
    )


def _knock(host: str) -> None:
    """See that something answers, without credentials: those may cost minutes at a dead address."""
    import requests

    try:
        requests.head(
            host, timeout=FIRST_ANSWER_SECONDS, allow_redirects=False, auth=lambda asked: asked
        )
    except requests.exceptions.RequestException as error:
        raise no_answer(host, error) from None

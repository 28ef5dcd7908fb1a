"""Runs statements on a SQL warehouse, one after the other, up to the first that fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ngm_assets.connection import connect, no_answer, unreachable
from ngm_assets.errors import ComputeError, ConfigError
from ngm_assets.settings import Settings

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.sql import StatementResponse

REQUEST_SECONDS = 60
WAIT = "30s"
"""How long the workspace holds a request open until the statement has ended; 50 s at most."""
SHOWN = 300


def execute(
    settings: Settings,
    statements: Sequence[str],
    tell: Callable[[str], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Run statements on the warehouse of an environment.

    Args:
        settings: The environment.
        statements: What to run, in order.
        tell: Told each statement before it runs.
        sleep: Waits between two looks at a statement.

    Raises:
        ConfigError: There is no warehouse, or there are no credentials.
        ComputeError: The workspace is not reached, or refuses a statement.
    """
    workspace = settings.workspace
    if workspace.warehouse_id is None:
        raise ConfigError(
            "No SQL warehouse is named.",
            where="NGM_WAREHOUSE_ID",
            mend="Set it to the id of a warehouse, or run the output of --dry-run yourself.",
        )
    from databricks.sdk.errors.base import DatabricksError

    client = connect(workspace, seconds=REQUEST_SECONDS)
    looks = max(1, int(workspace.timeout_minutes * 60 / workspace.poll_seconds))
    for number, statement in enumerate(statements, 1):
        tell(statement)
        which = f"statement {number} of {len(statements)}"
        try:
            problem = _run(
                client,
                workspace.warehouse_id,
                statement,
                lambda: sleep(workspace.poll_seconds),
                looks,
            )
        except DatabricksError as error:
            problem = f"{error.error_code or type(error).__name__}: {error}"
        except unreachable() as error:
            raise no_answer(workspace.host, error) from None
        if problem:
            raise ComputeError(
                f"The workspace refused {which}: {problem}",
                where=statement[:SHOWN] + ("..." if len(statement) > SHOWN else ""),
                mend="Mend the cause and run the command again; what was made stays.",
            )


def _run(
    client: WorkspaceClient, warehouse: str, statement: str, pause: Callable[[], None], looks: int
) -> str | None:
    """Run one statement; return why it failed."""
    from databricks.sdk.service.sql import ExecuteStatementRequestOnWaitTimeout as OnTimeout
    from databricks.sdk.service.sql import StatementState

    going = (StatementState.PENDING, StatementState.RUNNING)
    told = client.statement_execution.execute_statement(
        statement, warehouse, wait_timeout=WAIT, on_wait_timeout=OnTimeout.CONTINUE
    )
    statement_id = told.statement_id or ""
    try:
        while _state(told) in going:
            if looks == 0:
                client.statement_execution.cancel_execution(statement_id)
                return "it had not ended in time, and was cancelled"
            looks -= 1
            pause()
            told = client.statement_execution.get_statement(statement_id)
    except KeyboardInterrupt:
        client.statement_execution.cancel_execution(statement_id)
        raise
    if _state(told) in (StatementState.SUCCEEDED, StatementState.CLOSED):
        return None
    failure = told.status.error if told.status else None
    state = _state(told)
    return (failure.message if failure else None) or (state.value if state else "no state")


def _state(told: StatementResponse):  # type: ignore[no-untyped-def]
    return told.status.state if told.status else None

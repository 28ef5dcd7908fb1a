"""Says in one line what failed in Spark, what a Python function raised on an executor included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ngm_assets.engine.base import Query
from ngm_assets.engine.sql import table_names
from ngm_assets.errors import ComputeError, NgmError


@contextmanager
def explained(query: Query) -> Iterator[None]:
    """Turn what Spark raises into an error that names the tables of a query.

    Raises:
        ComputeError: Something failed that is none of this package's errors.
    """
    names = ", ".join(table_names(query.sql))
    try:
        yield
    except NgmError:
        raise
    except Exception as error:
        raise ComputeError(
            f"The query over {names} failed: {_told(error)}",
            where=names,
            mend="Run with --debug for the traceback.",
        ) from error


def _told(error: Exception) -> str:
    """Return the first line of an error; where Python failed on an executor, also its last one."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    python = [line for line in lines if line.startswith(("  File ", "Traceback"))]
    return f"{lines[0]} {_last_of_trace(lines)}" if python else lines[0]


def _last_of_trace(lines: Sequence[str]) -> str:
    """Return the line that ends a Python traceback: the error itself."""
    frames = [place for place, line in enumerate(lines) if line.startswith("  File ")]
    after = (line for line in lines[frames[-1] + 1 :] if not line.startswith(" "))
    return next(after, "")

"""What an engine offers to the layers: windows of tables in, whole date partitions out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.lakehouse.contract import TableContract

Value = str | int | float | date | list[str]


@dataclass(frozen=True)
class Window:
    """Partition dates a query may read from lakehouse tables, both ends inclusive; None = open."""

    start: date | None = None
    end: date | None = None


@dataclass(frozen=True)
class Query:
    """A query in the Databricks dialect with named parameters and the window it may read."""

    sql: str
    parameters: Mapping[str, Value]
    window: Window = Window()

    def halves(self) -> tuple[Query, ...]:
        """Return the query over the first half of its days and over the rest.

        They are the parameters `start_date` and `end_date`; none for a single day, and none where
        rows without a day are asked for as well, which would come twice.
        """
        start, end = self.parameters.get("start_date"), self.parameters.get("end_date")
        if not (isinstance(start, date) and isinstance(end, date)) or start >= end:
            return ()
        if self.parameters.get("undated"):
            return ()
        middle = start + timedelta(days=(end - start).days // 2)
        parts = ({"end_date": middle}, {"start_date": middle + timedelta(days=1)})
        return tuple(replace(self, parameters={**self.parameters, **part}) for part in parts)


@dataclass(frozen=True)
class Mapped:
    """Rows that a function makes of a query's rows.

    Attributes:
        query: What is read.
        function: Makes rows of a contract out of a batch of the query's rows; however they are
            divided into batches, the rows are the same. It must travel to other processes.
    """

    query: Query
    function: Callable[[pd.DataFrame], pd.DataFrame]


class Engine(Protocol):
    """Runs queries over raw and lakehouse tables."""

    def holds(self, name: str) -> bool:
        """Tell whether a raw or lakehouse table is there; one that is not reads as empty."""

    @property
    def rows_at_once(self) -> int | None:
        """Rows a query should read at most where days can be taken in turn; None = any number."""

    def overwrite(
        self,
        contract: TableContract,
        queries: Sequence[Query],
        start: date,
        end: date,
        *,
        also: tuple[date, ...] = (),
    ) -> None:
        """Replace the partitions `start..end` (and `also`) of a table by the queries' rows.

        Args:
            contract: The table.
            queries: One after the other make all rows, the earlier days first.
            start: First partition date.
            end: Last partition date, inclusive.
            also: Further single partition dates.
        """

    def refresh(
        self,
        contract: TableContract,
        parts: Sequence[Mapped],
        start: date,
        end: date,
        *,
        ignoring: tuple[str, ...] = (),
    ) -> tuple[date, ...]:
        """Replace those partitions of `start..end` whose rows are not what the parts make.

        Args:
            contract: The table.
            parts: What makes the rows; together they make all rows of `start..end`.
            start: First partition date.
            end: Last partition date, inclusive.
            ignoring: Columns whose values alone make no difference.

        Returns:
            The dates that were replaced, in order; the others were left untouched.
        """

    def store(
        self,
        contract: TableContract,
        rows: Sequence[Mapping[str, Any]],
        start: date,
        end: date,
        *,
        ignoring: tuple[str, ...] = (),
    ) -> tuple[date, ...]:
        """Replace those partitions of `start..end` whose rows are not the given ones.

        Args:
            contract: The table.
            rows: All rows of `start..end`, plain values by column; a missing column is null.
            start: First partition date.
            end: Last partition date, inclusive.
            ignoring: Columns whose values alone make no difference.

        Returns:
            The dates that were replaced, in order; the others were left untouched.
        """

    def rows(self, query: Query) -> list[dict[str, Any]]:
        """Return a small result as dictionaries."""

    def frame(self, query: Query) -> pd.DataFrame:
        """Return a result as a pandas frame."""

"""What every lakehouse tells of its tables, wherever they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.lakehouse.upkeep import Upkeep


class Lakehouse(Protocol):
    """The tables of one environment by `schema.table`; engines read and write them."""

    def tables(self) -> list[str]:
        """Return the `schema.table` names of every table."""

    def column_types(self, full_name: str) -> dict[str, str]:
        """Return the Delta type of every stored column, as JSON; empty before the first write."""

    def version(self, full_name: str) -> int | None:
        """Return the newest version number of a table; None before the first write."""

    def uri(self, full_name: str) -> str:
        """Return where a table lies, for people."""

    def prepare(self, contract: TableContract) -> None:
        """Create a table, or add the contract's new columns, when needed."""

    def maintain(self, full_name: str, *, dry_run: bool = False) -> Upkeep:
        """Put small files of a table together, and delete what no reader needs any more."""

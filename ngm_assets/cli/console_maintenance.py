"""How the maintenance of tables looks on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ngm_assets.cli.console import new_table, show

if TYPE_CHECKING:
    from ngm_assets.lakehouse.upkeep import Upkeep


def show_upkeep(done: Sequence[Upkeep], *, dry_run: bool) -> None:
    """Print what was done to each table, or would be done."""
    from rich.markup import escape

    if not done:
        show("There are no tables yet.")
        return
    title = "Maintenance, nothing changed (--dry-run)" if dry_run else "Maintenance"
    table = new_table(
        title, "table", "files", "now", "KiB", "now", "merged", "deleted", "log", "note"
    )
    for each in done:
        table.add_row(
            each.table,
            f"{each.files_before:,}",
            f"{each.files_after:,}",
            f"{each.bytes_before / 1024:,.0f}",
            f"{each.bytes_after / 1024:,.0f}",
            f"{each.merged:,}",
            "" if each.deleted is None else f"{each.deleted:,}",
            "checkpoint" if each.checkpointed else "",
            escape(each.note),
        )
    word = "Would free" if dry_run else "Freed"
    show(table, f"{word} {sum(each.freed for each in done) / 2**20:,.1f} MiB.")

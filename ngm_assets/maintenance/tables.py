"""Maintains the tables this project writes, one after the other; one fault stops no other table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ngm_assets.errors import ComputeError
from ngm_assets.lakehouse.statements import optimize, quoted_name, vacuum
from ngm_assets.lakehouse.upkeep import Upkeep
from ngm_assets.platform import Platform, all_contracts
from ngm_assets.settings import Settings


def maintain_tables(
    platform: Platform,
    *,
    dry_run: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Upkeep]:
    """Maintain every table that has a contract and was written; others are left alone.

    Args:
        platform: The tables.
        dry_run: Only look.
        progress: Told after every table.
    """
    stored = set(platform.lakehouse.tables())
    names = [name for name in platform.contracts if name in stored]
    done = []
    for number, name in enumerate(names, 1):
        done.append(platform.lakehouse.maintain(name, dry_run=dry_run))
        if progress is not None:
            progress(name, number, len(names))
    return done


def raise_failures(done: Sequence[Upkeep]) -> None:
    """Raise the faults among what was done.

    Raises:
        ComputeError: A table could not be maintained; it says which, and why.
    """
    failed = [each for each in done if each.failed]
    if failed:
        told = "; ".join(f"{each.table}: {each.note}" for each in failed)
        raise ComputeError(
            f"{len(failed)} of {len(done)} tables could not be maintained. {told}",
            where=", ".join(each.table for each in failed),
            mend="Materialise the table again, or restore it; the others were maintained.",
        )


def maintenance_statements(settings: Settings) -> list[str]:
    """Return the SQL that maintains every table of an environment on Databricks."""
    references = [quoted_name(f"{settings.catalog}.{name}") for name in all_contracts()]
    return [s for each in references for s in (optimize(each), vacuum(each))]

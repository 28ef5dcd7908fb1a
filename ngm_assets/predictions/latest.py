"""The newest prediction of every key, as one view per model."""

from __future__ import annotations

from functools import cache

from ngm_assets.predictions.tables import prediction_contracts, table_name


def latest_view(model: str) -> str:
    """Return the full name of a model's view."""
    return f"predictions.{table_name(model)}_latest"


@cache
def latest_views() -> dict[str, str]:
    """Return the SQL of every view by full name; a view has the columns of its table."""
    found = {}
    for contract in prediction_contracts().values():
        columns = ", ".join(contract.column_names)
        entity = ", ".join(contract.entity_key)
        found[f"{contract.full_name}_latest"] = (
            f"SELECT {columns} FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY {entity} "
            f"ORDER BY {contract.partition} DESC) AS newest__ FROM {contract.full_name}) "
            "WHERE newest__ = 1"
        )
    return found

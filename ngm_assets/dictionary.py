"""The column dictionary: every table of the lakehouse, written from its contract as Markdown."""

from __future__ import annotations

from ngm_assets.features.tables import feature_contracts
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.lakehouse.contract import Column, TableContract
from ngm_assets.monitoring.tables import monitoring_contracts
from ngm_assets.predictions.latest import latest_views
from ngm_assets.predictions.tables import prediction_contracts

HEAD = """# Tables

Written from the column contracts by `ngm dictionary`; do not edit by hand.
"""


def dictionary() -> str:
    """Return the dictionary of gold, feature, prediction and monitoring tables as Markdown."""
    layers = (
        gold_contracts(),
        feature_contracts(),
        prediction_contracts(),
        monitoring_contracts(),
    )
    parts = [HEAD]
    parts += [_section(contract) for layer in layers for contract in layer.values()]
    return "\n".join(parts)


def _section(contract: TableContract) -> str:
    view = f"{contract.full_name}_latest"
    newest = [f"View of the newest row per key: `{view}`.", ""] if view in latest_views() else []
    made_from = ", ".join(f"`{name}`" for name in contract.sources)
    lines = [
        f"## {contract.full_name}",
        "",
        contract.description,
        "",
        *newest,
        f"Key: {', '.join(f'`{name}`' for name in contract.key)}. "
        f"Partition: `{contract.partition}`." + (f" Made from: {made_from}." if made_from else ""),
        "",
        "| column | type | null | meaning |",
        "|---|---|---|---|",
        *(_line(column) for column in contract.columns),
        "",
    ]
    return "\n".join(lines)


def _line(column: Column) -> str:
    limits = f" One of {', '.join(column.accepted)}." if column.accepted else ""
    if column.min is not None or column.max is not None:
        low = "" if column.min is None else f"{column.min:g} "
        high = "" if column.max is None else f" {column.max:g}"
        limits += f" Range {low}..{high}."
    text = f"{column.doc}{limits}".replace("|", "\\|")
    return f"| `{column.name}` | {column.type} | {'yes' if column.nullable else 'no'} | {text} |"

"""What the assets of every layer share: metadata, check specs and results, partitions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

import dagster as dg

from ngm_assets.engine.lineage import ROWS
from ngm_assets.lakehouse.base import Lakehouse
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.lakehouse.quality import Facts, Finding, contract_findings

CONTRACT_CHECKS = {
    "schema_matches_contract": "The stored columns and types are those of the contract.",
    "key_is_unique": "No two rows of a partition share the key.",
    "required_columns_filled": "Columns the contract requires hold no nulls.",
    "values_in_range": "Values lie within the contract's limits.",
    "values_accepted": "Texts are among the contract's accepted values.",
}


def asset_key(full_name: str) -> dg.AssetKey:
    """Return the asset key of `schema.table` or `system.schema.table`."""
    return dg.AssetKey(full_name.split("."))


def table_metadata(contract: TableContract, catalog: str) -> dict[str, Any]:
    """Return definition metadata: table name and column schema from the contract."""
    columns = [
        dg.TableColumn(
            name=column.name,
            type=column.type,
            description=column.doc,
            constraints=dg.TableColumnConstraints(
                nullable=column.nullable,
                unique=contract.key == (column.name,),
            ),
        )
        for column in contract.columns
    ]
    return {
        "dagster/table_name": f"{catalog}.{contract.full_name}",
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "primary_key": ", ".join(contract.key),
        "partition_expr": contract.partition,
    }


def materialized(
    context: dg.AssetExecutionContext,
    lakehouse: Lakehouse,
    contract: TableContract,
    facts: Facts,
    findings: Iterable[Finding],
    lineage: Mapping[str, Iterable[tuple[str, str]]],
) -> dg.MaterializeResult[None]:
    """Report the partitions just written: their rows, the contract's checks, and further ones."""
    stored = lakehouse.column_types(contract.full_name)
    uri = lakehouse.uri(contract.full_name)
    report_partitions(context, contract, facts.rows, uri, lineage)
    key = asset_key(contract.full_name)
    judged = [*contract_findings(contract, facts, stored), *findings]
    return dg.MaterializeResult(
        asset_key=key, check_results=[check_result(key, finding) for finding in judged]
    )


def report_partitions(
    context: dg.AssetExecutionContext,
    contract: TableContract,
    rows: Mapping[date, int],
    uri: str,
    lineage: Mapping[str, Iterable[tuple[str, str]]],
) -> None:
    """Attach each partition's row count; the newest one also carries table facts and lineage."""
    for key in context.partition_keys:
        count = rows.get(date.fromisoformat(key), 0)
        context.add_asset_metadata({"dagster/partition_row_count": count}, partition_key=key)
    context.add_asset_metadata(
        {
            "dagster/uri": uri,
            "dagster/column_lineage": lineage_metadata(lineage),
            "rows_written_in_range": sum(rows.values()),
        },
        partition_key=context.partition_keys[-1],
    )


def lineage_metadata(lineage: Mapping[str, Iterable[tuple[str, str]]]) -> dg.TableColumnLineage:
    """Turn (table, column) pairs per column into Dagster's lineage; row counts have none."""
    return dg.TableColumnLineage(
        deps_by_column={
            column: [
                dg.TableColumnDep(asset_key=asset_key(table), column_name=name)
                for table, name in sources
                if name != ROWS
            ]
            for column, sources in lineage.items()
        }
    )


def check_specs(
    key: dg.AssetKey, meanings: Mapping[str, str], warn_only: Collection[str]
) -> list[dg.AssetCheckSpec]:
    """Return one spec per check; checks that can be errors block what lies downstream."""
    return [
        dg.AssetCheckSpec(name=name, asset=key, description=text, blocking=name not in warn_only)
        for name, text in meanings.items()
    ]


def check_result(key: dg.AssetKey, finding: Finding) -> dg.AssetCheckResult:
    """Turn a finding into a check result with its numbers."""
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=finding.name,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.WARN if finding.warn else dg.AssetCheckSeverity.ERROR,
        description=finding.detail or None,
        metadata=as_metadata(finding.numbers),
    )


def as_metadata(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Make measured values fit for Dagster: lists and mappings become JSON, None is left out."""
    found: dict[str, Any] = {}
    for name, value in numbers.items():
        if isinstance(value, dg.MetadataValue):
            found[name] = value
        elif isinstance(value, list | tuple | dict):
            found[name] = dg.MetadataValue.json(value if isinstance(value, dict) else list(value))
        elif value is not None:
            found[name] = value
    return found

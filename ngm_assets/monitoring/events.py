"""Reads what steps told with their materialisations, for sensors: few records, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg

MOST_TIMES = 10
"""Materialisations per day that are looked through for the newest."""


def newest_event(instance: dg.DagsterInstance, key: dg.AssetKey) -> str:
    """Return what names the newest materialisation of an asset; empty where there is none."""
    records = instance.fetch_materializations(key, limit=1).records
    return str(records[0].storage_id) if records else ""


def told_by_day(
    instance: dg.DagsterInstance, key: dg.AssetKey, days: Sequence[date]
) -> dict[date, dict[str, Any]]:
    """Return the metadata of the newest materialisation of each day that has one."""
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(key, asset_partitions=[day.isoformat() for day in days]),
        limit=len(days) * MOST_TIMES,
    ).records
    found: dict[date, dict[str, Any]] = {}
    for record in records:
        event = record.asset_materialization
        if event is not None and record.partition_key is not None:
            day = date.fromisoformat(record.partition_key)
            found.setdefault(day, {name: one.value for name, one in event.metadata.items()})
    return found

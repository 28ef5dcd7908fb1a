"""The one daily and the one weekly partitions definition, and the mappings between days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg

from ngm_assets.days import monday_of
from ngm_assets.settings import Settings


@dataclass(frozen=True)
class Partitions:
    """Partition objects that every asset of a code location shares.

    Sharing the very same objects lets a job run gold, features and predictions of a range in one
    run. A backfill of gold and features from the catalogue also makes the feature days after the
    range again: they look back on it.
    """

    daily: dg.DailyPartitionsDefinition
    weekly: dg.WeeklyPartitionsDefinition
    backfill: dg.BackfillPolicy

    def trailing(self, days: int) -> dg.TimeWindowPartitionMapping:
        """Return the mapping of day t to the upstream days t-`days`..t."""
        return dg.TimeWindowPartitionMapping(start_offset=-days)


def build_partitions(settings: Settings) -> Partitions:
    """Build the partitions from the start date; weeks open on Monday, all times are UTC."""
    start = settings.start_date
    first_monday = start + timedelta(days=-start.weekday() % 7)
    end = settings.end_date
    after = None if end is None else (end + timedelta(days=1)).isoformat()
    last_week = None if end is None else (monday_of(end) + timedelta(days=7)).isoformat()
    return Partitions(
        daily=dg.DailyPartitionsDefinition(
            start_date=start.isoformat(), end_date=after, timezone="UTC"
        ),
        weekly=dg.WeeklyPartitionsDefinition(
            start_date=first_monday.isoformat(),
            end_date=last_week,
            timezone="UTC",
            day_offset=1,
            end_offset=1 if end is None else 0,
        ),
        backfill=dg.BackfillPolicy.single_run(),
    )


def weeks_before(days: int) -> dg.TimeWindowPartitionMapping:
    """Return the mapping of week W to the whole weeks that hold the `days` days before its Monday.

    Between unlike partitions the offsets count downstream partitions: weeks, not days.
    """
    return dg.TimeWindowPartitionMapping(start_offset=-days // 7, end_offset=-1)


def days_of(context: dg.AssetExecutionContext) -> tuple[date, date]:
    """Return the first and last day (or Monday) of the run's partition range."""
    keys = context.partition_keys
    return date.fromisoformat(keys[0]), date.fromisoformat(keys[-1])

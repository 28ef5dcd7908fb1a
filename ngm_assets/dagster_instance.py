"""The Dagster instance of a home, which its `dagster.yaml` names: a check is planned once a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster import DagsterEventType

if TYPE_CHECKING:
    from dagster._core.events import DagsterEventBatchMetadata


class PlanOnceInstance(dg.DagsterInstance):
    """Stores that a run intends a check as one row, where Dagster stores one per partition.

    A check of this project judges all partitions of a run at once and has none itself. Of a run
    over a range Dagster 1.13 plans it for each partition all the same, and never marks those rows
    as done: 111 checks over 180 days are 20,000 rows of 1.5 kB and six seconds of a processor.
    """

    @classmethod
    def config_schema(cls) -> Mapping[str, Any]:
        """Return the keys that `dagster.yaml` may have beside Dagster's own: none."""
        return {}

    @staticmethod
    def config_defaults(base_dir: str) -> Mapping[str, Any]:
        """Return Dagster's own defaults."""
        from dagster._core.instance.ref import InstanceRef

        return InstanceRef.config_defaults(base_dir)

    def handle_new_event(
        self, event: dg.EventLogEntry, *, batch_metadata: DagsterEventBatchMetadata | None = None
    ) -> None:
        """Store an event; a planned check without the partitions of its run."""
        super().handle_new_event(_planned_once(event), batch_metadata=batch_metadata)


def _planned_once(entry: dg.EventLogEntry) -> dg.EventLogEntry:
    event = entry.dagster_event
    kind = DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
    if event is None or event.event_type != kind:
        return entry
    planned = event.asset_check_planned_data
    once = type(planned)(asset_key=planned.asset_key, check_name=planned.check_name)
    return entry._replace(dagster_event=event._replace(event_specific_data=once))

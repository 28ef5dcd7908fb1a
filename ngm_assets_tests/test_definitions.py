"""What the code location holds: every key, dependency, check, job and schedule, and their meaning.

The committed `snapshots/definitions.json` is what a reader compares a change with. To accept a
change, write it anew:

    NGM_UPDATE_SNAPSHOTS=1 python -m pytest ngm_assets_tests/test_definitions.py
"""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ngm_assets.build import build_defs
from ngm_assets.days import days_between, monday_of
from ngm_assets.features.tables import feature_contracts
from ngm_assets.models.data.dataset import catalog
from ngm_assets.models.evaluation.gates import gate_names
from ngm_assets.partitions import build_partitions
from ngm_assets.platform import all_contracts
from ngm_assets.resources import RANGE_END, RANGE_START
from ngm_assets.settings import Settings, load_settings

SNAPSHOT = Path(__file__).parent / "snapshots" / "definitions.json"
UPDATE = bool(os.environ.get("NGM_UPDATE_SNAPSHOTS"))  # before the tests hide such variables
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
PRODUCED = ("gold", "features", "models", "predictions")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return the local environment with a home of its own."""
    return load_settings(env="local", home=tmp_path_factory.mktemp("home"), environ={})


@pytest.fixture(scope="module")
def defs(settings: Settings) -> dg.Definitions:
    """Return the definitions of the local environment."""
    return build_defs(settings)


@pytest.fixture(scope="module")
def graph(defs: dg.Definitions) -> Any:
    """Return the asset graph."""
    return defs.resolve_asset_graph()


def produced(graph: Any) -> list[Any]:
    """Return the nodes of the assets this project makes."""
    return [node for node in graph.asset_nodes if node.group_name in PRODUCED]


def in_group(graph: Any, group: str) -> list[Any]:
    """Return the nodes of a group."""
    return [node for node in graph.asset_nodes if node.group_name == group]


def upstream_days(graph: Any, child: dg.AssetKey, parent: dg.AssetKey, key: str) -> list[date]:
    """Return the parent partitions a partition of the child is made of."""
    below, above = graph.get(child).partitions_def, graph.get(parent).partitions_def
    mapping = graph.get_partition_mapping(child, parent)
    found = mapping.get_upstream_mapped_partitions_result_for_partitions(
        below.subset_with_partition_keys([key]), below, above, NOW
    )
    return sorted(date.fromisoformat(k) for k in found.partitions_subset.get_partition_keys())


def kind_of_partitions(partitions: dg.PartitionsDefinition | None) -> str | None:
    """Name a partitions definition without its start date."""
    return None if partitions is None else type(partitions).__name__


def described(node: Any, graph: Any) -> dict[str, Any]:
    """Return what the snapshot says of an asset."""
    return {
        "group": node.group_name,
        "owners": sorted(node.owners),
        "kinds": sorted(node.kinds),
        "deps": sorted(key.to_user_string() for key in node.parent_keys),
        "partitions": kind_of_partitions(node.partitions_def),
        "checks": {
            key.name: "blocking" if graph.get_check_spec(key).blocking else "open"
            for key in sorted(node.check_keys, key=lambda key: key.name)
        },
    }


def snapshot_of(defs: dg.Definitions, graph: Any) -> dict[str, Any]:
    """Return everything the snapshot pins down, in a stable order."""
    nodes = sorted(graph.asset_nodes, key=lambda node: node.key.to_user_string())
    jobs = sorted(defs.jobs or [], key=lambda job: str(job.name))
    names = sorted(schedule.name for schedule in defs.schedules or [])
    schedules = [defs.resolve_schedule_def(name) for name in names]
    return {
        "assets": {node.key.to_user_string(): described(node, graph) for node in nodes},
        "jobs": {
            job.name: sorted(
                key.to_user_string()
                for key in defs.resolve_job_def(job.name).asset_layer.executable_asset_keys
            )
            for job in jobs
        },
        "schedules": {
            schedule.name: {
                "cron": schedule.cron_schedule,
                "timezone": schedule.execution_timezone,
                "job": schedule.job_name,
            }
            for schedule in schedules
        },
        "sensors": {
            sensor.name: sorted(target.job_name for target in sensor.targets)
            for sensor in sorted(defs.sensors or [], key=lambda sensor: str(sensor.name))
            if isinstance(sensor, dg.SensorDefinition)
        },
    }


def test_the_definitions_load(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)


def test_the_definitions_are_those_of_the_snapshot(defs: dg.Definitions, graph: Any) -> None:
    found = snapshot_of(defs, graph)
    if UPDATE:
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    kept = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    for part in ("assets", "jobs", "schedules", "sensors"):
        assert sorted(found[part]) == sorted(kept[part]), part
        for name, seen in found[part].items():
            assert seen == kept[part][name], f"{part}: {name}"


def test_every_model_has_a_model_asset_and_a_prediction_table(graph: Any) -> None:
    keys = {node.key.to_user_string() for node in produced(graph)}
    for spec in catalog():
        assert {f"models/{spec.name}", f"predictions/{spec.name}_predictions"} <= keys


def test_all_daily_assets_share_one_partitions_object_and_one_backfill_policy(graph: Any) -> None:
    daily = [node for node in produced(graph) if node.group_name != "models"]
    assert len(daily) > 1
    assert len({id(node.partitions_def) for node in daily}) == 1
    assert len({id(node.backfill_policy) for node in daily}) == 1
    assert isinstance(daily[0].partitions_def, dg.DailyPartitionsDefinition)
    assert daily[0].backfill_policy == dg.BackfillPolicy.single_run()
    assert daily[0].partitions_def.timezone == "UTC"
    weekly = [node for node in produced(graph) if node.group_name == "models"]
    assert len({id(node.partitions_def) for node in weekly}) == 1


def test_every_asset_says_what_it_is_and_whose(graph: Any) -> None:
    for node in graph.asset_nodes:
        name = node.key.to_user_string()
        assert node.description, name
        assert node.owners, name
        assert node.group_name not in (None, "default"), name
        assert node.kinds, name
        if node.group_name != "models":
            assert node.metadata["dagster/table_name"], name


def test_every_table_shows_the_columns_of_its_contract(graph: Any, settings: Settings) -> None:
    contracts = all_contracts()
    tables = [node for node in produced(graph) if node.group_name != "models"]
    for node in tables:
        contract = contracts[".".join(node.key.path)]
        shown = node.metadata["dagster/column_schema"]
        assert [(c.name, c.type, c.description, c.constraints.nullable) for c in shown.columns] == [
            (c.name, c.type, c.doc, c.nullable) for c in contract.columns
        ]
        assert node.metadata["dagster/table_name"] == f"{settings.catalog}.{contract.full_name}"
        assert node.metadata["partition_expr"] == contract.partition
        assert node.metadata["primary_key"] == ", ".join(contract.key)


def test_the_environment_is_in_no_key(graph: Any, settings: Settings) -> None:
    for node in graph.asset_nodes:
        assert settings.env not in node.key.path


@pytest.mark.parametrize("name", sorted(feature_contracts()))
def test_a_feature_looks_back_over_gold_as_far_as_its_contract_says(graph: Any, name: str) -> None:
    contract = feature_contracts()[name]
    child = dg.AssetKey(["features", name])
    day = date(2026, 6, 10)
    parents = graph.get(child).parent_keys
    assert {key.to_user_string() for key in parents} == {
        source.replace(".", "/") for source in contract.sources
    }
    for parent in parents:
        assert upstream_days(graph, child, parent, day.isoformat()) == days_between(
            day - timedelta(days=contract.lookback_days), day
        )


@pytest.mark.parametrize("spec", catalog(), ids=lambda spec: spec.name)
def test_a_week_of_a_model_is_made_of_the_days_before_it(graph: Any, spec: Any) -> None:
    child = dg.AssetKey(["models", spec.name])
    features = dg.AssetKey(["features", spec.feature_table])
    monday = date(2026, 6, 15)
    days = upstream_days(graph, child, features, monday.isoformat())
    reach = timedelta(days=spec.training.window_days)
    assert days == days_between(days[0], monday - timedelta(days=1))
    assert monday - reach - timedelta(days=6) <= days[0] <= monday - reach


@pytest.mark.parametrize("spec", catalog(), ids=lambda spec: spec.name)
def test_a_scored_day_is_made_of_its_own_features_and_of_the_week_it_lies_in(
    graph: Any, spec: Any
) -> None:
    child = dg.AssetKey(["predictions", f"{spec.name}_predictions"])
    features = dg.AssetKey(["features", spec.feature_table])
    model = dg.AssetKey(["models", spec.name])
    for day in days_between(date(2026, 6, 14), date(2026, 6, 22)):
        assert upstream_days(graph, child, features, day.isoformat()) == [day]
        assert upstream_days(graph, child, model, day.isoformat()) == [monday_of(day)]


@pytest.mark.parametrize("spec", catalog(), ids=lambda spec: spec.name)
def test_a_model_records_every_gate_and_no_gate_stops_scoring(graph: Any, spec: Any) -> None:
    node = graph.get(dg.AssetKey(["models", spec.name]))
    gates = set(gate_names(spec.problem, thresholded=spec.metric.threshold is not None))
    assert {key.name for key in node.check_keys} == gates | {"not_rolled_back"}
    for key in node.check_keys:
        assert not node.assets_def.get_spec_for_check_key(key).blocking


def test_weeks_open_on_mondays(settings: Settings) -> None:
    weekly = build_partitions(settings).weekly
    keys = weekly.get_partition_keys(NOW)
    assert all(date.fromisoformat(key).weekday() == 0 for key in keys)
    assert date.fromisoformat(keys[0]) >= settings.start_date
    assert keys[-1] == monday_of(NOW.date()).isoformat()


def tick(defs: dg.Definitions, name: str, at: datetime) -> dg.RunRequest:
    """Return the one run a schedule asks for at a time."""
    schedule = defs.resolve_schedule_def(name)
    context = dg.build_schedule_context(
        scheduled_execution_time=at, repository_def=defs.get_repository_def()
    )
    requests = schedule.evaluate_tick(context).run_requests
    assert requests is not None
    (request,) = requests
    return request


def test_the_daily_schedule_refreshes_the_last_days_as_one_range(
    defs: dg.Definitions, settings: Settings
) -> None:
    request = tick(defs, "daily_schedule", datetime(2026, 6, 18, 5, tzinfo=UTC))
    assert (
        request.tags[RANGE_START]
        == (date(2026, 6, 17) - timedelta(days=settings.refresh_days - 1)).isoformat()
    )
    assert request.tags[RANGE_END] == "2026-06-17"
    assert request.partition_key is None


def test_the_daily_schedule_never_asks_for_a_day_that_is_not_over(defs: dg.Definitions) -> None:
    at = datetime(2026, 6, 18, 5, tzinfo=UTC)
    daily = defs.resolve_job_def("daily_pipeline").partitions_def
    assert isinstance(daily, dg.DailyPartitionsDefinition)
    request = tick(defs, "daily_schedule", at)
    assert request.tags[RANGE_END] == daily.get_partition_keys(at)[-1]


def test_the_first_daily_run_does_not_reach_before_the_first_partition(
    defs: dg.Definitions, settings: Settings
) -> None:
    first = settings.start_date
    at = datetime(first.year, first.month, first.day, 5, tzinfo=UTC) + timedelta(days=1)
    request = tick(defs, "daily_schedule", at)
    assert request.tags[RANGE_START] == request.tags[RANGE_END] == first.isoformat()


def test_the_weekly_schedule_trains_as_of_that_monday(defs: dg.Definitions) -> None:
    at = datetime(2026, 6, 15, 7, tzinfo=UTC)
    request = tick(defs, "weekly_training_schedule", at)
    assert request.partition_key == "2026-06-15"
    weekly = defs.resolve_job_def("ml_training_pipeline").partitions_def
    assert isinstance(weekly, dg.WeeklyPartitionsDefinition)
    assert "2026-06-15" in weekly.get_partition_keys(at)


def test_schedules_are_registered_only_where_the_environment_wants_them(settings: Settings) -> None:
    silent = build_defs(settings.model_copy(update={"schedules": False}))
    assert not list(silent.schedules or [])
    assert not list(silent.sensors or [])


def test_every_call_assembles_anew(settings: Settings, defs: dg.Definitions) -> None:
    other = build_defs(settings)
    assert other is not defs
    assert snapshot_of(other, other.resolve_asset_graph()) == snapshot_of(
        defs, defs.resolve_asset_graph()
    )


def test_resources_can_be_replaced(settings: Settings) -> None:
    stand_in = object()
    defs = build_defs(settings, resource_overrides={"registry": stand_in})
    assert (defs.resources or {})["registry"] is stand_in
    assert (defs.resources or {})["platform"] is not stand_in

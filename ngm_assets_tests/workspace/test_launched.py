"""The demo's gold, features, a model and its predictions, made by steps launched on Databricks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest

from ngm_assets.build import (
    FEATURE_JOB,
    INFERENCE_JOB,
    MONITORING_JOB,
    SNAPSHOT_JOB,
    TRAINING_JOB,
)
from ngm_assets.days import days_between
from ngm_assets.features.tables import feature_contracts
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.maintenance.job import MAINTENANCE_JOB
from ngm_assets.models.data.dataset import named
from ngm_assets.orchestration import JobRun, open_instance, run_job
from ngm_assets.platform import open_registry
from ngm_assets.predictions.tables import prediction_contract
from ngm_assets_tests.comparing import assert_same_rows
from ngm_assets_tests.engine.sessions import need_java
from ngm_assets_tests.estate import read_rows
from ngm_assets_tests.whole import Whole, last_days
from ngm_assets_tests.workspace.estate import Estate, estate_in

TOLERANCE = 1e-9
MODEL = "cost_anomaly_detector"
MONITORED = ("drift_metrics", "alerts", "alert_deliveries")
TABLES = {**gold_contracts(), **feature_contracts()}


@dataclass(frozen=True)
class Launched:
    """What ran on the workspace: four days of everything, a training, and the scoring."""

    estate: Estate
    runs: dict[str, JobRun]
    start: date
    end: date

    def events(self, run: str, kind: dg.DagsterEventType) -> list[dg.EventLogEntry]:
        """Return the entries of a kind in a run's event log, as the UI reads them."""
        with open_instance(self.estate.settings) as instance:
            return list(instance.all_logs(self.runs[run].run_id, of_type=kind))


@pytest.fixture(scope="module")
def launched(whole: Whole, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """Run everything on job clusters, two steps at a time."""
    need_java()
    root, runs = tmp_path_factory.mktemp("launched"), {}
    start, end = last_days(whole.plan).start, whole.plan.end
    week = whole.plan.weeks[-1].isoformat()
    days = (start.isoformat(), end.isoformat())
    cluster = {"NGM_COMPUTE": "job_cluster", "NGM_PARALLEL_STEPS": "2"}
    with estate_in(root, whole, **cluster) as estate:
        settings = estate.settings
        with open_instance(settings) as instance:
            runs["tables"] = run_job(settings, instance, FEATURE_JOB, *days)
            runs["model"] = run_job(
                settings, instance, TRAINING_JOB, week, week, assets=[("models", MODEL)]
            )
            runs["rows"] = run_job(
                settings,
                instance,
                INFERENCE_JOB,
                *days,
                assets=[("predictions", f"{MODEL}_predictions")],
            )
            runs["monitoring"] = run_job(
                settings,
                instance,
                MONITORING_JOB,
                *days,
                assets=[("monitoring", name) for name in MONITORED],
            )
        yield Launched(estate, runs, start, end)
        assert estate.opened.workspace.protocol_errors == []


def rows_of(launched: Launched, full_name: str) -> list[dict[str, Any]]:
    """Return the rows the launched steps wrote, read past Spark."""
    from deltalake import DeltaTable

    tables = launched.estate.tables
    day = launched.estate.whole.platform.contracts[full_name].partition

    filters: Any = [(day, ">=", launched.start), (day, "<=", launched.end)]
    table = DeltaTable(tables.path(full_name)).to_pyarrow_table(filters=filters)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


@pytest.mark.parametrize("run", ["tables", "model", "rows", "monitoring"])
def test_every_run_succeeds(launched: Launched, run: str) -> None:
    assert [problem.message for problem in launched.runs[run].problems] == []
    assert launched.runs[run].errors == ()
    assert launched.runs[run].success


@pytest.mark.parametrize("table", sorted(TABLES))
def test_a_launched_step_writes_what_a_local_one_writes(launched: Launched, table: str) -> None:
    contract = TABLES[table]
    local = read_rows(
        launched.estate.whole.platform, contract.full_name, launched.start, launched.end
    )
    assert_same_rows(
        contract.full_name,
        rows_of(launched, contract.full_name),
        local,
        [contract.partition, *contract.entity_key],
        tolerance=TOLERANCE,
    )


def test_drift_is_judged_on_the_workspace_and_told_to_the_sensors(launched: Launched) -> None:
    judged = [
        row for row in rows_of(launched, "monitoring.drift_metrics") if row["column_name"] == "*"
    ]
    days = days_between(launched.start, launched.end)
    assert {(row["monitor_date"], row["model_name"]) for row in judged} == {
        (day, MODEL) for day in days if day >= launched.estate.whole.plan.weeks[-1]
    }
    assert {row["status"] for row in judged if row["table_name"] == "features.cost_features"} == {
        "stable"
    }
    told = {
        e.asset_materialization.partition: e.asset_materialization.metadata
        for e in launched.events("monitoring", dg.DagsterEventType.ASSET_MATERIALIZATION)
        if e.asset_materialization is not None
        and e.asset_materialization.asset_key.path[-1] == "drift_metrics"
    }
    assert set(told) == {day.isoformat() for day in days}
    severities = [told[day.isoformat()]["severity_by_model"].value for day in days]
    assert all(isinstance(each, dict) and each.get(MODEL) for each in severities)


def test_days_that_were_not_asked_for_are_untouched(launched: Launched) -> None:
    table = launched.estate.tables
    days = (launched.estate.whole.plan.start, launched.start - timedelta(days=1))
    early = launched.estate.whole.early / "lakehouse" / "local" / "gold" / "fact_usage"
    names = {
        path.split("/gold/")[1] for path in table.files("gold.fact_usage", "usage_date", *days)
    }
    assert names
    assert all((early.parent.parent / "gold" / name).is_file() for name in names)


def test_every_partition_and_every_check_arrives_in_the_event_log(launched: Launched) -> None:
    made = launched.events("tables", dg.DagsterEventType.ASSET_MATERIALIZATION)
    found = {
        (e.asset_materialization.asset_key.to_user_string(), e.asset_materialization.partition)
        for e in made
        if e.asset_materialization is not None
    }
    days = [day.isoformat() for day in days_between(launched.start, launched.end)]
    assert found == {
        (contract.full_name.replace(".", "/"), day) for contract in TABLES.values() for day in days
    }
    for entry in made:
        assert entry.asset_materialization is not None
        assert "dagster/partition_row_count" in entry.asset_materialization.metadata
    checks = launched.runs["tables"].checks
    assert {check.asset for check in checks} == {
        c.full_name.replace(".", "/") for c in TABLES.values()
    }
    assert all(check.passed or check.warn for check in checks)


def test_every_step_carries_the_link_to_its_databricks_run(launched: Launched) -> None:
    events = launched.events("tables", dg.DagsterEventType.ENGINE_EVENT)
    told = [
        (entry.step_key, entry.get_dagster_event().engine_event_data.metadata) for entry in events
    ]
    links = {
        (step, str(metadata["databricks_run_url"].value))
        for step, metadata in told
        if "databricks_run_url" in metadata
    }
    host = launched.estate.opened.workspace.host
    assert len({step for step, _ in links}) == len(TABLES)
    assert all(link.startswith(f"{host}/run/") for _, link in links)


def test_the_model_is_registered_under_three_levels_and_judged(launched: Launched) -> None:
    registry = open_registry(launched.estate.settings)
    (version,) = registry.versions(MODEL)
    week = launched.estate.whole.plan.weeks[-1]
    assert version.as_of == week
    (local,) = (v for v in launched.estate.whole.registry.versions(MODEL) if v.as_of == week)
    assert version.promoted == local.promoted
    ours, theirs = (
        r.evaluation_of(v)["measured"]["value"]
        for r, v in ((registry, version), (launched.estate.whole.registry, local))
    )
    assert ours == pytest.approx(theirs, rel=1e-6)
    gates = {check.check for check in launched.runs["model"].checks}
    assert "minimum_data" in gates


def test_predictions_are_those_of_the_champion(launched: Launched) -> None:
    contract = prediction_contract(named(MODEL))
    rows = rows_of(launched, contract.full_name)
    local = read_rows(
        launched.estate.whole.platform, contract.full_name, launched.start, launched.end
    )
    key = [contract.partition, *contract.entity_key]
    assert {tuple(row[k] for k in key) for row in rows} == {
        tuple(row[k] for k in key) for row in local
    }
    assert {row["model_version"] for row in rows} == {1}
    assert {row["run_id"] for row in rows} == {launched.runs["rows"].run_id}


def test_nothing_but_the_dagster_instance_is_kept_on_this_machine(launched: Launched) -> None:
    home = launched.estate.settings.home
    assert sorted(path.name for path in home.iterdir()) == ["dagster"]


def test_the_token_is_nowhere_but_in_the_environment(launched: Launched) -> None:
    from base64 import b64encode
    from gzip import decompress

    workspace = launched.estate.opened.workspace
    token = workspace.token.encode()
    wanted = (token, b64encode(token)[:-4])
    looked = 0
    for folder in (launched.estate.settings.home, workspace.dbfs.root, workspace.tables):
        for path in folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                content += decompress(content) if content.startswith(b"\x1f\x8b") else b""
                assert not any(text in content for text in wanted), path
                looked += 1
    assert looked > 100
    for recorded in workspace.requests:
        assert token not in recorded.request.body


def test_a_snapshot_of_the_information_schema_is_taken_by_a_launched_step(
    launched: Launched,
) -> None:
    estate = launched.estate
    key = ("system", "information_schema", "tables")
    before = estate.tables.version("gold.information_schema_tables")
    assert before is not None
    today = launched.end.isoformat()
    with open_instance(estate.settings) as instance:
        run = run_job(estate.settings, instance, SNAPSHOT_JOB, today, today, assets=[key])
    assert run.success
    assert estate.tables.version("gold.information_schema_tables") == before + 1


def test_a_failed_blocking_check_stops_what_depends_on_it(launched: Launched) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    estate = launched.estate
    folder = estate.opened.workspace.raw["system.query.history"]
    rows = pq.read_table(folder / "all.parquet")
    day = pc.equal(pc.cast(rows["start_time"], pa.date32()), pa.scalar(launched.end))
    one = rows.filter(day).slice(0, 1).to_pylist()
    one[0] |= {"statement_id": "negative", "read_bytes": -7}
    wrong = folder / "wrong.parquet"
    pq.write_table(pa.Table.from_pylist(one, schema=rows.schema), wrong)
    before = estate.tables.version("features.performance_features")
    last = launched.end.isoformat()
    try:
        with open_instance(estate.settings) as instance:
            run = run_job(
                estate.settings,
                instance,
                FEATURE_JOB,
                last,
                last,
                assets=[("gold", "fact_query_history"), ("features", "performance_features")],
            )
    finally:
        wrong.unlink()
    assert not run.success
    assert [(c.asset, c.check) for c in run.errors] == [
        ("gold/fact_query_history", "values_in_range")
    ]
    assert estate.tables.version("features.performance_features") == before


def test_the_tables_are_maintained_by_a_launched_step(launched: Launched) -> None:
    settings, day = launched.estate.settings, launched.end.isoformat()
    names = [contract.full_name for contract in TABLES.values()]
    before = {name: rows_of(launched, name) for name in names}
    with open_instance(settings) as instance:
        run = run_job(settings, instance, MAINTENANCE_JOB, day, day)
        assert run.success, run.problems
        kind = dg.DagsterEventType.STEP_OUTPUT
        (entry,) = instance.all_logs(run.run_id, of_type=kind)
    told = entry.get_dagster_event().step_output_data.metadata["tables"]
    assert isinstance(told, dg.TableMetadataValue)
    assert set(names) <= {record.data["table"] for record in told.records}
    assert {record.data["note"] for record in told.records} == {""}
    for contract in TABLES.values():
        rows = rows_of(launched, contract.full_name)
        keys = [contract.partition, *contract.entity_key]
        assert_same_rows(contract.full_name, rows, before[contract.full_name], keys)

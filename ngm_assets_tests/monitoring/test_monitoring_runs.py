"""The monitoring job on a whole home: what it writes, checks, tells and leaves alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ngm_assets.build import DAILY_JOB, MONITORING_JOB, build_defs
from ngm_assets.engine.base import Query, Window
from ngm_assets.features.tables import feature_contracts
from ngm_assets.lakehouse.assets import asset_key
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.models.data.dataset import catalog
from ngm_assets.monitoring.alerting.acknowledging import acknowledge, open_alerts
from ngm_assets.monitoring.checks import DRIFT, PERFORMANCE
from ngm_assets.monitoring.tables import monitoring_contracts
from ngm_assets.orchestration import JobRun, open_instance, run_job
from ngm_assets.partitions import build_partitions
from ngm_assets.platform import open_platform, open_registry
from ngm_assets.resources import RANGE_END, RANGE_START
from ngm_assets.settings import Settings, load_settings, remember
from ngm_assets_tests.estate import read_rows
from ngm_assets_tests.monitoring.told import said
from ngm_assets_tests.whole import Whole

FEATURES = "features.cost_features"
MONITORED = [
    f"monitoring.{name}" for name in ("drift_metrics", "model_performance", "data_quality")
]
TOLD = ("monitoring.alerts", "monitoring.alert_deliveries")
AUDIT = "access/audit"


@dataclass(frozen=True)
class Watched:
    """A home of its own with everything that was scored, and the last days to monitor."""

    settings: Settings
    days: list[date]

    def run(
        self, start: date, *tables: str, job: str = MONITORING_JOB, end: date | None = None
    ) -> JobRun:
        """Run a job, or some of its tables, from a day to another (default: the last)."""
        first, last = start.isoformat(), (end or self.days[-1]).isoformat()
        keys: list[tuple[str, str]] = []
        for table in tables:
            schema, _, name = table.partition(".")
            keys.append((schema, name))
        with open_instance(self.settings) as instance:
            return run_job(self.settings, instance, job, first, last, assets=keys or None)

    def rows(self, table: str, where: str = "TRUE") -> list[dict[str, Any]]:
        """Return rows of a table on the monitored days."""
        engine = open_platform(self.settings).engine
        window = Window(self.days[0], self.days[-1])
        return engine.rows(Query(f"SELECT * FROM {table} WHERE {where}", {}, window))

    def versions(self) -> dict[str, int | None]:
        """Return the Delta version of every table."""
        lakehouse = open_platform(self.settings).lakehouse
        return {name: lakehouse.version(name) for name in sorted(lakehouse.tables())}

    def tick(self, sensor: str, cursor: str | None = None) -> Any:
        """Let a sensor look at the home's own instance."""
        defs = build_defs(self.settings)
        with (
            open_instance(self.settings) as instance,
            dg.build_sensor_context(
                instance=instance, cursor=cursor, repository_def=defs.get_repository_def()
            ) as context,
        ):
            return defs.resolve_sensor_def(sensor)(context)

    def told(self, table: str) -> dict[str, Any]:
        """Return what was told with the newest day of a table."""
        with open_instance(self.settings) as instance:
            found = instance.fetch_materializations(
                dg.AssetRecordsFilter(
                    asset_key(table), asset_partitions=[self.days[-1].isoformat()]
                ),
                limit=1,
            ).records
        event = found[0].asset_materialization
        assert event is not None
        return {name: one.value for name, one in event.metadata.items()}


@pytest.fixture(scope="module")
def watched(whole: Whole, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Copy the home and its landing: these tests write into both."""
    root = tmp_path_factory.mktemp("watched")
    home, landing = root / "home", root / "landing"
    shutil.copytree(whole.settings.home, home, ignore=shutil.ignore_patterns("dagster"))
    shutil.copytree(whole.landing, landing)
    remember(home, landing=landing, start_date=whole.settings.start_date)
    days = [whole.plan.end - timedelta(days=n) for n in (2, 1, 0)]
    yield Watched(load_settings(home=home, environ={}), days)


@pytest.fixture(scope="module")
def ran(watched: Watched) -> JobRun:
    """Return the first run of the monitoring job."""
    return watched.run(watched.days[0])


def test_the_job_succeeds_and_every_champion_is_judged_every_day(
    watched: Watched, ran: JobRun
) -> None:
    assert [problem.message for problem in ran.problems] == []
    assert ran.success
    registry = open_registry(watched.settings)
    judged = {
        (row["model_name"], row["monitor_date"], row["table_name"].partition(".")[0])
        for row in watched.rows("monitoring.drift_metrics", "column_name = '*'")
    }
    assert judged == {
        (spec.name, day, part)
        for spec in catalog()
        for day in watched.days
        if registry.champion_in_force(spec.name, day) is not None
        for part in ("features", "predictions", "labels")
    }
    measured = watched.rows("monitoring.model_performance", "model_version = 0")
    assert {(row["model_name"], row["monitor_date"]) for row in measured} == {
        (spec.name, day) for spec in catalog() for day in watched.days
    }


def test_the_checks_stand_on_the_tables_they_speak_of(watched: Watched, ran: JobRun) -> None:
    drift = {check.asset for check in ran.checks if check.check == DRIFT}
    assert {f"features/{name}" for name in feature_contracts()} < drift
    assert {check.asset for check in ran.checks if check.check == PERFORMANCE} == {
        asset for asset in drift if asset.startswith("predictions/")
    }
    assert all(check.passed or check.description for check in ran.checks)
    with open_instance(watched.settings) as instance:
        logs = instance.all_logs(ran.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [log.asset_check_evaluation for log in logs]
    metadata = next(
        one.metadata
        for one in found
        if one is not None and one.check_name == DRIFT and one.asset_key == asset_key(FEATURES)
    )
    assert isinstance(metadata["max_psi"].value, float)
    assert isinstance(metadata["drifted_share"].value, float)
    assert isinstance(metadata["worst_columns"], dg.TableMetadataValue)


def test_what_could_not_be_evaluated_is_no_pass(ran: JobRun) -> None:
    unknown = [c for c in ran.checks if "not be evaluated" in c.description.lower()]
    assert unknown
    assert not any(check.passed for check in unknown)
    assert all(check.warn for check in unknown)


def test_the_page_is_attached_and_the_sensors_find_what_they_read(
    watched: Watched, ran: JobRun
) -> None:
    page = Path(str(watched.told("monitoring.alerts")["report"]))
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert set(watched.told("monitoring.drift_metrics")) >= {
        "severity_by_model",
        "max_psi",
        "drifted_share",
    }
    assert watched.told("monitoring.model_performance")["new_labels"]
    assert watched.told("monitoring.data_quality")["raw_rows"]["gold.fact_usage"]


def test_a_second_run_changes_no_table(watched: Watched, ran: JobRun) -> None:
    before = watched.versions()
    assert watched.run(watched.days[-1]).success
    assert watched.versions() == before


def test_a_step_that_fails_leaves_predictions_and_the_other_findings_alone(
    watched: Watched, ran: JobRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any) -> Any:
        raise RuntimeError("Nothing can be compared.")

    before = watched.versions()
    monkeypatch.setattr("ngm_assets.monitoring.assets.drift_rows", breaks)
    failed = watched.run(watched.days[-1], *MONITORED, *TOLD)
    assert not failed.success
    assert {problem.step for problem in failed.problems} == {"monitoring/drift_metrics"}
    found = {check.asset for check in failed.checks}
    assert found == {"monitoring/data_quality", "monitoring/model_performance"}
    assert watched.versions() == before
    report = watched.tick("failed_partition_sensor").run_requests[0]
    failures = report.run_config["ops"]["monitoring__pipeline_failures"]["config"]["failures"]
    assert [one["asset"] for one in failures] == ["monitoring.drift_metrics"]
    assert "Nothing can be compared." in failures[0]["detail"]


def shift(watched: Watched, factor: float) -> None:
    """Multiply every amount of the cost features of the last week."""
    contract = feature_contracts()["cost_features"]
    platform = open_platform(watched.settings)
    start, end = watched.days[-1] - timedelta(days=6), watched.days[-1]
    rows = read_rows(platform, FEATURES, start, end)
    table = pa.Table.from_pylist(rows, schema=contract.arrow_schema())
    for place, column in enumerate(contract.columns):
        if column.type == "double" and column.max is None:
            moved = pc.multiply(table[column.name], factor)
            table = table.set_column(place, table.schema.field(place), moved)
    lakehouse = DeltaLakehouse(watched.settings.delta_root)
    lakehouse.overwrite(contract, table.to_reader, start, end)


def test_planted_drift_is_an_error_an_alert_and_a_request_for_training(
    watched: Watched, ran: JobRun
) -> None:
    shift(watched, 50.0)
    drifted = watched.run(watched.days[-1])
    assert drifted.success
    (check,) = [
        c for c in drifted.checks if c.check == DRIFT and c.asset == "features/cost_features"
    ]
    assert not check.passed
    assert not check.warn
    engine = open_platform(watched.settings).engine
    alert = next(row for row in open_alerts(engine) if row["subject"] == FEATURES)
    assert alert["severity"] in {"severe", "critical"}
    assert alert["opened_on"] == watched.days[-1]
    assert json.loads(alert["models"])
    told = watched.rows("monitoring.alert_deliveries", f"alert_id = '{alert['alert_id']}'")
    assert {row["sink"]: row["status"] for row in told} == {"log": "delivered", "file": "delivered"}
    requests = watched.tick("drift_sensor").run_requests
    weeks = build_partitions(watched.settings).weekly.get_partition_keys()
    assert {request.partition_key for request in requests} <= set(weeks)
    asked = {request.asset_selection[0].path[-1] for request in requests}
    assert asked & set(json.loads(alert["models"]))


def test_an_alert_that_is_acknowledged_says_by_whom(watched: Watched, ran: JobRun) -> None:
    engine = open_platform(watched.settings).engine
    alert = next(row for row in open_alerts(engine) if row["subject"] == FEATURES)
    when = datetime(2031, 1, 2, tzinfo=UTC)
    acknowledge(engine, alert["alert_id"], "ada", when, "Prices were changed.")
    noted = next(row for row in open_alerts(engine) if row["subject"] == FEATURES)
    assert noted["acknowledged_by"] == "ada"


def test_rows_that_arrive_late_run_their_day_again(watched: Watched) -> None:
    gold, quality, day = "gold.fact_audit_logs", "monitoring.data_quality", watched.days[0]

    def stored() -> int:
        return len(read_rows(open_platform(watched.settings), gold, day, day))

    assert watched.run(day, gold, job=DAILY_JOB).success
    assert watched.run(watched.days[-1], quality).success
    calm = watched.tick("late_data_sensor")
    assert "No raw rows changed" in said(calm)
    before = stored()
    late = add_late_rows(watched.settings.local_landing / AUDIT, day)
    assert watched.run(watched.days[-1], quality).success
    (request,) = watched.tick("late_data_sensor", calm.cursor).run_requests
    assert request.tags[RANGE_START] == day.isoformat()
    assert request.tags[RANGE_END] == watched.days[-1].isoformat()
    assert watched.run(day, gold, job=DAILY_JOB).success
    assert stored() == before + late
    assert watched.run(watched.days[-1], quality).success
    assert "No raw rows changed" in said(watched.tick("late_data_sensor"))


def add_late_rows(folder: Path, day: date) -> int:
    """Put copies of a few events of a day into a file of their own, with ids of their own."""
    for path in sorted(folder.rglob("*.parquet")):
        table = pq.read_table(path)
        some = table.filter(pc.equal(table["event_date"].cast(pa.date32()), pa.scalar(day)))[:3]
        if len(some):
            ids = pa.array([f"late-{n}" for n in range(len(some))])
            place = some.schema.get_field_index("event_id")
            kind = some.schema.field(place).type
            pq.write_table(
                some.set_column(place, some.schema.field(place), ids.cast(kind)),
                folder / "late.parquet",
            )
            return len(some)
    raise LookupError(day)


def test_the_tables_of_monitoring_are_all_there(watched: Watched, ran: JobRun) -> None:
    tables = set(open_platform(watched.settings).lakehouse.tables())
    assert {*MONITORED, *TOLD} <= tables
    assert {name.partition(".")[2] for name in tables if name.startswith("monitoring.")} <= set(
        monitoring_contracts()
    )

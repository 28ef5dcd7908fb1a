"""Job runs as the instance records them: what succeeds, what fails, and what goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ngm_assets.build import FEATURE_JOB, INFERENCE_JOB
from ngm_assets.engine.base import Query
from ngm_assets.features.tables import feature_contracts
from ngm_assets.gold import assets as gold_assets_module
from ngm_assets.gold.quality import gold_findings
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.lakehouse.quality import Finding
from ngm_assets.models.data.dataset import catalog
from ngm_assets.orchestration import PID_TAG, JobRun, open_instance, run_job, summary_of
from ngm_assets.platform import Platform, open_platform
from ngm_assets.settings import Settings, load_settings
from ngm_assets_tests.landings import awkward_landing

START = date(2023, 11, 20)
FIRST, LAST = START + timedelta(days=25), START + timedelta(days=27)
DAYS = [FIRST + timedelta(days=n) for n in range(3)]
TABLES = (*gold_contracts().values(), *feature_contracts().values())
SOME = (
    "gold/fact_audit_logs",
    "features/security_features",
    "gold/fact_usage",
    "features/cost_features",
)
"""Two gold tables and a feature table over each: enough to see what a failure stops."""


@dataclass(frozen=True)
class Ran:
    """A finished feature run over three days, with what it told on the way."""

    settings: Settings
    instance: dg.DagsterInstance
    run: JobRun
    told: list[tuple[str, int, int]]

    @property
    def platform(self) -> Platform:
        """The tables the run wrote."""
        return open_platform(self.settings)


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small awkward landing."""
    folder = tmp_path_factory.mktemp("awkward") / "landing"
    awkward_landing(folder, seed=3, days=30, start=START)
    return folder


@pytest.fixture(scope="module")
def ran(landing: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Return the run over three days, its instance still open."""
    home = tmp_path_factory.mktemp("orchestration")
    settings = load_settings(home=home, landing=landing, start_date=START, environ={})
    told: list[tuple[str, int, int]] = []
    with open_instance(settings) as instance:
        run = run_feature_job(settings, instance, told)
        yield Ran(settings, instance, run, told)


@pytest.fixture
def again(ran: Ran, tmp_path: Path) -> Iterator[Ran]:
    """Return the same state in a home and a landing of its own, free to be damaged."""
    home, landing = tmp_path / "home", tmp_path / "landing"
    shutil.copytree(ran.settings.home / "lakehouse", home / "lakehouse")
    shutil.copytree(ran.settings.local_landing, landing)
    settings = load_settings(home=home, landing=landing, start_date=START, environ={})
    with open_instance(settings) as instance:
        yield replace(ran, settings=settings, instance=instance)


def run_feature_job(
    settings: Settings,
    instance: dg.DagsterInstance,
    told: list[tuple[str, int, int]],
    only: tuple[str, ...] = (),
) -> JobRun:
    """Run gold and features, or only some of them, over the three days."""
    return run_job(
        settings,
        instance,
        FEATURE_JOB,
        FIRST.isoformat(),
        LAST.isoformat(),
        assets=[name.split("/") for name in only] or None,
        progress=lambda *args: told.append(args),
    )


def rows_per_day(platform: Platform, full_name: str, day: str) -> dict[date, int]:
    """Count the stored rows per day."""
    sql = f"SELECT {day} AS day, COUNT(*) AS n FROM {full_name} GROUP BY {day}"
    return {row["day"]: row["n"] for row in platform.engine.rows(Query(sql, {}))}


def materialisations(ran: Ran, key: dg.AssetKey) -> dict[str, Any]:
    """Return the newest materialisation of every partition by partition key."""
    records = ran.instance.fetch_materializations(key, limit=100, ascending=True).records
    return {str(r.partition_key): r.asset_materialization for r in records}


def materialised(ran: Ran, run: JobRun) -> set[str]:
    """Return the assets a run materialised."""
    entries = ran.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    return {e.get_dagster_event().asset_key.to_user_string() for e in entries}  # type: ignore[union-attr]


def versions(platform: Platform) -> dict[str, int | None]:
    """Return the Delta version of every gold and feature table."""
    return {c.full_name: platform.lakehouse.version(c.full_name) for c in TABLES}


def key_of(full_name: str) -> dg.AssetKey:
    """Return the asset key of a table."""
    return dg.AssetKey(full_name.split("."))


def test_the_run_succeeds_and_the_instance_knows_it(ran: Ran) -> None:
    assert ran.run.success
    assert ran.run.problems == ()
    stored = ran.instance.get_run_by_id(ran.run.run_id)
    assert stored is not None
    assert stored.status == dg.DagsterRunStatus.SUCCESS
    assert stored.job_name == FEATURE_JOB
    assert stored.tags[PID_TAG] == str(os.getpid())


@pytest.mark.parametrize("contract", TABLES, ids=lambda contract: contract.full_name)
def test_every_partition_is_recorded_with_its_row_count(ran: Ran, contract: Any) -> None:
    found = materialisations(ran, key_of(contract.full_name))
    assert sorted(found) == [day.isoformat() for day in DAYS]
    stored = rows_per_day(ran.platform, contract.full_name, contract.partition)
    assert set(stored) <= set(DAYS)
    for day in DAYS:
        counted = found[day.isoformat()].metadata["dagster/partition_row_count"].value
        assert counted == stored.get(day, 0)


def test_the_runs_hold_rows_worth_counting(ran: Ran) -> None:
    for contract in TABLES:
        assert rows_per_day(ran.platform, contract.full_name, contract.partition), (
            contract.full_name
        )


@pytest.mark.parametrize("contract", TABLES, ids=lambda contract: contract.full_name)
def test_the_newest_partition_carries_lineage_and_place(ran: Ran, contract: Any) -> None:
    metadata = materialisations(ran, key_of(contract.full_name))[LAST.isoformat()].metadata
    lineage = metadata["dagster/column_lineage"].value.deps_by_column
    assert set(lineage) == set(contract.column_names)
    sources = {key_of(name) for name in contract.sources}
    assert {dep.asset_key for deps in lineage.values() for dep in deps} <= sources
    assert any(lineage.values())
    assert Path(metadata["dagster/uri"].value).is_dir()


def test_every_check_of_every_asset_is_recorded(ran: Ran) -> None:
    from ngm_assets.build import build_defs
    from ngm_assets.monitoring.checks import monitoring_check_keys

    graph = build_defs(ran.settings).resolve_asset_graph()
    wanted = {
        (key.asset_key.to_user_string(), key.name)
        for key in graph.asset_check_keys - set(monitoring_check_keys())
        if key.asset_key.path[0] in ("gold", "features")
    }
    assert {(check.asset, check.check) for check in ran.run.checks} == wanted
    counts = summary_of(ran.run.checks)
    assert sum(counts.values()) == len(ran.run.checks)
    assert counts["failed"] == len(ran.run.errors) == 0
    assert counts["warned"] == len(ran.run.warnings) > 0


def test_a_warning_stops_nothing_below_it(ran: Ran) -> None:
    warned = {check.asset for check in ran.run.warnings}
    assert "gold/fact_usage" in warned
    assert "features/cost_features" in materialised(ran, ran.run)


def test_progress_counts_up_to_the_number_of_steps(ran: Ran) -> None:
    assert [done for _, done, _ in ran.told] == list(range(1, len(TABLES) + 1))
    assert {total for _, _, total in ran.told} == {len(TABLES)}
    assert {step for step, _, _ in ran.told} == {c.full_name.replace(".", "/") for c in TABLES}


def test_a_selection_runs_only_what_it_names(again: Ran) -> None:
    told: list[tuple[str, int, int]] = []
    run = run_job(
        again.settings,
        again.instance,
        FEATURE_JOB,
        FIRST.isoformat(),
        FIRST.isoformat(),
        assets=[("gold", "dim_cluster")],
        progress=lambda *args: told.append(args),
    )
    assert run.success
    assert told == [("gold/dim_cluster", 1, 1)]
    assert materialised(again, run) == {"gold/dim_cluster"}


def test_a_corrupt_file_fails_its_table_alone(again: Ran) -> None:
    damaged = sorted((again.settings.local_landing / "access" / "audit").rglob("*.parquet"))[0]
    damaged.write_bytes(b"PAR1 this is no parquet file")
    before = versions(again.platform)
    told: list[tuple[str, int, int]] = []
    run = run_feature_job(again.settings, again.instance, told, SOME)
    assert not run.success
    (problem,) = run.problems
    assert problem.step == "gold/fact_audit_logs"
    assert problem.kind == "DataError"
    assert problem.message.startswith("system.access.audit: the file cannot be read as Parquet")
    assert f"where: {damaged}" in problem.message
    assert "mend:" in problem.message
    assert "Traceback" not in problem.message
    assert "DataError" in problem.trace
    failed = {"gold.fact_audit_logs", "features.security_features"}
    assert materialised(again, run) == {"gold/fact_usage", "features/cost_features"}
    after = versions(again.platform)
    assert {name: after[name] for name in failed} == {name: before[name] for name in failed}
    assert [done for _, done, _ in told] == [1, 2, 3]
    assert "features/security_features" not in {step for step, _, _ in told}
    stored = again.instance.get_run_by_id(run.run_id)
    assert stored is not None
    assert stored.status == dg.DagsterRunStatus.FAILURE


def failing(name: str, table: str, *, warn: bool) -> Any:
    """Return `gold_findings` with one finding of one table turned into a failure."""
    real = gold_findings

    def findings(*args: Any) -> list[Finding]:
        found = real(*args)
        if args[1].name != table:
            return found
        return [replace(f, passed=False, warn=warn) if f.name == name else f for f in found]

    return findings


def test_a_failed_blocking_check_stops_what_depends_on_it(
    again: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = failing("complete_against_source", "fact_usage", warn=False)
    monkeypatch.setattr(gold_assets_module, "gold_findings", broken)
    before = versions(again.platform)
    run = run_feature_job(again.settings, again.instance, [], SOME)
    assert not run.success
    assert [(c.asset, c.check) for c in run.errors] == [
        ("gold/fact_usage", "complete_against_source")
    ]
    assert {problem.step for problem in run.problems} == {"gold/fact_usage"}
    assert "complete_against_source" in run.problems[0].message
    assert materialised(again, run) == set(SOME) - {"features/cost_features"}
    assert versions(again.platform)["features.cost_features"] == before["features.cost_features"]


def test_the_same_failure_as_a_warning_stops_nothing(
    again: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = failing("complete_against_source", "fact_usage", warn=True)
    monkeypatch.setattr(gold_assets_module, "gold_findings", broken)
    run = run_feature_job(again.settings, again.instance, [], SOME)
    assert run.success
    assert ("gold/fact_usage", "complete_against_source") in {
        (c.asset, c.check) for c in run.warnings
    }
    assert "features/cost_features" in materialised(again, run)


def test_days_before_the_first_champion_are_empty_and_said_to_be(again: Ran) -> None:
    run = run_job(again.settings, again.instance, INFERENCE_JOB, LAST.isoformat(), LAST.isoformat())
    assert run.problems == ()
    assert {c.asset for c in run.warnings if c.check == "champion_in_force"} == {
        f"predictions/{spec.name}_predictions" for spec in catalog()
    }
    for spec in catalog():
        key = key_of(f"predictions.{spec.name}_predictions")
        newest = materialisations(again, key)[LAST.isoformat()]
        assert newest.metadata["dagster/partition_row_count"].value == 0

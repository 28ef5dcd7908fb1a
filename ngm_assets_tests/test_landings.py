"""What an awkward landing promises: the same seed the same rows, and every awkward thing in it."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ngm_assets_tests.landings import (
    LONG_TERM_LABELS,
    RARE_LABELS,
    TABLES,
    awkward_landing,
)
from ngm_assets_tests.oracle import feature_tables, gold_tables, labels
from ngm_assets_tests.oracle.reading import inner, parquet_files, raw_rows, text

SEEDS = (1, 2, 3)


@pytest.fixture(scope="module", params=SEEDS)
def landing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an awkward landing."""
    folder = tmp_path_factory.mktemp("a landing") / "of rows"
    awkward_landing(folder, seed=request.param)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file's bytes by its place."""
    return {str(f.relative_to(folder)): f.read_bytes() for f in parquet_files(folder)}


def test_the_same_seed_writes_the_same_bytes_and_another_one_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        awkward_landing(tmp_path / name, seed=seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


def test_tables_can_be_left_out_without_moving_the_others(tmp_path: Path) -> None:
    awkward_landing(tmp_path / "all", seed=5)
    awkward_landing(tmp_path / "some", seed=5, without=("billing/usage", "access/audit"))
    all_, some = contents(tmp_path / "all"), contents(tmp_path / "some")
    assert set(all_) - set(some) == {
        f for f in all_ if f.startswith(("billing/usage", "access/audit"))
    }
    assert all(all_[f] == some[f] for f in some)
    with pytest.raises(ValueError, match="no such table"):
        awkward_landing(tmp_path / "none", seed=5, without=("billing/usages",))


def test_every_table_is_small_but_not_trivial(landing: Path) -> None:
    sizes = {table: len(raw_rows(landing, table)) for table in TABLES}
    assert all(50 <= size <= 1500 for size in sizes.values()), sizes


def test_files_differ_in_make(landing: Path) -> None:
    files = parquet_files(landing / "access/audit")
    schemas = [pq.read_schema(f) for f in files]
    assert {str(s.field("event_time").type) for s in schemas} >= {
        "timestamp[us, tz=UTC]",
        "timestamp[ns]",
        "timestamp[ms, tz=Europe/Berlin]",
    }
    assert {str(s.field("workspace_id").type) for s in schemas} == {
        "string",
        "large_string",
        "int64",
    }
    assert any("Extra ü" in s.names for s in schemas)
    assert any("session_id" not in s.names for s in schemas)
    assert any(pq.read_metadata(f).num_rows == 0 for f in files)
    assert any(f.suffix == ".PARQUET" for f in files)


def repeats(rows: list[dict[str, Any]], *names: str) -> int:
    """Return how many keys occur more than once."""
    keys = Counter(tuple(text(row, name) for name in names) for row in rows)
    return sum(count > 1 for count in keys.values())


def test_ids_repeat_and_identities_are_spelled_in_many_ways(landing: Path) -> None:
    audit = raw_rows(landing, "access/audit")
    assert repeats(audit, "event_id") > 5
    assert repeats(raw_rows(landing, "billing/usage"), "record_id") > 5
    assert repeats(raw_rows(landing, "query/history"), "workspace_id", "statement_id") > 5
    emails = {text(e, "user_identity", "email") for e in audit}
    assert any(e and e != e.strip().lower() for e in emails)
    assert None in emails


def test_gold_and_rejects_of_every_kind_come_out(landing: Path) -> None:
    gold = gold_tables(landing)
    usage, runs = gold["fact_usage"], gold["fact_job_run_timeline"]
    assert (usage["usage_quantity"] < 0).any()
    assert set(usage["matching_prices"]) >= {0, 1, 2}
    assert usage["is_job_work"].any()
    assert set(runs["outcome"]) >= {"succeeded", "failure", "cancelled", "skipped", "other"}
    assert runs["attempt"].max() > 1
    assert (runs["start_time"].dt.date != runs["run_date"]).any()
    assert (runs["duration_sec"] == 0).any()
    reasons = {n: set(t["reason"]) for n, t in gold.items() if n.endswith("_rejects")}
    assert {name: len(found) >= 2 for name, found in reasons.items()} == dict.fromkeys(
        reasons, True
    )
    assert date(1970, 1, 1) in set(gold["fact_usage_rejects"]["usage_date"])
    assert set(gold["info_schema"]["catalog_name"]) == {"Main", "main", "now and then"}


def test_a_workspace_falls_silent_for_more_than_35_days(landing: Path) -> None:
    days = sorted(
        {
            row["usage_start_time"].date()
            for row in raw_rows(landing, "billing/usage")
            if text(row, "workspace_id") == "7" and row["usage_start_time"]
        }
    )
    assert max((b - a).days for a, b in itertools.pairwise(days)) > 35


LONG_TERM = {"potential_savings_usual_28d", "potential_savings_ratio_28d"}
"""Columns that need 84 days."""
SELDOM = {*LONG_TERM_LABELS, *RARE_LABELS}


def test_features_vary_and_labels_have_both_answers(landing: Path) -> None:
    gold = gold_tables(landing)
    features = feature_tables(gold)
    for name, frame in features.items():
        constant = {c for c in frame if frame[c].map(str).nunique() < 2}
        assert constant <= LONG_TERM, name
    for name, frame in labels(features, gold).items():
        assert frame[name].dropna().nunique() >= 2 or name in SELDOM, name


def test_nested_values_are_missing_in_some_files(landing: Path) -> None:
    usage = raw_rows(landing, "billing/usage")
    assert {"job_name" in (inner(r, "usage_metadata") or {}) for r in usage} == {True, False}


def test_a_landing_may_span_a_leap_day(tmp_path: Path) -> None:
    awkward_landing(tmp_path, seed=4, days=10, start=date(2024, 2, 25))
    gold = gold_tables(tmp_path)
    seen = {d for name in ("fact_audit_logs", "fact_query_history") for d in days_of(gold, name)}
    assert date(2024, 2, 29) in seen


def days_of(gold: dict[str, Any], name: str) -> set[date]:
    """Return the days of a gold table."""
    column = {"fact_audit_logs": "event_date", "fact_query_history": "query_date"}[name]
    return set(gold[name][column])

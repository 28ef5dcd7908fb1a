"""The SQL of gold, features and labels agrees with the oracle.

Keys, counts, text, decimals, dates and flags agree exactly, floats to a relative 1e-9.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ngm_assets.demo.generate import generate
from ngm_assets.demo.write import MARK
from ngm_assets.engine.base import Query
from ngm_assets.features.quality import feature_findings
from ngm_assets.features.tables import feature_contracts
from ngm_assets.gold.quality import gold_findings
from ngm_assets.gold.tables import UNDATED, gold_contracts, parameters
from ngm_assets.lakehouse.quality import measure
from ngm_assets.models.data.dataset import label_parameters, label_sql
from ngm_assets_tests.comparing import assert_same_rows, plain
from ngm_assets_tests.estate import open_estate, read_rows, write_features, write_gold
from ngm_assets_tests.landings import LONG_TERM_LABELS, RARE_LABELS, awkward_landing
from ngm_assets_tests.oracle import Meanings, feature_tables, gold_tables, labels
from ngm_assets_tests.oracle.frames import rows_of
from ngm_assets_tests.oracle.labels_cost import COST_COLUMNS as COST
from ngm_assets_tests.oracle.labels_cost import JOB_COLUMNS as JOB_COST
from ngm_assets_tests.oracle.labels_performance import COLUMNS as PERFORMANCE
from ngm_assets_tests.oracle.labels_quality import COLUMNS as QUALITY
from ngm_assets_tests.oracle.labels_reliability import COLUMNS as RELIABILITY
from ngm_assets_tests.oracle.labels_security import COLUMNS as SECURITY

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.platform import Platform

TOLERANCE = 1e-9
AWKWARD = ("awkward 1", "awkward 2", "awkward 3")
LABELS = {
    ("cost", "cost_stays_high"): "cost_anomaly_proxy",
    **{("cost", name): name for name in COST},
    **{("job_cost", name): name for name in JOB_COST},
    ("security", "denied_5_times_next_7d"): "security_threat_proxy",
    **{("security", name): name for name in SECURITY},
    **{("performance", name): name for name in PERFORMANCE},
    ("reliability", "fails_next_active_day"): "failed_next_active_day",
    **{("reliability", name): name for name in RELIABILITY},
    **{("quality", name): name for name in QUALITY},
}
"""Domain and column of the label SQL, to the oracle's name for the label."""


@dataclass(frozen=True)
class Opinions:
    """One landing as the package and as the oracle see it, on the days `start..end`."""

    platform: Platform
    gold: Mapping[str, pd.DataFrame]
    features: Mapping[str, pd.DataFrame]
    labels: Mapping[str, pd.DataFrame]
    start: date
    end: date

    def expected(self, table: str) -> list[dict[str, Any]]:
        """Return the oracle's rows of a gold or feature table on the days written."""
        frames = {**self.gold, **self.features}
        contract = {**gold_contracts(), **feature_contracts()}[table.removesuffix("_rejects")]
        days = {UNDATED} if table.endswith("_rejects") else set()
        days |= {self.start + timedelta(days=n) for n in range((self.end - self.start).days + 1)}
        return [row for row in rows_of(frames[table]) if row[contract.partition] in days]


@pytest.fixture(scope="module", params=[*AWKWARD, "demo"])
def opinions(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opinions:
    """Write gold and features of a landing, and ask the oracle for the same."""
    folder: Path = tmp_path_factory.mktemp("a landing")
    if request.param == "demo":
        made = generate(folder / "landing", days=40, scale=0.1)
        start, end = made.start - timedelta(days=400), made.end + timedelta(days=33)
    else:
        start, seed = date(2023, 11, 20), int(request.param.split()[-1])
        awkward_landing(folder / "landing", seed=seed, days=80, start=start)
        start, end = start - timedelta(days=3), start + timedelta(days=115)
    platform = open_estate(folder / "landing", folder / "home")
    write_gold(platform, start, end)
    write_features(platform, start, end)
    actions = parameters(platform.settings.words, start, end, undated=False)
    kinds = ("read", "export", "permission", "token")
    meanings = Meanings(**{kind: frozenset(as_list(actions[f"{kind}_actions"])) for kind in kinds})
    gold = gold_tables(folder / "landing", meanings)
    features = feature_tables(gold)
    return Opinions(platform, gold, features, labels(features, gold), start, end)


@pytest.mark.parametrize("table", sorted(gold_contracts()))
def test_gold(opinions: Opinions, table: str) -> None:
    contract = gold_contracts()[table]
    assert_same_rows(
        contract.full_name,
        read_rows(opinions.platform, contract.full_name),
        opinions.expected(table),
        [contract.partition, *contract.entity_key],
        tolerance=TOLERANCE,
    )


@pytest.mark.parametrize("table", sorted(gold_contracts()))
def test_rejected_rows_are_as_many_with_the_same_keys_and_a_reason_each(
    opinions: Opinions, table: str
) -> None:
    contract = gold_contracts()[table]
    found = read_rows(opinions.platform, f"{contract.full_name}_rejects")
    mine, theirs = (
        Counter(tuple(plain(row[name]) for name in contract.entity_key) for row in rows)
        for rows in (found, opinions.expected(f"{table}_rejects"))
    )
    assert mine == theirs
    assert all(row["reason"] for row in found)


@pytest.mark.parametrize("table", sorted(feature_contracts()))
def test_features(opinions: Opinions, table: str) -> None:
    contract = feature_contracts()[table]
    assert_same_rows(
        contract.full_name,
        read_rows(opinions.platform, contract.full_name),
        opinions.expected(table),
        [contract.partition, *contract.entity_key],
        tolerance=TOLERANCE,
    )


@pytest.mark.parametrize("table", sorted(gold_contracts()))
def test_gold_is_complete_against_the_raw_rows(opinions: Opinions, table: str) -> None:
    contract, platform = gold_contracts()[table], opinions.platform
    facts = measure(platform.engine, contract, opinions.start, opinions.end)
    findings = gold_findings(platform.engine, contract, facts, opinions.start, opinions.end)
    complete = {finding.name: finding for finding in findings}["complete_against_source"]
    assert complete.passed, complete.numbers
    assert complete.numbers["rows"] > 0


@pytest.mark.parametrize("table", sorted(feature_contracts()))
def test_features_have_a_row_for_every_key_of_gold(opinions: Opinions, table: str) -> None:
    contract = feature_contracts()[table]
    keys, *_ = feature_findings(opinions.platform.engine, contract, opinions.start, opinions.end)
    assert keys.name == "one_row_per_key"
    assert keys.passed, keys.numbers
    assert keys.numbers["keys_in_gold"] > 0


@pytest.mark.parametrize("domain", sorted({domain for domain, _ in LABELS}))
def test_labels(opinions: Opinions, domain: str) -> None:
    contract = feature_contracts()[f"{domain}_features"]
    bounds = {"start_date": opinions.start, "end_date": opinions.end}
    words = label_parameters(opinions.platform.settings.words)
    rows = opinions.platform.engine.rows(Query(label_sql(domain), {**bounds, **words}))
    key = [contract.partition, *contract.entity_key]
    for column in (name for d, name in LABELS if d == domain):
        theirs = LABELS[domain, column]
        wanted = [
            {**{k: row[k] for k in key}, column: row[theirs]}
            for row in rows_of(opinions.labels[theirs])
            if opinions.start <= row[contract.partition] <= opinions.end
        ]
        mine = [{**{k: row[k] for k in key}, column: as_float(row[column])} for row in rows]
        assert_same_rows(f"labels of {domain}", mine, wanted, key, tolerance=TOLERANCE)
        values = {row[column] for row in mine} - {None}
        seldom = column in RARE_LABELS if values else column in LONG_TERM_LABELS
        assert len(values) > 1 or seldom, f"{column} never varies"


def as_list(value: Any) -> list[str]:
    """Return a parameter that is a list of names."""
    return [str(name) for name in value]


def as_float(value: float | str | None) -> float | str | None:
    """Return a label as the oracle has it: a number as a float, a class as it is."""
    return value if value is None or isinstance(value, str) else float(value)


def test_awkward_landings_put_every_table_to_the_test(opinions: Opinions) -> None:
    tables = [*gold_contracts(), *feature_contracts()]
    tables += [f"{name}_rejects" for name in gold_contracts()]
    empty = [name for name in tables if not opinions.expected(name)]
    clean = opinions.platform.settings.local_landing.joinpath(MARK).exists()
    assert empty == (sorted(f"{name}_rejects" for name in gold_contracts()) if clean else [])

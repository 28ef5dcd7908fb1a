"""One small world per kind of model: tables, predictions, and labels told without any SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from ngm_assets.models.data.dataset import model_spec
from ngm_assets.platform import Platform
from ngm_assets.predictions.tables import prediction_contract
from ngm_assets_tests.monitoring.made_tables import day, empty_platform, store, store_predictions

DAYS = 46
KEYS = 6
SECOND_VERSION_FROM = 25
Label = Callable[[pd.DataFrame, str, int, int], Any]
"""(rows of a key by day number, key, t, last day of gold) -> label, None where there is none."""
Measure = Callable[[pd.DataFrame], float]
"""Rows with truth, output and weight of the baseline in `baseline` -> metric of `output`."""


@dataclass(frozen=True)
class World:
    """A model with its tables.

    Attributes:
        model: Name.
        features: Rows of the feature table with `key` and `t`, day numbers.
        predictions: Rows with key, t, version and the output under its column.
        output: Name of that column.
        label: What came true.
        baseline: Column or function of the features that is the baseline.
        metric: The metric, measured another way.
        gold: Days with gold rows; empty = the labels read no gold.
    """

    model: str
    features: pd.DataFrame
    predictions: pd.DataFrame
    output: str
    label: Label
    baseline: Callable[[pd.Series], Any]
    metric: Measure
    gold: tuple[int, ...] = ()

    def until(self, last: int) -> World:
        """Return the world as it was at the end of a day."""
        return replace(
            self,
            features=self.features[self.features.t <= last],
            predictions=self.predictions[self.predictions.t <= last],
            gold=tuple(t for t in self.gold if t <= last),
        )

    def written(self, folder: Path) -> Platform:
        """Write the tables and return the platform that holds them."""
        platform, spec = empty_platform(folder), model_spec(self.model)
        contract = prediction_contract(spec)
        names = [name for name in contract.entity_key if name != "workspace_id"] or ["workspace_id"]

        def keyed(row: Mapping[Any, Any]) -> dict[str, Any]:
            known = {k: v for k, v in row.items() if k not in ("key", "t") and v == v}
            return {**known, names[0]: row["key"], contract.partition: day(row["t"])}

        features = [keyed(row) for row in self.features.to_dict("records")]
        store(platform, f"features.{spec.feature_table}", features)
        store_predictions(
            platform, self.model, [keyed(row) for row in self.predictions.to_dict("records")]
        )
        if self.gold:
            rows = [{"record_id": str(t), "usage_date": day(t)} for t in self.gold]
            store(platform, "gold.fact_usage", rows)
        return platform

    def outcomes(self, today: int, window: int) -> pd.DataFrame:
        """Return what is known of the window that ends `horizon` days before a day."""
        horizon = model_spec(self.model).horizon_days
        by_key = {key: rows.set_index("t") for key, rows in self.features.groupby("key")}
        last_gold = max((t for t in self.gold if t <= today), default=today)
        found = []
        for row in self.predictions.to_dict("records"):
            t, key = row["t"], row["key"]
            if not today - horizon - window < t <= today - horizon or row[self.output] is None:
                continue
            known = by_key[key][by_key[key].index <= today]
            truth = self.label(known, key, t, last_gold)
            now = known.loc[t]
            found.append(
                {"version": row["model_version"], "output": row[self.output], "truth": truth}
                | {"baseline": self.baseline(now)}
            )
        return pd.DataFrame(found, columns=["version", "output", "truth", "baseline"])


def ahead(rows: pd.DataFrame, t: int, days: int) -> pd.DataFrame:
    """Return the rows of the next days in order."""
    return rows[(rows.index > t) & (rows.index <= t + days)].sort_index()


def error(kind: str) -> Measure:
    """Return the mean absolute or root mean square error."""

    def measured(rows: pd.DataFrame) -> float:
        off = rows.output.astype(float) - rows.truth.astype(float)
        return float(off.abs().mean() if kind == "mae" else np.sqrt((off**2).mean()))

    return measured


def ranking(rows: pd.DataFrame) -> float:
    """Return the average precision as scikit-learn has it."""
    return float(average_precision_score(rows.truth.astype(int), rows.output.astype(float)))


def accuracy(rows: pd.DataFrame) -> float:
    """Return the share of right answers."""
    return float((rows.output == rows.truth).mean())


def grid(rng: np.random.Generator, kept: float = 1.0) -> pd.DataFrame:
    """Return keys times days, some of them missing."""
    rows = pd.DataFrame([(f"k{k}", t) for t in range(DAYS) for k in range(KEYS)])
    rows.columns = pd.Index(["key", "t"])
    return rows[rng.random(len(rows)) < kept].reset_index(drop=True)


def predicted(features: pd.DataFrame, column: str, values: Any) -> pd.DataFrame:
    """Return predictions for every feature row, by two versions in turn."""
    rows = features[["key", "t"]].copy()
    rows[column] = values
    rows["model_version"] = np.where(rows.t < SECOND_VERSION_FROM, 1, 2)
    return rows


def freshness(rng: np.random.Generator) -> World:
    """Return a regression with a horizon of a day."""
    rows = grid(rng, 0.9)
    rows["overdue_table_share"] = rng.random(len(rows))

    def label(known: pd.DataFrame, _key: str, t: int, _gold: int) -> Any:
        return known.overdue_table_share.get(t + 1)

    return World(
        "data_freshness_predictor",
        rows,
        predicted(rows, "prediction", rng.random(len(rows))),
        "prediction",
        label,
        lambda now: now.overdue_table_share,
        error("rmse"),
    )


def caching(rng: np.random.Generator) -> World:
    """Return a binary model that ranks, with a horizon of a week."""
    rows = grid(rng, 0.6)
    rows["cache_hit_share"] = rng.random(len(rows)) * 0.6

    def label(known: pd.DataFrame, _key: str, t: int, _gold: int) -> Any:
        later = ahead(known, t, 7).cache_hit_share
        return None if later.empty else int(later.iloc[0] >= 0.3)

    return World(
        "cache_hit_predictor",
        rows,
        predicted(rows, "probability", np.round(rng.random(len(rows)), 1)),
        "probability",
        label,
        lambda now: int(now.cache_hit_share >= 0.3),
        ranking,
    )


def tagging(rng: np.random.Generator) -> World:
    """Return a model of classes whose names are not listed."""
    rows = grid(rng, 0.7)
    tags = np.array([None, "a", "b", "c"], dtype=object)
    rows["tag_value"] = tags[rng.integers(0, 4, len(rows))]
    rows["workspace_tag_28d"] = tags[rng.integers(0, 4, len(rows))]

    def label(known: pd.DataFrame, _key: str, t: int, _gold: int) -> Any:
        later = ahead(known, t, 7).tag_value.dropna()
        return None if later.empty else later.iloc[-1]

    said = np.array(["a", "b", "d"], dtype=object)[rng.integers(0, 3, len(rows))]
    return World(
        "tag_recommender",
        rows,
        predicted(rows, "predicted_label", said),
        "predicted_label",
        label,
        lambda now: now.workspace_tag_28d,
        accuracy,
    )


def threats(rng: np.random.Generator) -> World:
    """Return an anomaly model that is judged by a proxy."""
    rows = grid(rng, 0.8)
    rows["denied_events"] = rng.integers(0, 3, len(rows))
    rows["failed_auth_count"] = rng.integers(0, 12, len(rows))

    def label(known: pd.DataFrame, _key: str, t: int, _gold: int) -> Any:
        return int(ahead(known, t, 7).denied_events.sum() >= 5)

    return World(
        "security_threat_detector",
        rows,
        predicted(rows, "anomaly_score", np.round(rng.random(len(rows)), 2)),
        "anomaly_score",
        label,
        lambda now: int(now.failed_auth_count > 5),
        ranking,
    )


def spending(rng: np.random.Generator) -> World:
    """Return a quantile model whose labels are known as far as gold reaches."""
    rows = grid(rng)
    rows["daily_cost"] = np.round(rng.gamma(2.0, 5.0, len(rows)), 2)
    rows["cost_sum_7d"] = np.round(rng.gamma(14.0, 5.0, len(rows)), 2)
    rows["days_since_first_usage"] = rows.t

    def label(known: pd.DataFrame, _key: str, t: int, gold: int) -> Any:
        if t + 7 > gold or t < 6:
            return None
        return float(ahead(known, t, 7).daily_cost.sum())

    return World(
        "budget_forecaster",
        rows,
        predicted(rows, "prediction", rng.gamma(14.0, 5.0, len(rows))),
        "prediction",
        label,
        lambda now: now.cost_sum_7d if now.days_since_first_usage >= 6 else None,
        error("mae"),
        gold=tuple(t for t in range(DAYS) if t not in (24, 25, 30, DAYS - 1)),
    )


WORLDS: Mapping[str, Callable[[np.random.Generator], World]] = {
    make.__name__: make for make in (freshness, caching, tagging, threats, spending)
}

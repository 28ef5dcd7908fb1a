"""Where the planted incidents stand among the anomaly scores of the scored days."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ngm_assets.engine.base import Query
from ngm_assets.errors import ConfigError
from ngm_assets.models.data.dataset import catalog
from ngm_assets.platform import Platform
from ngm_assets.predictions.tables import prediction_contract

INCIDENTS = "_incidents.json"
TOP_SHARE = 0.01
DETECTORS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "runaway_cluster": ("cost_anomaly_detector",),
        "credential_stuffing": ("security_threat_detector",),
        "exfiltration": ("exfiltration_detector", "security_threat_detector"),
        "privilege_escalation": ("privilege_escalation_detector", "security_threat_detector"),
        "behaviour_change": ("user_behavior_baseline", "security_threat_detector"),
        "warehouse_regression": ("performance_regression_detector",),
        "mass_schema_change": ("data_drift_detector",),
    }
)
"""Which anomaly models are for which kind of planted incident."""


def detects(model: str, kind: str) -> bool:
    """Return whether a model is for a kind of incident."""
    return model in DETECTORS.get(kind, ())


def planted_incidents(landing: Path) -> list[dict[str, Any]] | None:
    """Return the planted incidents of a demo estate; None for a landing folder without a list."""
    path = landing / INCIDENTS
    if not path.is_file():
        return None
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def rank_incidents(platform: Platform) -> list[dict[str, Any]]:
    """Return a row per planted incident day that an anomaly model for its kind has scored.

    Rank 1 is the highest score of all scored keys and days of the model; `in_top` tells whether
    the rank lies within the top 1 % of them.

    Raises:
        ConfigError: The landing folder has no list of planted incidents.
    """
    incidents = planted_incidents(platform.settings.local_landing)
    if incidents is None:
        raise ConfigError(
            "The landing folder has no list of planted incidents.",
            where=str(platform.settings.local_landing / INCIDENTS),
            mend="Only a demo estate has planted incidents: run `ngm demo`.",
        )
    found: list[dict[str, Any]] = []
    for spec in catalog():
        if spec.problem == "anomaly":
            here = [incident for incident in incidents if detects(spec.name, incident["kind"])]
            found += _ranked(platform, spec.name, here)
    return found


def _ranked(
    platform: Platform, model: str, incidents: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    contract = prediction_contract(next(s for s in catalog() if s.name == model))
    day = contract.partition
    sql = (
        f"SELECT *, RANK() OVER (ORDER BY anomaly_score DESC NULLS LAST) AS place, "
        f"COUNT(*) OVER () AS scored FROM {contract.full_name}"
    )
    rows = platform.engine.rows(Query(sql, {}))
    found = []
    for incident in incidents:
        span = date.fromisoformat(incident["start"]), date.fromisoformat(incident["end"])
        for row in rows:
            hit = all(row[name] == value for name, value in incident["entity"].items())
            if hit and span[0] <= row[day] <= span[1]:
                found.append(_row(model, incident, row, day))
    return sorted(found, key=lambda row: row["rank"])


def _row(
    model: str, incident: Mapping[str, Any], row: Mapping[str, Any], day: str
) -> dict[str, Any]:
    return {
        "model": model,
        "kind": incident["kind"],
        "entity": ", ".join(incident["entity"].values()),
        "day": row[day].isoformat(),
        "score": row["anomaly_score"],
        "rank": row["place"],
        "scored": row["scored"],
        "in_top": row["place"] <= max(1.0, TOP_SHARE * row["scored"]),
        "flagged": bool(row["is_anomaly"]),
    }

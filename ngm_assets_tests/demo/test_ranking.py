"""Which detector is for which planted incident."""

from __future__ import annotations

import json
from pathlib import Path

from ngm_assets.demo.generate import generate
from ngm_assets.demo.ranking import DETECTORS, detects, planted_incidents
from ngm_assets.models.data.dataset import catalog

SUPERVISED = {"broken_upgrade"}
"""Kinds that a supervised model is for: a failure is no anomaly but an outcome."""


def test_every_kind_of_incident_has_a_detector_and_every_detector_a_kind(tmp_path: Path) -> None:
    generate(tmp_path / "landing", days=40, scale=0.1)
    planted = planted_incidents(tmp_path / "landing")
    assert planted is not None
    assert {incident["kind"] for incident in planted} == set(DETECTORS) | SUPERVISED
    anomaly = {spec.name for spec in catalog() if spec.problem == "anomaly"}
    assert {model for models in DETECTORS.values() for model in models} == anomaly


def test_a_detector_is_for_its_kinds_only() -> None:
    assert detects("exfiltration_detector", "exfiltration")
    assert detects("security_threat_detector", "exfiltration")
    assert not detects("exfiltration_detector", "runaway_cluster")
    assert not detects("exfiltration_detector", "unheard of")


def test_a_landing_folder_without_a_list_has_no_planted_incidents(tmp_path: Path) -> None:
    assert planted_incidents(tmp_path) is None
    (tmp_path / "_incidents.json").write_text(json.dumps([]))
    assert planted_incidents(tmp_path) == []

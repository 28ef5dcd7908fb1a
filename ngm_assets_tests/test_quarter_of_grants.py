"""What looks back 90 days agrees with the oracle where there are 90 days to look back on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ngm_assets.demo.generate import generate
from ngm_assets.engine.base import Query
from ngm_assets.models.data.dataset import label_parameters, label_sql
from ngm_assets_tests.comparing import assert_same_rows
from ngm_assets_tests.estate import open_estate, read_rows, write_features, write_gold
from ngm_assets_tests.oracle.features_security import security_rows
from ngm_assets_tests.oracle.frames import contract, frame_of, rows_of
from ngm_assets_tests.oracle.labels_security import security_labels

KEY = ["event_date", "user_id"]
LABEL = "grants_after_90_days_without"


def test_features_and_labels_of_grants_agree_after_a_quarter(tmp_path: Path) -> None:
    made = generate(tmp_path / "landing", days=115, scale=0.2)
    platform = open_estate(tmp_path / "landing", tmp_path / "home")
    write_gold(platform, made.start, made.end, ["fact_audit_logs"])
    write_features(platform, made.start, made.end, ["security_features"])
    gold = read_rows(platform, "gold.fact_audit_logs")
    features = frame_of(security_rows(gold), contract("features", "security_features"))
    late = made.start + timedelta(days=85)
    assert_same_rows(
        "features.security_features",
        read_rows(platform, "features.security_features", late, made.end),
        [row for row in rows_of(features) if row["event_date"] >= late],
        KEY,
        tolerance=1e-9,
    )
    words = label_parameters(platform.settings.words)
    bounds = {"start_date": made.start, "end_date": made.end}
    rows = platform.engine.rows(Query(label_sql("security"), {**bounds, **words}))
    known = [row for row in rows if row[LABEL] is not None]
    found = [{**{k: row[k] for k in KEY}, LABEL: float(row[LABEL])} for row in known]
    labels = rows_of(security_labels({"security_features": features})[LABEL])
    expected = [row for row in labels if row[LABEL] is not None]
    assert_same_rows("labels of security", found, expected, KEY, tolerance=1e-9)
    assert {row[LABEL] for row in found} == {0, 1}
    assert len(known) < len(rows) == len(labels)

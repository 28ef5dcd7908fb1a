"""The page of a report: a file of its own that says what is stored, and no more than that."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.report.page import report_page
from ngm_assets_tests.monitoring.alerting.tables import (
    MODEL,
    OTHER,
    TABLE,
    day,
    drift,
    duckdb_engine,
    performance,
    quality,
    store,
)
from ngm_assets_tests.monitoring.report.rows import Page, Row, column, psi, texts

HOSTILE = "<script>alert(\"1\")</script> & 'quoted' $x^{$ \x00\x1b[2J\u202e 統計 🚨 " + "long" * 300
SEEN = "<script>alert(\"1\")</script> & 'quoted' $x^{$ [2J 統計 🚨 longlong"
LOST = "could_not_evaluate"


def alert(number: int, subject: str = TABLE, severity: str = "severe", **changes: Any) -> Row:
    """Return a row of `alerts` that is open."""
    return {
        "monitor_date": day(number),
        "alert_id": f"id-{subject}",
        "kind": "drift",
        "subject": subject,
        "severity": severity,
        "current_severity": severity,
        "state": "open",
        "event": "continued",
        "opened_on": day(0),
        "changed_on": day(0),
        "quiet_days": 0,
        "models": json.dumps([MODEL, OTHER]),
        "title": f"{subject} drifted",
        "detail": "storage_cost severe",
        "parts": "[]",
    } | changes


@pytest.fixture
def engine(tmp_path: Path) -> DuckDBEngine:
    """Return an engine over an empty lakehouse."""
    return duckdb_engine(tmp_path)


def page_of(
    engine: DuckDBEngine,
    tables: Mapping[str, Sequence[Row]],
    first: int = 0,
    last: int = 2,
) -> str:
    """Store rows and return the page of some days, which must be sound."""
    for table, rows in tables.items():
        store(engine, table, rows)
    page = report_page(engine, "local", day(first), day(last))
    assert Page(page).faults == []
    return page


FULL: Mapping[str, Sequence[Row]] = {
    "drift_metrics": [
        *(drift(number) for number in range(2)),
        drift(2, "severe"),
        column(2, "storage_cost", "severe"),
        psi(2, "storage_cost", 0.3),
        texts(2, "tag", ["a", "b"], [5, 5, 20], severity="moderate", status="drifted"),
    ],
    "model_performance": [
        performance(number, value_low=2.5, value_high=3.5, baseline_value=4.0, model_name=model)
        for number in range(3)
        for model in (MODEL, OTHER)
    ],
    "data_quality": [quality(2, "fresh", "failed"), quality(2, "nulls", "passed")],
    "alerts": [alert(2)],
}


def test_the_reader_of_pages_sees_what_is_wrong() -> None:
    for wrong in (
        "<p>",
        "<p></div></p>",
        "<script>1</script>",
        '<img src="x">',
        '<a href="https://a.example">x</a>',
        '<p onclick="x"></p>',
        '<p id="a"></p><p id="a"></p>',
        "<style>@import 'x'</style>",
        "<td/>",
    ):
        assert Page(wrong).faults, wrong
    assert Page('<p id="a">x<br></p><svg><path d="M0"/></svg>').faults == []


def test_a_page_needs_nothing_but_a_browser_and_says_everything(engine: DuckDBEngine) -> None:
    page = page_of(engine, FULL)
    said = Page(page).text
    for text in (
        f"Monitoring of local, {day(0)} to {day(2)}",
        "Open alerts: 1.",
        f"{MODEL}, {OTHER}",
        "storage_cost severe",
        f"{TABLE}.storage_cost",
        f"{MODEL} v1, PSI 0.300",
        "50.0 → 10.0 %",
        "mae, lower is better, 80 labels",
        "fresh says so.",
    ):
        assert text in said, text
    assert page.count("<svg") == 2
    assert "nulls" not in said


def test_the_same_rows_give_the_same_bytes(engine: DuckDBEngine, tmp_path: Path) -> None:
    first = page_of(engine, FULL)
    turned = {table: list(reversed(rows)) for table, rows in FULL.items()}
    assert page_of(duckdb_engine(tmp_path / "other"), turned) == first


def test_hostile_texts_are_shown_and_do_nothing(engine: DuckDBEngine) -> None:
    """Also no dollar sign makes a formula, and no letter without a glyph a warning."""
    names = {"table_name": HOSTILE, "model_name": HOSTILE, "reason": HOSTILE}
    page = page_of(
        engine,
        {
            "drift_metrics": [
                drift(2, "severe", **names),
                drift(1, status=LOST, **names),
                texts(2, HOSTILE, [HOSTILE, ""], [1, 2, 3], severity="severe", **names),
            ],
            "model_performance": [
                performance(2, model_name=HOSTILE, metric=HOSTILE, reason=HOSTILE),
                performance(2, model_name=f"2{HOSTILE}", value=None, reason=HOSTILE),
            ],
            "data_quality": [quality(2, HOSTILE, "failed", HOSTILE)],
            "alerts": [alert(2, HOSTILE, detail=HOSTILE, models=json.dumps([HOSTILE]))],
        },
    )
    read = Page(page)
    assert "<script" not in page
    assert "\x00" not in page and "\x1b" not in page and "\u202e" not in page
    assert read.text.count(SEEN.split()[0]) >= 10
    assert any(SEEN in title for title in read.cells)
    assert "(empty text)" in read.text


def test_the_heat_map_shows_the_worst_of_a_table_and_never_takes_silence_for_good(
    engine: DuckDBEngine,
) -> None:
    rows = [
        drift(0),
        drift(0, "moderate", model_name=OTHER),
        drift(1),
        drift(1, status=LOST, reason="empty_current", model_name=OTHER),
        drift(2, "critical"),
        drift(2, "severe", model_name=OTHER),
        drift(0, table_name="t.a", status=LOST, reason="gone"),
        drift(2, "severe", table_name="t.a"),
        drift(2, model_name=OTHER, table_name="t.a", status=LOST, reason="gone"),
        drift(1, table_name="t.b"),
    ]
    read = Page(page_of(engine, {"drift_metrics": rows}))
    assert read.cells == {
        f"{TABLE} {day(0)}: moderate {OTHER}": ("moderate", "m"),
        f"{TABLE} {day(1)}: not evaluated {OTHER}: empty_current": ("unknown", "?"),
        f"{TABLE} {day(2)}: critical {MODEL}": ("critical", "C"),
        f"t.a {day(0)}: not evaluated {MODEL}: gone": ("unknown", "?"),
        f"t.a {day(2)}: severe {MODEL}": ("severe", "s"),
        f"t.b {day(1)}: none ": ("none", "n"),
    }


def test_days_stand_newest_first_back_to_the_first_that_is_judged(engine: DuckDBEngine) -> None:
    page = page_of(engine, {"drift_metrics": [drift(5), drift(7)]}, 0, 8)
    shown = [text for text in Page(page).texts if text.startswith("06-")]
    assert shown == [f"{day(number):%m-%d}" for number in (8, 7, 6, 5)]


def test_a_model_that_cannot_be_evaluated_today_is_not_stable_from_yesterday(
    engine: DuckDBEngine,
) -> None:
    rows = [
        performance(1),
        performance(2, value=None, status=LOST, reason="no labels", labels=0),
        performance(1, model_name=OTHER, value=None, status=LOST, reason="nothing ripe", labels=0),
        performance(2, "severe", model_name="third"),
    ]
    read = Page(page_of(engine, {"model_performance": rows}))
    found = [("unknown", "not evaluated"), ("severe", "severe"), ("unknown", "not evaluated")]
    assert read.tags == found
    assert "Models with a live metric: 2 of 3." in read.text
    assert "0 labels; no labels" in read.text
    assert "nothing ripe" in read.text


def test_what_was_never_looked_at_is_not_called_good(engine: DuckDBEngine) -> None:
    page = page_of(engine, {"alerts": [alert(2)]})
    read = Page(page)
    for text in (
        "No drift was judged in these days.",
        "No column was compared.",
        "Nothing was measured in these days.",
        "Nothing was checked in these days.",
    ):
        assert text in read.text
    assert "passed" not in read.text
    assert read.cells == {}
    checked = Page(page_of(engine, {"data_quality": [quality(1, "fresh", "passed")]}))
    assert f"did not pass on {day(1)} All 1 passed." in checked.text


def test_alerts_that_nobody_looked_at_since_are_open_still(engine: DuckDBEngine) -> None:
    closed = alert(1, "t.closed", state="closed", event="closed")
    tables = {"drift_metrics": [drift(2)], "alerts": [alert(1, "t.open"), closed]}
    said = Page(page_of(engine, tables)).text
    assert f"Alerts as of {day(1)}" in said
    assert "t.open drifted" in said
    assert "t.closed" not in said


def test_the_worst_alerts_come_first_and_closed_ones_last(engine: DuckDBEngine) -> None:
    rows = [
        alert(2, "alpha", "moderate"),
        alert(2, "beta", "critical"),
        alert(2, "gamma", "critical", state="closed", event="closed"),
        alert(2, "delta", "severe"),
    ]
    said = Page(page_of(engine, {"alerts": rows})).text
    places = [said.index(f"{name} drifted") for name in ("beta", "delta", "alpha", "gamma")]
    assert places == sorted(places)
    assert "Open alerts: 3." in said


@pytest.mark.parametrize("last", [0, 2])
def test_one_stored_day_is_enough(engine: DuckDBEngine, last: int) -> None:
    rows = {name: [row | {"monitor_date": day(0)} for row in rows] for name, rows in FULL.items()}
    rows["drift_metrics"] = [drift(0, "severe"), column(0, "storage_cost", "severe")]
    rows["model_performance"] = [performance(0)]
    page = page_of(engine, rows, 0, last)
    assert len(Page(page).cells) == 1
    assert page.count("<svg") == 1


def test_without_rows_there_is_no_page(engine: DuckDBEngine) -> None:
    with pytest.raises(ConfigError, match="Nothing is stored of monitoring from") as refused:
        report_page(engine, "local", day(0), day(2))
    assert refused.value.mend
    store(engine, "drift_metrics", [drift(0)])
    with pytest.raises(ConfigError, match="Nothing is stored"):
        report_page(engine, "local", day(1), day(2))
    with pytest.raises(ConfigError, match="lies after"):
        report_page(engine, "local", day(1), day(0))

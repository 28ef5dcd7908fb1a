"""The benchmark's harness on sides that only wait: medians, ratios, verdicts, refusals."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from itertools import product
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ngm_assets.cli.app import main
from ngm_assets.errors import ConfigError
from ngm_assets.lakehouse.contract import Column
from ngm_assets_tests.bench import judging
from ngm_assets_tests.bench.harness import Bench, Outcome, Row, Sample, Side
from ngm_assets_tests.bench.metrics import worse_models
from ngm_assets_tests.bench.report import as_values, show_benchmark
from ngm_assets_tests.bench.rows import ROWS, judge_drift, judge_memory, judge_scoring, slope
from ngm_assets_tests.bench.running import run_benchmark
from ngm_assets_tests.bench.sides import gold_features
from ngm_assets_tests.lakehouse.tables import contract

THING = contract(Column(name="note", type="string", doc=""))
TOY = "ngm_assets_tests.bench.sides.toy"
MADE = Side("made", f"{TOY}:made")


def row(peer: str, least: float = 2.0) -> Row:
    """Return a row that compares the quick side with a peer."""
    sides = Side("ours", f"{TOY}:quick"), Side("peer", f"{TOY}:{peer}")
    judged = partial(judging.faster, least=least)
    return Row("toy", "Waiting.", "waiting", f">= {least}", sides, judged, (MADE,), "it waits")


def sample(seconds: float, peak: float = 1.0, **told: object) -> Sample:
    """Return a sample that was not measured."""
    return Sample(seconds, seconds, peak, told=told)


def test_sides_run_in_turn_and_the_medians_give_the_ratio(tmp_path: Path) -> None:
    turns: list[str] = []
    bench = Bench(tmp_path, "small", 3, told=lambda label, _done, _all: turns.append(label))
    outcome, samples = bench.measure(row("slow"))
    assert turns == ["made", *["ours", "peer"] * 3]
    assert outcome.verdict == "met"
    middle = {label: statistics.median(s.seconds for s in some) for label, some in samples.items()}
    assert outcome.ours == middle["ours"] < 0.4 <= middle["peer"] == outcome.peer
    assert outcome.ratio == middle["peer"] / middle["ours"] > 2
    assert all(s.parts["not counted"] >= 0.4 for s in samples["ours"])
    assert all(5 < s.peak_mib < 500 for some in samples.values() for s in some)
    assert not list(tmp_path.glob("run_*"))
    bench.measure(row("slow", least=1000))
    assert turns.count("made") == 1


def test_a_peer_with_another_result_gives_no_ratio(tmp_path: Path) -> None:
    outcome, samples = Bench(tmp_path, "small", 1).measure(row("wrong"))
    assert (outcome.verdict, outcome.ratio) == ("failed", None)
    assert "peer: /number 7.0 and 8.0" in outcome.notes[0]
    assert as_values(row("wrong"), outcome, samples)["ratio"] is None


def test_a_peer_that_fails_or_never_ends_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "small", 1)
    broken, _ = bench.measure(row("broken"))
    assert broken.verdict == "not measured"
    assert "nothing at 1.0" in broken.notes[0]
    bench.limit = 4.0
    endless, samples = bench.measure(row("endless"))
    assert endless.verdict == "met"
    assert samples["peer"][0].stopped
    assert "a bound" in endless.notes[-1]
    assert samples["peer"][0].told == {"result": {"half": 1}}


def test_verdicts_from_both_sides_of_a_goal() -> None:
    same = {"ours": [sample(2.0, result=1)], "peer": [sample(10.0, result=1)]}
    assert judging.faster(same, 5).verdict == "met"
    assert judging.faster(same, 5.1).verdict == "not met"
    assert judging.hardly_slower(same, 0.2).verdict == "met"
    assert judging.hardly_slower(same, 0.19).verdict == "not met"
    stopped = {**same, "peer": [Sample(10.0, 0, 0, stopped=True)]}
    assert judging.faster(stopped, 6).verdict == "not measured"


def test_what_is_the_same_and_what_is_not() -> None:
    one = {"a": [1, 2.0], "b": "x"}
    assert judging.unlike(one, {"a": [1, 2.0000000001], "b": "x"}) == []
    assert judging.unlike(one, {"a": [1, 2.1], "b": "x"}) == ["/a[1] 2.0 and 2.1"]
    assert len(judging.unlike(one, {"a": [1], "c": "x"})) == 3
    assert judging.unlike(True, 2) != []
    assert judging.unlike({"rows": 19_000_000}, {"rows": 19_000_001}) != []


def test_a_loop_that_scores_other_rows_is_no_peer() -> None:
    ours = {"ours": [sample(1.0, result={"a": {"rows": 3}})]}
    peer = {"peer": [sample(5.0, result={"a": {"rows": 3}})]}
    assert judge_scoring({**ours, **peer, "bare": [sample(2.0, rows={"a": 3})]}).verdict == "met"
    assert judge_scoring({**ours, **peer, "bare": [sample(2.0, rows={"a": 2})]}).verdict == "failed"


def test_a_value_in_another_row_makes_another_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gold_features, "tables_made", lambda: {THING.full_name: THING})
    ids, notes = (["a", "b"], ["c", "a"]), (["x", "y"], ["y", "x"])
    found = []
    for place, (id_, note) in enumerate(product(ids, notes)):
        (tmp_path / str(place)).mkdir()
        day, value = [date(2024, 3, 4)] * 2, [1, 2]
        table = pa.table({"id": id_, "day": day, "value": value, "note": note})
        pq.write_table(table, tmp_path / str(place) / "a.parquet")
        folders = {THING.full_name: str(tmp_path / str(place))}
        found.append(gold_features.described(folders, delta=False)[THING.full_name])
    assert found[0]["note"] == found[1]["note"]
    assert found[0]["id"] != found[2]["id"]
    assert len({each["whole_rows"] for each in found}) == 4


def test_memory_growth_and_a_missing_peer() -> None:
    small, large = sample(1, 1000.0), sample(1, 1400.0)
    others = {"training": [large], "scoring": [small]}
    assert judge_memory({"ours": [small], "4 x": [large], **others}).verdict == "met"
    huge = {"ours": [small], "4 x": [sample(1, 1600.0)], **others}
    assert judge_memory(huge).verdict == "not met"
    assert slope({0.25: 1.0, 1.0: 4.0, 4.0: 16.0}) == pytest.approx(1.0)
    same = {"ours": [sample(1.0, result=1)], "scipy": [sample(2.0, result=1)]}
    missing = judge_drift({**same, "peer": [sample(0.0, missing=True)]})
    assert missing.verdict == "not measured"
    assert "pip install evidently" in missing.notes[0]
    assert "2.00 x" in missing.notes[1]


def test_the_report_names_the_cause_of_a_gap(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome("not met", 1.5, 2.0, 3.0, ("A note.",))
    report = {
        "scale": "small",
        "machine": {
            "processor": "some",
            "processors": 2,
            "memory_gib": 1,
            "kernel": "k",
            "python": "3",
            "libraries": {},
            "load_before": [0],
        },
        "rows": [as_values(row("slow"), outcome, {"ours": [sample(2.0)]})],
    }
    show_benchmark(report)
    shown = capsys.readouterr().out
    assert "not met" in shown
    assert "cause: it waits" in shown
    assert "A note." in shown


def _stage(_title: str) -> Callable[[str, int, int], None]:
    return lambda _label, _done, _total: None


def test_rows_and_scales_that_are_not_there() -> None:
    for scale, only, repeat in (("small", ["nothing"], 1), ("huge", [], 1), ("small", [], 0)):
        with pytest.raises(ConfigError):
            run_benchmark(scale, only, repeat, None, _stage, print)
    names = [each.name for each in ROWS]
    assert len(names) == len(set(names)) == 8


def test_the_command_writes_what_it_measured(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    words = ["--only", "loading", "--repeat", "1", "--work", str(tmp_path), "--json", str(file)]
    assert main(["bench", *words]) == 0
    report = json.loads(file.read_text())
    (loading,) = report["rows"]
    assert loading["name"] == "loading"
    (run,) = loading["samples"]["ours"]
    assert run["told"]["heavy"] == []
    assert run["seconds"] == loading["ours"] > 0
    assert report["machine"]["processors"] >= 1


def test_the_command_says_where_the_benchmark_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ngm_assets_tests.bench.running", None)
    assert main(["bench"]) == 1
    assert "checkout of the source" in capsys.readouterr().err


def test_models_judged_on_other_rows_are_not_compared() -> None:
    def told(value: float, rows: int) -> dict[str, object]:
        return {"metric": "mae", "value": value, "seconds": 1.0, "rows": {"holdout": rows}}

    ours = {"models": {"a": told(2.0, 5), "b": told(2.0, 5), "c": told(2.0, 4)}}
    theirs = {"models": {"a": told(1.0, 5), "b": told(3.0, 5), "c": told(1.0, 5)}}
    worse, lines, detail = worse_models(ours, theirs)
    assert (worse, set(detail)) == (["a"], {"a", "b"})
    assert any("not compared: c" in line for line in lines)

"""Sinks are found by name, entry point or path and checked at load; log and file tell it all."""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.alerting.sinks.base import DeliveryError, Sink, SinkOptions, Surroundings
from ngm_assets.monitoring.alerting.sinks.file import FileOptions, FileSink
from ngm_assets.monitoring.alerting.sinks.log import LOGGER, LogSink
from ngm_assets.monitoring.alerting.sinks.registry import GROUP, resolve_sinks
from ngm_assets_tests.monitoring.alerting.own_sinks import Pager
from ngm_assets_tests.monitoring.alerting.tables import TABLE, message, settings_of

OWN = "ngm_assets_tests.monitoring.alerting.own_sinks"


def resolved(root: Path, kind: str, **options: Any) -> Sink:
    """Return the sink of a type with options."""
    sink = {"name": "mine", "type": kind, "options": options}
    return resolve_sinks(settings_of(root, sink), {})["mine"]


def here(root: Path) -> Surroundings:
    """Return a place on this machine."""
    return Surroundings("local", root, True, {})


def test_sinks_are_named_by_registration_path_or_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "others-1.0.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (made / "entry_points.txt").write_text(f"[{GROUP}]\npager = {OWN}:Pager\n")
    monkeypatch.syspath_prepend(tmp_path)
    for kind in ("pager", f"{OWN}:Pager"):
        found = resolved(tmp_path, kind, number=7)
        assert isinstance(found, Pager)
        assert (found.number, found.environment) == (7, "local")
    assert isinstance(resolved(tmp_path, "log"), LogSink)
    resolved(tmp_path, "file")
    resolved(tmp_path, "webhook", address_variable="NOT_SET")
    assert not (tmp_path / "alerts.jsonl").exists()


@pytest.mark.parametrize(
    ("kind", "options", "told", "where"),
    [
        ("webhok", {}, "Unknown alert sink 'webhok'", "monitoring.alerts.sinks.mine.type"),
        (f"{OWN}:Nobody", {}, "Unknown alert sink", "monitoring.alerts.sinks.mine.type"),
        (f"{OWN}:function", {}, "is no class", "monitoring.alerts.sinks.mine.type"),
        (f"{OWN}:Optionless", {}, "has no `Options`", "monitoring.alerts.sinks.mine.type"),
        (f"{OWN}:Mute", {"number": 1}, "cannot `send`", "monitoring.alerts.sinks.mine.type"),
        (f"{OWN}:Picky", {"number": 1}, "Nobody has this number", "monitoring.alerts.sinks.mine"),
        (f"{OWN}:Fragile", {"number": 1}, "RuntimeError", "monitoring.alerts.sinks.mine.type"),
        (f"{OWN}:Pager", {}, "number: Field required", "monitoring.alerts.sinks.mine.options"),
        ("webhook", {}, "address_variable: Field", "monitoring.alerts.sinks.mine.options"),
        ("log", {"level": 1}, "level: Extra inputs", "monitoring.alerts.sinks.mine.options"),
    ],
)
def test_a_sink_that_cannot_work_is_refused_at_load(
    tmp_path: Path, kind: str, options: dict[str, Any], told: str, where: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        resolved(tmp_path, kind, **options)
    assert told in refused.value.what
    assert refused.value.where == where
    assert refused.value.mend
    assert "number 7" not in str(refused.value)


@pytest.mark.parametrize("field", ["address_variable", "secret_variable", "url"])
def test_a_secret_put_in_the_settings_by_mistake_is_not_repeated(
    tmp_path: Path, field: str
) -> None:
    options = {"address_variable": "HOOK", field: "https://hooks.example/secret"}
    with pytest.raises(ConfigError) as refused:
        resolved(tmp_path, "webhook", **options)
    assert field in str(refused.value)
    assert "hooks.example" not in str(refused.value)


def test_the_log_gets_a_line_that_nobody_can_forge(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = LogSink(SinkOptions(), here(tmp_path))
    with caplog.at_level(logging.DEBUG, LOGGER):
        sink.send(message(severity="critical", detail="x\nCRITICAL forged %s \x1b[2J"))
        sink.send(message(severity="moderate"))
        sink.send(message(event="closed"))
    levels = [(record.name, record.levelno) for record in caplog.records]
    assert levels == [(LOGGER, logging.CRITICAL), *[(LOGGER, logging.WARNING)] * 2]
    text = caplog.records[0].getMessage()
    assert text.startswith(f"[local] critical: {TABLE} drifted x CRITICAL forged %s [2J (alert ")
    assert text.isprintable()
    assert "recovered" in caplog.records[2].getMessage()


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the JSON lines of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_file_is_in_the_home_and_gets_a_line_per_message(tmp_path: Path) -> None:
    sink = FileSink(FileOptions(), here(tmp_path / "home"))
    sink.send(message(detail="first\nsecond"))
    sink.send(message(event="closed"))
    found = lines(tmp_path / "home" / "alerts.jsonl")
    assert [each["event"] for each in found] == ["opened", "closed"]
    assert found[0]["detail"] == "first\nsecond"
    FileSink(FileOptions(path=Path("sub/a.jsonl")), here(tmp_path)).send(message())
    assert len(lines(tmp_path / "sub" / "a.jsonl")) == 1


def test_a_line_that_was_left_unfinished_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_text('{"event": "ope', encoding="utf-8")
    FileSink(FileOptions(), here(tmp_path)).send(message())
    torn, whole = path.read_text(encoding="utf-8").splitlines()
    assert torn == '{"event": "ope'
    assert json.loads(whole)["alert_id"] == "0123456789ab"


def test_a_full_disk_takes_the_line_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FileSink(FileOptions(), here(tmp_path))
    sink.send(message())
    before = (tmp_path / "alerts.jsonl").read_bytes()
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, data: write(handle, data[:10]))
        with pytest.raises(DeliveryError, match=os.strerror(errno.ENOSPC)):
            sink.send(message())
    assert (tmp_path / "alerts.jsonl").read_bytes() == before


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "alerts.jsonl").mkdir()
    with pytest.raises(DeliveryError, match=r"alerts\.jsonl cannot be written"):
        FileSink(FileOptions(), here(tmp_path)).send(message())


def test_writers_at_the_same_time_do_not_mix_their_lines(tmp_path: Path) -> None:
    sink = FileSink(FileOptions(), here(tmp_path))

    def write(name: str) -> None:
        for _ in range(20):
            sink.send(message(alert_id=name, detail=name * 5000))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = lines(tmp_path / "alerts.jsonl")
    assert len(found) == 60
    assert all(set(each["detail"]) == {each["alert_id"]} for each in found)


def test_a_file_on_a_cluster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="dev"):
        FileSink(FileOptions(), Surroundings("dev", tmp_path, False, {}))

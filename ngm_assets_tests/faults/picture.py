"""Pictures of a home: rows and values of tables, versions and aliases; and how two differ."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Query
from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.orchestration import open_instance
from ngm_assets.platform import Platform, open_platform, open_registry
from ngm_assets.predictions.partition import WHEN_AND_WHO
from ngm_assets.settings import Settings, load_settings
from ngm_assets_tests.comparing import plain
from ngm_assets_tests.faults.verdict import Verdict, failed

if TYPE_CHECKING:
    import pyarrow as pa

LEFT_OUT_OF_ROWS = WHEN_AND_WHO
"""Columns that rightly differ between two runs: the time of scoring and the Dagster run."""
LEFT_OUT_OF_VERSIONS = (
    *("mlflow run id", "dagster_run", "promoted_at", "promoted_by", "archived_at", "archived_by"),
    *("feature_table_version", "git_sha"),
)
"""Of a version: ids of runs, when and by which run it was decided on, and the number of the Delta
commit it was trained from; everything in `KEPT` is compared, the number of the version too."""
KEPT = (
    *("training_key", "dataset_fingerprint", "as_of", "trained_through", "training_window"),
    *("holdout_window", "rows_train", "rows_holdout", "rows_refit", "gates", "gates_reason"),
    *("complete", "status", "promotion", "promoted_reason", "archived_reason", "duplicate_of"),
)
Versions = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Picture:
    """What a home holds.

    Attributes:
        tables: Digest of rows and values by table.
        versions: What identifies every version, half-written ones too, by model.
        runs: MLflow runs by training key.
    """

    tables: Mapping[str, str] = field(default_factory=dict)
    versions: Versions = field(default_factory=dict)
    runs: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def settings_of(home: Path) -> Settings:
    """Return the settings a home remembers."""
    return load_settings(env="local", home=home, environ={})


def take(settings: Settings, tables: Iterable[str], models: Sequence[str] = ()) -> Picture:
    """Take a picture of some tables and models."""
    platform = open_platform(settings)
    return Picture(
        {name: digest(platform, name) for name in tables},
        versions_of(settings, models) if models else {},
        runs_of(settings) if models else {},
    )


def stored(platform: Platform, name: str) -> pa.Table:
    """Return a table sorted by its key, without what rightly differs."""
    contract = platform.contracts[name]
    rows = local_engine(platform).arrow(Query(f"SELECT * FROM {name}", {}))
    rows = rows.drop_columns([c for c in LEFT_OUT_OF_ROWS if c in rows.column_names])
    order = dict.fromkeys((contract.partition, *contract.key))
    return rows.sort_by([(column, "ascending") for column in order])


def local_engine(platform: Platform) -> DuckDBEngine:
    """Return the engine of a home on this machine."""
    if not isinstance(platform.engine, DuckDBEngine):
        raise TypeError(platform.engine)
    return platform.engine


def digest(platform: Platform, name: str) -> str:
    """Return the sha256 of a table's rows and values, to the bit, whatever their order."""
    import pyarrow as pa

    rows = stored(platform, name).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema.remove_metadata()) as stream:
        stream.write_table(rows.replace_schema_metadata(None))
    return hashlib.sha256(sink.getvalue()).hexdigest()


def versions_of(settings: Settings, models: Sequence[str]) -> Versions:
    """Return what identifies every version and the bytes of its model, by model."""
    registry = open_registry(settings)
    return {
        name: [
            {
                "version": info.version,
                "aliases": sorted(info.aliases),
                "files": _model_files(registry.store.artifacts(info.run_id)),
                **{tag: info.tags[tag] for tag in KEPT if tag in info.tags},
            }
            for info in registry.store.all_versions(name)
        ]
        for name in models
    }


def _model_files(folder: Path) -> dict[str, str]:
    """Return the sha256 of the files a model consists of; MLmodel names its run and is left out."""
    files = [*folder.glob("model/model.*"), folder / "ngm" / "fitted.json"]
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files if f.is_file()}


def runs_of(settings: Settings) -> dict[str, int]:
    """Return how many MLflow runs there are of each training."""
    store = open_registry(settings).store
    found = store.client.search_runs([store.experiment_id()])
    return dict(Counter(run.data.tags["training_key"] for run in found if _trained(run)))


def _trained(run: Any) -> bool:
    return "training_key" in run.data.tags


def compare(settings: Settings, wanted: Picture, wanted_home: Path) -> Verdict:
    """Compare a home with a picture of the undisturbed result, kept with its home."""
    found = take(settings, wanted.tables, tuple(wanted.versions))
    verdict = Verdict()
    for name, bits in wanted.tables.items():
        if found.tables[name] != bits:
            verdict += _rows_differ(settings, settings_of(wanted_home), name)
    for model, versions in wanted.versions.items():
        verdict += _versions_differ(model, found.versions[model], versions)
    many = {key: n for key, n in found.runs.items() if n > 1}
    if many:
        verdict += Verdict(doubled=sum(many.values()) - len(many), faults=(f"runs: {many}",))
    return verdict


def _rows_differ(settings: Settings, wanted: Settings, name: str) -> Verdict:
    key = open_platform(settings).contracts[name].key
    mine, theirs = (_texts(open_platform(each), name, key) for each in (settings, wanted))
    lost = sum((theirs - mine).values())
    keys = Counter(k for k, _ in mine.elements())
    due = Counter(k for k, _ in theirs.elements())
    doubled = sum((keys - due).values())
    if not lost and not doubled:
        return Verdict()
    return Verdict(lost, doubled, (f"{name}: {lost} rows lost or changed, {doubled} too many",))


def _texts(platform: Platform, name: str, key: Sequence[str]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for row in stored(platform, name).to_pylist():
        tidy = {column: plain(value) for column, value in row.items()}
        found[repr([tidy[column] for column in key]), repr(sorted(tidy.items()))] += 1
    return found


def _versions_differ(
    model: str, found: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]
) -> Verdict:
    mine, theirs = (
        Counter(json.dumps(v, sort_keys=True) for v in each) for each in (found, wanted)
    )
    lost = sum((theirs - mine).values())
    doubled = max(0, len(found) - len(wanted))
    if not lost and not doubled:
        return Verdict()
    words = f"{model}: versions {list((mine - theirs).elements())} instead of "
    return Verdict(lost, doubled, (words + f"{list((theirs - mine).elements())}",))


def between(
    settings: Settings, before: Picture, after: Picture, *, readable: bool = True
) -> Verdict:
    """Tell whether each table is wholly as before or wholly as after; nothing in between."""
    platform = open_platform(settings)
    verdict = unreadable(settings) if readable else Verdict()
    if verdict.faults:
        return verdict
    for name in after.tables:
        if digest(platform, name) not in (before.tables.get(name), after.tables[name]):
            verdict += Verdict(lost=1, faults=(f"{name}: a reader sees rows of neither state",))
    return verdict


def unreadable(settings: Settings) -> Verdict:
    """Tell of tables that name data files which are not there."""
    from deltalake import DeltaTable

    verdict = Verdict()
    for log in settings.delta_root.glob("*/*/_delta_log"):
        table = DeltaTable(log.parent)
        named = table.get_add_actions(flatten=True).column("path").to_pylist()
        gone = [path for path in named if not (log.parent / path).is_file()]
        if gone:
            verdict += failed(f"{log.parent.name}: no file {gone[0]}")
    return verdict


def stuck(settings: Settings, *, registry: bool) -> Verdict:
    """Tell of Dagster runs, and with the registry of MLflow runs, that count as going on."""
    verdict = Verdict()
    with open_instance(settings) as instance:
        left = [run for run in instance.get_runs() if not run.is_finished]
    if left:
        verdict += failed(f"Dagster runs still {[run.status.value for run in left]}")
    if registry:
        store = open_registry(settings).store
        found = store.client.search_runs([store.experiment_id()], "attributes.status = 'RUNNING'")
        if found:
            verdict += failed(f"MLflow runs still RUNNING: {[r.info.run_name for r in found]}")
    return verdict

"""What is known of a model's versions, one by one and two side by side, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import RegistryError
from ngm_assets.models.registry.versions import CHALLENGER, VersionInfo, newest_promoted

if TYPE_CHECKING:
    from ngm_assets.models.registry.registry import ModelRegistry

TOP = 5
VERBS = ("promoted", "archived", "rolled_back", "reinstated")
DATA_TAGS = (
    "dataset_fingerprint",
    "feature_table",
    "feature_table_version",
    "feature_table_fingerprint",
    "feature_contract_fingerprint",
    "label_sql_hash",
)
CODE_TAGS = ("git_sha", "seed")


def history(registry: ModelRegistry, model: str) -> list[dict[str, Any]]:
    """Return a row per version, oldest number first: what it is worth and what became of it.

    Keys: version, as_of, trained_through, metric, value, low, high, baseline, gates,
    gates_reason, standing, aliases, run_id, and promoted, archived, rolled_back, reinstated: each
    `{by, at, reason}` or None. Values are those of the holdout, in the metric's own unit.

    Raises:
        RegistryError: The model has no complete version.
    """
    return [_row(registry, info) for info in _versions(registry, model)]


def compare(
    registry: ModelRegistry, model: str, numbers: tuple[int, int] | None = None
) -> dict[str, Any]:
    """Set two versions side by side.

    Args:
        registry: Where they are registered.
        model: Name of the model.
        numbers: Versions to compare; None = the champion and the challenger, or, where they are
            the same, the champion and the newest other version.

    Returns:
        model; versions: a mapping per version with metric, interval, baseline, secondary metrics,
        gates, windows, rows, top features; `head_to_head`: the newer against the older on rows
        new to both, where its training compared them, else None; and `differs`: what differs in
        specification, features, data, code and libraries, as pairs.

    Raises:
        RegistryError: A version is unknown, or there is only one.
    """
    known = _versions(registry, model)
    first, second = _chosen(registry, known, numbers)
    records = {info.version: registry.evaluation_of(info) for info in (first, second)}
    specs = [registry.specification_of(info) for info in (first, second)]
    return {
        "model": model,
        "versions": [_side(info, records[info.version]) for info in (first, second)],
        "head_to_head": _head_to_head(first, second, records),
        "differs": _differences(first, second, specs),
    }


def _versions(registry: ModelRegistry, model: str) -> tuple[VersionInfo, ...]:
    found = registry.versions(model)
    if not found:
        raise RegistryError(
            f"{model} has no version yet.",
            where=registry.store.name(model),
            mend="Train it first: run `ngm run`, or materialise its asset.",
        )
    return found


def _row(registry: ModelRegistry, info: VersionInfo) -> dict[str, Any]:
    params, metrics = registry.store.logged(info.run_id)
    name = params.get("metric", "")
    return {
        "version": info.version,
        "as_of": info.as_of.isoformat(),
        "trained_through": info.trained_through.isoformat(),
        "metric": name,
        "value": metrics.get(name),
        "low": metrics.get(f"{name}_low"),
        "high": metrics.get(f"{name}_high"),
        "baseline": metrics.get(f"baseline_{name}"),
        "gates": info.tags.get("gates", ""),
        "gates_reason": info.tags.get("gates_reason", ""),
        "standing": info.standing,
        "aliases": list(info.aliases),
        "run_id": info.run_id,
        **{verb: _deed(info, verb) for verb in VERBS},
    }


def _deed(info: VersionInfo, verb: str) -> dict[str, str] | None:
    deed = info.deed(verb)
    if deed is None:
        return None
    return {"by": deed.who, "at": deed.when.isoformat(), "reason": deed.reason}


def _chosen(
    registry: ModelRegistry, known: Sequence[VersionInfo], numbers: tuple[int, int] | None
) -> tuple[VersionInfo, VersionInfo]:
    model = known[0].model
    if numbers is not None:
        first, second = (registry.version(model, number) for number in numbers)
        return first, second
    newest = sorted(known, key=lambda info: info.order, reverse=True)
    champion = newest_promoted(known) or newest[-1]
    challengers = [info for info in newest if CHALLENGER in info.aliases]
    others = [info for info in (*challengers, *newest) if info.version != champion.version]
    if not others:
        raise RegistryError(
            f"{model} has only version {champion.version}.",
            where=registry.store.name(model),
            mend="Train another Monday first.",
        )
    return champion, others[0]


def _side(info: VersionInfo, record: Mapping[str, Any]) -> dict[str, Any]:
    measured, baseline = record["measured"], record["baseline"]
    return {
        "version": info.version,
        "as_of": info.as_of.isoformat(),
        "standing": info.standing,
        "aliases": list(info.aliases),
        "metric": measured["metric"],
        "value": measured["value"],
        "low": measured["low"],
        "high": measured["high"],
        "baseline": baseline["theirs"],
        "baseline_gain": baseline["gain"],
        "secondary": record["secondary"],
        "gates": {
            gate["name"]: {"passed": gate["passed"], "detail": gate["detail"]}
            for gate in record["decision"]["gates"]
        },
        "verdict": record["decision"]["reason"],
        "window": record["window"],
        "rows": record["rows"],
        "top_features": dict(list(_largest(record["importance"]))[:TOP]),
    }


def _largest(importance: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(importance.items(), key=lambda item: (-item[1], item[0]))


def _head_to_head(
    first: VersionInfo, second: VersionInfo, records: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any] | None:
    older, newer = sorted((first, second), key=lambda info: info.order)
    record = records[newer.version]
    if record["champion_version"] != older.version or record["champion"] is None:
        return None
    return {"newer": newer.version, "older": older.version, **record["champion"]}


def _differences(
    first: VersionInfo, second: VersionInfo, specs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    flat = [_flat({k: v for k, v in spec.items() if k != "features"}) for spec in specs]
    lists = [list(spec.get("features", ())) for spec in specs]
    tags = (first.tags, second.tags)
    libraries = [{k: v for k, v in t.items() if k.startswith("library_")} for t in tags]
    return {
        "specification": _pairs(*flat),
        "features_only_in_first": [name for name in lists[0] if name not in lists[1]],
        "features_only_in_second": [name for name in lists[1] if name not in lists[0]],
        "data": _pairs(*({name: t.get(name, "") for name in DATA_TAGS} for t in tags)),
        "code": _pairs(*({name: t.get(name, "") for name in CODE_TAGS} for t in tags)),
        "libraries": _pairs(*libraries),
    }


def _flat(values: Mapping[str, Any], front: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{front}{name}.")
        else:
            found[front + name] = value
    return found


def _pairs(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, list[Any]]:
    names = sorted({*first, *second})
    pairs = {name: [first.get(name), second.get(name)] for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

"""An MLflow client that dies after a given write, and what a registry holds, to compare."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ngm_assets.models.candidate import Candidate
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.models.registry.versions import VersionInfo

WHEN = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)
MONDAYS = tuple(date(2026, 5, 4) + timedelta(days=7 * week) for week in range(4))
WRITES = frozenset(
    {
        "create_experiment",
        "create_run",
        "log_batch",
        "log_inputs",
        "log_artifacts",
        "set_terminated",
        "create_registered_model",
        "update_registered_model",
        "set_registered_model_tag",
        "create_model_version",
        "set_registered_model_alias",
        "set_model_version_tag",
        "delete_model_version_tag",
    }
)


class CrashError(RuntimeError):
    """The process died here."""


class CountingClient:
    """An MLflow client that dies after a given write; the write itself has happened."""

    def __init__(self, real: Any, die_after: int | None = None) -> None:
        """Wrap `real`; die after write number `die_after`, 0 = before the first."""
        self.real, self.die_after, self.writes = real, die_after, 0

    def __getattr__(self, name: str) -> Any:
        """Return the real method, counted if it writes."""
        method = getattr(self.real, name)
        return self._counted(method) if name in WRITES else method

    def _counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self.die_after == 0:
                raise CrashError
            result = method(*args, **kwargs)
            self.writes += 1
            if self.writes == self.die_after:
                raise CrashError
            return result

        return call


def inputs_of(run: Any) -> list[Any]:
    """Return the data sets an MLflow run was given."""
    return list(run.inputs.dataset_inputs)


def publish(registry: ModelRegistry, candidate: Candidate) -> VersionInfo:
    """Register and promote."""
    info = registry.register(candidate)
    return registry.promote(info.model, info.version, candidate.decision, "a test", WHEN, "good")


def state(registry: ModelRegistry, model: str) -> dict[str, Any]:
    """Return all there is of a model, except ids and names that must differ."""
    store = registry.store
    experiment = store.experiment_id()
    runs = store.client.search_runs([experiment], f"tags.model = '{model}'")
    own = {"training_key", "model", "spec_hash"}
    return {
        "versions": {
            info.version: (
                {name: text for name, text in info.tags.items() if name not in own},
                info.aliases,
            )
            for info in store.all_versions(model)
        },
        "runs": sorted(
            (
                run.info.status,
                sorted(run.data.params.items()),
                sorted(run.data.metrics.items()),
                sorted(f.path for f in store.client.list_artifacts(run.info.run_id)),
                [given.dataset.name for given in inputs_of(run)],
            )
            for run in runs
        ),
    }

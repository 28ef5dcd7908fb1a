"""The MLflow run that stands for a whole training run, above the runs of its models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ngm_assets.models.registry.abandoned import end_abandoned

if TYPE_CHECKING:
    from ngm_assets.models.lifecycle import TrainingOutcome
    from ngm_assets.models.registry.mlflow_store import MlflowStore

Told = Callable[["TrainingOutcome"], None]
Started = tuple[str, Callable[[str], None]]
COUNTED = {
    "promoted": "models_promoted",
    "refused": "models_refused",
    "rolled back": "models_rolled_back",
    "no version": "models_without_version",
}
TRAINED, REUSED, FAILED = "models_trained", "models_reused", "models_failed"


class ParentRun:
    """The MLflow run above the runs of a training run's models, started on first use.

    A training run that trains nothing new leaves no MLflow run behind. At its end it says how many
    models were trained, found again, promoted, refused, without a version, and failed.

    Args:
        store: Where runs are tracked.
        start: Starts the run, or takes up the one another process of the same Dagster run has
            started; returns its id and what ends it, called with FINISHED or FAILED.
    """

    def __init__(self, store: MlflowStore, start: Callable[[], Started]) -> None:
        """Remember how to start; MLflow is not loaded before the first use."""
        self._store = store
        self._start = start
        self._started: Started | None = None
        self._counts: Counter[str] = Counter()
        self._failed: list[str] = []
        self._swept = False

    def run_id(self) -> str:
        """Return the id of the parent run; start it if this is the first use."""
        if self._started is None:
            self._started = self._start()
        return self._started[0]

    @contextmanager
    def watching(self, model: str) -> Iterator[Told]:
        """Count what becomes of a model: the outcome that is told, or that the block failed.

        On a local store, what processes that died left unfinished is ended first.
        """
        try:
            if self._store.local and not self._swept:
                end_abandoned(self._store)
                self._swept = True
            yield self._told
        except Exception:
            self._failed.append(model)
            raise

    def _told(self, outcome: TrainingOutcome) -> None:
        self._counts[COUNTED[outcome.word]] += 1
        if outcome.version is not None:
            self._counts[REUSED if outcome.reused else TRAINED] += 1

    def end(self) -> None:
        """Write the counts and end the run, if it was started; a failed model fails it."""
        if self._started is None:
            return
        run_id, finish = self._started
        client = self._store.client
        before = client.get_run(run_id).data
        known = before.tags.get("failed_models", "").split(", ")
        failed = sorted({name for name in (*known, *self._failed) if name})
        for name in (TRAINED, REUSED, *COUNTED.values()):
            client.log_metric(run_id, name, before.metrics.get(name, 0.0) + self._counts[name])
        client.log_metric(run_id, FAILED, len(failed))
        if failed:
            client.set_tag(run_id, "failed_models", ", ".join(failed))
        finish("FAILED" if failed else "FINISHED")

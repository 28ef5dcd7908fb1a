"""Named points between two writes at which a child kills itself; put in by the child alone."""

from __future__ import annotations

import importlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ngm_assets_tests.models.dying import WRITES

PLACES = (
    "deltalake:write_deltalake",
    "deltalake:DeltaTable.create",
    "ngm_assets.gold.assets:materialized",
    "ngm_assets.features.assets:materialized",
    "ngm_assets.predictions.assets:materialized",
    "ngm_assets.models.lifecycle:train",
    "ngm_assets.models.registry.mlflow_store:write_artifacts",
    *(f"mlflow:MlflowClient.{name}" for name in sorted(WRITES)),
)
"""Functions before and after which a point lies: each write to a table or a registry is one."""


class Points:
    """Counts the points a child passes, and kills its process group at one of them.

    Args:
        fatal: Name of the point to die at; empty = none.
    """

    def __init__(self, fatal: str = "") -> None:
        self.fatal = fatal
        self.passed: list[str] = []
        self._calls: Counter[str] = Counter()

    def pass_by(self, name: str) -> None:
        """Note a point, and die there if it is the one."""
        self.passed.append(name)
        if name == self.fatal:
            os.killpg(0, signal.SIGKILL)

    def install(self) -> None:
        """Wrap the functions of `PLACES`; only ever called in a forked child."""
        for place in PLACES:
            module, _, path = place.partition(":")
            owner: Any = importlib.import_module(module)
            *outer, last = path.split(".")
            for name in outer:
                owner = getattr(owner, name)
            setattr(owner, last, self._wrapped(getattr(owner, last), last))

    def _wrapped(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._calls[name] += 1
            label = f"{name} {self._calls[name]}"
            self.pass_by(f"before {label}")
            if name == "write_deltalake":
                args = (args[0], self._rows(args[1], label), *args[2:])
            result = function(*args, **kwargs)
            self.pass_by(f"after {label}")
            return result

        return call

    def _rows(self, reader: Any, label: str) -> Any:
        """Return a reader of the same batches that passes a point when the last was handed over."""
        import pyarrow as pa

        def batches() -> Iterator[pa.RecordBatch]:
            yield from reader
            self.pass_by(f"rows of {label}")

        return pa.RecordBatchReader.from_batches(reader.schema, batches())

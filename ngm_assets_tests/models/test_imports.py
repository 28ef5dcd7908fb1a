"""What definitions need of the models must not drag in the heavy libraries."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import ngm_assets.models.catalog.reader, ngm_assets.models.evaluation.gates
import ngm_assets.models.registry.registry
import ngm_assets.models.training, ngm_assets.models.estimators.base, ngm_assets.predictions.scoring
heavy = {"numpy", "pandas", "mlflow", "sklearn", "xgboost", "scipy", "matplotlib", "skops"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


def test_importing_the_machinery_is_light() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"

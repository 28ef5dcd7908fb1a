"""Runs one side in this process: `python -m ngm_assets_tests.bench.side module:function STAGE`."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module

from ngm_assets_tests.bench.stage import Stage


def main(target: str, stage: Stage) -> None:
    """Call the function and write down what it took."""
    module, _, name = target.partition(":")
    warnings.simplefilter("ignore")
    stage.keep(getattr(import_module(module), name)(stage))


if __name__ == "__main__":
    main(sys.argv[1], Stage.from_json(sys.argv[2]))

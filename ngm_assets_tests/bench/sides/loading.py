"""Loads the definitions as a code location does, in a process that knows none of the libraries."""

from __future__ import annotations

import os
import sys
from typing import Any

from ngm_assets_tests.bench.stage import Stage
from ngm_assets_tests.heavy import HEAVY


def ours(stage: Stage) -> dict[str, Any]:
    """Import the code location and resolve its graph and jobs."""
    os.environ["NGM_HOME"] = str(stage.scratch / "home")
    before = _loaded()
    with stage.clock():
        from ngm_assets.definitions import defs

        loaded = defs()
        jobs = loaded.get_repository_def().get_all_jobs()
    return {
        "assets": len(loaded.resolve_all_asset_keys()),
        "jobs": len(jobs),
        "heavy": _loaded(),
    } | ({"note": f"Loaded before: {', '.join(before)}."} if before else {})


def _loaded() -> list[str]:
    return sorted(HEAVY & {name.partition(".")[0] for name in sys.modules})

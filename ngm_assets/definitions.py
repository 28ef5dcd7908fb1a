"""The code location: what `dagster dev` and `dg` load."""

import warnings

import dagster as dg

from ngm_assets.build import build_defs
from ngm_assets.settings import load_settings


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions of the environment named by NGM_ENV (default: local)."""
    warnings.filterwarnings("ignore", message="Parameter `backfill_policy`")
    return build_defs(load_settings())

"""Looks at a Databricks workspace, one matter after the other, until it stops answering."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from ngm_assets.connection import connect, no_answer, unreachable
from ngm_assets.doctor.compute import look_at_cluster, look_at_policy, look_at_warehouse
from ngm_assets.doctor.observation import Observation
from ngm_assets.doctor.unity import (
    look_at_catalog,
    look_at_models,
    look_at_schemas,
    look_at_sources,
    look_at_volume,
)
from ngm_assets.doctor.visit import Visit
from ngm_assets.errors import NgmError
from ngm_assets.settings import Settings

Look = Callable[[Visit], Iterator[Observation]]


def look_at_workspace(settings: Settings, python: str) -> Iterator[Observation]:
    """Look at everything a step needs there; nothing is changed and nothing is started.

    Args:
        settings: The environment.
        python: The local Python, such as `3.12`.
    """
    from databricks.sdk.errors.base import DatabricksError

    host = settings.workspace.host
    try:
        client = connect(settings.workspace)
        me = client.current_user.me()
    except NgmError as error:
        yield Observation("workspace", False, error.what, error.mend)
        return
    except DatabricksError as error:
        yield Observation("workspace", False, f"{host}: {said(error)}", "Renew the credentials.")
        return
    except unreachable() as error:
        yield _gone(host, error)
        return
    groups = [group.display for group in me.groups or [] if group.display]
    visit = Visit(settings, client, me.user_name or "", frozenset(groups), python)
    yield Observation("workspace", True, f"{host} as {visit.user} ({client.config.auth_type})")
    for subject, look in _looks(settings).items():
        try:
            yield from look(visit)
        except DatabricksError as error:
            yield Observation(subject, False, said(error), f"See that {visit.user} may look at it.")
        except unreachable() as error:
            yield _gone(host, error)
            return


def _looks(settings: Settings) -> dict[str, Look]:
    serverless = settings.workspace.compute == "serverless"
    existing = settings.workspace.compute == "existing_cluster"
    compute: dict[str, Look] = {"cluster": look_at_cluster if existing else look_at_policy}
    place: dict[str, Look] = {"DBFS": _dbfs, **compute}
    return {
        "catalog": look_at_catalog,
        "schemas": look_at_schemas,
        "models": look_at_models,
        "system tables": look_at_sources,
        **({"volume": look_at_volume} if serverless else place),
        "secret scope": _secrets,
        "warehouse": look_at_warehouse,
        "MLflow": _experiments,
    }


def said(error: Exception) -> str:
    """Return what the workspace said, with its code."""
    code = getattr(error, "error_code", None) or type(error).__name__
    first = str(error).strip().splitlines()[:1]
    return f"{code}: {first[0] if first else 'no message'}"


def _gone(host: str, error: Exception) -> Observation:
    told = no_answer(host, error)
    return Observation("workspace", False, told.what, told.mend)


def _dbfs(visit: Visit) -> Iterator[Observation]:
    from databricks.sdk.errors import NotFound
    from databricks.sdk.errors.base import DatabricksError

    folder = visit.settings.workspace.staging_prefix
    try:
        visit.client.dbfs.get_status(folder)
    except NotFound:
        yield Observation("DBFS", True, f"answers; the first step makes {folder}")
    except DatabricksError as error:
        mend = "Steps on clusters need DBFS. Enable it, or set NGM_COMPUTE=serverless."
        yield Observation("DBFS", False, said(error), mend)
    else:
        yield Observation("DBFS", True, f"{folder} is there")


def _secrets(visit: Visit) -> Iterator[Observation]:
    from databricks.sdk.errors import NotFound

    workspace = visit.settings.workspace
    scope, wanted = workspace.secret_scope, sorted(workspace.secrets.values())
    put = "; ".join(f"databricks secrets put-secret {scope} {key}" for key in wanted)
    try:
        keys = {item.key for item in visit.client.secrets.list_secrets(scope)}
    except NotFound:
        mend = f"Run: databricks secrets create-scope {scope}; {put}"
        yield Observation("secret scope", False, f"there is no scope {scope}", mend)
        return
    missing = [key for key in wanted if key not in keys]
    if missing:
        yield Observation("secret scope", False, f"{scope} lacks {', '.join(missing)}", put)
    else:
        yield Observation("secret scope", True, f"{scope} has {', '.join(wanted)}")


def _experiments(visit: Visit) -> Iterator[Observation]:
    from databricks.sdk.errors import NotFound

    folder = str(PurePosixPath(visit.settings.mlflow_experiment).parent)
    try:
        visit.client.workspace.get_status(folder)
    except NotFound:
        yield Observation("MLflow", None, f"{folder} is made by the first training")
    else:
        yield Observation("MLflow", True, f"{folder} is there")

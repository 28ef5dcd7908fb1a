"""`ngm doctor` compares Spark and Python of the compute with what the steps need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ngm_assets.doctor.examination import examine
from ngm_assets.doctor.observation import Observation
from ngm_assets.doctor.shipping import look_at_runtime
from ngm_assets.settings import load_settings
from ngm_assets_tests.ready_workspace import Ready, ready_workspace


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Ready]:
    """Return a workspace in which nothing is missing."""
    with ready_workspace(tmp_path) as made:
        yield made
        assert made.workspace.protocol_errors == []


def bad(python: str) -> dict[str, Observation]:
    """Return what the doctor finds bad in `dev` from a Python, by subject."""
    seen = examine(load_settings(env="dev"), python)
    return {item.subject: item for item in seen if item.ok is False}


@pytest.mark.parametrize(
    ("runtime", "spark", "python"),
    [
        ("14.3.x-scala2.12", False, False),
        ("15.4.x-scala2.12", False, False),
        ("16.4.x-scala2.12", False, True),
        ("17.3.x-scala2.13", True, True),
        ("99.1.x-scala2.13", True, None),
        ("custom:mine", None, None),
    ],
)
def test_spark_and_python_of_a_runtime(
    runtime: str, spark: bool | None, python: bool | None
) -> None:
    found = list(look_at_runtime(runtime, "3.12"))
    assert [item.ok for item in found] == [spark, python]
    assert all(item.mend for item in found if item.ok is not True)


@pytest.mark.parametrize(
    "variables",
    [
        {"NGM_COMPUTE": "job_cluster"},
        {"NGM_COMPUTE": "existing_cluster", "NGM_CLUSTER_ID": "c-1"},
        {"NGM_COMPUTE": "serverless"},
    ],
    ids=lambda variables: variables["NGM_COMPUTE"],
)
def test_python_must_be_that_of_the_compute(ready: Ready, variables: dict[str, str]) -> None:
    ready.workspace.jobs.add_cluster("c-1", spark_version="17.3.x-scala2.13")
    ready.set(**variables)
    assert bad("3.12.3") == {}
    found = bad("3.11.9")
    assert list(found) == ["python of the runtime"]
    assert "has 3.12, this process 3.11" in found["python of the runtime"].found
    assert found["python of the runtime"].mend == "Run Dagster with Python 3.12."


def test_a_runtime_that_is_too_old_is_mended_in_one_go() -> None:
    for ours in ("3.11", "3.12"):
        for item in look_at_runtime("15.4.x-scala2.12", ours):
            assert item.ok or ("17.3.x-scala2.13" in item.mend and "Python 3.12" in item.mend)


@pytest.mark.parametrize(
    ("python", "ok"),
    [("3.10.14", False), ("3.11.9", True), ("3.12.3", True), ("3.13.0rc1", False)],
)
def test_the_local_python(tmp_path: Path, python: str, ok: bool) -> None:
    seen = examine(load_settings(env="local", home=tmp_path), python)
    (found,) = (item for item in seen if item.subject == "python")
    assert (found.ok, found.found) == (ok, python)
    assert bool(found.mend) is not ok

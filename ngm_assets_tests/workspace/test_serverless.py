"""Serverless compute: programs in volumes, Pipes, and a Spark that refuses more."""

import io
import textwrap
from typing import Any

import dagster as dg
import pytest
from dagster import AssetExecutionContext
from dagster_databricks.pipes import (
    PipesDatabricksServerlessClient,
    PipesUnityCatalogVolumesMessageReader,
)
from databricks.sdk.core import DatabricksError
from databricks.sdk.service.compute import Environment, Library, PythonPyPiLibrary
from databricks.sdk.service.jobs import JobEnvironment

from ngm_assets_tests.workspace.conftest import client_of
from ngm_assets_tests.workspace.server import EmulatedWorkspace
from ngm_assets_tests.workspace.submitting import finished, output, python_task

FOLDER = "/Volumes/dev/models/staging"
PROGRAM = f"{FOLDER}/main.py"
ENVIRONMENTS = [
    JobEnvironment("default", spec=Environment(client="4", dependencies=["dagster-pipes"]))
]


@pytest.fixture(autouse=True)
def _volume(warm: EmulatedWorkspace) -> None:
    warm.volumes.add("dev", "models", "staging")


def put(workspace: EmulatedWorkspace, text: str) -> None:
    """Write the program into the volume."""
    source = io.BytesIO(textwrap.dedent(text).encode())
    client_of(workspace).files.upload(PROGRAM, source, overwrite=True)


def run(workspace: EmulatedWorkspace, text: str, *parameters: str) -> str:
    """Run a program; return what it printed, or its error."""
    put(workspace, text)
    task = python_task(*parameters, python_file=PROGRAM, environment_key="default")
    made = client_of(workspace).jobs.submit(tasks=[task], environments=ENVIRONMENTS)
    run_id = made.bind()["run_id"]
    told = output(workspace, finished(workspace, run_id))
    return told.error or workspace.jobs.runs[run_id].output()["stdout"]


def test_volumes_are_mounted_and_dbfs_is_not(warm: EmulatedWorkspace) -> None:
    text = """
        import os, sys
        from pathlib import Path
        Path(sys.argv[1]).write_text("hello")
        print(os.path.exists("/dbfs/"), "sc" in globals(), os.environ["IS_SERVERLESS"])
        print(spark.range(3).count(), type(spark).__module__)
        print(os.environ["DATABRICKS_RUNTIME_VERSION"])
    """
    assert run(warm, text, f"{FOLDER}/made.txt").splitlines() == [
        "False False TRUE",
        "3 pyspark.sql.connect.session",
        "client.4.0",
    ]
    assert warm.volumes.file(f"{FOLDER}/made.txt").read_text() == "hello"


REFUSED = {
    "spark.sparkContext": "JVM_ATTRIBUTE_NOT_SUPPORTED",
    "spark.range(3).cache()": "NOT_SUPPORTED_WITH_SERVERLESS",
    "spark.sql('SELECT 1').persist()": "NOT_SUPPORTED_WITH_SERVERLESS",
    "spark.range(3).rdd": "NOT_SUPPORTED_WITH_SERVERLESS",
    "spark.conf.set('spark.executor.memory', '1g')": "CONFIG_NOT_AVAILABLE",
    "dbutils.fs": "no attribute 'fs'",
}


def test_spark_refuses_what_serverless_compute_refuses(warm: EmulatedWorkspace) -> None:
    text = """
        import sys
        for expression in sys.argv[1:]:
            try:
                print("taken", eval(expression))
            except Exception as error:
                print(str(error).splitlines()[0])
    """
    answers = run(warm, text, *REFUSED).splitlines()
    assert [told in one for told, one in zip(REFUSED.values(), answers, strict=True)] == [True] * 6


def test_settings_and_shipped_code_are_allowed(warm: EmulatedWorkspace) -> None:
    text = """
        import tempfile, zipfile
        from pyspark.sql.functions import udf
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        archive = tempfile.mkdtemp() + "/shipped.zip"
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("ngm_assets/__init__.py", "value = 7")
        spark.addArtifacts(archive, pyfile=True)
        def look(_):
            import ngm_assets
            return ngm_assets.value
        print(spark.conf.get("spark.sql.session.timeZone"))
        print(spark.range(1).select(udf(look)("id")).first()[0])
    """
    assert run(warm, text).splitlines() == ["UTC", "7"]


def test_pipes_run_a_program_and_hear_of_it(warm: EmulatedWorkspace) -> None:
    text = """
        from dagster_pipes import (
            PipesCliArgsParamsLoader, PipesUnityCatalogVolumesContextLoader,
            PipesUnityCatalogVolumesMessageWriter, open_dagster_pipes,
        )
        with open_dagster_pipes(
            context_loader=PipesUnityCatalogVolumesContextLoader(),
            message_writer=PipesUnityCatalogVolumesMessageWriter(interval=0.1),
            params_loader=PipesCliArgsParamsLoader(),
        ) as pipes:
            rows = spark.range(pipes.get_extra("rows")).count()
            pipes.report_asset_materialization(metadata={"rows": rows})
    """
    put(warm, text)
    client = client_of(warm)
    reader = PipesUnityCatalogVolumesMessageReader(
        interval=0.1, client=client, volume_path=FOLDER, include_stdio_in_messages=False
    )
    pipes = PipesDatabricksServerlessClient(
        client, FOLDER, message_reader=reader, poll_interval_seconds=0.1
    )

    @dg.asset
    def thing(context: AssetExecutionContext) -> Any:
        return pipes.run(
            context=context,
            extras={"rows": 5},
            task=python_task(python_file=PROGRAM, environment_key="default"),
            submit_args={"environments": ENVIRONMENTS},
        ).get_materialize_result()

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([thing], instance=instance)
    (event,) = result.asset_materializations_for_node("thing")
    assert event.metadata["rows"].value == 5
    left = client.files.list_directory_contents(f"{FOLDER}/tmp")  # noqa: S108
    assert list(left) == []


@pytest.mark.parametrize(
    ("compute", "told"),
    [
        ({"python_file": "dbfs:/main.py"}, "DBFS is not supported"),
        ({"libraries": [Library(pypi=PythonPyPiLibrary("dagster"))]}, "Libraries field"),
    ],
)
def test_a_task_that_serverless_compute_cannot_run_is_refused(
    warm: EmulatedWorkspace, compute: dict[str, Any], told: str
) -> None:
    task = python_task(**{"python_file": PROGRAM, "environment_key": "default", **compute})
    with pytest.raises(DatabricksError, match=told):
        client_of(warm).jobs.submit(tasks=[task], environments=ENVIRONMENTS)

"""Runs of the emulated workspace: a real Spark, nothing of the caller, and every way to end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from databricks.sdk.core import DatabricksError
from databricks.sdk.service.compute import ClusterSpec, DataSecurityMode

from ngm_assets_tests.workspace.conftest import client_of
from ngm_assets_tests.workspace.faults import Fault
from ngm_assets_tests.workspace.submitting import (
    finished,
    is_alive,
    output,
    printed,
    put_program,
    python_task,
    submit,
    until_there,
)

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import Run

    from ngm_assets_tests.workspace.server import EmulatedWorkspace

CLUSTER: dict[str, Any] = {
    "spark_version": "17.3.x-scala2.13",
    "node_type_id": "i3.xlarge",
    "num_workers": 1,
}
TOKEN = "one"  # noqa: S105
SINGLE_USER = DataSecurityMode.SINGLE_USER


def cluster(**more: Any) -> ClusterSpec:
    """Return a job cluster."""
    return ClusterSpec(**{**CLUSTER, "data_security_mode": SINGLE_USER, **more})


def ended(run: Run) -> tuple[str, str, str]:
    """Return life cycle, result and message of a run."""
    assert run.state
    assert run.state.life_cycle_state
    assert run.state.result_state
    states = run.state.life_cycle_state.value, run.state.result_state.value
    return *states, run.state.state_message or ""


def test_a_program_finds_spark_secrets_and_its_parameters(warm: EmulatedWorkspace) -> None:
    warm.secrets["scope"] = {"key": "hidden"}
    text = """
        import sys
        from pyspark.sql import SparkSession
        assert SparkSession.builder.getOrCreate() is spark
        assert SparkSession.getActiveSession() is spark
        print(__name__, sys.argv[1:], "__file__" in globals())
        print(spark.range(10).count(), sc.parallelize([1, 2]).sum())
        print(spark.conf.get("spark.sql.session.timeZone"), dbutils.secrets.get("scope", "key"))
    """
    assert printed(warm, text, "a", "b c") == [
        "__main__ ['a', 'b c'] False",
        "10 3",
        "America/New_York hidden",
    ]


def test_nothing_of_the_caller_leaks(
    warm: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NGM_ENV", "DATABRICKS_TOKEN", "DAGSTER_HOME", "PYTHONPATH"):
        monkeypatch.setenv(name, "leaked")
    text = """
        import importlib.util, os
        from pyspark.sql.functions import udf
        look = lambda: [
            str(importlib.util.find_spec("ngm_assets")),
            *sorted(n for n in os.environ if n.startswith(("NGM_", "DATABRICKS_", "DAGSTER_"))),
            *(n for n in os.environ.values() if "leaked" in n),
            *os.listdir(),
        ]
        print(look())
        print(spark.range(1).select(udf(lambda _: str(look()))("id")).first()[0])
    """
    assert printed(warm, text) == ["['None', 'DATABRICKS_RUNTIME_VERSION']", "['None']"]


def test_code_that_is_shipped_is_found_by_driver_and_workers(warm: EmulatedWorkspace) -> None:
    text = """
        import sys, tempfile, zipfile
        from pathlib import Path
        from pyspark.sql.functions import udf
        archive = tempfile.mkdtemp() + "/shipped.zip"
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("ngm_assets/__init__.py", "value = 7")
        sc.addPyFile(archive)
        import ngm_assets
        def look(_):
            import ngm_assets
            return ngm_assets.value
        print(ngm_assets.value, spark.range(1).select(udf(look)("id")).first()[0])
    """
    for _ in range(2):
        assert printed(warm, text, new_cluster=cluster()) == ["7 7"]


def test_dbfs_is_mounted(warm: EmulatedWorkspace) -> None:
    text = """
        import os, sys, zipfile
        from pathlib import Path
        place = Path(sys.argv[1])
        place.mkdir(parents=True)
        (place / "text").write_text("hello")
        with zipfile.ZipFile(place / "code.zip", "w") as file:
            file.writestr("inside.py", "value = 1")
        sys.path.insert(0, str(place / "code.zip"))
        import inside
        print(inside.value, sorted(os.listdir(place)), (place / "text").is_file())
    """
    assert printed(warm, text, "/dbfs//made") == ["1 ['code.zip', 'text'] True"]
    assert client_of(warm).dbfs.get_status("/made/text").file_size == 5


def test_a_run_tells_who_where_and_how_it_ended(warm: EmulatedWorkspace) -> None:
    run_id = submit(warm, "print('hello')", new_cluster=cluster())
    run = finished(warm, run_id)
    assert ended(run) == ("TERMINATED", "SUCCESS", "")
    assert run.tasks
    assert run.tasks[0].run_id != run_id
    assert run.tasks[0].cluster_instance
    cluster_id = run.tasks[0].cluster_instance.cluster_id
    assert cluster_id
    told = client_of(warm).clusters.get(cluster_id)
    assert (told.spark_version, told.state and told.state.value) == (
        "17.3.x-scala2.13",
        "TERMINATED",
    )
    assert cluster_id in {one.cluster_id for one in client_of(warm).clusters.list()}
    assert run_id in {one.run_id for one in client_of(warm).jobs.list_runs(completed_only=True)}
    assert list(client_of(warm).jobs.list_runs(active_only=True)) == []
    assert run.run_page_url
    assert "hello" in requests.get(run.run_page_url, timeout=10).text


def test_a_cluster_is_made_with_variables_settings_and_logs(warm: EmulatedWorkspace) -> None:
    from databricks.sdk.service.compute import ClusterLogConf, DbfsStorageInfo

    warm.secrets["scope"] = {"key": "hidden"}
    made = cluster(
        spark_env_vars={"PLAIN": "x", "SECRET": "{{secrets/scope/key}}"},
        spark_conf={"spark.sql.shuffle.partitions": "3"},
        cluster_log_conf=ClusterLogConf(dbfs=DbfsStorageInfo("dbfs:/logs")),
    )
    text = """
        import os
        print(os.environ["PLAIN"], os.environ["SECRET"], os.environ["DATABRICKS_RUNTIME_VERSION"])
        print(spark.conf.get("spark.sql.shuffle.partitions"))
    """
    assert printed(warm, text, new_cluster=made) == ["x hidden 17.3", "3"]
    (log,) = warm.dbfs.file("/logs").glob("*/driver/stdout")
    assert log.read_text().startswith("x hidden")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("spark.stop()", "must not stop"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "exit code 143"),
    ],
)
def test_a_program_that_fails_fails_its_run(warm: EmulatedWorkspace, text: str, error: str) -> None:
    run = finished(warm, submit(warm, text))
    assert ended(run) == ("TERMINATED", "FAILED", "Workload failed, see run output for details")
    assert error in (output(warm, run).error or "")


def test_a_run_is_cancelled_with_its_processes_and_spark_jobs(warm: EmulatedWorkspace) -> None:
    text = """
        import subprocess, time
        child = subprocess.Popen(["sleep", "600"])
        open("/dbfs/child", "w").write(str(child.pid))
        spark.range(2).selectExpr("java_method('java.lang.Thread', 'sleep', 600000L)").collect()
    """
    warm.dbfs.file("/child").unlink(missing_ok=True)
    run_id = submit(warm, text)
    until_there(warm, "/child")
    client_of(warm).jobs.cancel_run(run_id)
    run = finished(warm, run_id)
    assert ended(run) == ("TERMINATED", "CANCELED", "Run cancelled.")
    assert not is_alive(int(warm.dbfs.file("/child").read_text()))
    assert printed(warm, "print(spark.range(2).count())") == ["2"]


def test_a_run_that_takes_too_long_is_ended(warm: EmulatedWorkspace) -> None:
    put_program(warm, "import time; time.sleep(600)")
    made = client_of(warm).jobs.submit(tasks=[python_task()], timeout_seconds=1)
    assert ended(finished(warm, made.bind()["run_id"])) == (
        "TERMINATED",
        "TIMEDOUT",
        "Run timed out.",
    )


def test_a_token_submits_once(warm: EmulatedWorkspace) -> None:
    put_program(warm, "print('once')")
    before = len(warm.jobs.runs)
    warm.faults.add(Fault("POST", ".*/runs/submit", "drop_after"))
    client = client_of(warm)
    first = client.jobs.submit(tasks=[python_task()], idempotency_token=TOKEN).bind()["run_id"]
    again = client.jobs.submit(tasks=[python_task()], idempotency_token=TOKEN).bind()["run_id"]
    assert (first, len(warm.jobs.runs)) == (again, before + 1)
    assert len(warm.sent("POST", "/api/2.2/jobs/runs/submit")) == 3
    finished(warm, first)


def test_what_is_planned_for_a_run_goes_wrong_once(warm: EmulatedWorkspace) -> None:
    warm.cluster.next_run(fail="No nodes left.")
    warm.cluster.next_run(crash=True)
    warm.cluster.next_run(cancel=True)
    runs = [finished(warm, submit(warm, "import time; time.sleep(600)")) for _ in range(3)]
    assert [ended(run) for run in runs] == [
        ("INTERNAL_ERROR", "FAILED", "No nodes left."),
        ("TERMINATED", "FAILED", "Workload failed, see run output for details"),
        ("TERMINATED", "CANCELED", "Run cancelled."),
    ]
    assert output(warm, runs[1]).error == "The Python process exited with exit code 137."
    assert printed(warm, "print(1)") == ["1"]


def test_a_slow_start_is_pending_and_can_be_cancelled(warm: EmulatedWorkspace) -> None:
    warm.cluster.next_run(slow_start=600)
    run_id = submit(warm, "print(1)")
    state = client_of(warm).jobs.get_run(run_id).state
    assert state
    assert (state.life_cycle_state and state.life_cycle_state.value) == "PENDING"
    assert state.result_state is None
    client_of(warm).jobs.cancel_run(run_id)
    assert ended(finished(warm, run_id))[1] == "CANCELED"


def test_a_cluster_without_unity_catalog_has_no_tables_of_three_parts(
    warm: EmulatedWorkspace,
) -> None:
    text = "spark.sql('SELECT * FROM `dev`.`gold`.`thing`')"
    run = finished(warm, submit(warm, text, new_cluster=ClusterSpec(**CLUSTER)))
    assert "UC_NOT_ENABLED" in (output(warm, run).error or "")


def test_shared_compute_has_no_context_and_no_dbfs(warm: EmulatedWorkspace) -> None:
    shared = cluster(data_security_mode=DataSecurityMode.USER_ISOLATION)
    text = "import os; print('sc' in globals(), os.path.exists('/dbfs/programs'))"
    assert printed(warm, text, new_cluster=shared) == ["False False"]


@pytest.mark.parametrize(
    ("compute", "told"),
    [
        ({"existing_cluster_id": "none"}, "Cluster none does not exist"),
        ({"new_cluster": ClusterSpec(node_type_id="x", num_workers=1)}, "spark_version"),
        ({"new_cluster": cluster(num_workers=0)}, "singleNode"),
        ({"new_cluster": cluster(), "existing_cluster_id": "dedicated"}, "exactly one"),
        ({"environment_key": "default"}, "not among"),
        ({"python_file": "/main.py", "existing_cluster_id": "dedicated"}, "Only python files"),
    ],
)
def test_a_task_that_cannot_run_is_refused(
    warm: EmulatedWorkspace, compute: dict[str, Any], told: str
) -> None:
    with pytest.raises(DatabricksError, match=told):
        client_of(warm).jobs.submit(tasks=[python_task(**compute)])


def test_a_program_that_is_missing_fails_the_run(warm: EmulatedWorkspace) -> None:
    task = python_task(python_file="dbfs:/none.py", existing_cluster_id="dedicated")
    run_id = client_of(warm).jobs.submit(tasks=[task]).bind()["run_id"]
    assert ended(finished(warm, run_id))[0] == "INTERNAL_ERROR"


def test_a_run_that_is_unknown_is_told_as_databricks_does(warm: EmulatedWorkspace) -> None:
    with pytest.raises(DatabricksError, match="Run 999999 does not exist"):
        client_of(warm).jobs.get_run(999999)


def test_steps_write_tables_that_the_workspace_shows(warm: EmulatedWorkspace) -> None:
    warm.catalog.make("catalog", "dev")
    warm.catalog.make("schema", "dev.gold")
    text = """
        spark.sql("CREATE TABLE IF NOT EXISTS dev.gold.made (`day` DATE, v BIGINT COMMENT 'V.') "
                  "USING DELTA PARTITIONED BY (`day`)")
        rows = spark.sql("SELECT DATE '2024-03-04' AS `day`, 7 AS v")
        spark.sql("INSERT INTO TABLE dev.gold.made REPLACE WHERE `day` = DATE '2024-03-04' "
                  "SELECT * FROM {rows}", rows=rows)
        print(spark.table("dev.gold.made").first().asDict())
    """
    assert printed(warm, text) == ["{'day': datetime.date(2024, 3, 4), 'v': 7}"]
    told = client_of(warm).tables.get("dev.gold.made")
    assert [(one.name, one.comment) for one in told.columns or []] == [("day", None), ("v", "V.")]

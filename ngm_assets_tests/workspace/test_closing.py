"""A workspace that closes leaves no process behind."""

from __future__ import annotations

from pathlib import Path

from ngm_assets_tests.engine.sessions import need_java
from ngm_assets_tests.workspace.server import EmulatedWorkspace
from ngm_assets_tests.workspace.submitting import is_alive, submit, until_there

TEXT = """
    import os, subprocess, time
    child = subprocess.Popen(["sleep", "600"])
    java = sc._jvm.java.lang.ProcessHandle.current().pid()
    open("/dbfs/draft", "w").write(f"{os.getpid()} {child.pid} {java}")
    os.rename("/dbfs/draft", "/dbfs/processes")
    time.sleep(600)
"""


def test_tasks_their_children_and_the_jvm_end_with_the_workspace(tmp_path: Path) -> None:
    need_java()
    with EmulatedWorkspace(tmp_path / "workspace") as workspace:
        workspace.jobs.add_cluster("dedicated")
        run = workspace.jobs.runs[submit(workspace, TEXT)]
        until_there(workspace, "/processes")
        processes = [int(one) for one in workspace.dbfs.file("/processes").read_text().split()]
        assert [is_alive(one) for one in processes] == [True, True, True]
    assert run.state()["result_state"] == "CANCELED"
    assert [is_alive(one) for one in processes] == [False, False, False]


def test_a_workspace_without_runs_starts_no_cluster(tmp_path: Path) -> None:
    with EmulatedWorkspace(tmp_path / "workspace"):
        pass
    assert not (tmp_path / "workspace" / "compute").exists()

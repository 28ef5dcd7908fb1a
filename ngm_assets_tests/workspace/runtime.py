"""The first thing a task's process runs: a program, started by its path, that runs the task's.

The first line of its input is a JSON object that says what to run; when the input ends, so does
the process. The task's program finds `spark`, `dbutils` and, on dedicated compute, `sc` among its
globals, as on Databricks, and neither `__file__` nor this project among what it can import.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PACKAGE = "ngm_assets_tests"


class Secrets:
    """`dbutils.secrets`."""

    def __init__(self, stored: dict[str, dict[str, str]]) -> None:
        self._stored = stored

    def get(self, scope: str, key: str) -> str:
        """Return a secret."""
        try:
            return self._stored[scope][key]
        except KeyError:
            text = f"Secret does not exist with scope: {scope} and key: {key}"
            raise RuntimeError(text) from None


class DbUtils:
    """`dbutils`, of which only `secrets` is there."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets


def main() -> None:
    """Run what the input says."""
    spec = json.loads(sys.stdin.buffer.raw.readline())  # type: ignore[union-attr]
    _end_with_the_input()
    if spec["crash"]:
        os.kill(os.getpid(), signal.SIGKILL)
    _find_emulation()
    try:
        program = _program(spec)
    except BaseException as error:
        _fail(spec, error)
    file = spec["python_file"]
    sys.argv = [file, *spec["parameters"]]
    try:
        exec(compile(Path(file).read_bytes(), file, "exec"), program.__dict__)  # noqa: S102
    except BaseException as error:
        _fail(spec, error)


def _program(spec: dict[str, Any]) -> ModuleType:
    from ngm_assets_tests.workspace.mounts import Mounts

    mounts = Mounts({front: Path(folder) for front, folder in spec["mounts"].items()})
    mounts.install()
    spark = _attach(spec, mounts)
    program = ModuleType("__main__")
    sys.modules["__main__"] = program
    given = {"spark": spark, "dbutils": DbUtils(Secrets(spec["secrets"]))}
    if spec["context"]:
        given["sc"] = spark._sc
    program.__dict__.update(given)
    return program


def _attach(spec: dict[str, Any], mounts: Any) -> SparkSession:
    """Return a new session on the cluster's context."""
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    from ngm_assets_tests.workspace.limits import forbid_stopping, make_serverless
    from ngm_assets_tests.workspace.shipping import ship_mounted
    from ngm_assets_tests.workspace.unity import emulate_unity, without_unity

    gateway: Any = launch_gateway()  # type: ignore[no-untyped-call]
    for name in ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET"):
        del os.environ[name]
    SparkContext._ensure_initialized(gateway=gateway)
    spark_packages = gateway.jvm.org.apache.spark
    default = spark_packages.sql.classic.SparkSession.getDefaultSession().get()
    jsc = spark_packages.api.java.JavaSparkContext.fromSparkContext(default.sparkContext())
    sc = SparkContext(gateway=gateway, jsc=jsc, conf=SparkConf(_jconf=jsc.sc().conf()))
    sc.setJobGroup(spec["name"], spec["python_file"])
    spark = SparkSession(sc, default.newSession())
    ship_mounted(spark, mounts, spec["name"] if spec["own_cluster"] else "")
    for name, value in spec["spark_conf"].items():
        if name.startswith("spark.sql."):
            spark.conf.set(name, value)
    if spec["tables"] is None:
        without_unity(spark)
    else:
        raw = {name: Path(folder) for name, folder in spec["raw"].items()}
        emulate_unity(spark, Path(spec["tables"]), raw)
    SparkSession.getActiveSession = classmethod(lambda _: spark)  # type: ignore[assignment, method-assign]
    forbid_stopping(spark)
    return make_serverless(spark) if spec["serverless"] else spark


def _find_emulation() -> None:
    """Make the emulation importable under its own name, and nothing else beside it."""
    from importlib.util import module_from_spec, spec_from_file_location

    here = Path(__file__).parent
    parent = ModuleType(PACKAGE)
    parent.__path__ = []
    sys.modules[PACKAGE] = parent
    name = f"{PACKAGE}.{here.name}"
    found = spec_from_file_location(
        name, here / "__init__.py", submodule_search_locations=[str(here)]
    )
    if found is None or found.loader is None:
        raise ImportError(name)
    module = module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    setattr(parent, here.name, module)


def _end_with_the_input() -> None:
    kept = os.dup(0)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)

    def watch() -> None:
        while os.read(kept, 1):
            pass
        os.killpg(os.getpgrp(), signal.SIGKILL)

    Thread(target=watch, daemon=True).start()


def _fail(spec: dict[str, Any], error: BaseException) -> None:
    trace = "".join(traceback.format_exception(error))
    sys.stderr.write(trace)
    told = {"error": "".join(traceback.format_exception_only(error)).strip(), "trace": trace}
    Path(spec["failure"]).write_text(json.dumps(told), encoding="utf-8")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    main()

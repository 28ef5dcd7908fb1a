"""Nothing that was read is run, unpickled or handed to a shell, read off the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from ngm_assets_tests.test_architecture import sources

RUNS_CODE = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
RUNS_CODE |= {"yaml.load", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "mktemp"}
UNPICKLES = {"read_pickle", "to_pickle", "load_context", "load_pyfunc"}
LOADERS = {"mlflow.pyfunc", "mlflow.sklearn", "mlflow.xgboost"}
"""MLflow's own loaders unpickle what a version's files tell them to."""


def dangerous(tree: ast.AST) -> Iterator[str]:
    """Yield calls that run, unpickle or unsafely load what they are given, or start a shell."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        last = name.rpartition(".")[2]
        told = {word.arg: ast.unparse(word.value) for word in node.keywords}
        loader = last == "load_model" and name.rpartition(".")[0] in LOADERS
        unsafe = told.get("shell", "False") != "False" or told.get("allow_pickle") == "True"
        if name in RUNS_CODE or last in UNPICKLES or loader or unsafe:
            yield name


def test_the_search_for_dangerous_calls_finds_them() -> None:
    text = (
        "eval(a); exec(a); os.system(a); yaml.load(a); pd.read_pickle(a); run(a, shell=True)\n"
        "np.load(a, allow_pickle=True); mlflow.pyfunc.load_model(a); __import__(a)\n"
        "booster.load_model(a); yaml.safe_load(a); re.compile(a); run(a, shell=False); np.load(a)\n"
    )
    assert sorted(dangerous(ast.parse(text))) == [
        "__import__",
        "eval",
        "exec",
        "mlflow.pyfunc.load_model",
        "np.load",
        "os.system",
        "pd.read_pickle",
        "run",
        "yaml.load",
    ]


@pytest.mark.parametrize("path", sorted(sources()))
def test_nothing_that_was_read_is_run_or_unpickled(path: str) -> None:
    assert list(dangerous(sources()[path])) == []

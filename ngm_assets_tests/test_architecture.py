"""The rules that keep the house a house, read off the source: who imports what, and where."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import ngm_assets
from ngm_assets_tests.heavy import HEAVY

ROOT = Path(ngm_assets.__file__).parent
TESTS = Path(__file__).parent
PICKLES = {"pickle", "cloudpickle", "joblib", "dill", "marshal", "shelve"}
MAY_IMPORT_DAGSTER = {
    "dagster_home.py",
    "dagster_instance.py",
    "definitions.py",
    "build.py",
    "partitions.py",
    "execution.py",
    "orchestration.py",
    "resources.py",
    "engine/cluster.py",
    "engine/serverless.py",
    "engine/serverless_main.py",
    "maintenance/job.py",
    "monitoring/events.py",
}
MAY_IMPORT_DAGSTER_ANYWHERE = {"assets.py", "checks.py", "sensors.py", "launcher.py"}
MAY_READ_THE_CLOCK = {"assets.py", "sensors.py", "cli/app.py", "cli/models.py"}
MAY_IMPORT_BUILD = {"batches.py", "definitions.py", "execution.py"}
MAY_IMPORT_DEMO = {"cli/app.py", "evaluate.py"}
GENERATORS = {"default_rng", "Generator", "SeedSequence", "PCG64", "Philox", "BitGenerator"}
MAX_LINES = 350

BASE = {"days", "errors", "overlays", "settings"}
KNOWS = {
    "days": set[str](),
    "errors": set[str](),
    "overlays": {"errors"},
    "dagster_home": {"errors", "overlays"},
    "settings": {"dagster_home", "errors", "overlays", "databricks", "watching"},
    "watching": set[str](),
    "plugins": {"errors"},
    "processes": set[str](),
    "raw": BASE | {"lakehouse", "raw"},
    "raw/assets": BASE | {"engine", "lakehouse", "raw"},
    "lakehouse": BASE | {"engine", "lakehouse"},
    "engine": BASE | {"raw", "lakehouse", "engine"},
    "engine/launcher": BASE | {"connection", "databricks", "engine"},
    "engine/cluster": BASE | {"databricks", "engine"},
    "engine/remote": BASE | {"code_version", "engine"},
    "gold": BASE | {"raw", "lakehouse", "engine", "gold"},
    "features": BASE | {"lakehouse", "engine", "gold", "features"},
    "models": BASE | {"lakehouse", "engine", "features", "models", "plugins", "processes"},
    "predictions": BASE | {"lakehouse", "engine", "features", "models", "predictions", "platform"},
    "connection": {"errors", "databricks"},
    "redaction": set[str](),
    "setup": BASE | {"connection", "engine", "lakehouse", "platform", "predictions", "setup"},
    "doctor": BASE
    | {"connection", "doctor", "engine", "lakehouse", "platform", "predictions", "raw"}
    | {"redaction", "setup"},
    "monitoring": BASE
    | {"engine", "features", "gold", "lakehouse", "models", "monitoring", "platform"}
    | {"plugins", "predictions", "raw", "redaction", "watching"},
    "maintenance": BASE | {"lakehouse", "maintenance", "platform"},
    "maintenance/job": {"maintenance", "resources"},
    "demo": BASE | {"demo"},
    "demo/recall": BASE | {"demo", "models"},
    "demo/ranking": BASE | {"demo", "engine", "models", "platform", "predictions"},
}
"""What the logic of a layer may import; its `assets.py` may also import `ORCHESTRATED`."""
ORCHESTRATED = {"code_version", "partitions", "resources"}


@cache
def sources() -> dict[str, ast.Module]:
    """Return the syntax tree of every file of the package by its path in it."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        found[path.relative_to(ROOT).as_posix()] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def is_type_checking(node: ast.AST) -> bool:
    """Return whether a node is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(tree: ast.AST, *, at_load: bool) -> Iterator[str]:
    """Yield the dotted names imported, those for type checking left out.

    Args:
        tree: What to search.
        at_load: Only what runs when the module is loaded, not what functions import.
    """
    for node in ast.iter_child_nodes(tree):
        if at_load and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and is_type_checking(node):
            yield from imports(ast.Module(body=node.orelse, type_ignores=[]), at_load=at_load)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from imported_from(node)
        else:
            yield from imports(node, at_load=at_load)


def imported_from(node: ast.ImportFrom) -> Iterator[str]:
    """Yield the module, or the submodules when a package is named."""
    module = node.module or ""
    if module != ngm_assets.__name__ and not is_package(module):
        yield module
        return
    for alias in node.names:
        yield f"{module}.{alias.name}"


def is_package(module: str) -> bool:
    """Return whether a name is a package of this project."""
    return (ROOT.parent / module.replace(".", "/") / "__init__.py").is_file()


def layer(path: str) -> str:
    """Return the layer, or the module at the top, a file belongs to."""
    return path.removesuffix(".py").split("/")[0]


def own(names: Iterator[str]) -> set[str]:
    """Return the names inside this project, without its own name in front."""
    front = f"{ngm_assets.__name__}."
    return {name.removeprefix(front) for name in names if name.startswith(front)}


def test_the_walk_sees_imports_wherever_they_stand() -> None:
    tree = ast.parse(
        "import a\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import b\nelse:\n"
        "    import c\ntry:\n    import d\nexcept ImportError:\n    pass\n"
        "class K:\n    import e\n    def f(self):\n        import g\n"
        "from ngm_assets import cli\n"
    )
    assert {"a", "c", "d", "e", "ngm_assets.cli"} <= set(imports(tree, at_load=True))
    assert not {"b", "g"} & set(imports(tree, at_load=True))
    assert "g" in set(imports(tree, at_load=False))


@pytest.mark.parametrize("path", sorted(sources()))
def test_dagster_stays_where_it_belongs(path: str) -> None:
    if path in MAY_IMPORT_DAGSTER or Path(path).name in MAY_IMPORT_DAGSTER_ANYWHERE:
        return
    found = {name.partition(".")[0] for name in imports(sources()[path], at_load=False)}
    assert not {name for name in found if name.startswith("dagster")}


@pytest.mark.parametrize("path", sorted(sources()))
def test_heavy_libraries_are_imported_by_functions_only(path: str) -> None:
    found = {name.partition(".")[0] for name in imports(sources()[path], at_load=True)}
    assert not found & HEAVY


@pytest.mark.parametrize("path", sorted(p for p in sources() if layer(p) in KNOWS))
def test_imports_point_one_way(path: str) -> None:
    known = {layer(name.replace(".", "/")) for name in own(imports(sources()[path], at_load=False))}
    allowed = KNOWS.get(path.removesuffix(".py"), KNOWS[layer(path)])
    if Path(path).name in MAY_IMPORT_DAGSTER_ANYWHERE:
        allowed = allowed | ORCHESTRATED | ({"raw"} if layer(path) == "gold" else set())
    assert known <= allowed


@pytest.mark.parametrize("path", sorted(sources()))
def test_the_assembler_and_the_demo_are_imported_by_few(path: str) -> None:
    known = {layer(name.replace(".", "/")) for name in own(imports(sources()[path], at_load=False))}
    if path not in MAY_IMPORT_BUILD:
        assert "build" not in known
    assert "cli" not in known or layer(path) == "cli"
    if path not in MAY_IMPORT_DEMO and layer(path) != "demo":
        assert "demo" not in known


def test_no_module_reaches_itself_through_its_imports() -> None:
    """In the demo, which makes its tables out of one another, only on loading."""
    graph = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): own(
            imports(tree, at_load=layer(path) == "demo")
        )
        for path, tree in sources().items()
    }
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail, module))
        if module in done:
            return
        for name in graph.get(module, set()):
            visit(name, (*trail, module))
        done.add(module)

    for module in graph:
        visit(module, ())


def clock_or_dice(tree: ast.AST) -> Iterator[str]:
    """Yield calls that read the wall clock or draw from a generator nobody handed in."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        parts = name.split(".")
        clock = parts[-1] in {"now", "utcnow", "today"} and parts[-2:-1] in (["datetime"], ["date"])
        clock |= parts[0] == "time" and parts[-1] in {"time", "time_ns", "localtime", "gmtime"}
        dice = parts[0] == "random" or parts[:2] == ["np", "random"]
        handed_in = parts[-1] in GENERATORS and bool(node.args or node.keywords)
        if clock or (dice and not handed_in):
            yield name


def test_the_search_for_clocks_and_dice_finds_them() -> None:
    text = (
        "datetime.now(UTC); date.today(); time.time(); random.random(); np.random.seed(1)\n"
        "np.random.default_rng(); np.random.default_rng(7); np.random.Generator(bits)\n"
        "rng.random()\n"
    )
    assert list(clock_or_dice(ast.parse(text))) == [
        "datetime.now",
        "date.today",
        "time.time",
        "random.random",
        "np.random.seed",
        "np.random.default_rng",
    ]


@pytest.mark.parametrize("path", sorted(sources()))
def test_time_and_chance_come_in_as_arguments(path: str) -> None:
    found = list(clock_or_dice(sources()[path]))
    if layer(path) == "demo":
        found = [name for name in found if "random" in name]
    elif path in MAY_READ_THE_CLOCK or Path(path).name in MAY_READ_THE_CLOCK:
        found = []
    assert not found


@pytest.mark.parametrize("path", sorted(sources()))
def test_nothing_is_pickled_asserted_or_kept_in_globals(path: str) -> None:
    tree = sources()[path]
    assert not {n.partition(".")[0] for n in imports(tree, at_load=False)} & PICKLES
    kinds = {type(node) for node in ast.walk(tree)}
    assert not kinds & {ast.Assert, ast.Global}


@pytest.mark.parametrize(
    "path",
    [*sorted(ROOT.rglob("*.py")), *sorted(TESTS.rglob("*.py"))],
    ids=lambda path: path.relative_to(ROOT.parent).as_posix(),
)
def test_every_file_says_why_it_exists_and_stays_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring
    assert docstring.splitlines()[0].strip().endswith(".")
    assert len(text.splitlines()) <= MAX_LINES


def test_loading_the_definitions_loads_no_heavy_library(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from ngm_assets.definitions import defs\n"
        "loaded = defs()\n"
        "assert len(loaded.resolve_asset_graph().get_all_asset_keys()) > 20\n"
        f"print(sorted({HEAVY!r} & {{name.partition('.')[0] for name in sys.modules}}))\n"
    )
    environment = {**os.environ, "NGM_HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=environment,
        cwd=ROOT.parent,
    )
    assert run.stdout.strip() == "[]"
    assert not list(tmp_path.iterdir())


def asks_the_instance(tree: ast.AST) -> Iterator[str]:
    """Yield expressions that reach for the Dagster instance of a context."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "instance":
            yield ast.unparse(node)


LAUNCHERS = {"engine/cluster.py", "engine/serverless.py"}
"""They run beside the instance; steps run where it is not."""


OUTSIDE_STEPS = sorted(p for p in sources() if p in LAUNCHERS or Path(p).name == "sensors.py")
"""What runs in the Dagster process itself."""


@pytest.mark.parametrize("path", sorted(sources().keys() - set(OUTSIDE_STEPS)))
def test_no_step_asks_the_dagster_instance(path: str) -> None:
    """On a cluster there is an empty one of its own, which knows nothing."""
    assert list(asks_the_instance(sources()[path])) == []


def test_the_search_for_the_instance_finds_it() -> None:
    assert list(asks_the_instance(ast.parse("context.instance.get_runs()"))) == ["context.instance"]


def test_no_query_counts_by_a_function_that_engines_read_differently() -> None:
    """COUNT_IF over nulls alone is null on DuckDB and 0 on Spark; `counts.py` reads both as 0."""
    texts = {path: path.read_text(encoding="utf-8") for path in ROOT.rglob("*.sql")}
    texts |= {path: path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py")}
    assert len(texts) > 100
    found = [path.relative_to(ROOT) for path, text in texts.items() if "COUNT_IF(" in text.upper()]
    assert found == [Path("monitoring/drift/counts.py")]

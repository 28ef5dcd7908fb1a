"""The guide to Databricks says what is: its variables, commands, jobs, schedules and grants."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ngm_assets.build import build_defs
from ngm_assets.cli.app import main
from ngm_assets.doctor.shipping import FIRST_WITH_SPARK_4, PYTHON_OF, SERVERLESS_PYTHON
from ngm_assets.engine.serverless import ENVIRONMENT_VERSION
from ngm_assets.features.tables import feature_contracts
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.lakehouse.statements import SCHEMAS
from ngm_assets.models.data.dataset import catalog
from ngm_assets.overlays import VARIABLE, read_tree, variables_in
from ngm_assets.raw.contract import raw_tables
from ngm_assets.settings import ENVIRONMENTS, load_settings
from ngm_assets.setup.statements import MODEL_RIGHTS, TABLE_RIGHTS

GUIDE = (Path(__file__).parents[1] / "docs" / "databricks.md").read_text(encoding="utf-8")
LINES = [
    line
    for block in re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL)
    for line in block.splitlines()
]
COMMANDS = [line.split("#")[0].strip() for line in LINES if line.startswith("ngm ")]
ROWS = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) ?\|", GUIDE, re.MULTILINE))
SET_ELSEWHERE = {"NGM_ENV", "NGM_HOME"}


def test_its_variables_and_defaults_are_those_of_the_base() -> None:
    base = ENVIRONMENTS / "base.yaml"
    assert set(ROWS) - SET_ELSEWHERE == variables_in(read_tree(base))
    for found in VARIABLE.finditer(base.read_text(encoding="utf-8")):
        if found["name"] in ROWS:
            assert ROWS[found["name"]].strip("`") == (found["default"] or "")


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_have_their_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(command)[1:]
    names = [word for word in words if not word.startswith("--") and word != "dev"]
    assert main([*names, "--help"]) == 0
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert {word for word in words if word.startswith("--")} <= known


def test_its_jobs_and_schedules_exist_and_are_all_there_are() -> None:
    settings = load_settings(env="uat", environ={"DATABRICKS_HOST": "https://a.example.com"})
    defs = build_defs(settings)
    jobs = {job.name for job in defs.jobs or []}
    schedules = {schedule.name for schedule in defs.schedules or []}
    assert {name for name in re.findall(r"`(\w+_(?:pipeline|snapshots))`", GUIDE)} <= jobs
    assert set(re.findall(r"`(\w+_schedule)`", GUIDE)) == schedules


def test_it_counts_the_steps_of_the_daily_job_and_of_training() -> None:
    models, gold, features = len(catalog()), len(gold_contracts()), len(feature_contracts())
    told = re.search(r"each of its (\d+) steps and training for each of its\s+(\d+)", GUIDE)
    assert told is not None
    assert [int(number) for number in told.groups()] == [gold + features + models, models]


def test_its_grants_name_every_system_schema() -> None:
    granted = set(re.findall(r"^GRANT .* ON SCHEMA (\S+)", GUIDE, re.MULTILINE))
    needed = {name.rpartition(".")[0] for name in raw_tables()}
    assert granted == needed - {"system.information_schema"}


def test_it_names_the_schemas_and_rights_of_setup() -> None:
    for name in (*SCHEMAS, *TABLE_RIGHTS, *MODEL_RIGHTS):
        assert f"`{name}`" in GUIDE


def test_its_runtimes_are_those_the_doctor_knows() -> None:
    row = r"^\| (\d+)\.\d LTS \| (\d)\.\d \| (\S+) \| (yes|no)"
    told = re.findall(row, GUIDE, re.MULTILINE)
    assert len(told) == 3
    for major, spark, python, usable in told:
        assert PYTHON_OF[int(major)] == python
        assert (int(spark) >= 4) == (usable == "yes") == (int(major) >= FIRST_WITH_SPARK_4)
    default = load_settings(env="dev", environ={"DATABRICKS_HOST": "https://a.example.com"})
    assert int(default.workspace.cluster.spark_version.split(".")[0]) >= FIRST_WITH_SPARK_4
    row = rf"^\| serverless environment {ENVIRONMENT_VERSION} \| [^|]+ \| (\S+) \| yes"
    assert re.findall(row, GUIDE, re.MULTILINE) == [SERVERLESS_PYTHON]

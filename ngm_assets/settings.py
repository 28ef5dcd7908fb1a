"""Typed settings: which environment, where its state lives, and the words that need a meaning."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ngm_assets.dagster_home import Storage
from ngm_assets.databricks import Databricks
from ngm_assets.errors import ConfigError
from ngm_assets.overlays import (
    Branch,
    Leaf,
    Place,
    filled,
    laid_over,
    place_of,
    plain,
    read_tree,
    variables_in,
)
from ngm_assets.watching import Watching

ENVIRONMENTS = Path(__file__).parent / "environments"
BASE = "base"
LOCAL = "local"
HOME_FILE = "home.yaml"
UNFIT = r"[\[\]?^|\\\x00-\x1f]|%[0-9A-Fa-f]{2}"
"""What delta-rs or an SQLite address cannot hold in a path."""
PRIVATE = 0o700
"""Rights of a new home: it holds what people did, by name. An existing one keeps its own."""
TOGETHER = {
    True: {"engine": "duckdb", "lakehouse": "delta", "mlflow": "sqlite"},
    False: {"engine": "spark", "lakehouse": "unity", "mlflow": "databricks"},
}
"""What belongs together on `local` (True), and on every other environment."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Frozen):
    """Settings that give words in the features a meaning."""

    currency: str
    owner_tags: tuple[str, ...] = Field(min_length=1)
    team_tag: str
    commitment_discount: float = Field(ge=0, lt=1)
    off_hours_before: int = Field(ge=0, le=24)
    off_hours_from: int = Field(ge=0, le=24)


class Settings(_Frozen):
    """Everything a code location needs to know; no secret is part of it.

    Engine, lakehouse and MLflow switch together: `local` has all of them on this machine, every
    other environment on Databricks.

    Attributes:
        env: Name of the environment.
        catalog: Catalog that holds the schemas gold, features, models, predictions, monitoring.
        engine: SQL engine; `duckdb` reads a landing folder, `spark` the system tables.
        lakehouse: `delta` tables on a local disk, or `unity` for Unity Catalog.
        mlflow: `sqlite` below the home, or `databricks` with the registry in Unity Catalog.
        databricks: The workspace; None on `local`.
        dagster_storage: Where Dagster keeps runs and events: `sqlite` below the home, or
            `postgres`, whose address is in a variable.
        home: Folder of the Dagster instance, and on `local` of all state.
        landing: Folder of raw Parquet files; None but on `local`.
        start_date: First daily partition (UTC).
        end_date: Last daily partition of an estate that ended; None = partitions go on with time.
        refresh_days: Days the daily schedule runs again for late rows.
        schedules: Whether schedules and sensors are registered.
        monitoring: Windows, bands, retraining, alert sinks.
        query_memory: What a query on this machine may hold in memory; the rest goes to disk.
    """

    env: str
    catalog: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    engine: Literal["duckdb", "spark"]
    lakehouse: Literal["delta", "unity"]
    mlflow: Literal["sqlite", "databricks"]
    databricks: Databricks | None = None
    dagster_storage: Storage = "sqlite"
    home: Path
    landing: Path | None = None
    start_date: date
    end_date: date | None = None
    refresh_days: int = Field(ge=1, le=30)
    schedules: bool
    words: Words
    monitoring: Watching = Watching()
    query_memory: str = Field(default="2GB", pattern=r"^[1-9]\d{0,4}(MB|GB)$")

    @model_validator(mode="after")
    def _switched_together(self) -> Self:
        wanted = TOGETHER[self.local]
        mixed = [f"{name} {getattr(self, name)}" for name in wanted]
        parts = f"{', '.join(mixed)}, databricks {'set' if self.databricks else 'not set'}"
        if any(getattr(self, name) != value for name, value in wanted.items()):
            raise ValueError(f"a mixed configuration: {parts}; {self.env} needs {wanted}")
        if self.local != (self.databricks is None):
            raise ValueError(f"a mixed configuration: {parts} on {self.env}")
        if self.local != (self.landing is not None):
            found = f"the landing folder {self.landing}" if self.landing else "no landing folder"
            raise ValueError(f"a mixed configuration: {found} on {self.env}")
        return self

    @property
    def local(self) -> bool:
        """Whether everything is on this machine."""
        return self.env == LOCAL

    @property
    def local_landing(self) -> Path:
        """Folder of raw Parquet files.

        Raises:
            ConfigError: The environment reads the system tables instead.
        """
        if self.landing is None:
            raise ConfigError(
                f"There is no landing folder on {self.env}: gold reads the system tables.",
                where="NGM_ENV",
                mend="Use the local environment for landing folders and for the demo.",
            )
        return self.landing

    @property
    def workspace(self) -> Databricks:
        """The Databricks workspace.

        Raises:
            ConfigError: The environment has none.
        """
        if self.databricks is None:
            raise ConfigError(
                f"{self.env} has no Databricks workspace.",
                where="NGM_ENV",
                mend="Name another environment with --env or NGM_ENV.",
            )
        return self.databricks

    @property
    def staging_folder(self) -> str:
        """Folder of a volume through which serverless steps get code and context."""
        return self.workspace.volume or f"/Volumes/{self.catalog}/models/staging"

    @property
    def delta_root(self) -> Path:
        """Folder of the local environment's Delta tables."""
        return self.home / "lakehouse" / self.catalog

    @property
    def mlflow_uri(self) -> str:
        """MLflow tracking URI."""
        return f"sqlite:///{self.home / 'mlflow.db'}" if self.local else "databricks"

    @property
    def mlflow_registry_uri(self) -> str:
        """MLflow registry URI."""
        return self.mlflow_uri if self.local else "databricks-uc"

    @property
    def mlflow_artifacts(self) -> Path | None:
        """Folder of MLflow artifacts; None where the server keeps them."""
        return self.home / "mlflow" if self.local else None

    @property
    def mlflow_experiment(self) -> str:
        """Name of the experiment all runs belong to."""
        return "ngm_assets" if self.local else f"/Shared/ngm_assets/{self.env}"

    @property
    def model_prefix(self) -> str:
        """What stands before a model's name in the registry."""
        return "" if self.local else f"{self.catalog}.models."

    @property
    def dagster_home(self) -> Path:
        """Folder of the Dagster instance."""
        return self.home / "dagster"


def environment_names() -> list[str]:
    """Return the names of all environments."""
    return sorted(path.stem for path in ENVIRONMENTS.glob("*.yaml") if path.stem != BASE)


def environment_variables(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return those of the variables that the files of an environment refer to."""
    return {
        key: environ[key] for key in sorted(variables_in(_environment(name))) if environ.get(key)
    }


def default_home(environ: Mapping[str, str] | None = None) -> Path:
    """Return the home folder: `NGM_HOME`, else `.ngm` in the working directory."""
    env = os.environ if environ is None else environ
    return Path(env.get("NGM_HOME") or ".ngm").expanduser().resolve()


def load_settings(
    *,
    env: str | None = None,
    home: Path | None = None,
    landing: Path | None = None,
    start_date: date | None = None,
    end_date: date | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Load the settings of one environment.

    Order, later wins: `environments/base.yaml`, `environments/<env>.yaml`, on `local` also
    `<home>/home.yaml`, environment variables (`NGM_HOME`, `NGM_LANDING`), arguments.

    Raises:
        ConfigError: Unknown environment, unreadable file, unknown or invalid field, a variable
            that is not set, or a mixed configuration.
    """
    variables = os.environ if environ is None else environ
    name = env or variables.get("NGM_ENV") or LOCAL
    tree = _environment(name)
    home = home.expanduser().resolve() if home else default_home(variables)
    overlay = home / HOME_FILE
    if name == LOCAL and overlay.is_file():
        tree = laid_over(tree, read_tree(overlay))
    chosen = landing or variables.get("NGM_LANDING")
    if name == LOCAL:
        chosen = chosen or plain(tree).get("landing") or home / "landing"
    given = {
        "home": home,
        "landing": Path(chosen).expanduser().resolve() if chosen else None,
        "start_date": start_date,
        "end_date": end_date,
    }
    call = Place(Path("the call, or a variable NGM_..."), 0)
    told = {key: Leaf(value, call) for key, value in given.items() if value is not None}
    tree = laid_over(filled(tree, variables), Branch(told, tree.place))
    try:
        return Settings(**plain(tree))
    except ValidationError as error:
        raise _config_error(error, tree) from None


def _environment(name: str) -> Branch:
    if name not in environment_names():
        raise ConfigError(
            f"There is no environment {name!r}.",
            where="NGM_ENV",
            mend=f"Set NGM_ENV to one of: {', '.join(environment_names())}.",
        )
    base = read_tree(ENVIRONMENTS / f"{BASE}.yaml")
    return laid_over(base, read_tree(ENVIRONMENTS / f"{name}.yaml"))


def make_home(home: Path) -> None:
    """Create the home folder.

    Raises:
        ConfigError: It cannot be created or written, or Delta or SQLite cannot address its path.
    """
    if re.search(UNFIT, str(home)):
        raise ConfigError(
            "The home cannot lie below a path with [ ] ? ^ | \\ %xx or control characters.",
            where=str(home),
            mend="Choose a home folder without them.",
        )
    try:
        home.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The home folder cannot be made: {error.strerror}.",
            where=str(error.filename or home),
            mend="Name a folder you may write to with --home or NGM_HOME.",
        ) from None
    if not os.access(home, os.W_OK | os.X_OK):
        raise ConfigError(
            "The home folder is not writable.",
            where=str(home),
            mend="Name a folder you may write to with --home or NGM_HOME.",
        )


def remember(home: Path, *, landing: Path, start_date: date, end_date: date | None = None) -> None:
    """Write the landing folder and the span of partitions into `<home>/home.yaml`, atomically."""
    import yaml

    make_home(home)
    values = {"landing": str(landing), "start_date": start_date, "end_date": end_date}
    text = yaml.safe_dump(values)
    target = home / HOME_FILE
    if target.is_file() and target.read_text(encoding="utf-8") == text:
        return
    draft = target.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(text, encoding="utf-8")
    draft.replace(target)


def _config_error(error: ValidationError, tree: Branch) -> ConfigError:
    problems, places = [], []
    for item in error.errors():
        path = [part for part in item["loc"] if not str(part).startswith("function-")]
        name = ".".join(str(part) for part in path)
        hidden = not path or isinstance(item["input"], dict) or "@" in str(item["input"])
        shown = "" if hidden else f" (found {item['input']!r})"
        problems.append(f"{name or 'settings'}: {item['msg']}{shown}")
        places.append(str(place_of(tree, path)))
    return ConfigError(
        "Invalid settings: " + "; ".join(problems),
        where="; ".join(dict.fromkeys(places)),
        mend="Correct or remove the fields named above.",
    )

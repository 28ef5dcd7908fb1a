"""Typed settings: which environment, where its state lives, and the words that need a meaning."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ngm_assets.errors import ConfigError

ENVIRONMENTS = Path(__file__).parent / "environments"
HOME_FILE = "home.yaml"
UNFIT = r"[\[\]?^|\\\x00-\x1f]|%[0-9A-Fa-f]{2}"
"""What delta-rs or an SQLite address cannot hold in a path."""


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
    """Everything a code location needs to know.

    Attributes:
        env: Name of the environment.
        catalog: Catalog that holds the schemas gold, features, predictions.
        engine: SQL engine; `duckdb` reads a landing folder.
        home: Folder of all local state.
        landing: Folder of raw Parquet files.
        start_date: First daily partition (UTC).
        end_date: Last daily partition of an estate that ended; None = partitions go on with time.
        refresh_days: Days the daily schedule runs again for late rows.
        schedules: Whether schedules are registered.
    """

    env: Literal["local"]
    catalog: str = Field(min_length=1)
    engine: Literal["duckdb"]
    home: Path
    landing: Path
    start_date: date
    end_date: date | None = None
    refresh_days: int = Field(ge=1, le=30)
    schedules: bool
    words: Words

    @property
    def lakehouse(self) -> Path:
        """Folder of the environment's Delta tables."""
        return self.home / "lakehouse" / self.catalog

    @property
    def mlflow_uri(self) -> str:
        """MLflow tracking and registry URI."""
        return f"sqlite:///{self.home / 'mlflow.db'}"

    @property
    def mlflow_artifacts(self) -> Path:
        """Folder of MLflow artifacts."""
        return self.home / "mlflow"

    @property
    def dagster_home(self) -> Path:
        """Folder of the Dagster instance."""
        return self.home / "dagster"


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

    Order, later wins: `environments/<env>.yaml`, `<home>/home.yaml`, environment variables
    (`NGM_HOME`, `NGM_LANDING`), arguments.

    Raises:
        ConfigError: Unknown environment, unreadable file, unknown or invalid field.
    """
    variables = os.environ if environ is None else environ
    name = env or variables.get("NGM_ENV") or "local"
    base = ENVIRONMENTS / f"{name}.yaml"
    if not base.is_file():
        known = ", ".join(sorted(p.stem for p in ENVIRONMENTS.glob("*.yaml")))
        raise ConfigError(
            f"There is no environment {name!r}.",
            where="NGM_ENV",
            mend=f"Set NGM_ENV to one of: {known}.",
        )
    home = home.expanduser().resolve() if home else default_home(variables)
    values = read_yaml(base)
    overlay = home / HOME_FILE
    if overlay.is_file():
        values.update(read_yaml(overlay))
    values["home"] = home
    chosen = landing or variables.get("NGM_LANDING") or values.get("landing") or home / "landing"
    values["landing"] = Path(chosen).expanduser().resolve()
    given = {"start_date": start_date, "end_date": end_date}
    values.update({name: day for name, day in given.items() if day is not None})
    try:
        return Settings(**values)
    except ValidationError as error:
        raise _config_error(error, base if not overlay.is_file() else overlay) from None


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
        home.mkdir(parents=True, exist_ok=True)
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


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping with the safe loader.

    Raises:
        ConfigError: The file is unreadable, not YAML, or not a mapping.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 (safe loader)
    except OSError as error:
        raise ConfigError(f"Cannot read the file: {error.strerror}.", where=str(path)) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"Not valid YAML: {error}", where=str(path)) from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(
            f"Expected a mapping, found {type(loaded).__name__}.",
            where=str(path),
            mend="Write `key: value` lines.",
        )
    return loaded


def _config_error(error: ValidationError, path: Path) -> ConfigError:
    problems = [
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']} (found {item['input']!r})"
        for item in error.errors()
    ]
    return ConfigError(
        "Invalid settings: " + "; ".join(problems),
        where=str(path),
        mend="Correct or remove the fields named above.",
    )

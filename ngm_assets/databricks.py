"""A Databricks workspace: typed settings of compute, staging, secrets by name, and groups."""

from __future__ import annotations

import os
from typing import Literal, Self
from urllib.parse import urlparse

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

LOOPBACK = {"127.0.0.1", "localhost"}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JobCluster(_Frozen):
    """A cluster that is made for a step and ends with it.

    Attributes:
        spark_version: Databricks Runtime with Spark 4, and with the Python of the Dagster process.
        node_type: Node type of the workers.
        driver_node_type: Node type of the driver; None = that of the workers.
        workers: Number of workers; 0 = a single node.
        policy_id: Cluster policy; None = unrestricted.
    """

    spark_version: str = Field(pattern=r"^\d+\.\d+\.x-")
    node_type: str = Field(min_length=1)
    driver_node_type: str | None = None
    workers: int = Field(ge=0, le=1000)
    policy_id: str | None = None


class Databricks(_Frozen):
    """A workspace and how steps run in it; it names secrets and holds none.

    Attributes:
        host: Address of the workspace.
        compute: `job_cluster` and `existing_cluster` run steps by the step launcher and need DBFS,
            `serverless` runs them through a volume.
        cluster: Of `compute: job_cluster`.
        existing_cluster_id: Of `compute: existing_cluster`.
        warehouse_id: SQL warehouse that `ngm setup` uses.
        secret_scope: Secret scope of `secrets`.
        secrets: Key in the scope by the environment variable it fills on the cluster.
        staging_prefix: Folder in DBFS for code and events.
        volume: Folder of a volume for the same, of `compute: serverless`.
        timeout_minutes: A step's run is ended after this time.
        poll_seconds: Time between two looks at a run.
        parallel_steps: Most steps that run at the same time.
        engineers: Group that owns features and models.
        analysts: Group that reads predictions.
    """

    host: str
    compute: Literal["job_cluster", "existing_cluster", "serverless"]
    cluster: JobCluster
    existing_cluster_id: str | None = None
    warehouse_id: str | None = None
    secret_scope: str = Field(min_length=1)
    secrets: dict[str, str]
    staging_prefix: str = Field(pattern=r"^/[A-Za-z0-9_./-]+$")
    volume: str | None = Field(default=None, pattern=r"^/")
    timeout_minutes: int = Field(ge=1, le=10_080)
    poll_seconds: float = Field(gt=0, le=600)
    parallel_steps: int = Field(ge=1, le=100)
    engineers: str = Field(min_length=1)
    analysts: str = Field(min_length=1)

    @field_validator("host")
    @classmethod
    def _host_is_an_address(cls, host: str) -> str:
        address = urlparse(host if "://" in host else f"https://{host}")
        if address.scheme != "https" and address.hostname not in LOOPBACK:
            raise ValueError("must be an https address")
        if not address.hostname or address.username or address.password:
            raise ValueError("must be the address of a workspace, without credentials")
        return f"{address.scheme}://{address.netloc}"

    @model_validator(mode="after")
    def _compute_is_complete(self) -> Self:
        if self.compute == "existing_cluster" and self.existing_cluster_id is None:
            raise ValueError("compute: existing_cluster needs existing_cluster_id (NGM_CLUSTER_ID)")
        return self


def on_databricks() -> bool:
    """Tell whether this process runs on a cluster, where the runtime says its version."""
    return "DATABRICKS_RUNTIME_VERSION" in os.environ

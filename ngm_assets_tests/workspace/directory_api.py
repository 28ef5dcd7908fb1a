"""Who one is, cluster policies, secret scopes and workspace folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from databricks.sdk.service.compute import ClusterPoliciesAPI
from databricks.sdk.service.workspace import SecretsAPI, WorkspaceAPI

from ngm_assets_tests.workspace.http import Entry, Request, Response, missing


class DirectoryApi:
    """Small things a workspace knows.

    Args:
        secrets: Secrets by scope and key.

    Attributes:
        user: Who all requests come from.
        groups: The user's groups.
        policies: Cluster policies by id; tests add to it.
        folders: Workspace folders; tests add to it.
    """

    def __init__(self, secrets: dict[str, dict[str, str]]) -> None:
        self._secrets = secrets
        self.user = "emulated@example.com"
        self.groups = ["users"]
        self.policies: dict[str, dict[str, Any]] = {}
        self.folders = {"/", "/Shared", "/Users"}

    def routes(self) -> Iterable[Entry]:
        """Return the routes."""
        yield "GET", "/api/2.0/preview/scim/v2/Me", self._me
        yield "GET", "/api/2.0/policies/clusters/get", self._policy
        yield "GET", "/api/2.0/policies/clusters/list", self._policies
        yield "GET", "/api/2.0/secrets/scopes/list", self._scopes
        yield "GET", "/api/2.0/secrets/list", self._keys
        yield "GET", "/api/2.0/workspace/get-status", self._status
        yield "POST", "/api/2.0/workspace/mkdirs", self._mkdirs

    def _me(self, request: Request) -> Response:
        request.only()
        groups = [{"display": name, "value": str(n)} for n, name in enumerate(self.groups)]
        told = {"id": "1", "userName": self.user, "displayName": self.user, "active": True}
        return Response(200, {**told, "groups": groups})

    def _policy(self, request: Request) -> Response:
        name = request.of(ClusterPoliciesAPI.get)["policy_id"]
        if name not in self.policies:
            raise missing(f"Can't find a cluster policy with id: {name}.")
        return Response(200, {"policy_id": name, **self.policies[name]})

    def _policies(self, request: Request) -> Response:
        request.of(ClusterPoliciesAPI.list)
        told = [{"policy_id": name, **policy} for name, policy in self.policies.items()]
        return Response(200, {"policies": told, "total_count": len(told)})

    def _scopes(self, request: Request) -> Response:
        request.only()
        told = [{"name": name, "backend_type": "DATABRICKS"} for name in self._secrets]
        return Response(200, {"scopes": told})

    def _keys(self, request: Request) -> Response:
        scope = request.of(SecretsAPI.list_secrets)["scope"]
        if scope not in self._secrets:
            raise missing(f"Scope {scope} does not exist!")
        told = [{"key": key, "last_updated_timestamp": 0} for key in self._secrets[scope]]
        return Response(200, {"secrets": told})

    def _status(self, request: Request) -> Response:
        path = request.of(WorkspaceAPI.get_status)["path"]
        if path not in self.folders:
            raise missing(f"Path ({path}) doesn't exist.")
        number = sorted(self.folders).index(path) + 1
        return Response(200, {"object_type": "DIRECTORY", "path": path, "object_id": number})

    def _mkdirs(self, request: Request) -> Response:
        path = PurePosixPath(request.of(WorkspaceAPI.mkdirs)["path"])
        self.folders |= {str(one) for one in (path, *path.parents)}
        return Response()

"""Models in Unity Catalog: what the registry keeps, what it leaves out, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from threading import RLock
from typing import Any

from ngm_assets_tests.workspace.http import ApiError, Entry, Request, Response, invalid, missing
from ngm_assets_tests.workspace.mlflow_messages import answer, received
from ngm_assets_tests.workspace.mlflow_storage import Storage

FRONT = "/api/2.0/mlflow/unity-catalog"
PAGE = 3
"""Versions in one page of a search, few so that every client has to turn pages."""
MAX_TAGS, MAX_KEY, MAX_VALUE = 50, 255, 1000
RESERVED = set(".,-=/:")
FILTER = re.compile(r"\s*name\s*=\s*'([^']+)'\s*")
WRITES = ("create", "update", "delete", "alias", "set-tag", "delete-tag", "finalize")


class UnityRegistry:
    """Registered models by three-level names.

    Args:
        storage: Where versions keep their files.
        has_schema: Whether there is a schema, named `catalog.schema`.

    Attributes:
        models: Registered models, by name.
        versions: Versions by name and number.
        readonly: Whether the caller may only read.
        by_files_api: Whether versions are uploaded through the Files API; else by signed URLs.
    """

    def __init__(self, storage: Storage, has_schema: Callable[[str], bool]) -> None:
        self._storage, self._has_schema = storage, has_schema
        self._lock = RLock()
        self._clock = 1_700_000_000_000
        self.models: dict[str, Any] = {}
        self.versions: dict[tuple[str, int], Any] = {}
        self.readonly = False
        self.by_files_api = True

    def routes(self) -> Iterable[Entry]:
        """Return the routes."""
        from mlflow.protos import databricks_uc_registry_messages_pb2 as protocol

        models, versions = "/registered-models", "/model-versions"
        enabled = "is-databricks-sdk-models-artifact-repository-enabled"
        found: tuple[tuple[str, str, str, Callable[[Any, Any], object]], ...] = (
            ("POST", f"{models}/create", "CreateRegisteredModel", self._create_model),
            ("PATCH", f"{models}/update", "UpdateRegisteredModel", self._update_model),
            ("GET", f"{models}/get", "GetRegisteredModel", self._get_model),
            ("GET", f"{models}/search", "SearchRegisteredModels", self._search_models),
            ("POST", f"{models}/set-tag", "SetRegisteredModelTag", self._tag_model),
            ("POST", f"{models}/alias", "SetRegisteredModelAlias", self._alias),
            ("GET", f"{models}/alias", "GetModelVersionByAlias", self._by_alias),
            ("POST", f"{versions}/create", "CreateModelVersion", self._create),
            ("POST", f"{versions}/finalize", "FinalizeModelVersion", self._finalize),
            ("GET", f"{versions}/get", "GetModelVersion", self._get),
            ("GET", f"{versions}/search", "SearchModelVersions", self._search),
            ("POST", f"{versions}/set-tag", "SetModelVersionTag", self._tag),
            ("DELETE", f"{versions}/delete-tag", "DeleteModelVersionTag", self._untag),
            (
                "POST",
                f"{versions}/generate-temporary-credentials",
                "GenerateTemporaryModelVersionCredentials",
                self._credentials,
            ),
            ("POST", f"{versions}/emit-lineage", "EmitModelVersionLineage", _nothing),
            (
                "GET",
                f"{models}:{enabled}",
                "IsDatabricksSdkModelsArtifactRepositoryEnabled",
                self._enabled,
            ),
        )
        for method, path, name, act in found:
            kinds = getattr(protocol, f"{name}Request"), getattr(protocol, f"{name}Response")
            yield method, FRONT + path, partial(self._serve, kinds, act)

    def _serve(self, kinds: Any, act: Callable[[Any, Any], object], request: Request) -> Response:
        sent, reply = received(request, kinds[0]()), kinds[1]()
        if self.readonly and request.method != "GET" and request.path.endswith(WRITES):
            raise ApiError(403, "PERMISSION_DENIED", f"User may not change {sent.name}.")
        with self._lock:
            self._clock += 1
            act(sent, reply)
        return answer(reply)

    def _create_model(self, sent: Any, reply: Any) -> None:
        from mlflow.protos.databricks_uc_registry_messages_pb2 import RegisteredModel

        self._require_name(sent.name)
        if sent.name in self.models:
            raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"Model '{sent.name}' already exists.")
        model = RegisteredModel(name=sent.name, description=sent.description)
        for tag in sent.tags:
            _set(model.tags, tag.key, tag.value)
        self.models[sent.name] = model
        reply.registered_model.CopyFrom(model)

    def _update_model(self, sent: Any, reply: Any) -> None:
        model = self._model(sent.name)
        if sent.HasField("description"):
            model.description = sent.description
        reply.registered_model.CopyFrom(model)

    def _get_model(self, sent: Any, reply: Any) -> None:
        reply.registered_model.CopyFrom(self._model(sent.name))

    def _search_models(self, sent: Any, reply: Any) -> None:
        for model in self.models.values():
            shown = reply.registered_models.add()
            shown.CopyFrom(model)
            shown.ClearField("tags")
            shown.ClearField("aliases")

    def _tag_model(self, sent: Any, reply: Any) -> None:
        _set(self._model(sent.name).tags, sent.key, sent.value)

    def _alias(self, sent: Any, reply: Any) -> None:
        model, version = self._model(sent.name), self._version(sent.name, sent.version)
        if version.status != _number_of("READY"):
            raise invalid(f"Version {sent.version} is not READY and can bear no alias.")
        for number, other in self.versions.items():
            if number[0] == sent.name:
                _drop(other.aliases, "alias", sent.alias)
        _drop(model.aliases, "alias", sent.alias)
        for place in (model.aliases, version.aliases):
            place.add(alias=sent.alias, version=sent.version)

    def _by_alias(self, sent: Any, reply: Any) -> None:
        for alias in self._model(sent.name).aliases:
            if alias.alias == sent.alias:
                reply.model_version.CopyFrom(self._version(sent.name, alias.version))
                return
        raise missing(f"Alias {sent.alias} of {sent.name} does not exist.")

    def _create(self, sent: Any, reply: Any) -> None:
        from mlflow.protos.databricks_uc_registry_messages_pb2 import ModelVersion

        self._model(sent.name)
        number = 1 + sum(name == sent.name for name, _ in self.versions)
        version = ModelVersion(
            name=sent.name,
            version=str(number),
            source=sent.source,
            run_id=sent.run_id,
            description=sent.description,
            creation_timestamp=self._clock,
            last_updated_timestamp=self._clock,
            status=_number_of("PENDING_REGISTRATION"),
            storage_location=f"s3://bucket/models/{sent.name}/{number}",
        )
        for tag in sent.tags:
            _set(version.tags, tag.key, tag.value)
        self.versions[sent.name, number] = version
        reply.model_version.CopyFrom(version)

    def _finalize(self, sent: Any, reply: Any) -> None:
        version = self._version(sent.name, sent.version)
        self._storage.read(f"{_folder(sent.name, sent.version)}/MLmodel")
        version.status = _number_of("READY")
        reply.model_version.CopyFrom(version)

    def _get(self, sent: Any, reply: Any) -> None:
        reply.model_version.CopyFrom(self._version(sent.name, sent.version))

    def _search(self, sent: Any, reply: Any) -> None:
        """Give versions page by page, newest first, without tags and aliases."""
        found = FILTER.fullmatch(sent.filter)
        if found is None:
            raise invalid(f"Unsupported filter query: `{sent.filter}`; only name = '...' is.")
        self._model(found[1])
        hits = [v for (name, _), v in reversed(self.versions.items()) if name == found[1]]
        first = int(sent.page_token or 0)
        for version in hits[first : first + PAGE]:
            shown = reply.model_versions.add()
            shown.CopyFrom(version)
            shown.ClearField("tags")
            shown.ClearField("aliases")
        if first + PAGE < len(hits):
            reply.next_page_token = str(first + PAGE)

    def _tag(self, sent: Any, reply: Any) -> None:
        _set(self._version(sent.name, sent.version).tags, sent.key, sent.value)

    def _untag(self, sent: Any, reply: Any) -> None:
        tags = self._version(sent.name, sent.version).tags
        if all(tag.key != sent.key for tag in tags):
            raise missing(f"Tag {sent.key} does not exist.")
        _drop(tags, "key", sent.key)

    def _credentials(self, sent: Any, reply: Any) -> None:
        from mlflow.protos.databricks_uc_registry_messages_pb2 import StorageMode

        self._version(sent.name, sent.version)
        reply.credentials.storage_mode = StorageMode.Value("DEFAULT_STORAGE")

    def _enabled(self, sent: Any, reply: Any) -> None:
        reply.is_databricks_sdk_models_artifact_repository_enabled = self.by_files_api

    def _require_name(self, name: str) -> None:
        levels = name.split(".")
        if len(levels) != 3 or not all(levels):
            raise invalid(f"'{name}' is not valid: specify all three levels of the name.")
        if not self._has_schema(".".join(levels[:2])):
            raise missing(f"Schema '{'.'.join(levels[:2])}' does not exist.")

    def _model(self, name: str) -> Any:
        self._require_name(name)
        if name not in self.models:
            raise missing(f"Registered model '{name}' does not exist.")
        return self.models[name]

    def _version(self, name: str, number: str) -> Any:
        self._model(name)
        found = self.versions.get((name, int(number)))
        if found is None:
            raise missing(f"Version {number} of '{name}' does not exist.")
        return found


def _folder(name: str, number: str) -> str:
    return f"/Models/{name.replace('.', '/')}/{number}"


def _number_of(status: str) -> Any:
    from mlflow.protos.databricks_uc_registry_messages_pb2 import ModelVersionStatus

    return ModelVersionStatus.Value(status)


def _drop(entries: Any, field: str, value: str) -> None:
    for place in reversed(range(len(entries))):
        if getattr(entries[place], field) == value:
            del entries[place]


def _set(tags: Any, key: str, value: str) -> None:
    """Set a tag, unless Unity Catalog refuses it."""
    if RESERVED & set(key):
        reserved = ", ".join(sorted(RESERVED))
        raise invalid(f"Tag name {key} contains one or more of the reserved characters: {reserved}")
    if not 0 < len(key) <= MAX_KEY or len(value) > MAX_VALUE:
        raise invalid(f"Tag {key} is too long: key {len(key)}, value {len(value)} characters.")
    if key != key.strip() or value != value.strip():
        raise invalid(f"Tag {key} begins or ends with a space.")
    _drop(tags, "key", key)
    if len(tags) >= MAX_TAGS:
        raise invalid(f"An object has at most {MAX_TAGS} tags; {key} is one too many.")
    tags.add(key=key, value=value)


def _nothing(sent: Any, reply: Any) -> None:
    """Answer and keep nothing."""

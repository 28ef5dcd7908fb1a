"""The Files API over volumes of Unity Catalog, which are folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from email.utils import formatdate
from pathlib import Path
from typing import Any

from databricks.sdk.service.files import FilesAPI

from ngm_assets_tests.workspace.http import ApiError, Entry, Request, Response, malformed
from ngm_assets_tests.workspace.places import below

DEPTH = 3
FRONT = "/Volumes"


class Volumes:
    """Files in folders `<root>/<catalog>/<schema>/<volume>`, named `/Volumes/...` by clients.

    Args:
        root: Folder that stands for `/Volumes`.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root

    def routes(self) -> Iterable[Entry]:
        """Return the routes."""
        files, directories = (
            "/api/2.0/fs/files{file_path*}",
            "/api/2.0/fs/directories{directory_path*}",
        )
        yield "PUT", files, self._upload
        yield "GET", files, self._download
        yield "HEAD", files, self._metadata
        yield "DELETE", files, self._delete
        yield "PUT", directories, self._make
        yield "GET", directories, self._list
        yield "HEAD", directories, self._directory
        yield "DELETE", directories, self._remove

    def add(self, catalog: str, schema: str, volume: str) -> Path:
        """Create a volume; return its folder."""
        folder = self.root / catalog / schema / volume
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def volumes(self, catalog: str, schema: str) -> list[str]:
        """Return the names of a schema's volumes."""
        return sorted(place.name for place in self.root.glob(f"{catalog}/{schema}/*"))

    def file(self, path: str) -> Path:
        """Return the file of a path `/Volumes/<catalog>/<schema>/<volume>/...`.

        Raises:
            ApiError: It leads elsewhere, or there is no such volume.
        """
        if not path.startswith(f"{FRONT}/"):
            raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Path must be in {FRONT}: {path}")
        found = below(self.root, path.removeprefix(FRONT))
        parts = found.relative_to(self.root).parts
        if len(parts) < DEPTH or not self.root.joinpath(*parts[:DEPTH]).is_dir():
            raise _absent(f"Volume '{'.'.join(parts[:DEPTH])}' does not exist.")
        return found

    def _upload(self, request: Request) -> Response:
        overwrite = request.only("overwrite").get("overwrite", "false") == "true"
        path = request.parts["file_path"]
        file = self.file(path)
        if file.is_dir() or (file.exists() and not overwrite):
            raise ApiError(409, "ALREADY_EXISTS", f"The file being created already exists: {path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.draft")
        draft.write_bytes(request.body)
        draft.replace(file)
        return Response(204, b"")

    def _download(self, request: Request) -> Response:
        request.of(FilesAPI.download)
        file = self._found(request.parts["file_path"])
        return Response(200, file.read_bytes(), _times(file))

    def _metadata(self, request: Request) -> Response:
        request.of(FilesAPI.get_metadata)
        file = self._found(request.parts["file_path"])
        return Response(200, file.read_bytes(), _times(file))

    def _delete(self, request: Request) -> Response:
        request.of(FilesAPI.delete)
        self._found(request.parts["file_path"]).unlink()
        return Response(204, b"")

    def _make(self, request: Request) -> Response:
        if request.body not in (b"", b"{}", b"null"):
            raise malformed(f"{request.path}: a directory has no body")
        folder = self.file(request.parts["directory_path"])
        if folder.is_file():
            raise ApiError(409, "ALREADY_EXISTS", f"{request.path} is a file")
        folder.mkdir(parents=True, exist_ok=True)
        return Response(204, b"")

    def _list(self, request: Request) -> Response:
        asked = request.of(FilesAPI.list_directory_contents)
        path = request.parts["directory_path"].rstrip("/")
        entries = [_told(path, file) for file in sorted(self._folder(path).iterdir())]
        first, size = int(asked.get("page_token") or 0), min(asked.get("page_size") or 1000, 1000)
        told: dict[str, Any] = {"contents": entries[first : first + size]}
        if first + size < len(entries):
            told["next_page_token"] = str(first + size)
        return Response(200, told)

    def _directory(self, request: Request) -> Response:
        self._folder(request.parts["directory_path"])
        return Response(200, b"")

    def _remove(self, request: Request) -> Response:
        folder = self._folder(request.parts["directory_path"])
        if any(folder.iterdir()):
            raise ApiError(400, "DIRECTORY_NOT_EMPTY", "The directory is not empty.")
        shutil.rmtree(folder)
        return Response(204, b"")

    def _found(self, path: str) -> Path:
        file = self.file(path)
        if not file.is_file():
            raise _absent(f"The file being accessed is not found: {path}")
        return file

    def _folder(self, path: str) -> Path:
        folder = self.file(path)
        if not folder.is_dir():
            raise _absent(f"The directory being accessed is not found: {path}")
        return folder


def _absent(message: str) -> ApiError:
    return ApiError(404, "NOT_FOUND", message)


def _times(file: Path) -> dict[str, str]:
    return {"Last-Modified": formatdate(file.stat().st_mtime, usegmt=True)}


def _told(folder: str, file: Path) -> dict[str, Any]:
    status, is_folder = file.stat(), file.is_dir()
    told: dict[str, Any] = {
        "path": f"{folder}/{file.name}",
        "name": file.name,
        "is_directory": is_folder,
        "last_modified": int(status.st_mtime * 1000),
    }
    return told if is_folder else {**told, "file_size": status.st_size}

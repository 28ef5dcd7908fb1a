"""Where runs and model versions keep their files: the Files API, and signed URLs of a cloud."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from ngm_assets_tests.workspace.http import ApiError, Entry, Request, Response, malformed

ROOTS = ("/Models", "/WorkspaceInternal/Mlflow/Artifacts")
FILES, DIRECTORIES = "/api/2.0/fs/files", "/api/2.0/fs/directories"


class Storage:
    """Files below one folder, reached through the workspace or through URLs it has signed.

    A signed URL belongs to another server, as the bucket of a cloud does: it takes no token of the
    workspace, and is good for one file and one method.

    Attributes:
        files_api: Whether the Files API reaches files of runs; False = signed URLs only.
        uploads: Paths written, in order.
        leaked: Requests that brought credentials to the cloud.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.files_api = True
        self.uploads: list[str] = []
        self.leaked: list[str] = []
        self._signed: dict[str, tuple[str, str]] = {}
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("H", (_Cloud,), {"store": self}))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the server of signed URLs."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def sign(self, method: str, path: str) -> str:
        """Return a URL by which one file may be read (`GET`) or written (`PUT`)."""
        key = secrets.token_hex(16)
        with self._lock:
            self._signed[key] = (method, path)
        return f"http://127.0.0.1:{self._server.server_address[1]}/{key}"

    def opened(self, method: str, url_path: str) -> str | None:
        """Return the file a signed URL stands for; None = it is not signed for that."""
        with self._lock:
            found = self._signed.get(url_path.strip("/"))
        return None if found is None or found[0] != method else found[1]

    def place(self, path: str) -> Path:
        """Return where a path is kept."""
        place = (self._root / path.lstrip("/")).resolve()
        if not place.is_relative_to(self._root.resolve()):
            raise malformed(f"{path} leaves the storage")
        return place

    def write(self, path: str, content: bytes) -> None:
        """Write a file, and the folders it lies in."""
        place = self.place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        with self._lock:
            self.uploads.append(path)

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            ApiError: There is no such file.
        """
        place = self.place(path)
        if not place.is_file():
            raise ApiError(404, "NOT_FOUND", f"The file {path} does not exist.")
        return place.read_bytes()

    def listed(self, path: str) -> list[dict[str, Any]]:
        """Return what a folder holds, as the Files API lists it.

        Raises:
            ApiError: There is no such folder.
        """
        place = self.place(path)
        if not place.is_dir():
            raise ApiError(404, "NOT_FOUND", f"The directory {path} does not exist.")
        return [_entry(path.rstrip("/"), child) for child in sorted(place.iterdir())]

    def routes(self) -> Iterable[Entry]:
        """Return the routes of the Files API below the roots kept here."""
        for root in ROOTS:
            yield "PUT", f"{FILES}{root}/{{rest*}}", self._put
            yield "GET", f"{FILES}{root}/{{rest*}}", self._get
            yield "HEAD", f"{FILES}{root}/{{rest*}}", self._get
            yield "GET", f"{DIRECTORIES}{root}/{{rest*}}", self._list
            yield "HEAD", f"{DIRECTORIES}{root}/{{rest*}}", self._list
        yield "POST", "/api/2.0/fs/create-upload-url", self._upload_url
        yield "POST", "/api/2.0/fs/create-download-url", self._download_url

    def _put(self, request: Request) -> Response:
        self.write(self._path(request, FILES), request.body)
        return Response(204, b"")

    def _get(self, request: Request) -> Response:
        path = self._path(request, FILES)
        content = self.read(path)
        changed = formatdate(self.place(path).stat().st_mtime, usegmt=True)
        return Response(200, content, {"Last-Modified": changed})

    def _list(self, request: Request) -> Response:
        return Response(200, {"contents": self.listed(self._path(request, DIRECTORIES))})

    def _path(self, request: Request, front: str) -> str:
        path = request.path.removeprefix(front)
        if not self.files_api and path.startswith(ROOTS[1]):
            raise ApiError(403, "PERMISSION_DENIED", "The Files API is not enabled for runs.")
        return path

    def _upload_url(self, request: Request) -> Response:
        return Response(200, {"url": self.sign("PUT", str(request.json()["path"])), "headers": []})

    def _download_url(self, request: Request) -> Response:
        path = str(request.json()["path"])
        self.read(path)
        return Response(200, {"url": self.sign("GET", path), "headers": []})


def _entry(parent: str, child: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"path": f"{parent}/{child.name}", "name": child.name}
    found["is_directory"] = child.is_dir()
    if child.is_file():
        found["file_size"] = child.stat().st_size
    return found


class _Cloud(BaseHTTPRequestHandler):
    store: Storage
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization"):
            self.store.leaked.append(self.path)
        path = self.store.opened(self.command, self.path)
        found = b""
        if path is None:
            status = 403
        elif self.command == "PUT":
            self.store.write(path, content)
            status = 200
        else:
            found, status = self.store.read(path), 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)

    do_GET = do_PUT = _serve  # noqa: N815

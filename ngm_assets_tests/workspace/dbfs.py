"""The DBFS interface over a folder."""

from __future__ import annotations

import base64
import binascii
import shutil
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from databricks.sdk.service.files import DbfsAPI

from ngm_assets_tests.workspace.http import ApiError, Entry, Request, Response, invalid, missing
from ngm_assets_tests.workspace.places import below, told

BLOCK = 1024 * 1024


class Dbfs:
    """Files below a folder; at most 1 MB is read or written per request.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self._lock = Lock()
        self._open: dict[int, BinaryIO] = {}
        self._last = 0

    def routes(self) -> Iterable[Entry]:
        """Return the routes."""
        front = "/api/2.0/dbfs"
        yield "POST", f"{front}/create", self._create
        yield "POST", f"{front}/add-block", self._add_block
        yield "POST", f"{front}/close", self._close
        yield "POST", f"{front}/put", self._put
        yield "POST", f"{front}/mkdirs", self._mkdirs
        yield "POST", f"{front}/delete", self._delete
        yield "GET", f"{front}/read", self._read
        yield "GET", f"{front}/get-status", self._status
        yield "GET", f"{front}/list", self._list

    def close(self) -> None:
        """Close files that clients left open."""
        for stream in self._open.values():
            stream.close()

    def file(self, path: str) -> Path:
        """Return the file of a path such as `/a/b`, `dbfs:/a/b` or `dbfs:///a/b`."""
        return below(self.root, "/" + path.removeprefix("dbfs:").lstrip("/"))

    def _create(self, request: Request) -> Response:
        sent = request.of(DbfsAPI.create)
        file = self._to_write(sent)
        with self._lock:
            self._last += 1
            self._open[self._last] = file.open("wb")
            return Response(200, {"handle": self._last})

    def _add_block(self, request: Request) -> Response:
        sent = request.of(DbfsAPI.add_block)
        self._stream(sent["handle"]).write(_decoded(sent["data"]))
        return Response()

    def _close(self, request: Request) -> Response:
        sent = request.of(DbfsAPI.close)
        self._stream(sent["handle"]).close()
        with self._lock:
            del self._open[sent["handle"]]
        return Response()

    def _put(self, request: Request) -> Response:
        sent = request.of(DbfsAPI.put)
        file = self._to_write(sent)
        file.write_bytes(_decoded(sent.get("contents", "")))
        return Response()

    def _mkdirs(self, request: Request) -> Response:
        folder = self._asked(request.of(DbfsAPI.mkdirs))
        if folder.is_file():
            raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"{told(self.root, folder)} is a file.")
        folder.mkdir(parents=True, exist_ok=True)
        return Response()

    def _delete(self, request: Request) -> Response:
        sent = request.of(DbfsAPI.delete)
        file = self._asked(sent)
        if file.is_dir():
            if any(file.iterdir()) and not sent.get("recursive"):
                raise ApiError(400, "IO_ERROR", f"{sent['path']} is not empty.")
            shutil.rmtree(file)
        file.unlink(missing_ok=True)
        return Response()

    def _read(self, request: Request) -> Response:
        sent = request.of(DbfsAPI.read)
        offset, length = sent.get("offset", 0), sent.get("length", BLOCK)
        if offset < 0 or length < 0:
            raise invalid("Offset and length must not be negative.")
        with self._found_file(sent).open("rb") as stream:
            stream.seek(offset)
            block = stream.read(min(length, BLOCK))
        data = base64.b64encode(block).decode()
        return Response(200, {"bytes_read": len(block), "data": data})

    def _status(self, request: Request) -> Response:
        return Response(200, self._told(self._found(request.of(DbfsAPI.get_status))))

    def _list(self, request: Request) -> Response:
        found = self._found(request.of(DbfsAPI.list))
        files = sorted(found.iterdir()) if found.is_dir() else [found]
        return Response(200, {"files": [self._told(file) for file in files]})

    def _told(self, file: Path) -> dict[str, Any]:
        status = file.stat()
        return {
            "path": told(self.root, file),
            "is_dir": file.is_dir(),
            "file_size": 0 if file.is_dir() else status.st_size,
            "modification_time": int(status.st_mtime * 1000),
        }

    def _asked(self, sent: dict[str, Any]) -> Path:
        return below(self.root, sent["path"])

    def _found(self, sent: dict[str, Any]) -> Path:
        file = self._asked(sent)
        if not file.exists():
            raise missing(f"No file or directory exists on path {sent['path']}.")
        return file

    def _found_file(self, sent: dict[str, Any]) -> Path:
        file = self._found(sent)
        if file.is_dir():
            raise invalid(f"Cannot read directory {sent['path']}.")
        return file

    def _to_write(self, sent: dict[str, Any]) -> Path:
        file = self._asked(sent)
        if file.is_dir() or (file.exists() and not sent.get("overwrite")):
            text = f"A file or directory already exists at the input path {sent['path']}."
            raise ApiError(400, "RESOURCE_ALREADY_EXISTS", text)
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def _stream(self, handle: int) -> BinaryIO:
        with self._lock:
            found = self._open.get(handle)
        if found is None:
            raise missing(f"No stream exists for handle {handle}.")
        return found


def _decoded(data: str) -> bytes:
    try:
        block = base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise invalid(f"Data is not base64: {error}") from None
    if len(block) > BLOCK:
        raise ApiError(400, "MAX_BLOCK_SIZE_EXCEEDED", f"{len(block)} bytes exceed 1 MB.")
    return block

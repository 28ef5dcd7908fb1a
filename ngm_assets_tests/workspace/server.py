"""The emulated workspace: an HTTP server on this machine that keeps everything below one folder."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from ngm_assets_tests.workspace.catalog_api import CatalogApi
from ngm_assets_tests.workspace.cluster import Cluster
from ngm_assets_tests.workspace.dbfs import Dbfs
from ngm_assets_tests.workspace.directory_api import DirectoryApi
from ngm_assets_tests.workspace.faults import Fault, Faults
from ngm_assets_tests.workspace.http import ApiError, Entry, Part, Request, Response, Routes
from ngm_assets_tests.workspace.jobs import Jobs
from ngm_assets_tests.workspace.oauth import OAuth
from ngm_assets_tests.workspace.sql_api import SqlApi
from ngm_assets_tests.workspace.volumes import Volumes

OPEN_TO_ALL = ("/run/", "/health", "/oidc/")


@dataclass(frozen=True)
class Recorded:
    """A request as it was received, and the status it was answered with; 0 = not answered."""

    request: Request
    status: int


class EmulatedWorkspace:
    """A Databricks workspace, as far as this project uses one; a context manager.

    Args:
        root: Folder of everything it keeps; made when missing.
        token: The access token that requests must bear.

    Attributes:
        host: Address, once it is open.
        requests: All requests answered, in order.
        protocol_errors: What clients sent that no correct client sends; tests assert it is empty.
        faults: Faults to plant.
        dbfs: DBFS; `dbfs.root` is its folder.
        volume_root: Folder that stands for `/Volumes`.
        tables: Folder of the tables of the emulated Unity Catalog.
        raw: Folder of Parquet files by full name of a system table, empty at first.
        secrets: Secrets by scope and key, empty at first.
        cluster: Where tasks run; `cluster.next_run(...)` plans what goes wrong.
        jobs: Runs and clusters; `jobs.add_cluster(id)` adds one that exists already.
        volumes: Volumes; `volumes.add(catalog, schema, name)` makes one.
        catalog: Unity Catalog over REST; `catalog.make(kind, full_name)`, `catalog.grant(...)`.
        sql: Warehouses and the statements given to them.
        directory: User, policies, workspace folders.
        oauth: Service principals; `oauth.clients[id] = secret` adds one.
    """

    def __init__(self, root: Path, token: str = "dapi-of-the-emulated-workspace") -> None:  # noqa: S107
        self.root, self.token, self.host = root, token, ""
        self.requests: list[Recorded] = []
        self.protocol_errors: list[str] = []
        self.faults = Faults()
        self.closing = Event()
        self._lock = Lock()
        self._routes = Routes()
        self._stack = ExitStack()
        self._routes.add("GET", "/health", lambda _: Response(200, {"status": "ok"}))
        self.volume_root, self.tables = root / "volumes", root / "tables"
        self.raw: dict[str, Path] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.dbfs = Dbfs(root / "dbfs")
        self.cluster = Cluster(root / "compute", self.tables, self.raw, self.secrets)
        self.jobs = Jobs(self.cluster, self.dbfs, self.volume_root, lambda: self.host)
        self.volumes = Volumes(self.volume_root)
        self.catalog = CatalogApi(self.tables, self.raw, self.volumes)
        self.sql = SqlApi(self.catalog, self.tables)
        self.directory = DirectoryApi(self.secrets)
        self.oauth = OAuth(lambda: self.host)
        self.add(self.dbfs)
        self.add(self.jobs)
        for part in (self.volumes, self.catalog, self.sql, self.directory, self.oauth):
            self.add(part)

    def add(self, part: Part) -> None:
        """Add a part: its routes, and its `close()` when the workspace closes, if it has one."""
        self._routes.add_part(part)
        close = getattr(part, "close", None)
        if close is not None:
            self._stack.callback(close)

    def __enter__(self) -> Self:
        """Open the server."""
        self.root.mkdir(parents=True, exist_ok=True)
        server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"workspace": self}))
        self.host = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(server.server_close)
        self._stack.callback(server.shutdown)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all runs, the cluster and the server."""
        self.closing.set()
        self._stack.close()

    def sent(self, method: str, path: str) -> list[dict[str, Any]]:
        """Return the JSON bodies sent to a path so far."""
        with self._lock:
            found = [one.request for one in self.requests]
        return [one.json() for one in found if (one.method, one.path) == (method, path)]

    def answer(self, request: Request) -> Response:
        """Answer a request, authenticated and checked."""
        try:
            if not request.path.startswith(OPEN_TO_ALL):
                self._authenticate(request)
            return self._routes.answer(request)
        except ApiError as error:
            if error.protocol:
                self._remember(error.message)
            return error.response()
        except Exception:
            text = traceback.format_exc()
            self._remember(f"{request.method} {request.path} broke the emulation: {text}")
            return ApiError(500, "INTERNAL_ERROR", text.splitlines()[-1]).response()

    def record(self, request: Request, status: int) -> None:
        """Keep a request."""
        with self._lock:
            self.requests.append(Recorded(request, status))

    def _remember(self, message: str) -> None:
        with self._lock:
            self.protocol_errors.append(message)

    def _authenticate(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if not given.startswith("Bearer "):
            raise ApiError(401, "UNAUTHENTICATED", "Credential was not sent.")
        if given.removeprefix("Bearer ") not in {self.token, *self.oauth.tokens}:
            raise ApiError(403, "PERMISSION_DENIED", "Invalid access token.")


class Statics:
    """A part made of given routes."""

    def __init__(self, *entries: Entry) -> None:
        self._entries = entries

    def routes(self) -> Iterable[Entry]:
        """Return the routes."""
        return self._entries


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    workspace: EmulatedWorkspace
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: requests are recorded."""

    def _serve(self) -> None:
        request = self._request()
        fault = self.workspace.faults.hit(request.method, request.path)
        response = _disturbed(self.workspace, request, fault)
        self.workspace.record(request, 0 if response is None else response.status)
        if response is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._send(response)

    def _request(self) -> Request:
        address = urlsplit(self.path)
        repeated = parse_qs(address.query, keep_blank_values=True)
        return Request(
            self.command,
            unquote(address.path),
            {name: values[-1] for name, values in repeated.items()},
            {name.lower(): value for name, value in self.headers.items()},
            self._body(),
            {},
            repeated,
        )

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunks(self) -> Iterable[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _send(self, response: Response) -> None:
        kind, content = response.content()
        headers = {"Content-Type": kind, "Content-Length": str(len(content))}
        self.send_response(response.status)
        for name, value in {**headers, **response.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815


def _disturbed(
    workspace: EmulatedWorkspace, request: Request, fault: Fault | None
) -> Response | None:
    """Answer a request that a fault may hit; None = close the connection."""
    kind = None if fault is None else fault.kind
    if fault is not None and kind == "status":
        code = {429: "REQUEST_LIMIT_EXCEEDED", 503: "TEMPORARILY_UNAVAILABLE"}
        error = ApiError(fault.status, code.get(fault.status, "INTERNAL_ERROR"), "A planted fault.")
        waits = {} if fault.status not in code else {"Retry-After": f"{fault.seconds:.0f}"}
        return Response(fault.status, error.response().body, waits)
    if kind == "drop":
        return None
    if fault is not None and kind == "slow":
        workspace.closing.wait(fault.seconds)
    response = workspace.answer(request)
    return None if kind == "drop_after" else response

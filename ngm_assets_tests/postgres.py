"""A PostgreSQL server of one's own on loopback, for as long as it is needed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "horse-battery-staple"  # noqa: S105
"""Of a server that lives as long as a test."""
USER = "ngm"
STEP_SECONDS = 60


def program(name: str) -> str | None:
    """Return a program of the server, also where Debian keeps it; None when it is not there."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(places[-1]) if places else None)


def postgres_is_there() -> bool:
    """Tell whether a server can be started."""
    return program("initdb") is not None and program("pg_ctl") is not None


@contextmanager
def postgres_server() -> Iterator[Server]:
    """Start a server with an empty cluster below the folder for temporary files, and stop it."""
    folder = Path(tempfile.mkdtemp(prefix="ngm_postgres_"))
    server = Server(folder, free_port())
    try:
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a port nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Server:
    """A server on loopback; its programs refuse root, who becomes the user `postgres` for them."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.data, self.log = folder / "data", folder / "log"

    def url(self, database: str, password: str = PASSWORD) -> str:
        """Return the address of a database."""
        return f"postgresql+psycopg2://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Make the cluster and start the server."""
        secret = self.folder / "secret"
        secret.write_text(PASSWORD, encoding="utf-8")
        if os.geteuid() == 0:
            for path in (self.folder, secret):
                shutil.chown(path, "postgres")
        made = ["-D", self.data, "-U", USER, "-A", "scram-sha-256", "--pwfile", secret, "--no-sync"]
        self._run("initdb", *made, "--no-instructions", "-E", "UTF8", "--locale", "C")
        told = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self._run("pg_ctl", "-D", self.data, "-l", self.log, "-o", told, "-w", "start")

    def stop(self) -> None:
        """Stop the server at once."""
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def create(self, database: str) -> str:
        """Create a database and return its address."""
        from sqlalchemy import create_engine, text

        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{database}"'))
        engine.dispose()
        return self.url(database)

    def _run(self, name: str, *words: object) -> None:
        command = [program(name) or name, *map(str, words)]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        run = subprocess.run(
            command,
            cwd=self.folder,
            timeout=STEP_SECONDS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if run.returncode:
            log = self.log.read_text(encoding="utf-8") if self.log.is_file() else "no log"
            raise RuntimeError(f"{command} failed: {log}")

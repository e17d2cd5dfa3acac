"""What a team runs, on loopback, for one test: PostgreSQL and `mlflow server` in front of it."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

STARTED_S = 120.0
"""How long a server may take to answer; on an idle machine it takes a tenth of it."""


class Unavailable(Exception):
    """This machine cannot start a database; the text says why."""


@dataclass(frozen=True)
class TeamServer:
    """uri: of the tracking server; database: of its PostgreSQL, with the password."""

    uri: str
    database: str
    artifacts: Path


@contextlib.contextmanager
def team_server(*, workers: int = 2) -> Iterator[TeamServer]:
    """Start PostgreSQL and a tracking server on free ports; raises Unavailable where that fails."""
    with postgres() as database, tempfile.TemporaryDirectory(prefix="devbench-server-") as name:
        folder = Path(name)
        port = free_port()
        words = ["--artifacts-destination", str(folder / "files"), "--host", "127.0.0.1",
                 "--port", str(port), "--workers", str(workers)]  # fmt: skip
        env = {
            **os.environ,
            "MLFLOW_BACKEND_STORE_URI": database,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        env.pop("MLFLOW_TRACKING_URI", None)
        with (folder / "server.log").open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *words],
                stdout=log,
                stderr=log,
                env=env,
                cwd=folder,
                start_new_session=True,
            )
        try:
            uri = f"http://127.0.0.1:{port}"
            _until_it_answers(uri, server, folder / "server.log")
            yield TeamServer(uri, database, folder / "files")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)  # it has workers of its own
            server.wait()


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Start a fresh cluster on a free port and yield the address of its database mlflow."""
    initdb, binary = _binary("initdb"), _binary("postgres")
    user = _user()
    password = secrets.token_hex(12)
    # Not below pytest's folders: nobody but this user may enter those.
    folder = Path(tempfile.mkdtemp(prefix="devbench-postgres-"))
    server: subprocess.Popen[bytes] | None = None
    try:
        word = folder / "password"
        word.write_text(password)
        if user is not None:
            for path in (folder, word):
                os.chown(path, user.pw_uid, user.pw_gid)
        who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        made = subprocess.run(
            [initdb, "--pgdata", folder / "data", "--username", "devbench", "--pwfile", word,
             "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"],
            capture_output=True, text=True, cwd="/", check=False, **who,
        )  # fmt: skip
        if made.returncode:
            raise Unavailable(f"initdb: {made.stderr.strip()[-300:]}")
        port = free_port()
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [binary, "-D", folder / "data", "-h", "127.0.0.1", "-p", str(port), "-k", folder],
                stdout=log,
                stderr=log,
                cwd="/",
                **who,
            )
        address = f"devbench:{password}@127.0.0.1:{port}"
        _make_database(f"postgresql://{address}/postgres", server, folder / "log")
        # The driver is named: SQLAlchemy takes psycopg2 up to 2.0 and psycopg from 2.1.
        yield f"postgresql+psycopg2://{address}/mlflow"
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # ends connections, unlike SIGTERM
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _binary(name: str) -> Path:
    """Return a program of PostgreSQL: on the path, or where Debian keeps it."""
    found = shutil.which(name)
    if found is None and (config := shutil.which("pg_config")) is not None:
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        found = shutil.which(name, path=told.stdout.strip() or None)
    if found is None:
        places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        found = str(places[-1]) if places else None
    if found is None:
        raise Unavailable(f"no {name} of PostgreSQL on this machine")
    return Path(found)


def _user() -> pwd.struct_passwd | None:
    """Return whom PostgreSQL is to run as: None for this user; it refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Unavailable("PostgreSQL refuses root, and there is no user postgres or nobody")


def _make_database(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg2

    def make() -> None:
        with contextlib.closing(psycopg2.connect(address, connect_timeout=5)) as connection:
            connection.autocommit = True
            connection.cursor().execute("CREATE DATABASE mlflow")

    _wait(make, (psycopg2.OperationalError,), server, log)


def _until_it_answers(uri: str, server: subprocess.Popen[bytes], log: Path) -> None:
    def ask() -> None:
        with urlopen(f"{uri}/health", timeout=5) as answer:
            assert answer.status == 200

    _wait(ask, (OSError,), server, log)


def _wait(work, errors, server: subprocess.Popen[bytes], log: Path) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + STARTED_S
    while True:
        try:
            return work()  # type: ignore[no-any-return]
        except errors as error:
            if server.poll() is not None or time.monotonic() > deadline:
                words = log.read_text(errors="replace")[-2000:]
                raise AssertionError(f"the server did not start: {words}") from error
        time.sleep(0.1)

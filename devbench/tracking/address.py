"""Where the MLflow mirror lies, and how its store is opened: quiet, offline, once and alone.

Two processes that open a fresh sqlite store of MLflow at the same time both create its tables and
leave a database that neither can use; so everything that touches it happens under one file lock.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import logging
import os
import re
import sqlite3
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from devbench.errors import TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient

DATABASE = "mlflow.db"
ARTIFACTS = "mlartifacts"
URI_VARIABLE = "MLFLOW_TRACKING_URI"
OLDEST_MLFLOW = (3, 11)  # older ones: path traversal and template injection in the server
LOCK_TIMEOUT_S = 90.0
REBUILD_FIX = "rebuild it from the records: devbench track sync --rebuild"

_SERVERS = ("http", "https", "databricks")
_DATABASES = ("postgresql", "mysql", "mssql")
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # No connection outlives its use: a pooled one would go on writing to a replaced database.
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
}
_LOGIN = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
_PATIENCE = {  # a user's own values win
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "PGCONNECT_TIMEOUT": "10",  # else the operating system's, over two minutes
}


@dataclass(frozen=True, slots=True)
class Address:
    """An MLflow store.

    uri: for MLflow. lock: the file to hold while it is used. database: its file when it is sqlite.
    artifact_root: where a new experiment puts its artifacts; None when a server decides.
    is_own: it lies in the devbench store, so that it may be migrated and rebuilt.
    """

    uri: str
    lock: Path
    database: Path | None
    artifact_root: Path | None
    is_own: bool


def address_of(store: Path, uri: str | None = None) -> Address:
    """Return the address of uri, else of $MLFLOW_TRACKING_URI, else of the store's own database.

    Raises TrackingError for what MLflow 3 refuses (folders) and for what cannot be shared.
    """
    store = store.resolve()
    own = store / DATABASE
    chosen = uri or os.environ.get(URI_VARIABLE) or sqlite_uri(own)
    scheme = chosen.partition(":")[0].partition("+")[0].lower()
    if scheme == "sqlite":
        database = _database_path(chosen)
        query = chosen.partition("?")[2]
        return Address(
            uri=sqlite_uri(database) + (f"?{query}" if query else ""),
            lock=database.with_suffix(".lock"),
            database=database,
            artifact_root=database.parent / ARTIFACTS,
            is_own=database == own,
        )
    lock = own.with_suffix(".lock")
    if scheme in _SERVERS:
        return Address(chosen, lock, database=None, artifact_root=None, is_own=False)
    if scheme in _DATABASES:
        return Address(chosen, lock, database=None, artifact_root=store / ARTIFACTS, is_own=False)
    raise TrackingError(
        f"{without_secrets(chosen)!r} is no MLflow store that runs can be mirrored to",
        fix=f"give sqlite:////absolute/path/{DATABASE} or a server's http address, or unset "
        f"{URI_VARIABLE} to use the database in the store",
    )


def sqlite_uri(database: Path) -> str:
    """Return the URI of a database file by its absolute path."""
    for sign in "?%":  # SQLAlchemy takes them for a query and for an escape
        if sign in str(database):
            raise TrackingError(
                f"{str(database)!r} holds a {sign!r}, which no database address can",
                fix="choose a store folder without it (--store DIR)",
            )
    return f"sqlite:///{database.absolute()}"


def without_secrets(uri: str) -> str:
    """Return uri without user, password and query, fit to be shown."""
    head, separator, rest = uri.partition("?")[0].rpartition("://")
    if head.partition("+")[0].lower() == "sqlite":
        return head + separator + rest
    return head + separator + rest.rpartition("@")[2]  # a password may hold a slash


def scrubbed(text: str, uri: str) -> str:
    """Return text, which others wrote, without what `without_secrets` leaves out of uri."""
    bare, _, query = uri.partition("?")
    login = "" if "sqlite" in bare else bare.rpartition("://")[2].rpartition("@")[0]
    password = login.partition(":")[2]
    for secret in sorted({login, password, unquote(password), query}, key=len, reverse=True):
        if secret:
            text = text.replace(secret, "***")
    return re.sub(r"://[^/\s@]*@", "://", text)


@contextlib.contextmanager
def logged_in(address: Address) -> Iterator[Address]:
    """Give MLflow the user and password of a server apart from its address, which it shows.

    Yields the address without them.
    """
    user, found, password = _login(address.uri)
    if not found:
        yield address
        return
    before = {name: os.environ.get(name) for name in _LOGIN}
    os.environ.update(zip(_LOGIN, (user, password), strict=True))
    try:
        yield replace(address, uri=without_secrets(address.uri))
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _login(uri: str) -> tuple[str, str, str]:
    scheme, _, rest = uri.partition("://")
    login, found, _ = rest.rpartition("@")
    if scheme.lower() not in ("http", "https"):
        return "", "", ""
    user, _, password = login.partition(":")
    return unquote(user), found, unquote(password)


def _database_path(uri: str) -> Path:
    path = uri.partition("?")[0].partition("://")[2].removeprefix("/")
    if path in ("", ":memory:"):
        raise TrackingError(
            f"{uri!r} is a database in memory: it ends with the process",
            fix=f"give a file: sqlite:////absolute/path/{DATABASE}",
        )
    return Path(path).resolve()


@contextlib.contextmanager
def alone(address: Address) -> Iterator[None]:
    """Hold the store's lock; raises TrackingError when another process keeps it too long."""
    from filelock import FileLock, Timeout

    try:
        address.lock.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(address.lock)
        lock.acquire(timeout=LOCK_TIMEOUT_S, poll_interval=0.02)
    except Timeout as error:
        raise TrackingError(
            f"another process has held {str(address.lock)!r} for {LOCK_TIMEOUT_S:.0f} s",
            fix="wait for it to end, then: devbench track sync",
        ) from error
    except (OSError, NotImplementedError) as error:
        raise TrackingError(
            f"cannot lock {str(address.lock)!r}: {error}",
            fix="make its folder writable, then: devbench track sync",
        ) from error
    try:
        yield
    finally:
        lock.release()


def load_mlflow(address: Address) -> None:
    """Import what a client of the store needs: seconds that nobody has to hold the lock for."""
    require_mlflow()
    with quiet():
        importlib.import_module("mlflow")
        if address.artifact_root is not None:  # no server: a database that this process opens
            importlib.import_module("mlflow.store.tracking.sqlalchemy_store")


def open_client(address: Address) -> MlflowClient:
    """Return a client of the store, whose tables exist and fit; call it while `alone`.

    An own database of an older MLflow is migrated; a foreign one is left as it is and refused.
    """
    require_mlflow()
    if address.database is not None:
        _require_sqlite(address.database, is_own=address.is_own)
    with quiet():
        import mlflow.store.db.utils
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        mlflow.store.db.utils.MAX_RETRY_COUNT = 2  # its 10 take 100 s before an error is shown
        try:
            return MlflowClient(tracking_uri=address.uri)
        except MlflowException as error:
            if not (address.is_own and "out-of-date" in str(error)):
                raise
        _migrate(address.uri)
        return MlflowClient(tracking_uri=address.uri)


def _migrate(uri: str) -> None:
    from mlflow.db import upgrade

    assert upgrade.callback is not None
    upgrade.callback(uri)


def require_mlflow() -> None:
    """Refuse to go on without an MLflow that is new enough."""
    try:
        version = importlib.metadata.version("mlflow")
    except importlib.metadata.PackageNotFoundError as error:
        raise TrackingError(
            "mlflow is not installed", fix="pip install 'mlflow>=3.11', then: devbench track sync"
        ) from error
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if numbers < OLDEST_MLFLOW:
        raise TrackingError(
            f"mlflow {version} is older than {'.'.join(map(str, OLDEST_MLFLOW))}",
            fix="pip install 'mlflow>=3.11', then: devbench track sync",
        )


def _require_sqlite(database: Path, *, is_own: bool) -> None:
    """Refuse a damaged or unwritable file at once; MLflow would try for 100 s."""
    fix = REBUILD_FIX if is_own else "restore it from a backup, or choose another address"
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(database, timeout=20)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except (sqlite3.Error, OSError) as error:
        raise TrackingError(f"cannot use {str(database)!r}: {error}", fix=fix) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep MLflow from reporting home and from talking over the user's screen."""
    os.environ.update(_SETTINGS)
    for key, value in _PATIENCE.items():
        os.environ.setdefault(key, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        yield

"""The mirror: one MLflow run for each record, written from it and never read back as truth."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbench.errors import DevbenchError, TrackingError
from devbench.files import canonical_json
from devbench.results.record import Record, parse_record
from devbench.results.store import Store
from devbench.sweeping.asked import by_run, families
from devbench.tracking.address import (
    Address,
    address_of,
    alone,
    load_mlflow,
    logged_in,
    open_client,
    quiet,
    scrubbed,
    without_secrets,
)
from devbench.tracking.content import (
    ARTIFACT,
    CLAIM_TAG,
    DIGEST_TAG,
    EXPERIMENT_PREFIX,
    PARENT_TAG,
    REASON_TAGS,
    RUN_ID_TAG,
    Content,
    content_of_record,
)
from devbench.tracking.parent import begun_sweep

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

_PARAM_BATCH, _METRIC_BATCH = 90, 800  # MLflow takes 100 parameters and 1000 items a request
_PAGE = 1000
_MAX_COLLISIONS = 20
_OLDEST_FIRST = ["attributes.start_time ASC"]


def mirror_record(
    record: Record | Mapping[str, Any], store: Path | str, uri: str | None = None
) -> None:
    """Write one record's MLflow run; a second call with the same record changes nothing.

    record: as the harness holds it, or as a hook receives it. store: the store folder; where a
    sweep of it asked for the run, the sweep's parent run is found or made.
    Raises TrackingError when MLflow is missing or its store cannot be used.
    """
    if not isinstance(record, Record):
        record = parse_record(canonical_json(dict(record)), origin="the record to mirror")
    content = content_of_record(record)
    family = by_run(families(Store(Path(store)))).get(record.run_id)
    with mirror_at(address_of(Path(store), uri)) as mirror:
        parent_id = mirror.open_parent(begun_sweep(family)) if family else None
        mirror.write(content, parent_id)


@contextlib.contextmanager
def mirror_at(address: Address, *, needs_lock: bool = True) -> Iterator[Mirror]:
    """Open the mirror at an address and hold it alone; whatever goes wrong is a TrackingError.

    needs_lock: False where the caller holds the address's lock or nobody else knows the address.
    """
    fix = "records are complete without it; when it answers again: devbench track sync"
    with contextlib.ExitStack() as stack:
        stack.enter_context(tracking_errors(address, fix=fix))
        load_mlflow(address)
        if needs_lock:
            stack.enter_context(alone(address))
        there = stack.enter_context(logged_in(address))
        client = open_client(there)
        stack.enter_context(quiet())
        yield Mirror(client, there)


@contextlib.contextmanager
def tracking_errors(address: Address, *, fix: str) -> Iterator[None]:
    """Turn whatever goes wrong in MLflow into one clear error without user and password."""
    try:
        yield
    except DevbenchError:
        raise
    except Exception as error:  # MLflow, SQLAlchemy, its drivers: no common base class
        first_line = scrubbed((str(error).strip() or repr(error)).splitlines()[0], address.uri)
        raise TrackingError(
            f"MLflow at {without_secrets(address.uri)!r} failed: {first_line[:300]}", fix=fix
        ) from error


class Mirror:
    """An open MLflow store."""

    def __init__(self, client: MlflowClient, address: Address) -> None:
        self._client = client
        self._address = address
        self._experiments: dict[str, str] = {}

    def states(self, parent_id: str | None = None) -> dict[str, tuple[str, str | None]]:
        """Return run_id -> (digest, MLflow id of the parent) of whole runs: all, or a parent's."""
        wanted = f"tags.`{RUN_ID_TAG}` != ''"
        if parent_id is not None:
            wanted += f" AND tags.`{PARENT_TAG}` = '{parent_id}'"
        return {
            run.data.tags[RUN_ID_TAG]: (run.data.tags[DIGEST_TAG], run.data.tags.get(PARENT_TAG))
            for run in self.runs(wanted)
            if DIGEST_TAG in run.data.tags
        }

    def runs(self, filter_string: str, *, page: int = _PAGE) -> Iterator[Run]:
        """Yield the runs of devbench's experiments, oldest first in each, a page at a time."""
        for experiment in self._devbench_experiments():
            yield from self._runs(experiment.experiment_id, filter_string, page)

    def artifact_folders(self) -> set[str]:
        """Return the MLflow ids of all runs: the names of their artifact folders."""
        return {run.info.run_id for run in self.runs("")}

    def open_parent(self, content: Content) -> str:
        """Return the MLflow id of a sweep's parent run, which is made if there is none.

        One that is there stays as it is: `write` ends it.
        """
        experiment_id = self._experiment(content.experiment)
        found = self._find(experiment_id, content)
        if found is None:
            found = self._create(experiment_id, content)
            self._log(found.info.run_id, content)
        return str(found.info.run_id)

    def write(self, content: Content, parent_id: str | None = None) -> bool:
        """Make the run of content what it should be; return whether there was something to do.

        parent_id: the MLflow id of its sweep's parent run; None leaves what is there.
        """
        experiment_id = self._experiment(content.experiment)
        found = self._find(experiment_id, content)
        if found is not None:
            tags, has_parent = found.data.tags, parent_id in (None, found.data.tags.get(PARENT_TAG))
            is_whole = tags.get(DIGEST_TAG) == content.digest
            if is_whole and has_parent:
                return False
            is_run = content.id_tag == RUN_ID_TAG
            if is_run and content.status == "FAILED" and found.info.status == "FINISHED":
                return False  # the same run was repeated and succeeded
            if is_whole:
                self._client.set_tag(found.info.run_id, PARENT_TAG, parent_id)
                return True
            for tag in REASON_TAGS:
                if tag in tags and tag not in content.tags:
                    self._client.delete_tag(found.info.run_id, tag)
        else:
            found = self._create(experiment_id, content, parent_id)
        self._fill(found.info.run_id, content, parent_id)
        return True

    def _create(self, experiment_id: str, content: Content, parent_id: str | None = None) -> Run:
        """Return a new run for content, or the one that another store made at the same moment.

        The lock keeps processes of one store apart. Where stores share a server nothing does, so a
        run is a claim at first, which nobody takes for the run, and becomes it by its id tag once
        its maker saw no other. Of two made at once, the one that looks later sees both; who sees
        another removes his own, waits by chance, and begins again.
        """
        tags = {PARENT_TAG: parent_id} if parent_id else {}
        if self._address.database is not None:
            return self._make(experiment_id, content, {content.id_tag: content.run_id, **tags})
        left: set[str] | None = None
        for _ in range(_MAX_COLLISIONS):
            made = self._make(experiment_id, content, {CLAIM_TAG: content.run_id, **tags})
            claims = self._search(experiment_id, CLAIM_TAG, content.run_id, max_results=_PAGE)
            others = {run.info.run_id for run in claims} - {made.info.run_id}
            if not others:
                self._client.set_tag(made.info.run_id, content.id_tag, content.run_id)
                return made
            self._client.delete_run(made.info.run_id)
            time.sleep(secrets.randbelow(1000) / 1000)
            found = self._find(experiment_id, content)
            if found is not None:
                return found
            left = others if left is None else left & others
        for claim in left or ():
            self._client.delete_run(claim)  # who made it ended before it became the run
        raise TrackingError(
            f"others keep writing run {content.run_id[:12]} to MLflow", fix="devbench track sync"
        )

    def _make(self, experiment_id: str, content: Content, tags: Mapping[str, str]) -> Run:
        return self._client.create_run(
            experiment_id, start_time=content.start_ms, tags=dict(tags), run_name=content.name
        )

    def _fill(self, mlflow_run_id: str, content: Content, parent_id: str | None) -> None:
        self._log(mlflow_run_id, content, parent_id)
        if content.artifact is not None:
            self._client.log_text(mlflow_run_id, content.artifact, ARTIFACT)
        if content.status == "RUNNING":
            self._client.update_run(mlflow_run_id, content.status)
        else:
            self._client.set_terminated(mlflow_run_id, content.status, end_time=content.end_ms)
        self._client.set_tag(mlflow_run_id, DIGEST_TAG, content.digest)

    def _log(self, mlflow_run_id: str, content: Content, parent_id: str | None = None) -> None:
        from mlflow.entities import Metric, Param, RunTag

        tags = [RunTag(key, value) for key, value in content.tags.items()]
        if parent_id is not None:
            tags.append(RunTag(PARENT_TAG, parent_id))
        params = [Param(key, value) for key, value in content.params.items()]
        metrics = [
            Metric(point.key, point.value, content.end_ms, point.step) for point in content.metrics
        ]
        while tags or params or metrics:  # nearly always one request: each costs a flush to disk
            self._client.log_batch(
                mlflow_run_id,
                tags=tags,
                params=params[:_PARAM_BATCH],
                metrics=metrics[:_METRIC_BATCH],
            )
            tags, params, metrics = [], params[_PARAM_BATCH:], metrics[_METRIC_BATCH:]

    def _find(self, experiment_id: str, content: Content) -> Run | None:
        found = self._search(experiment_id, content.id_tag, content.run_id, max_results=1)
        return found[0] if found else None

    def _search(self, experiment_id: str, tag: str, value: str, *, max_results: int) -> list[Run]:
        return list(
            self._client.search_runs(
                [experiment_id],
                filter_string=f"tags.`{tag}` = '{value}'",
                max_results=max_results,
                order_by=_OLDEST_FIRST,
            )
        )

    def _runs(self, experiment_id: str, filter_string: str, page: int) -> Iterator[Run]:
        token: str | None = None
        while True:
            found = self._client.search_runs(
                [experiment_id],
                filter_string=filter_string,
                max_results=page,
                order_by=_OLDEST_FIRST,
                page_token=token,
            )
            yield from found
            token = found.token
            if not token:
                return

    def _devbench_experiments(self) -> Iterator[Experiment]:
        token: str | None = None
        while True:
            found = self._client.search_experiments(
                filter_string=f"name LIKE '{EXPERIMENT_PREFIX}%'",
                max_results=_PAGE,
                page_token=token,
            )
            yield from found
            token = found.token
            if not token:
                return

    def _experiment(self, name: str) -> str:
        if name not in self._experiments:
            self._experiments[name] = self._find_or_create_experiment(name)
        return self._experiments[name]

    def _find_or_create_experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            from mlflow.exceptions import MlflowException

            root = self._address.artifact_root
            location = None if root is None else root.as_uri()
            try:
                return str(self._client.create_experiment(name, artifact_location=location))
            except MlflowException:
                found = self._client.get_experiment_by_name(name)  # another store was faster
                if found is None:
                    raise
        if found.lifecycle_stage != "active":
            raise TrackingError(
                f"the MLflow experiment {name!r} was deleted",
                fix=f"mlflow experiments restore --experiment-id {found.experiment_id}",
            )
        return str(found.experiment_id)

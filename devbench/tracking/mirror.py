"""The mirror: one MLflow run for each record, written from it and never read back as truth."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbench.errors import DevbenchError, TrackingError
from devbench.files import canonical_json
from devbench.results.record import Record, parse_record
from devbench.tracking.address import (
    Address,
    address_of,
    alone,
    open_client,
    quiet,
    without_secrets,
)
from devbench.tracking.content import (
    ARTIFACT,
    DIGEST_TAG,
    EXPERIMENT_PREFIX,
    REASON_TAGS,
    RUN_ID_TAG,
    Content,
    content_of_record,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

_PARAM_BATCH, _METRIC_BATCH = 90, 800  # MLflow takes 100 parameters and 1000 items a request
_PAGE = 1000


def mirror_record(
    record: Record | Mapping[str, Any], store: Path | str, uri: str | None = None
) -> None:
    """Write one record's MLflow run; a second call with the same record changes nothing.

    record: as the harness holds it, or as a hook receives it. store: the store folder.
    Raises TrackingError when MLflow is missing or its store cannot be used.
    """
    if not isinstance(record, Record):
        record = parse_record(canonical_json(dict(record)), origin="the record to mirror")
    content = content_of_record(record)
    with mirror_at(address_of(Path(store), uri)) as mirror:
        mirror.write(content)


@contextlib.contextmanager
def mirror_at(address: Address, *, needs_lock: bool = True) -> Iterator[Mirror]:
    """Open the mirror at an address and hold it alone; whatever goes wrong is a TrackingError.

    needs_lock: False where the caller holds the address's lock or nobody else knows the address.
    """
    try:
        with alone(address) if needs_lock else contextlib.nullcontext():
            client = open_client(address)
            with quiet():
                yield Mirror(client, address)
    except DevbenchError:
        raise
    except Exception as error:  # MLflow, SQLAlchemy, its drivers: no common base class
        first_line = (str(error).strip() or repr(error)).splitlines()[0][:300]
        raise TrackingError(
            f"MLflow at {without_secrets(address.uri)!r} failed: {first_line}",
            fix="records are complete without it; when it answers again: devbench track sync",
        ) from error


class Mirror:
    """An open MLflow store."""

    def __init__(self, client: MlflowClient, address: Address) -> None:
        self._client = client
        self._address = address
        self._experiments: dict[str, str] = {}

    def digests(self) -> dict[str, str]:
        """Return run_id -> digest of all whole runs in devbench's experiments."""
        return {
            run.data.tags[RUN_ID_TAG]: run.data.tags[DIGEST_TAG]
            for experiment in self._devbench_experiments()
            for run in self._runs(experiment.experiment_id, f"tags.`{RUN_ID_TAG}` != ''")
            if DIGEST_TAG in run.data.tags
        }

    def artifact_folders(self) -> set[str]:
        """Return the MLflow ids of all runs: the names of their artifact folders."""
        return {
            run.info.run_id
            for experiment in self._devbench_experiments()
            for run in self._runs(experiment.experiment_id, "")
        }

    def write(self, content: Content) -> bool:
        """Make the run of content what it should be; return whether there was something to do."""
        experiment_id = self._experiment(content.experiment)
        found = self._find(experiment_id, content.run_id)
        if found is not None:
            tags = found.data.tags
            if tags.get(DIGEST_TAG) == content.digest:
                return False
            if content.status == "FAILED" and found.info.status == "FINISHED":
                return False  # the same run was repeated and succeeded
            for tag in REASON_TAGS:
                if tag in tags and tag not in content.tags:
                    self._client.delete_tag(found.info.run_id, tag)
        else:
            found = self._client.create_run(
                experiment_id,
                start_time=content.start_ms,
                tags={RUN_ID_TAG: content.run_id},
                run_name=content.name,
            )
        self._fill(found.info.run_id, content)
        return True

    def _fill(self, mlflow_run_id: str, content: Content) -> None:
        from mlflow.entities import Metric, Param, RunTag

        tags = [RunTag(key, value) for key, value in content.tags.items()]
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
        if content.artifact is not None:
            self._client.log_text(mlflow_run_id, content.artifact, ARTIFACT)
        self._client.set_terminated(mlflow_run_id, content.status, end_time=content.end_ms)
        self._client.set_tag(mlflow_run_id, DIGEST_TAG, content.digest)

    def _find(self, experiment_id: str, run_id: str) -> Run | None:
        found = self._client.search_runs(
            [experiment_id],
            filter_string=f"tags.`{RUN_ID_TAG}` = '{run_id}'",
            max_results=1,
            order_by=["attributes.start_time ASC"],
        )
        return found[0] if found else None

    def _runs(self, experiment_id: str, filter_string: str) -> Iterator[Run]:
        token: str | None = None
        while True:
            page = self._client.search_runs(
                [experiment_id],
                filter_string=filter_string,
                max_results=_PAGE,
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return

    def _devbench_experiments(self) -> list[Experiment]:
        return list(
            self._client.search_experiments(
                filter_string=f"name LIKE '{EXPERIMENT_PREFIX}%'", max_results=_PAGE
            )
        )

    def _experiment(self, name: str) -> str:
        if name not in self._experiments:
            self._experiments[name] = self._find_or_create_experiment(name)
        return self._experiments[name]

    def _find_or_create_experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            root = self._address.artifact_root
            location = None if root is None else root.as_uri()
            return str(self._client.create_experiment(name, artifact_location=location))
        if found.lifecycle_stage != "active":
            raise TrackingError(
                f"the MLflow experiment {name!r} was deleted",
                fix=f"mlflow experiments restore --experiment-id {found.experiment_id}",
            )
        return str(found.experiment_id)

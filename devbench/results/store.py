"""The store: one folder in which a file is whole or absent, and a record means that all is there.

store.json                        what this folder is, and its schema number
records/<run_id>.json             the truth; the last file of a run to appear
logits/<sha256>.safetensors       named by content
checkpoints/<sha256>.safetensors  weights, named by content
failures/<run_id>.<n>.json        runs that ended without a score; never dropped
ledger/<n>-<hash>.json            every scoring of targets
artifacts/<key>/                  what methods learned once for many runs; artifact.json comes last
diagnosis/<run_id>/               what `devbench explain` found out; also under keys of artifacts
sweeps/<sweep_id>/                grids that were asked for, and what their cells said
work/, cache/                     scratch of runs; what can be computed again
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from devbench.contract.names import MAX_NAME_LENGTH
from devbench.errors import DataError, UnknownNameError
from devbench.files import (
    disk_errors,
    parse_json,
    pretty_json,
    publish,
    read_bytes,
    read_json,
    sha256_bytes,
)
from devbench.models import validated
from devbench.results.ledger import Ledger
from devbench.results.logits import StoredLogits, read_logits
from devbench.results.record import Plan, Record, Sha256, Strict, parse_record

SCHEMA = 1
MARKER = "store.json"
FOLDERS = ("records", "logits", "checkpoints", "failures", "ledger", "artifacts", "diagnosis",
           "sweeps", "work", "cache")  # fmt: skip
Blob = Literal["logits", "checkpoints"]
Warn = Callable[[str], None]
_RECORD_NAME = re.compile(r"[0-9a-f]{64}\.json")
_FAILURE_NAME = re.compile(r"[0-9a-f]{64}\.[0-9]{1,9}\.json")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Failure(Strict):
    """A run that ended without a score. state: RunError.state; phase: fit, predict or score."""

    run_id: Sha256
    plan: Plan
    state: str
    phase: str
    reason: str
    at_utc: str


class Store:
    """A folder of runs. Making one reads only its marker; folders appear with the first writing.

    Raises DataError for a store of a newer schema.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.ledger = Ledger(self.folder / "ledger")
        marker = self.folder / MARKER
        if marker.exists():
            _require_readable(read_json(marker), marker)

    def prepare(self) -> None:
        """Make the folder a store, if it is none yet; only its owner may enter it.

        Raises DataError when the folder holds other things.
        """
        with disk_errors(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (self.folder / MARKER).exists():
                self._require_own_folder()
                publish(self.folder / MARKER, pretty_json({"schema": SCHEMA}))
            for name in FOLDERS:
                (self.folder / name).mkdir(mode=0o700, exist_ok=True)

    def _require_own_folder(self) -> None:
        foreign = [
            path.name
            for path in self.folder.iterdir()
            if path.name not in (MARKER, *FOLDERS)
            and not path.name.startswith((".", "mlflow", "mlartifacts"))
        ]
        if foreign:
            raise DataError(
                f"{str(self.folder)!r} is no store: it holds {min(foreign)!r}",
                fix="give --store an empty or a new folder",
            )

    def work_folder(self, run_id: str) -> Path:
        """Return the scratch folder of a run."""
        return self.folder / "work" / _require_id(run_id)

    def record_path(self, run_id: str) -> Path:
        """Return where the record of a run lies."""
        return self.folder / "records" / f"{_require_id(run_id)}.json"

    def blob_path(self, kind: Blob, sha256: str) -> Path:
        """Return where logits or weights with that content lie."""
        return self.folder / kind / f"{_require_id(sha256)}.safetensors"

    def has(self, run_id: str) -> bool:
        """Return whether a run has a record here."""
        return self.record_path(run_id).exists()

    def get(self, run_id: str) -> Record:
        """Return the record of a run, named in full; DataError if it is damaged."""
        path = self.record_path(run_id)
        if not path.exists():
            raise _unknown(run_id)
        record = parse_record(read_bytes(path), origin=str(path))
        if record.run_id != run_id:
            raise DataError(
                f"{path} holds the record of run {record.run_id}", fix="restore the record"
            )
        return record

    def find(self, prefix: str) -> Record:
        """Return the one record whose run_id starts with prefix."""
        return self.get(self.find_id(prefix))

    def find_id(self, prefix: str) -> str:
        """Return the one run_id that starts with prefix; UnknownNameError for none or several."""
        found = [run_id for run_id in self.run_ids() if prefix and run_id.startswith(prefix)]
        if not found:
            raise _unknown(prefix)
        if len(found) > 1:
            shown = ", ".join(run_id[: len(prefix) + 8] for run_id in found[:8])
            more = f" and {len(found) - 8} more" if len(found) > 8 else ""
            raise UnknownNameError(
                f"{len(found)} runs start with {prefix!r}: {shown}{more}", fix="type more digits"
            )
        return found[0]

    def run_ids(self) -> list[str]:
        """Return the run_ids of all records, sorted."""
        return [path.stem for path in self._files("records", _RECORD_NAME)]

    def records(self, warn: Warn, *, only: Collection[str] | None = None) -> Iterator[Record]:
        """Yield readable records in order of run_id; say of the others why they are skipped.

        only: run_ids to look at; None for all.
        """
        for run_id in self.run_ids():
            if only is not None and run_id not in only:
                continue
            try:
                record = self.get(run_id)
            except (DataError, UnknownNameError) as error:  # damaged, or removed meanwhile
                warn(f"skipped a record: {error.what}")
            else:
                yield record

    def blob(self, kind: Blob, sha256: str) -> bytes:
        """Return logits or weights after checking their hash."""
        path = self.blob_path(kind, sha256)
        data = read_bytes(path)
        if sha256_bytes(data) != sha256:
            raise DataError(
                f"{path} is damaged: its content does not have the hash in its name",
                fix="restore the file, or run it again with --force",
            )
        return data

    def logits(self, record: Record) -> StoredLogits:
        """Return the stored logits of a record."""
        sha256 = record.logits_sha256
        return read_logits(
            self.blob("logits", sha256), origin=f"logits of run {record.run_id[:12]}"
        )

    def publish(
        self,
        record: Record,
        logits: bytes,
        weights: Mapping[str, Path | bytes],
        *,
        origin: Literal["scored", "added"] = "scored",
        replace: bool = False,
    ) -> Record:
        """Write weights, logits and the ledger entry, then the record; return the one that stays.

        weights: by SHA-256; those of a run that was scored here must be complete. A readable
        record of the same run stays (the first writer wins) unless replace is set.
        """
        return self.publish_all([(record, logits, weights)], origin=origin, replace=replace)[0]

    def publish_all(
        self,
        runs: Sequence[tuple[Record, bytes, Mapping[str, Path | bytes]]],
        *,
        origin: Literal["scored", "added"],
        replace: bool = False,
    ) -> list[Record]:
        """Publish many as `publish` does one; the ledger is read once for all of them."""
        self.prepare()
        for record, logits, weights in runs:
            for sha256, content in weights.items():
                self._put("checkpoints", sha256, content)
            self._put("logits", record.logits_sha256, logits)
            for model in record.models if origin == "scored" else ():
                if not self.blob_path("checkpoints", model.weights_sha256).exists():
                    raise DataError(
                        f"run {record.run_id[:12]}: weights {model.weights_sha256[:12]} missing",
                        fix="publish a run together with all its weights",
                    )
        self.ledger.append_all((record for record, _, _ in runs), kind=origin)
        return [self._put_record(record, replace=replace) for record, _, _ in runs]

    def _put_record(self, record: Record, *, replace: bool) -> Record:
        if not replace:
            with contextlib.suppress(DataError, UnknownNameError):
                return self.get(record.run_id)
            replace = True  # none there, or one that cannot be read
        publish(self.record_path(record.run_id), record.to_json(), replace=replace)
        return record

    def record_failure(self, plan: Plan, *, state: str, reason: str, phase: str) -> Failure:
        """Write down a run that ended without a score; earlier failures of the same run stay."""
        self.prepare()
        failure = Failure(
            run_id=plan.run_id,
            plan=plan,
            state=state[:MAX_NAME_LENGTH],
            phase=phase[:MAX_NAME_LENGTH],
            reason="".join(c if c.isprintable() else " " for c in reason)[:2000],
            at_utc=datetime.now(UTC).isoformat(timespec="microseconds"),
        )
        data = pretty_json(failure.model_dump(mode="json"))
        n = 0
        while True:  # publish lets the first writer win, so look whose file it became
            path = self.folder / "failures" / f"{failure.run_id}.{n}.json"
            if not path.exists():
                publish(path, data)
                if read_bytes(path) == data:
                    return failure
            n += 1

    def failures(self, warn: Warn) -> Iterator[Failure]:
        """Yield readable failures in order of run_id; say why others are skipped."""
        for path in self._files("failures", _FAILURE_NAME):
            try:
                document = parse_json(read_bytes(path), origin=str(path))
                yield validated(Failure, document, origin=str(path), error_type=DataError)
            except DataError as error:
                warn(f"skipped a failure: {error.what}")

    def _put(self, kind: Blob, sha256: str, content: Path | bytes) -> None:
        """Write content under its hash; a whole file stays, a damaged one is replaced."""
        data = content if isinstance(content, bytes) else read_bytes(content)
        if sha256_bytes(data) != sha256:
            raise DataError(
                f"{kind}: the content does not have the hash {sha256[:12]}",
                fix="the file changed on its way into the store: type the same command again",
            )
        with contextlib.suppress(DataError):
            self.blob(kind, sha256)
            return
        publish(self.blob_path(kind, sha256), data, replace=True)

    def _files(self, folder: str, pattern: re.Pattern[str]) -> list[Path]:
        try:
            paths = sorted((self.folder / folder).iterdir())
        except FileNotFoundError:
            return []
        return [path for path in paths if pattern.fullmatch(path.name)]


def _require_readable(document: object, marker: Path) -> None:
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise DataError(
            f"{marker}: schema is {str(schema)[:40]!r}, no number from 1",
            fix=f'restore it: {{"schema": {SCHEMA}}}',
        )
    if schema > SCHEMA:
        raise DataError(
            f"{marker}: the store has schema {schema}; this devbench reads up to {SCHEMA}",
            fix="update devbench, or give another folder with --store",
        )


def _require_id(text: str) -> str:
    if not _SHA256.fullmatch(text):
        raise _unknown(text)
    return text


def _unknown(text: str) -> UnknownNameError:
    return UnknownNameError(
        f"no run {text[:80]!r} in the store", fix="list the runs: devbench ls runs"
    )

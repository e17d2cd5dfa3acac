"""The ledger: an append-only chain with one entry for every time that targets were scored.

A method that is tried thirty times and published once shows thirty. Each entry is one file
`<n>-<hash>.json` that holds the hash of the entry before it, so that removing, changing or
reordering entries is found. (Only the newest entries can vanish unseen by the chain itself; the
record of such a run then fails verification, because its run is not in the ledger.)
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from devbench.errors import CheckError, DataError
from devbench.files import (
    canonical_json,
    disk_errors,
    parse_json,
    publish,
    read_bytes,
    sha256_bytes,
)
from devbench.models import validated
from devbench.results.record import Record, Sha256, Strict

GENESIS = "0" * 64
LOCK_SECONDS = 120
_NAME = re.compile(r"(\d{8})-([0-9a-f]{64})\.json")


class Entry(Strict):
    """One scoring of targets. previous: hash of the entry before, zeros for the first.

    kind: 'scored' here, or 'added' with a record from elsewhere. record_sha256: of the record's
    file, so that no field of it can change unseen. benchmark_sha256: as in the plan.
    """

    n: int
    previous: Sha256
    kind: Literal["scored", "added"]
    run_id: Sha256
    record_sha256: Sha256
    logits_sha256: Sha256
    method: str
    benchmark: str
    benchmark_sha256: Sha256
    at_utc: str

    def to_json(self) -> bytes:
        """Return the entry as it lies on disk; its SHA-256 stands in the file's name."""
        return canonical_json(self.model_dump(mode="json")) + b"\n"


class Ledger:
    """The chain in a folder; one writer at a time, any number of readers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, record: Record, *, kind: Literal["scored", "added"] = "scored") -> Entry:
        """Append the scoring of a record, unless this very record stands there already.

        Raises CheckError when the chain is broken.
        """
        return self.append_all([record], kind=kind)[0]

    def append_all(
        self, records: Iterable[Record], *, kind: Literal["scored", "added"]
    ) -> list[Entry]:
        """Append many as `append` does one; the chain is read once for all of them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._one_writer():
            entries = self.verify()
            held = {entry.record_sha256: entry for entry in reversed(entries)}
            n, previous = len(entries), GENESIS
            if entries:
                previous = sha256_bytes(entries[-1].to_json())
            found: list[Entry] = []
            for record in records:
                record_sha256 = sha256_bytes(record.to_json())
                if record_sha256 not in held:
                    entry = Entry(
                        n=n,
                        previous=previous,
                        kind=kind,
                        run_id=record.run_id,
                        record_sha256=record_sha256,
                        logits_sha256=record.logits_sha256,
                        method=record.plan.method.name,
                        benchmark=record.plan.benchmark.id,
                        benchmark_sha256=record.plan.benchmark.sha256,
                        at_utc=datetime.now(UTC).isoformat(timespec="microseconds"),
                    )
                    data = entry.to_json()
                    n, previous = n + 1, sha256_bytes(data)
                    publish(self.folder / f"{entry.n:08d}-{previous}.json", data)
                    held[record_sha256] = entry
                found.append(held[record_sha256])
            return found

    def verify(self) -> list[Entry]:
        """Return all entries in order, or raise CheckError that names the first broken link."""
        entries: list[Entry] = []
        previous = GENESIS
        for path, n, digest in self._files():
            data = read_bytes(path)
            if n != len(entries):
                raise _broken(path, f"entry {len(entries)} is missing or stands twice")
            if sha256_bytes(data) != digest:
                raise _broken(path, "its content does not have the hash in its name")
            try:
                document = parse_json(data, origin=path.name)
                entry = validated(Entry, document, origin=path.name, error_type=DataError)
            except DataError as error:
                raise _broken(path, error.what) from error
            if (entry.n, entry.previous) != (n, previous):
                raise _broken(path, "it does not follow the entry before it")
            entries.append(entry)
            previous = digest
        return entries

    def scorings(self) -> Counter[tuple[str, str]]:
        """Return how often each (method, benchmark sha256) was scored on targets.

        A run that was cut off between its scoring and its record, and then resumed, has two
        entries with the same logits and counts once; another attempt with other logits counts.
        """
        distinct = {
            (entry.method, entry.benchmark_sha256, entry.run_id, entry.logits_sha256)
            for entry in self.verify()
        }
        return Counter((method, benchmark) for method, benchmark, _, _ in distinct)

    def _files(self) -> Iterator[tuple[Path, int, str]]:
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(self.folder.iterdir()):
                if match := _NAME.fullmatch(path.name):
                    yield path, int(match[1]), match[2]
                elif not path.name.startswith("."):  # the lock and unfinished temporaries
                    raise _broken(path, "it is no ledger entry")

    @contextlib.contextmanager
    def _one_writer(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        lock = self.folder / ".lock"
        try:
            with disk_errors(lock), FileLock(lock, timeout=LOCK_SECONDS):
                yield
        except Timeout as error:
            raise DataError(
                f"another process has held {str(lock)!r} for {LOCK_SECONDS} s",
                fix="wait for it or end it, then type the same command again",
            ) from error


def _broken(path: Path, why: str) -> CheckError:
    return CheckError(
        f"the ledger is broken at {path.name!r}: {why}",
        fix=f"restore {str(path.parent)!r} from a backup; nothing is appended to a broken chain",
    )

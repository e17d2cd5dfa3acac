"""Records on their way from store to store: one zip file, checked whole before anything joins.

Members are stored, not compressed, and named exactly as in the store:

    records/<run_id>.json, logits/<sha256>.safetensors, checkpoints/<sha256>.safetensors

Members are read into memory and never unpacked to names of the archive's choice.
"""

from __future__ import annotations

import io
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.errors import CheckError, DataError, DevbenchError
from devbench.files import disk_errors, publish, sha256_bytes
from devbench.results.logits import read_logits
from devbench.results.record import Record, parse_record
from devbench.results.verify import Verifier, require_same_scores, require_well_formed

if TYPE_CHECKING:
    import zipfile

    from devbench.results.store import Store

MAX_MEMBERS = 20_000
MAX_BYTES = 4 * 2**30
ZIP_BYTES = 512  # what a member costs beside its content: its name and headers, twice
_MEMBER = re.compile(
    r"(?:records/[0-9a-f]{64}\.json|(?:logits|checkpoints)/[0-9a-f]{64}\.safetensors)"
)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's first day: equal records give equal bytes


@dataclass(frozen=True, slots=True)
class Added:
    """What `add` did: runs that joined the store, and runs that were there already."""

    joined: tuple[str, ...]
    present: tuple[str, ...]


def export(store: Store, run_ids: Sequence[str], path: Path, *, with_weights: bool) -> int:
    """Write the runs into one zip file and return its number of members.

    Raises CheckError for a run that does not hold at V1, and DataError when path exists or the file
    would be more than `add` takes.
    """
    import zipfile

    for verdict in Verifier(store).verify(run_ids, level=1):
        if not verdict.is_passed:
            raise CheckError(
                f"run {verdict.run_id[:12]} is not exported: {verdict.reason}",
                fix="restore it, or leave it out",
            )
    if path.exists():
        raise DataError(f"{str(path)!r} exists", fix="give --out another name")
    members: dict[str, bytes] = {}
    for run_id in run_ids:
        record = store.get(run_id)
        members[f"records/{run_id}.json"] = record.to_json()
        sha256 = record.logits_sha256
        members[f"logits/{sha256}.safetensors"] = store.blob("logits", sha256)
        for model in record.models if with_weights else ():
            sha256 = model.weights_sha256
            members[f"checkpoints/{sha256}.safetensors"] = store.blob("checkpoints", sha256)
    n_bytes = sum(map(len, members.values())) + ZIP_BYTES * len(members)
    if len(members) > MAX_MEMBERS or n_bytes > MAX_BYTES:
        raise DataError(
            f"{len(members)} files of {n_bytes / 2**20:.0f} MiB in all are more than one archive "
            f"holds: {MAX_MEMBERS} and {MAX_BYTES / 2**20:.0f} MiB",
            fix="export fewer runs at once, or leave out --weights",
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, members[name])
    publish(path, buffer.getvalue())
    return len(members)


def add(store: Store, path: Path) -> Added:
    """Let the runs of a zip file join the store, after V0 and V1 of every one of them.

    Raises DataError for an archive that is not exactly as `export` writes it and CheckError for a
    record that does not hold; then nothing has joined.
    """
    members = read_members(path)
    runs = _checked_runs(members)
    fresh: list[tuple[Record, bytes, dict[str, bytes]]] = []
    present: list[str] = []
    for record, logits, weights in runs:
        if not store.has(record.run_id):
            fresh.append((record, logits, weights))
        elif store.get(record.run_id).reproducible() == record.reproducible():
            present.append(record.run_id)
        else:
            raise CheckError(
                f"run {record.run_id[:12]} is in the store with another result",
                fix="verify both: the same plan must give the same result on one machine",
            )
    store.publish_all(fresh, origin="added")
    return Added(tuple(record.run_id for record, _, _ in fresh), tuple(present))


def read_members(path: Path) -> dict[str, bytes]:
    """Return the members of an archive by name, or refuse the whole archive."""
    import zipfile

    try:
        with disk_errors(path), path.open("rb") as file, zipfile.ZipFile(file) as archive:
            size = path.stat().st_size
            entries = archive.infolist()
            _require_modest(entries, size, path)
            members: dict[str, bytes] = {}
            for entry in entries:
                _require_plain(entry, path)
                if entry.filename in members:
                    raise _refusal(path, f"member {entry.filename!r} stands twice")
                members[entry.filename] = archive.read(entry)
            return members
    except OSError as error:
        raise DataError(
            f"cannot read {str(path)!r}: {error.strerror}", fix="check the path"
        ) from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError) as error:
        raise _refusal(path, str(error)[:120]) from error


def _require_modest(entries: Sequence[zipfile.ZipInfo], size: int, path: Path) -> None:
    """Refuse what is too much: stored members cannot hold more than the archive itself."""
    if len(entries) > MAX_MEMBERS:
        raise _refusal(path, f"{len(entries)} members are more than {MAX_MEMBERS}")
    total = sum(entry.file_size for entry in entries)
    if size > MAX_BYTES or total > size:
        raise _refusal(path, f"{total} bytes of members in an archive of {size}")


def _require_plain(entry: zipfile.ZipInfo, path: Path) -> None:
    import zipfile

    shown = repr(entry.orig_filename[:120])
    if entry.filename != entry.orig_filename or not _MEMBER.fullmatch(entry.filename):
        raise _refusal(path, f"member {shown} has no name that belongs here")
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise _refusal(path, f"member {shown} is compressed")
    if entry.flag_bits & 0x1:
        raise _refusal(path, f"member {shown} is encrypted")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise _refusal(path, f"member {shown} is a link or a device, no file")


def _checked_runs(members: dict[str, bytes]) -> list[tuple[Record, bytes, dict[str, bytes]]]:
    """Return (record, logits, weights) of every run after V0 and V1; refuse anything left over."""
    for name, data in members.items():
        folder, _, rest = name.partition("/")
        if folder != "records" and sha256_bytes(data) != rest.partition(".")[0]:
            raise DataError(f"{name[:40]} is damaged in the archive", fix="export it again")
    runs: list[tuple[Record, bytes, dict[str, bytes]]] = []
    used: set[str] = set()
    for name in sorted(member for member in members if member.startswith("records/")):
        record = parse_record(members[name], origin=name)
        logits_name = f"logits/{record.logits_sha256}.safetensors"
        try:
            if name != f"records/{record.run_id}.json":
                raise CheckError("it is named after another run", fix="export it again")
            if members[name] != record.to_json():
                raise CheckError("it is not written as devbench writes it", fix="export it again")
            if logits_name not in members:
                raise CheckError("its logits are missing", fix="export it again")
            require_well_formed(record)
            stored = read_logits(members[logits_name], origin=logits_name[:20])
            require_same_scores(record, stored)
        except DevbenchError as error:
            raise CheckError(
                f"run {record.run_id[:12]} is refused, and nothing was added: {error.what}",
                fix=error.fix,
            ) from error
        weights = {
            model.weights_sha256: members[weights_name]
            for model in record.models
            if (weights_name := f"checkpoints/{model.weights_sha256}.safetensors") in members
        }
        used |= {name, logits_name, *(f"checkpoints/{sha256}.safetensors" for sha256 in weights)}
        runs.append((record, members[logits_name], weights))
    left = sorted(members.keys() - used)
    if left or not runs:
        what = f"{left[0]} belongs to no record" if left else "no records in the archive"
        raise DataError(what, fix="use a file that 'devbench records export' wrote")
    return runs


def _refusal(path: Path, why: str) -> DataError:
    return DataError(
        f"{str(path)!r} is refused: {why}", fix="use a file that 'devbench records export' wrote"
    )

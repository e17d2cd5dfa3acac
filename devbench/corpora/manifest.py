"""The corpus folder: corpus.toml, manifest.csv, responses/ and audio/, opened and checked as one.

corpus.toml         name, version, provenance, licence, rate, devices
manifest.csv        one row a clip, with the length and the SHA-256 of its file
responses/ID.csv    freq_hz,gain_db of one device, where it is known
audio/...           WAV or FLAC, mono, at the corpus rate
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from devbench.contract.names import is_name
from devbench.contract.values import Clip, Device, Provenance
from devbench.corpora.header import CorpusHeader
from devbench.corpora.tables import table_bytes
from devbench.errors import ConfigurationError, DataError
from devbench.files import canonical_json, publish, read_bytes, sha256_bytes

if TYPE_CHECKING:
    from devbench.contract.values import FrequencyResponse

MAX_MANIFEST_BYTES = 512 * 2**20
COLUMNS = (
    "clip_id",
    "event_id",
    "device",
    "label",
    "group",
    "fold",
    "path",
    "n_samples",
    "sha256",
)


@dataclass(frozen=True, slots=True)
class Corpus:
    """An opened corpus: everything but the sound.

    fingerprint: SHA-256 over the header, all manifest rows and all responses; since each row
    carries the hash of its file, two corpora with one fingerprint hold the same sound.
    """

    folder: Path
    header: CorpusHeader
    clips: tuple[Clip, ...]
    fingerprint: str

    @property
    def devices(self) -> tuple[Device, ...]:
        """Return the devices in the order of the header."""
        return self.header.device_values()

    def response(self, device: str) -> FrequencyResponse | None:
        """Return the frequency response of a device, or None where the corpus has none."""
        from devbench.audio.responses import read_response

        path = response_path(self.folder, device)
        if not path.exists():
            return None
        provenance = next(d.provenance for d in self.devices if d.id == device)
        return read_response(path, provenance=provenance)


def response_path(folder: Path, device: str) -> Path:
    """Return where the frequency response of a device lies."""
    return folder / "responses" / f"{device}.csv"


def open_corpus(folder: Path) -> Corpus:
    """Return the corpus in folder after checking its header and every manifest row.

    Raises DataError where files are missing, ConfigurationError with file, line and column where
    they say what cannot be. Sound files are not opened (`data check` does that).
    """
    from devbench.corpora.header import read_header

    folder = folder.absolute()  # worker processes have folders of their own
    header = read_header(folder / "corpus.toml")
    clips = tuple(_read_rows(folder / "manifest.csv", header))
    return Corpus(folder, header, clips, _fingerprint(folder, header, clips))


def write_corpus(folder: Path, header: CorpusHeader, clips: Iterable[Clip]) -> Corpus:
    """Write corpus.toml and manifest.csv (rows sorted by clip_id) and return the opened corpus.

    The sound files and responses must lie in the folder already; the manifest is written last.
    """
    from devbench.corpora.header import header_toml

    publish(folder / "corpus.toml", header_toml(header).encode(), replace=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for clip in sorted(clips, key=lambda c: c.clip_id):
        writer.writerow([getattr(clip, column) for column in COLUMNS])
    publish(folder / "manifest.csv", text.getvalue().encode(), replace=True)
    return open_corpus(folder)


def _read_rows(path: Path, header: CorpusHeader) -> list[Clip]:
    data = table_bytes(path, at_most=MAX_MANIFEST_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:  # replaced letters could make one event of two
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{path}: line {line}: no UTF-8 text", fix="save it as UTF-8"
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        return _clips(path, reader, header)
    except csv.Error as error:
        raise ConfigurationError(
            f"{path}: line {reader.line_num}: {error}", fix="mend the quotes of that line"
        ) from error


def _clips(path: Path, reader: Any, header: CorpusHeader) -> list[Clip]:
    first: list[str] = next(reader, [])
    missing = [column for column in COLUMNS if column not in first]
    if missing:
        raise ConfigurationError(
            f"{path}: line 1: column {missing[0]!r} is missing", fix=f"give {','.join(COLUMNS)}"
        )
    place = {column: first.index(column) for column in COLUMNS}
    devices = {device.id for device in header.devices}
    clips: list[Clip] = []
    seen: set[str] = set()
    cells_seen: set[tuple[str, str]] = set()
    for row in reader:
        if not row:
            continue
        where = f"{path}: line {reader.line_num}"
        if len(row) != len(first):
            raise ConfigurationError(
                f"{where}: {len(row)} cells where the header has {len(first)}",
                fix="give every row one cell per column",
            )
        clip = _clip(where, {column: row[at] for column, at in place.items()}, devices)
        if clip.clip_id in seen:
            raise ConfigurationError(
                f"{where}: clip_id {clip.clip_id!r} stands twice", fix="give every clip its own id"
            )
        if (clip.event_id, clip.device) in cells_seen:
            raise ConfigurationError(
                f"{where}: event {clip.event_id!r} was recorded twice by {clip.device!r}",
                fix="keep one recording per event and device, or give the second its own event_id",
            )
        seen.add(clip.clip_id)
        cells_seen.add((clip.event_id, clip.device))
        clips.append(clip)
    if not clips:
        raise DataError(f"{path}: no clips", fix="build or import the corpus again")
    _require_one_label_per_event(path, clips)
    return sorted(clips, key=lambda c: c.clip_id)


def _clip(where: str, cell: Mapping[str, str], devices: set[str]) -> Clip:
    def refuse(column: str, expected: str) -> ConfigurationError:
        return ConfigurationError(
            f"{where}: {column} is {cell[column][:80]!r}", fix=f"expected {expected}"
        )

    if cell["device"] not in devices:
        raise refuse("device", f"one of the devices of corpus.toml: {', '.join(sorted(devices))}")
    if not is_name(cell["label"]):
        raise refuse("label", "lower-case words joined by '-'")
    for column in ("clip_id", "event_id", "group"):
        if not cell[column] or len(cell[column]) > 200 or not cell[column].isprintable():
            raise refuse(column, "1 to 200 printable characters")
    path = PurePosixPath(cell["path"])
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in cell["path"]:
        raise refuse("path", "a path below the corpus folder")
    sha256 = cell["sha256"]
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise refuse("sha256", "64 hexadecimal digits")
    numbers: dict[str, int] = {}
    for column, low in (("n_samples", 1), ("fold", 0)):
        text = cell[column]
        if not (text.isascii() and text.isdigit() and len(text) < 12) or int(text) < low:
            raise refuse(column, f"a whole number from {low}")
        numbers[column] = int(text)
    return Clip(
        clip_id=cell["clip_id"],
        event_id=cell["event_id"],
        device=cell["device"],
        label=cell["label"],
        path=cell["path"],
        sha256=sha256,
        n_samples=numbers["n_samples"],
        group=cell["group"],
        fold=numbers["fold"],
    )


def _require_one_label_per_event(path: Path, clips: Iterable[Clip]) -> None:
    facts: dict[str, tuple[str, str, int]] = {}
    for clip in clips:
        fact = (clip.label, clip.group, clip.fold)
        if facts.setdefault(clip.event_id, fact) != fact:
            raise ConfigurationError(
                f"{path}: event {clip.event_id!r} has two labels, groups or folds: "
                f"{facts[clip.event_id]} and {fact}",
                fix="an event is one sound that was played once: give all its clips the same",
            )


def _fingerprint(folder: Path, header: CorpusHeader, clips: Iterable[Clip]) -> str:
    responses = {
        device.id: sha256_bytes(read_bytes(path))
        for device in header.devices
        if (path := response_path(folder, device.id)).exists()
    }
    rows = [[getattr(clip, column) for column in COLUMNS] for clip in clips]
    document: dict[str, Any] = {
        "header": header.model_dump(mode="json"),
        "clips": rows,
        "responses": responses,
    }
    return sha256_bytes(canonical_json(document))


def provenance_of(header: CorpusHeader) -> Provenance:
    """Return what reports must say of the recordings."""
    return header.provenance

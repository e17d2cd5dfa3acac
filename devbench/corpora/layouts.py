"""How third parties lay out their recordings, read into one table: a layout is a name.

manifest   CSV: path,device,label,event_id and, if you like, group,fold,device_label,device_kind
folders    DEVICE/CLASS/NAME.wav; files of one class and name are one event
tau2020    TAU Urban Acoustic Scenes 2020 Mobile, development set
tau2022    TAU Urban Acoustic Scenes 2022 Mobile, development set
mc         manifest.csv and impulses/DEVICE.wav: every device's recording of one impulse
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from devbench.contract.names import require_known
from devbench.contract.values import Provenance
from devbench.corpora.tables import Row, Table, read_table
from devbench.errors import ConfigurationError, DataError

COLUMNS = ("path", "device", "label", "event_id")
OPTIONAL = ("group", "fold", "device_label", "device_kind")
LAYOUTS = ("manifest", "folders", "tau2020", "tau2022", "mc")
MANIFEST = "manifest.csv"
RESPONSES = "responses"
IMPULSES = "impulses"


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a layout found: one row per recording with COLUMNS and OPTIONAL, and what to tell.

    responses: by device, a CSV (freq_hz,gain_db) or a recording of one impulse. provenance: of
    the devices that are not 'measured'. notes: lines for people, kept in import.json.
    """

    table: Table
    notes: tuple[str, ...] = ()
    responses: Mapping[str, Path] = field(default_factory=dict)
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


def gather(layout: str, source: Path, *, is_paired: bool = True) -> Gathered:
    """Return the recordings of source, a folder or (layout manifest) a CSV file.

    is_paired: of layout folders: files of one class and name are one event. Raises
    ConfigurationError with file, line and column, or with the file that does not fit.
    """
    require_known("layout", layout, LAYOUTS, list_command="devbench data import --help")
    if not source.exists():
        raise DataError(f"no file or folder {str(source)!r}", fix="check the path")
    if not is_paired and layout != "folders":
        raise ConfigurationError(
            f"--unpaired says nothing to layout {layout!r}: its tables name the events",
            fix="leave it out, or use --layout folders",
        )
    if layout != "manifest" and not source.is_dir():
        raise DataError(
            f"{str(source)!r} is no folder; layout {layout!r} is one",
            fix="give the folder that the data set was unpacked to",
        )
    if layout == "folders":
        from devbench.corpora.folders import gather_folders

        found = gather_folders(source, is_paired=is_paired)
    elif layout in ("tau2020", "tau2022"):
        from devbench.corpora.tau import gather_tau

        found = gather_tau(source, layout)
    else:
        found = _gather_manifest(source)
    if layout == "mc":
        return replace(found, responses=_impulses(source, found.table.rows))
    root = source if source.is_dir() else source.parent
    return replace(found, responses=_responses(root / RESPONSES, (".csv", ".wav", ".flac")))


def _gather_manifest(source: Path) -> Gathered:
    path = source / MANIFEST if source.is_dir() else source
    if not path.is_file():
        raise DataError(
            f"no {MANIFEST} in {str(source)!r}", fix=f"write one with {','.join(COLUMNS)}"
        )
    return Gathered(read_table(path, required=COLUMNS))


def _responses(folder: Path, suffixes: Iterable[str]) -> dict[str, Path]:
    """Return the files of a folder by device; a device that stands twice is refused."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith("."):
            continue
        if path.suffix.lower() not in suffixes or not path.is_file():
            raise ConfigurationError(
                f"{path}: no frequency response", fix=f"give DEVICE with {' or '.join(suffixes)}"
            )
        if path.stem in found:
            raise ConfigurationError(
                f"{path}: {found[path.stem].name} is the response of {path.stem!r} already",
                fix="keep one of the two files",
            )
        found[path.stem] = path
    return found


def _impulses(source: Path, rows: Iterable[Row]) -> dict[str, Path]:
    found = _responses(source / IMPULSES, (".wav", ".flac"))
    for device in dict.fromkeys(row.get("device") for row in rows):
        if device not in found:
            raise DataError(
                f"no {IMPULSES}/{device}.wav in {str(source)!r}",
                fix="add the device's recording of an impulse, or use --layout manifest",
            )
    return found

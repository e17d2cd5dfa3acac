"""Layout folders: DEVICE/CLASS/NAME.wav. Files of one class and name are one event."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from devbench.corpora.layouts import RESPONSES, Gathered
from devbench.corpora.slugs import slug
from devbench.corpora.tables import FileRow, Row, Table
from devbench.errors import ConfigurationError, DataError

SUFFIXES = (".wav", ".flac")
OTHER_SOUND = (".mp3", ".m4a", ".aac", ".ogg", ".opus", ".aif", ".aiff", ".wma", ".raw", ".caf",
               ".amr", ".3gp")  # fmt: skip


def gather_folders(root: Path, *, is_paired: bool) -> Gathered:
    """Return the recordings of a tree DEVICE/CLASS/NAME.wav.

    is_paired: several devices recorded an event, and their files of it have one name; without it
    every file is an event of its own. Names are compared in Unicode's composed form, because
    systems differ in the form that they write.
    """
    rows: list[Row] = []
    n_other = 0
    names = _Names()
    for device_folder in _folders(root):
        if device_folder.name == RESPONSES:
            continue
        device = names.public("device", device_folder)
        for class_folder in _folders(device_folder):
            label = names.public("label", class_folder)
            for path in _files(class_folder):
                if path.suffix.lower() not in SUFFIXES:
                    n_other += 1
                    continue
                stem = unicodedata.normalize("NFC", path.stem)
                own = () if is_paired else (device,)
                rows.append(_row(path, device, label, "/".join((*own, label, stem)), device_folder))
    if not rows:
        raise DataError(
            f"no sound in {str(root)!r}", fix="lay the files out as DEVICE/CLASS/NAME.wav"
        )
    rows.sort(key=lambda row: (row.get("device"), row.get("event_id")))
    notes = [_pairing(root, rows) if is_paired else f"{len(rows)} unpaired recordings: each is "
             "an event of its own"]  # fmt: skip
    if n_other:
        notes.append(f"{n_other} files that are no WAV or FLAC were left out")
    return Gathered(Table(root, tuple(rows), ""), notes=tuple(notes))


class _Names:
    """Public names made of folder names; two folders never share one."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    def public(self, what: str, folder: Path) -> str:
        plain = unicodedata.normalize("NFC", folder.name)
        try:
            name = slug(plain)
        except ConfigurationError as error:
            raise ConfigurationError(f"{folder}: {error.what}", fix=error.fix) from error
        first = self._known.setdefault((what, name), plain)
        if first != plain:
            raise ConfigurationError(
                f"{folder}: {what} {name!r} is also made of folder {first!r}",
                fix="rename one of them: names differ in more than case and signs",
            )
        return name


def _row(path: Path, device: str, label: str, event_id: str, device_folder: Path) -> Row:
    cells = {
        "path": path.name,
        "device": device,
        "label": label,
        "event_id": event_id,
        "device_label": device_folder.name,
    }
    return FileRow(path, 0, cells)


def _folders(folder: Path) -> Iterator[Path]:
    """Yield the folders below one, sorted; a sound file between them is in the wrong place."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield path
        elif path.suffix.lower() in (*SUFFIXES, *OTHER_SOUND):
            raise ConfigurationError(
                f"{path}: a sound file outside DEVICE/CLASS/", fix="move it to DEVICE/CLASS/"
            )


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            raise ConfigurationError(
                f"{path}: a folder inside DEVICE/CLASS/",
                fix="move its files up, or write a manifest (--layout manifest)",
            )
        if path.suffix.lower() in OTHER_SOUND:
            raise DataError(
                f"{path}: {path.suffix} is not read",
                fix="convert it to FLAC or to WAV with 16, 24 or float bits",
            )
        yield path


def _pairing(root: Path, rows: Sequence[Row]) -> str:
    """Return what to tell of the pairing by names; refuse a tree where no name is shared."""
    n_devices = len({row.get("device") for row in rows})
    heard = Counter(row.get("event_id") for row in rows)
    n_shared = sum(count > 1 for count in heard.values())
    if n_devices > 1 and not n_shared:
        raise ConfigurationError(
            f"{root}: no file name of a class is on two devices, so no event is",
            fix="give the recordings of one event one name, or say --unpaired",
        )
    n_whole = sum(count == n_devices for count in heard.values())
    return (
        f"paired by class and file name: {len(heard)} events, {n_whole} of them by all "
        f"{n_devices} devices"
    )

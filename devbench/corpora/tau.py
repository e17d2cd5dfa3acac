"""Layouts tau2020 and tau2022: TAU Urban Acoustic Scenes Mobile, development sets.

meta.csv and evaluation_setup/fold1_{train,test,evaluate}.csv are separated by tabs. A file is
named audio/SCENE-CITY-LOCATION-SEGMENT-DEVICE.wav; in 2022 segments of 10 s are cut into seconds,
and the number of the second stands before the device. Devices a, b and c recorded at the same
time; s1 to s6 are simulated from recordings of a and measured impulse responses (Heittola et al.,
"Acoustic scene classification in DCASE 2020 Challenge", arXiv 2005.14623, section 2).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

from devbench.contract.values import Provenance
from devbench.corpora.layouts import Gathered
from devbench.corpora.slugs import slug
from devbench.corpora.tables import Row, Table, read_table
from devbench.errors import ConfigurationError, DataError

SETUP = "evaluation_setup"
META_COLUMNS = ("filename", "scene_label", "identifier", "source_label")
N_PARTS = {"tau2020": 5, "tau2022": 6}
DEVICES = {"a": "binaural microphone", "b": "phone", "c": "phone"}
SIMULATED = tuple(f"s{n}" for n in range(1, 7))
UNSEEN = ("s4", "s5", "s6")
TRAIN, TEST = 1, 2


def gather_tau(root: Path, layout: str) -> Gathered:
    """Return the recordings of the official split: fold 1 to train, fold 2 to test.

    group: city and location, which no official split tears apart. Recordings in neither list are
    left out, as the authors do. Raises ConfigurationError where the tables and the file names
    disagree.
    """
    meta = read_table(root / "meta.csv", required=META_COLUMNS, delimiter="\t")
    facts: dict[str, Row] = {}
    for row in meta.rows:
        name = row.text("filename")
        if name in facts:
            raise row.refuse("filename", f"a file of its own: line {facts[name].line} has it")
        facts[name] = row
    train = _listed(root, "fold1_train.csv", facts, labelled=True)
    test = _listed(root, "fold1_evaluate.csv", facts, labelled=True)
    _require_same_test(root, test, facts)
    rows: list[Row] = []
    seen: dict[str, Row] = {}
    for fold, listed in ((TRAIN, train), (TEST, test)):
        for row in listed:
            name = row.text("filename")
            if name in seen:
                raise row.refuse("filename", f"one side: {seen[name].path.name} lists it, too")
            seen[name] = row
            rows.append(_recording(root, row, facts[name], layout, fold))
    return Gathered(
        Table(meta.path, tuple(rows), meta.sha256),
        notes=_notes(rows, n_left=len(facts) - len(rows)),
        provenance={device: _SIMULATED for device in SIMULATED},
    )


_SIMULATED: Provenance = "simulated from measured responses"


def _listed(root: Path, name: str, facts: dict[str, Row], *, labelled: bool) -> tuple[Row, ...]:
    columns = ("filename", "scene_label") if labelled else ("filename",)
    table = read_table(root / SETUP / name, required=columns, delimiter="\t")
    for row in table.rows:
        known = facts.get(row.text("filename"))
        if known is None:
            raise row.refuse("filename", "a file that meta.csv names")
        if labelled and row.text("scene_label") != known.get("scene_label"):
            raise row.refuse(
                "scene_label", f"{known.get('scene_label')!r} as in line {known.line} of meta.csv"
            )
    return table.rows


def _require_same_test(root: Path, test: tuple[Row, ...], facts: dict[str, Row]) -> None:
    """Refuse labels of other files than those to be tested; fold1_test.csv has no labels."""
    path = root / SETUP / "fold1_test.csv"
    if not path.is_file():
        return
    asked = {row.get("filename") for row in _listed(root, path.name, facts, labelled=False)}
    told = {row.get("filename") for row in test}
    if asked != told:
        raise ConfigurationError(
            f"{path}: {len(asked ^ told)} files are in it or in fold1_evaluate.csv, but not in "
            f"both, e.g. {min(asked ^ told)[:80]!r}",
            fix="restore evaluation_setup/ from the archive",
        )


def _recording(root: Path, row: Row, known: Row, layout: str, fold: int) -> Row:
    """Return the row of one recording, after the name and meta.csv were held together."""
    name = row.text("filename")
    parts = PurePosixPath(name).stem.split("-")
    shape = "SCENE-CITY-LOCATION-SEGMENT" + ("-SECOND" if layout == "tau2022" else "") + "-DEVICE"
    if len(parts) != N_PARTS[layout] or not all(parts):
        raise row.refuse("filename", f"{shape}.wav for layout {layout!r}")
    scene, city, location, *_, device = parts
    for column, told in (
        ("scene_label", scene),
        ("identifier", f"{city}-{location}"),
        ("source_label", device),
    ):
        if known.get(column) != told:
            raise known.refuse(column, f"{told!r} as the name of the file says")
    if device not in (*DEVICES, *SIMULATED):
        raise known.refuse("source_label", f"one of {', '.join((*DEVICES, *SIMULATED))}")
    if fold == TRAIN and device in UNSEEN:
        raise row.refuse("filename", f"no recording of {', '.join(UNSEEN)}: they are tested only")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise row.refuse("filename", "a path below the folder of the data set")
    if not (root / name).is_file():
        raise DataError(
            f"{root / name}: the file is missing",
            fix="unpack all audio archives of the data set into one folder",
        )
    cells = {
        "path": name,
        "device": device,
        "label": slug(scene),
        "event_id": "-".join(parts[:-1]),
        "group": f"{city}-{location}",
        "fold": str(fold),
        "device_label": _label(device),
        "device_kind": DEVICES.get(device, "simulated phone"),
    }
    return _TauRow(root / SETUP / row.path.name, row.line, cells)


class _TauRow(Row):
    """A row whose file lies below the data set's folder, not beside the list that names it."""

    __slots__ = ()

    def file(self, column: str) -> Path:
        """Return the file of a row."""
        return self.path.parent.parent / self.get(column)


def _label(device: str) -> str:
    if device in UNSEEN:
        return f"TAU device {device} (unseen in training)"
    return f"TAU device {device}"


def _notes(rows: list[Row], *, n_left: int) -> tuple[str, ...]:
    sides = Counter(int(row.cells["fold"]) for row in rows)
    notes = [f"official split: {sides[TRAIN]} recordings to train, {sides[TEST]} to test"]
    if n_left:
        notes.append(f"{n_left} recordings are in neither list and were left out")
    present = {row.get("device") for row in rows}
    if unseen := [device for device in UNSEEN if device in present]:
        notes.append(f"unseen in training: {', '.join(unseen)}")
    return tuple(notes)

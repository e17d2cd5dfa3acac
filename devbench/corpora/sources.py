"""Where the events of `data build` come from: a table of clips, or a data set as it is published.

table   CSV: filename,label,fold,src_id and, if you like, take and credits
esc50   meta/esc50.csv and audio/ (Piczak 2015, doi 10.1145/2733373.2806390)
esc10   the rows of esc50 whose column esc10 is True
rwcp    RWCP Sound Scene Database, dry sources: .../CLASS/NUMBER.wav, one folder a class
"""

from __future__ import annotations

import re
from pathlib import Path

from devbench.contract.names import require_known
from devbench.corpora.tables import FileRow, Row, Table, read_table
from devbench.errors import ConfigurationError, DataError

CLIP_COLUMNS = ("filename", "label", "fold", "src_id")
CLIP_LAYOUTS = ("table", "esc50", "esc10", "rwcp")
ESC_COLUMNS = ("filename", "fold", "target", "category", "esc10", "src_file", "take")
_RATE_FOLDER = re.compile(r"\d+k(hz)?", re.IGNORECASE)


def clip_table(layout: str, path: Path) -> Table:
    """Return the rows of clips (CLIP_COLUMNS, take and credits) of a CSV file or a data set.

    Raises ConfigurationError with file, line and column, DataError where the folder is none of
    that data set.
    """
    require_known("layout", layout, CLIP_LAYOUTS, list_command="devbench data build --help")
    if layout == "table":
        if not path.is_file():
            raise DataError(
                f"no table of clips {str(path)!r}", fix=f"give a CSV with {','.join(CLIP_COLUMNS)}"
            )
        return read_table(path, required=CLIP_COLUMNS)
    if not path.is_dir():
        raise DataError(
            f"{str(path)!r} is no folder; layout {layout!r} is one",
            fix="give the folder that the data set was unpacked to",
        )
    return _rwcp(path) if layout == "rwcp" else _esc(path, is_esc10=layout == "esc10")


def _esc(root: Path, *, is_esc10: bool) -> Table:
    path = root / "meta" / "esc50.csv"
    if not path.is_file():
        raise DataError(
            f"no meta/esc50.csv in {str(root)!r}", fix="give the folder that holds meta/ and audio/"
        )
    table = read_table(path, required=ESC_COLUMNS)
    rows = []
    for row in table.rows:
        if row.get("esc10") not in ("True", "False"):
            raise row.refuse("esc10", "True or False")
        if is_esc10 and row.get("esc10") == "False":
            continue
        name = row.text("filename")
        if "/" in name or "\\" in name:
            raise row.refuse("filename", "the name of a file in audio/")
        cells = {
            "filename": f"../audio/{name}",
            "label": row.text("category"),
            "fold": row.text("fold"),
            "src_id": row.text("src_file", longest=100),
            # With the class: one recording may hold several, and takes are counted per class.
            "take": f"{row.text('take')}-{row.text('target')}",
        }
        rows.append(Row(path, row.line, cells))
    if not rows:
        raise ConfigurationError(f"{path}: no row has esc10 True", fix="use --layout esc50")
    return Table(path, tuple(rows), table.sha256)


def _rwcp(root: Path) -> Table:
    rows: list[Row] = []
    known: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        suffix = path.suffix.lower()
        if not path.is_file() or path.name.startswith("."):
            continue
        if suffix == ".raw":
            raise DataError(
                f"{path}: raw samples do not say their rate or byte order",
                fix="convert them first (dry sources: 48 kHz, 16 bit, mono), e.g. sox -t raw "
                "-r 48000 -e signed -b 16 -c 1 000.raw 000.wav, and listen to one",
            )
        if suffix not in (".wav", ".flac"):
            continue
        folder = path.parent
        while _RATE_FOLDER.fullmatch(folder.name) and folder != root:
            folder = folder.parent
        if folder == root:
            raise ConfigurationError(
                f"{path}: a sound outside the folder of a class", fix="move it to CLASS/NUMBER.wav"
            )
        event = f"{folder.name}-{path.stem}"
        if event in known:
            raise ConfigurationError(
                f"{path}: {known[event]} is {event!r} already",
                fix="give the folder of one rate, and classes with names of their own",
            )
        known[event] = path
        cells = {"filename": path.name, "label": folder.name, "fold": "0", "src_id": event}
        rows.append(FileRow(path, 0, cells))
    if not rows:
        raise DataError(f"no sound in {str(root)!r}", fix="lay it out as CLASS/NUMBER.wav")
    return Table(root / "RWCP", tuple(rows), "")

"""Whose sounds and whose measurements: licences, citation and attribution of a built corpus."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from devbench.corpora.tables import Row, Table
from devbench.errors import ConfigurationError
from devbench.files import read_bytes

ATTRIBUTION_FILE = "ATTRIBUTION.md"
ATTRIBUTION_COLUMNS = ("title", "author", "source", "licence")
MAX_SECTION_CHARACTERS = 6000
MAX_LICENCE_CHARACTERS = 4000


def licences(clips: Sequence[Row], devices: Sequence[Row]) -> str:
    """Return under which licences the sounds and the responses stand, with their counts."""
    parts = [
        f"{what}: " + "; ".join(f"{name} ({count})" for name, count in counted.most_common())
        for what, rows in (("sounds", clips), ("responses", devices))
        if (counted := Counter(text for row in rows if (text := row.get("licence"))))
    ]
    text = ". ".join(parts) or "not given"
    if len(text) > MAX_LICENCE_CHARACTERS:
        raise ConfigurationError(
            f"the licence cells make {len(text)} characters", fix="say it shorter with --licence"
        )
    return text


def citation(clips: Table, devices: Table, chosen: Sequence[Row]) -> str:
    """Return whom to name: the sections of ATTRIBUTION.md, else what the tables' columns say.

    chosen: the rows of devices that are used.
    """
    sounds = attribution_section(clips.path.parent) or _named(clips.rows, ("origin", "source"))
    responses = attribution_section(devices.path.parent) or _named(chosen, ("source", "origin"))
    parts = [f"{what}: {text}" for what, text in (("Sounds", sounds), ("Responses", responses))
             if text]  # fmt: skip
    return " ".join(parts) or "not given"


def attribution_section(folder: Path) -> str:
    """Return what ATTRIBUTION.md says of a folder, on one line, or '' where it says nothing.

    The file lies in the folder (all of it counts) or beside it; there the section counts whose
    '## ' heading begins with the folder's name.
    """
    own, shared = folder / ATTRIBUTION_FILE, folder.parent / ATTRIBUTION_FILE
    if own.is_file():
        lines = _text_of(own).splitlines()
    elif shared.is_file():
        lines = _section(_text_of(shared).splitlines(), folder.resolve().name)
    else:
        return ""
    plain = (line.strip().removeprefix("* ").replace("**", "") for line in lines)
    text = " ".join(" ".join(plain).split())
    printable = "".join(sign for sign in text if sign.isprintable())
    return printable[:MAX_SECTION_CHARACTERS]


def attribution_table(rows: Iterable[tuple[str, Row]]) -> bytes | None:
    """Return attribution.csv: per event its title, author, source and licence; None without any.

    rows: (event id, its line of the table of clips).
    """
    rows = list(rows)
    if not any(row.get(column) for _, row in rows for column in ATTRIBUTION_COLUMNS):
        return None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("event_id", *ATTRIBUTION_COLUMNS))
    for event_id, row in sorted(rows, key=lambda pair: pair[0]):
        cells = (event_id, *(row.get(column) for column in ATTRIBUTION_COLUMNS))
        writer.writerow([_no_formula(cell) for cell in cells])
    return text.getvalue().encode()


def _no_formula(cell: str) -> str:
    """Return a cell that no spreadsheet runs (CWE-1236)."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def _text_of(path: Path) -> str:
    return read_bytes(path).decode("utf-8", errors="replace")


def _section(lines: list[str], name: str) -> list[str]:
    found: list[str] = []
    inside = False
    for line in lines:
        if line.startswith("## "):
            inside = line[3:].strip().split("/")[0].split(" ")[0] == name
        elif inside:
            found.append(line)
    return found


def _named(rows: Sequence[Row], columns: tuple[str, ...]) -> str:
    for column in columns:
        names = list(dict.fromkeys(text for row in rows if (text := row.get(column))))
        if 0 < len(names) <= 20:
            return "; ".join(names)[:MAX_SECTION_CHARACTERS]
    return ""

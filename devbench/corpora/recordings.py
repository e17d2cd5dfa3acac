"""The rows of a layout, checked before any file is opened: one label, group and fold an event."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from devbench.contract.names import is_name
from devbench.corpora.tables import Row, Table


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the user's manifest, checked, before its file is opened."""

    row: Row
    source: Path
    device: str
    label: str
    event_id: str
    group: str
    fold: int


def checked_lines(table: Table) -> list[Line]:
    """Return the checked rows sorted by event and device.

    Raises ConfigurationError with file, line, column and expectation.
    """
    found: dict[tuple[str, str], Line] = {}
    facts: dict[str, Line] = {}
    fold_of: dict[str, Line] = {}
    sources: dict[Path, Line] = {}
    for row in table.rows:
        event_id = row.text("event_id")
        line = Line(
            row=row,
            source=row.file("path"),
            device=_name_cell(row, "device"),
            label=_name_cell(row, "label"),
            event_id=event_id,
            group=row.text("group") if row.get("group") else event_id,
            fold=row.whole_number("fold", default=0),
        )
        first = facts.setdefault(event_id, line)
        for column in ("label", "group", "fold"):
            expected = getattr(first, column)
            if getattr(line, column) != expected:
                where = first.row.place
                raise row.refuse(column, f"{expected!r} as in {where}: {event_id!r} is one event")
        twin = found.setdefault((event_id, line.device), line)
        if twin is not line:
            raise row.refuse(
                "event_id",
                f"another event: {twin.row.place} has {event_id!r} by {line.device!r} already",
            )
        mate = fold_of.setdefault(line.group, line)
        if mate.fold != line.fold:
            raise row.refuse(
                "fold", f"{mate.fold} as in {mate.row.place}, of the same group {line.group!r}"
            )
        other = sources.setdefault(line.source.resolve(), line)
        if other is not line:
            raise row.refuse("path", f"a file of its own: {other.row.place} names it too")
    return [found[key] for key in sorted(found)]


def _name_cell(row: Row, column: str) -> str:
    value = row.text(column)
    if not is_name(value):
        raise row.refuse(column, "lower-case words of letters and digits joined by '-'")
    return value


def device_facts(table: Table) -> list[dict[str, str]]:
    """Return id, label and kind of each device in the order in which the table names them."""
    told: dict[str, dict[str, tuple[str, Row]]] = {}
    for row in table.rows:
        facts = told.setdefault(row.get("device"), {})
        for column, longest in (("device_label", 120), ("device_kind", 60)):
            if not row.get(column):
                continue
            value, first = facts.setdefault(column, (row.text(column, longest=longest), row))
            if row.get(column) != value:
                raise row.refuse(column, f"{value!r} as in {first.place}, of the same device")
    return [
        {
            "id": device,
            "label": facts["device_label"][0] if "device_label" in facts else device,
            "kind": facts["device_kind"][0] if "device_kind" in facts else "unknown",
        }
        for device, facts in told.items()
    ]

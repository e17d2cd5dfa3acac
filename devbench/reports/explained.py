"""What `devbench explain` left in the store about a run: tables for each kind of question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from devbench.errors import DataError
from devbench.explaining.devices import Devices, device_table, loss_table
from devbench.explaining.documents import Identity, Information, Network
from devbench.explaining.relevance import Missing, Relevance
from devbench.explaining.relevance import table as relevance_table
from devbench.explaining.shelf import diagnosis_path
from devbench.explaining.tables import identity_table, information_table
from devbench.models import read_document
from devbench.results.commands import benchmark_word, command_line
from devbench.results.render import clean_line

if TYPE_CHECKING:
    from devbench.results.record import Record
    from devbench.results.store import Store

KINDS: Mapping[str, str] = {
    "information": "Device information in the network",
    "identity": "Can the device be told?",
    "relevance": "Which bands decide",
    "devices": "Which device differs how",
}


class Table(NamedTuple):
    """A table of texts. rows: each as long as the header."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Explained(NamedTuple):
    """One kind. tables: none where it was not measured; command: what measures it; notes: of it."""

    kind: str
    title: str
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    command: str


def explained_sections(store: Store, record: Record) -> tuple[Explained, ...]:
    """Return what is known of a run in the order of KINDS, and what is not, too."""
    return tuple(_section(store, record, kind, title) for kind, title in KINDS.items())


def _section(store: Store, record: Record, kind: str, title: str) -> Explained:
    command = _command(record, kind)
    tables: list[Table] = []
    notes: list[str] = []
    for path in _kept(diagnosis_path(store.folder, record.run_id, f"{kind}.json")):
        try:
            found, gaps = _READ[kind](path)
        except DataError as error:
            # a page shows no folders of its maker
            gaps = [error.what.replace(str(path), path.name)]
        else:
            tables += found
        notes += map(clean_line, gaps)
    return Explained(kind, title, tuple(tables), tuple(notes), command)


def _command(record: Record, kind: str) -> str:
    """Return what answers a question of a run; a benchmark that is a file is given beside it."""
    run, benchmark = record.run_id[:12], benchmark_word(record.plan)
    is_shipped = benchmark == record.plan.benchmark.id
    words = ["explain", kind, run]
    if kind == "devices":
        name = benchmark if is_shipped else record.plan.corpus.name
        words = ["explain", kind, name, "--run", run]
    return command_line(words, {"--benchmark": None if is_shipped else benchmark})


def _kept(path: Path) -> list[Path]:
    """Return the documents of a kind: of the run, and `<kind>-<target>.json` of its classifiers."""
    own = [path] if path.exists() else []
    return own + sorted(path.parent.glob(f"{path.stem}-*.json"))


Read = tuple[tuple[Table, ...], list[str]]


def _information(path: Path) -> Read:
    found = read_document(path, Information, schema=1)
    caption = (
        f"{_of(found.network)}device information, nats (at least), of "
        f"{found.clips.entropy_nats:.3f}; accuracy by chance {found.clips.chance:.3f}"
    )
    return (_table(caption, information_table(found)),), []


def _identity(path: Path) -> Read:
    found = read_document(path, Identity, schema=1)
    of = _of(found.network)
    caption = f"{of}how well an auxiliary classifier tells the device"
    return (_table(caption, identity_table(found)),), [of + note for note in found.notes]


def _of(network: Network) -> str:
    """Return whose classifier it is, where a run has one per target."""
    return f"classifier for {network.target}: " if network.target else ""


def _relevance(path: Path) -> Read:
    found = read_document(path, Relevance, schema=1)
    caption = "macro F1 lost in points without a band, and shares of relevance, by band in Hz"
    return (_table(caption, relevance_table(found)),), [*_gaps(found.missing), *found.warnings]


def _devices(path: Path) -> Read:
    found = read_document(path, Devices, schema=1)
    tables = [_table("estimated from recordings", device_table(found))]
    if found.run is not None:
        caption = "macro F1 points lost when source clips get one difference of the target"
        tables.append(_table(caption, loss_table(found.run)))
    return tuple(tables), _gaps(found.missing)


_READ: Mapping[str, Callable[[Path], Read]] = {
    "information": _information,
    "identity": _identity,
    "relevance": _relevance,
    "devices": _devices,
}


def _gaps(missing: list[Missing]) -> list[str]:
    return [f"no {gap.part}: {gap.why} (fix: {gap.fix})" for gap in missing]


def _table(caption: str, rows: list[list[str]]) -> Table:
    header, *body = [tuple(map(clean_line, row)) for row in rows]
    return Table(clean_line(caption), header, tuple(body))

"""What `devbench explain` left in the store about a run: a section for each kind of diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from devbench.errors import DataError
from devbench.files import pretty_json, read_json

if TYPE_CHECKING:
    from devbench.results.store import Store

FOLDER = "diagnosis"
KINDS = {
    "information": "Device information in the network",
    "identity": "Can the device be told?",
    "relevance": "Which regions decide",
    "devices": "Which device differs how",
}
MAX_SHOWN = 4000


class Explained(NamedTuple):
    """One diagnosis. document: None where there is none; words: then what makes it."""

    kind: str
    title: str
    document: Any
    text: str
    words: str


def explained_sections(store: Store, run_id: str) -> tuple[Explained, ...]:
    """Return the diagnoses of a run in the order of KINDS, those that are missing, too."""
    return tuple(_section(store, run_id, kind, title) for kind, title in KINDS.items())


def _section(store: Store, run_id: str, kind: str, title: str) -> Explained:
    path = store.folder / FOLDER / run_id / f"{kind}.json"
    command = f"devbench explain {kind} {run_id[:12]}"
    if not path.exists():
        return Explained(kind, title, None, "", command)
    try:
        document = read_json(path)
        text = pretty_json(document).decode()
    except (DataError, ValueError):
        return Explained(kind, title, None, "", command)
    return Explained(kind, title, document, text[:MAX_SHOWN], command)

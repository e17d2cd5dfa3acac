"""Where explanations lie: diagnosis/<run_id or name>/<document> of a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from devbench.files import publish

if TYPE_CHECKING:
    from devbench.results.store import Store


def diagnosis_path(store: Path, subject: str, document: str) -> Path:
    """Return where a document about a run (by run_id) or a corpus (by name) lies in a store."""
    return store / "diagnosis" / subject / document


def keep(store: Store, subject: str, document: str, content: bytes) -> Path:
    """Write a document, whole or not at all, over an older one of its name; return its path."""
    store.prepare()
    path = diagnosis_path(store.folder, subject, document)
    publish(path, content, replace=True)
    return path

"""sim7: 20 classes x 40 synthetic events x 7 simulated devices, made in seconds from a seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from devbench import CorpusSpec, hookimpl

VERSION = 1
EVENTS_PER_CLASS = 40


def build(folder: Path, progress: Callable[[int, int], None]) -> None:
    """Write the corpus into an empty folder."""
    from .synthesis.catalogue import SIM7
    from .synthesis.corpus import build as build_corpus

    build_corpus(
        folder,
        progress,
        name="sim7",
        title="20 synthetic classes through 7 simulated devices",
        version=VERSION,
        classes=SIM7,
        events_per_class=EVENTS_PER_CLASS,
    )


@hookimpl
def devbench_corpus() -> CorpusSpec:
    """Return the corpus."""
    return CorpusSpec(name="sim7", build=build, version=VERSION, licence="MIT")

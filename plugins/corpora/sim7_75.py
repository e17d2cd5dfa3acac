"""sim7-75: 75 classes, the shape of the papers' data, with the sounds and devices of sim7."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from devbench import CorpusSpec, hookimpl

VERSION = 1
EVENTS_PER_CLASS = 40


def build(folder: Path, progress: Callable[[int, int], None]) -> None:
    """Write the corpus into an empty folder."""
    from .synthesis.catalogue import CATALOGUE
    from .synthesis.corpus import build as build_corpus

    build_corpus(
        folder,
        progress,
        name="sim7-75",
        title="75 synthetic classes through 7 simulated devices",
        version=VERSION,
        classes=sorted(CATALOGUE),
        events_per_class=EVENTS_PER_CLASS,
    )


@hookimpl
def devbench_corpus() -> CorpusSpec:
    """Return the corpus."""
    return CorpusSpec(name="sim7-75", build=build, version=VERSION, licence="MIT")

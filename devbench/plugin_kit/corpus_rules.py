"""What a corpus is held against in the child: it is made, and can be opened and read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from devbench.corpora.check import check_corpus
from devbench.corpora.manifest import open_corpus
from devbench.errors import DevbenchError
from devbench.plugin_kit.probing import Broken, Probe


def look(probe: Probe) -> None:
    """Look at every rule of corpora; the folder stays until this process has ended."""
    folder = Path("corpus")
    if probe.part("making the corpus", lambda: make(probe, folder), "R60"):
        probe.part("checking its recordings", lambda: _check(probe, folder), "R61")


def make(probe: Probe, folder: Path) -> None:
    """Let the plugin write its folder, and open it."""
    build: Callable[[Path, Callable[[int, int], None]], None] = probe.spec.build
    build(folder, lambda done, total: None)
    probe.require((folder / "manifest.csv").exists(), "R60", "it wrote no manifest.csv")
    try:
        corpus = open_corpus(folder)
    except DevbenchError as error:
        raise Broken("R60", error.what) from error
    name = corpus.header.name
    probe.require(name == probe.spec.name, "R60", f"corpus.toml names {name!r}")
    version = corpus.header.version
    probe.require(version == probe.spec.version, "R60", f"corpus.toml says version {version}")


def _check(probe: Probe, folder: Path) -> None:
    report = check_corpus(folder)
    errors = [finding for finding in report.findings if finding.severity == "error"]
    probe.require(not errors, "R61", f"{len(errors)} errors, such as {errors[0] if errors else ''}")

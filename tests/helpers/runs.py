"""Whole runs on the tiny corpus, in this process (workers are processes all the same)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from devbench.plugin_kit.tiny import make_benchmark, make_corpus
from devbench.results.record import Record
from devbench.results.store import Store
from devbench.running.pipeline import plan_run, run
from devbench.running.plan import Planned, Request


@dataclass
class Heard:
    """A Talk that keeps what it hears."""

    phases: list[str] = field(default_factory=list)
    epochs: list[Mapping[str, Any]] = field(default_factory=list)
    artifacts: list[Mapping[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def phase(self, name: str) -> None:
        self.phases.append(name)

    def progress(self, done: int, total: int) -> None:
        assert 0 <= done <= total

    def epoch(self, report: Mapping[str, Any]) -> None:
        self.epochs.append(dict(report))

    def artifact(self, report: Mapping[str, Any]) -> None:
        self.artifacts.append(dict(report))

    def warn(self, words: str) -> None:
        self.warnings.append(words)


@dataclass
class World:
    """A data folder with the tiny corpus, a benchmark file, and a store."""

    data: Path
    benchmark: Path
    store: Store
    heard: Heard = field(default_factory=Heard)

    @classmethod
    def make(cls, folder: Path, data: Path | None = None, **replace_lines: str) -> World:
        """Return a world below folder; data: a data folder to share instead of a new one."""
        folder.mkdir(parents=True, exist_ok=True)
        if data is None:
            data = folder / "data"
            make_corpus(data / "tiny")
        benchmark = make_benchmark(folder / "tiny.toml", **replace_lines)
        return cls(data, benchmark, Store(folder / "store"))

    def plan(self, method: str = "baseline", source: str = "phone", **more: Any) -> Planned:
        """Return the plan of a run."""
        request = Request(
            method=method, source=source, benchmark=str(self.benchmark), threads=1, device="cpu"
        )
        return plan_run(
            replace(request, **more), data=self.data, store=self.store.folder, talk=self.heard
        )

    def run(self, method: str = "baseline", source: str = "phone", **more: Any) -> Record:
        """Carry a run out and return its record."""
        return run(self.plan(method, source, **more), self.store, talk=self.heard).record

    def run_file(self, path: Path, **more: Any) -> Record:
        """Carry out a run with the method in a file; its name is the file's, with dashes."""
        return self.run(path.stem.replace("_", "-"), plugin_file=path, **more)

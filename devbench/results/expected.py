"""What a run had to predict, from its corpus and benchmark: the labels that V1 compares with.

Corpora are recognised by their fingerprint, wherever they lie, so no plugin is asked and none runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.benchmark.load import benchmark_names, load_benchmark
from devbench.benchmark.splits import assign, select
from devbench.corpora.manifest import open_corpus
from devbench.errors import CheckError, DevbenchError

if TYPE_CHECKING:
    from devbench.benchmark.model import Benchmark
    from devbench.contract.values import Clip
    from devbench.corpora.manifest import Corpus
    from devbench.results.record import Record
    from devbench.results.verify import ExpectedClips


@dataclass(slots=True)
class Expectation:
    """Find the clips that a record's run had to predict; each corpus is opened once.

    folders: corpus folders, opened when they are first needed; damaged ones count as absent.
    benchmark_file: of a benchmark that was given to the runs by path.
    """

    folders: list[Path]
    benchmark_file: str | None = None
    _corpora: dict[str, Corpus] | None = field(default=None, init=False)
    _benchmarks: dict[str, Benchmark] | None = field(default=None, init=False)
    _clips: dict[tuple[str, str, int], tuple[Clip, ...]] = field(default_factory=dict, init=False)

    def __call__(self, record: Record) -> ExpectedClips | None:
        """Return the class by (device, event), or None where corpus or benchmark is not here.

        Raises CheckError as `require_fit` does.
        """
        self.require_fit(record)
        plan = record.plan
        key = (plan.corpus.fingerprint, plan.benchmark.sha256, plan.fold)
        if key not in self._clips:
            corpus = self.corpus(plan.corpus.fingerprint)
            benchmark = self.benchmark(plan.benchmark.sha256)
            if corpus is None or benchmark is None:
                return None
            self._clips[key] = _test_clips(corpus, benchmark, plan.fold)
        devices = {*plan.targets, *([] if plan.method.per_target else [plan.source])}
        return {(c.device, c.event_id): c.label for c in self._clips[key] if c.device in devices}

    def require_fit(self, record: Record) -> None:
        """Refuse a record on other devices or classes than its benchmark's, where that is here.

        Who leaves out the hardest device has a better mean, and one that follows from the logits.
        """
        plan, benchmark = record.plan, self.benchmark(record.plan.benchmark.sha256)
        if benchmark is None:
            return
        for what, said, own in (
            ("source", plan.source in benchmark.sources, True),
            ("targets", plan.targets, [d for d in benchmark.devices if d != plan.source]),
            ("classes", record.classes, benchmark.classes),
        ):
            if said != own:
                raise CheckError(
                    f"the {what} are not those of benchmark {benchmark.id!r}",
                    fix="run it on the whole benchmark: devbench run",
                )

    def corpus(self, fingerprint: str) -> Corpus | None:
        """Return the corpus with that fingerprint, or None where it is not here."""
        if self._corpora is None:
            self._corpora = {}
            for folder in self.folders:
                corpus = _opened(folder)
                if corpus is not None:
                    self._corpora[corpus.fingerprint] = corpus
        return self._corpora.get(fingerprint)

    def benchmark(self, sha256: str) -> Benchmark | None:
        """Return the benchmark with that hash, or None where it is not here."""
        if self._benchmarks is None:
            names = [*benchmark_names(), *([self.benchmark_file] if self.benchmark_file else [])]
            loaded = [load_benchmark(name) for name in names]
            self._benchmarks = {benchmark.sha256: benchmark for benchmark in loaded}
        return self._benchmarks.get(sha256)


def corpus_folders(store: Path, data: Path | None) -> list[Path]:
    """Return the folders below data and below a store's cache that look like corpora."""
    roots = [store / "cache" / "corpora", *([data] if data else [])]
    return sorted(
        header.parent
        for root in roots
        for header in root.glob("*/corpus.toml")
        if not header.parent.name.startswith(".")  # one that is being made
    )


def _opened(folder: Path) -> Corpus | None:
    try:
        return open_corpus(folder)
    except DevbenchError:
        return None


def _test_clips(corpus: Corpus, benchmark: Benchmark, fold: int) -> tuple[Clip, ...]:
    clips = select(corpus.clips, benchmark)
    split_of = assign(clips, benchmark.splits, fold)
    return tuple(clip for clip in clips if split_of[clip.event_id] == "test")

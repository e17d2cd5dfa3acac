"""A stored run, carried out again from its record: which clips it had to predict, and its logits.

What `devbench verify` needs of a run beside its files: the labels of the corpus (V1) and the logits
that the stored weights give (V2). Both need the corpus and the benchmark that the record names, by
their hashes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.benchmark.load import benchmark_names, load_benchmark
from devbench.benchmark.splits import assign, select
from devbench.errors import CheckError, DevbenchError
from devbench.registry import find
from devbench.running.corpus import made_corpus
from devbench.running.features import ensure_features
from devbench.running.plan import Planned
from devbench.running.predict import predict
from devbench.running.process import WorkerLimits
from devbench.running.score import expected_labels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.benchmark.model import Benchmark
    from devbench.results.logits import StoredLogits
    from devbench.results.record import Record
    from devbench.results.store import Store


@dataclass(frozen=True, slots=True)
class Again:
    """Runs of one store, carried out again. benchmark_file: where it was given by path."""

    store: Store
    data: Path | None
    benchmark_file: str | None = None

    def expected(self, record: Record) -> Mapping[tuple[str, str], str] | None:
        """Return the true class of every (device, event), or None without corpus or benchmark."""
        try:
            planned = self._planned(record)
        except DevbenchError:
            return None
        return expected_labels(planned)

    def predict(self, record: Record, stored: StoredLogits) -> NDArray[np.float32]:
        """Return the logits that the stored weights give, in the order of the stored rows.

        Raises CheckError when corpus, benchmark or plugin are not at hand as the record names them.
        """
        import numpy as np

        planned = self._planned(record)
        features = ensure_features(planned, store=self.store.folder, on_progress=lambda d, t: None)
        weights = []
        for model in record.models:
            self.store.blob("checkpoints", model.weights_sha256)  # whole, or DataError
            path = self.store.blob_path("checkpoints", model.weights_sha256)
            weights.append((path, model.weights_sha256))
        with tempfile.TemporaryDirectory(prefix="devbench-verify-") as folder:
            predicted = predict(
                planned,
                features,
                weights,
                Path(folder) / "predict",
                limits=WorkerLimits(planned.benchmark.limits.wall_s),
                on_report=lambda message: None,
            )
        return np.stack([predicted.logits[row] for row in stored.rows()])

    def _planned(self, record: Record) -> Planned:
        plan = record.plan
        benchmark = self._benchmark(record)
        corpus = made_corpus(benchmark.corpus, data=self.data, store=self.store.folder)
        if corpus is None or corpus.fingerprint != plan.corpus.fingerprint:
            raise CheckError(
                f"corpus {plan.corpus.name!r} with fingerprint {plan.corpus.fingerprint[:12]} is "
                "not here",
                fix="give its folder with --data, or build it",
            )
        if plan.method.is_file:
            raise CheckError(
                f"method {plan.method.name!r} was loaded from a file", fix="ask for --level 1"
            )
        refs = {
            "method": find("method", plan.method.name),
            "backbone": find("backbone", plan.backbone.name),
            "frontend": find("frontend", plan.frontend.name),
        }
        clips = select(corpus.clips, benchmark)
        split_of = assign(clips, benchmark.splits, plan.fold)
        return Planned(plan, benchmark, refs, corpus, tuple(clips), split_of)

    def _benchmark(self, record: Record) -> Benchmark:
        wanted = record.plan.benchmark
        known = [self.benchmark_file] if self.benchmark_file else []
        known += [name for name in benchmark_names() if name == wanted.id]
        for name in known:
            benchmark = load_benchmark(name)
            if benchmark.sha256 == wanted.sha256:
                return benchmark
        raise CheckError(
            f"benchmark {wanted.id!r} with hash {wanted.sha256[:12]} is not here",
            fix="give its file with --benchmark FILE.toml, or install that version of devbench",
        )

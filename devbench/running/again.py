"""A stored run, predicted again from its weights: what V2 of `devbench verify` compares.

It needs the corpus and the benchmark that the record names, by their hashes, and the plugins.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.benchmark.splits import assign, select
from devbench.errors import CheckError, DataError
from devbench.registry import find
from devbench.running.features import ensure_features
from devbench.running.hardware import best_device
from devbench.running.plan import Planned
from devbench.running.predict import predict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.results.expected import Expectation
    from devbench.results.logits import StoredLogits
    from devbench.results.record import Record
    from devbench.results.store import Store


@dataclass(frozen=True, slots=True)
class Again:
    """Runs of one store, predicted again. expectation: finds corpora and benchmarks by hash."""

    store: Store
    expectation: Expectation

    def predict(self, record: Record, stored: StoredLogits) -> NDArray[np.float32]:
        """Return the logits that the stored weights give, in the order of the stored rows.

        Raises CheckError when corpus, benchmark, plugin or GPU are not at hand as the record names
        them.
        """
        import numpy as np

        if record.plan.device == "cuda" and best_device() != "cuda":
            raise CheckError(
                "its logits are from a GPU (cuda), and none can be used here",
                fix="verify it on a machine with a GPU, or ask for --level 1",
            )
        planned = planned_again(record, self.expectation)
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
                limits=planned.limits,
                on_report=lambda message: None,
            )
        return np.stack([predicted.logits[row] for row in stored.rows()])


def planned_here(record: Record, expectation: Expectation) -> Planned:
    """Return what `planned_again` does to those who verify nothing.

    Raises DataError where something is not at hand.
    """
    try:
        return planned_again(record, expectation)
    except CheckError as error:
        is_file = record.plan.method.is_file
        fix = "make it a plugin (devbench plugin new) and run it again" if is_file else error.fix
        raise DataError(error.what, fix=fix) from error


def planned_again(record: Record, expectation: Expectation) -> Planned:
    """Return the plan of a record with the corpus and the benchmark that it names by their hashes.

    Its plugins are the installed ones, whatever their code. Raises CheckError where something is
    not at hand.
    """
    plan = record.plan
    benchmark = expectation.benchmark(plan.benchmark.sha256)
    if benchmark is None:
        raise CheckError(
            f"benchmark {plan.benchmark.id!r} ({plan.benchmark.sha256[:12]}) is not here",
            fix="give its file with --benchmark FILE.toml, or install that version of devbench",
        )
    corpus = expectation.corpus(plan.corpus.fingerprint)
    if corpus is None:
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

"""Stored runs asked by tests of `devbench explain`, and documents of it, made up."""

from __future__ import annotations

import math

from devbench.explaining.documents import (
    Clips,
    Estimate,
    Identity,
    Information,
    Layer,
    Measured,
    Network,
    Protocol,
    SeedEstimate,
    Seen,
)
from devbench.results.expected import Expectation
from devbench.results.record import Record
from devbench.running.stored_run import Asked, ask_run
from helpers.records import make_plan
from helpers.runs import World


def asked_of(world: World, record: Record) -> Asked:
    """Return a run of a world, to ask."""
    expectation = Expectation([world.data / "tiny"], str(world.benchmark))
    return ask_run(record, world.store, expectation, device="cpu", threads=1)


def made_up_information(
    key: str = "0" * 64, *, layer: str = "first", target: str | None = None
) -> Information:
    """Return what one layer of a classifier tells of two devices. key: its run_id."""
    plan = make_plan()
    network = Network(
        form="classifier", key=key, target=target, weights_sha256=["1" * 64], artifacts=[],
        method=plan.backbone, backbone=plan.backbone, frontend=plan.frontend,
        benchmark=plan.benchmark, corpus=plan.corpus, source=plan.source, fold=0, budget="quick",
        seed=0, device="cpu", threads=1, versions={},
    )  # fmt: skip
    clips = Clips(
        split="test", devices=["a", "b"], n_events=20, n_groups=20, n_windows=40, crop_frames=80,
        entropy_nats=math.log(2),
    )  # fmt: skip
    seeds = [SeedEstimate(seed=s, nats=n, accuracy=a, epochs=3) for s, n, a in
             ((0, 0.25, 0.75), (1, 0.5, 1.0))]  # fmt: skip
    measured = Measured(kind="channel", n_features=8, estimate=Estimate.of(seeds))
    layers = [Layer(name=layer, shape=[4, 8, 8], measured=[measured])]
    return Information(network=network, clips=clips, protocol=Protocol(), layers=layers)


def made_up_identity(key: str, *, target: str | None, notes: list[str]) -> Identity:
    """Return how well two devices are told from the embedding of a classifier."""
    one = made_up_information(key, target=target)
    measured = one.layers[0].measured[0]
    seen = Seen(what="embedding", n_features=8, clips=one.clips, estimate=measured.estimate)
    return Identity(
        network=one.network, protocol=one.protocol, mean_targets_f1=0.5, source_f1=None,
        seen=[seen], notes=notes,
    )  # fmt: skip

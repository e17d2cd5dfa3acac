"""The converters that are shipped are those that the methods ask for: the demo trains none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import devbench_plugins
from devbench.benchmark.load import load_benchmark
from devbench.benchmark.splits import assign, select
from devbench.contract.values import Clip
from devbench.registry import find
from devbench.results.artifact import Identity
from devbench.results.shelf import best_shipped, shipped_in
from devbench.running.describe import describe
from devbench.running.identity import identity_of, information
from devbench.running.jobs import Wish
from devbench.running.plan import Planned
from devbench_plugins.converters.recipes import unified_recipe
from devbench_plugins.converters.unified_method import NEEDS, UnifiedConversion
from devbench_plugins.corpora import sim7
from devbench_plugins.corpora.synthesis.catalogue import SIM7
from devbench_plugins.corpora.synthesis.corpus import event_id
from devbench_plugins.methods import umc, umc_plus

PACKAGE = Path(devbench_plugins.__path__[0])
MAX_BYTES = 8 * 2**20


def sim7_plan() -> Planned:
    """Return a plan on sim7 without its sounds: names of events and devices are enough."""
    benchmark = load_benchmark("sim7")
    everything = [
        Clip(event, event, device, label, "", "", 20_507, event)
        for label in SIM7
        for event in (event_id(label, index) for index in range(sim7.EVENTS_PER_CLASS))
        for device in benchmark.devices
    ]
    clips = select(everything, benchmark)
    frontend = describe([find("frontend", "log-mel")])["frontend"]
    plan = SimpleNamespace(
        method=SimpleNamespace(needs=sorted(need.value for need in NEEDS), acts_on="spectrogram"),
        frontend=SimpleNamespace(**frontend),
        corpus=SimpleNamespace(name="sim7", version=1, fingerprint="0" * 64),
        budget="quick",
    )
    corpus = SimpleNamespace(response=lambda device: None)
    split_of = assign(clips, benchmark.splits, 0)
    return Planned(cast(Any, plan), benchmark, {}, cast(Any, corpus), tuple(clips), split_of)


@pytest.mark.parametrize("form", [umc.UMCReal, umc_plus.PlusUMCReal])
def test_the_quick_converters_of_sim7_are_shipped(form: type[UnifiedConversion]) -> None:
    planned = sim7_plan()
    wish = Wish(
        name="umc",
        config=unified_recipe("auto", "quick", **form.changes).config(),
        build="devbench_plugins.converters.unified:build",
        file="",
        code_sha256="0" * 64,
        devices=sorted(planned.benchmark.devices),
        seed=0,
    )
    wanted: Identity = identity_of(information(planned, "method"), wish)
    found = best_shipped(PACKAGE, wanted)
    assert found is not None
    assert len(found.read()) == found.document.size_bytes
    assert found.document.identity.corpus.version == sim7.VERSION


def test_what_is_shipped_is_small_and_tells_how_it_was_made() -> None:
    shipped = list(shipped_in(PACKAGE))
    assert sum(item.document.size_bytes for item in shipped) < MAX_BYTES
    for item in shipped:
        made = item.document.made
        assert made.seconds > 60
        assert len(item.document.losses) > 20
        assert made.versions["torch"]

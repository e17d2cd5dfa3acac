"""devbench compare: methods side by side from a store, in words and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from devbench.benchmark.load import load_benchmark
from devbench.cli.compare import command
from devbench.errors import DataError, DevbenchError, UnknownNameError, UsageError
from devbench.results.store import Store
from helpers import records


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store with seven sources of a good and of a poor method, and one run more."""
    loaded = load_benchmark("sim7")
    made = Store(tmp_path / "store")
    for method, skill in (("baseline", 0.3), ("ideal", 6.0)):
        for source in loaded.devices:
            for seed in (0, 1) if method == "ideal" else (0,):
                run = records.make_run(
                    method=method, source=source, seed=seed, skill=skill, n_events=30,
                    devices=loaded.devices, benchmark_sha256=loaded.sha256,
                )  # fmt: skip
                made.publish(run.record, run.logits, run.weights)
    return made


def call(*words: object) -> str:
    result = CliRunner().invoke(command, [str(word) for word in words], standalone_mode=False)
    if isinstance(result.exception, DevbenchError):
        raise result.exception
    assert result.exception is None, result.exception
    return result.output


def test_the_better_of_two_is_named_with_its_evidence(store: Store) -> None:
    document = json.loads(call("baseline", "ideal", "--json", "--store", store.folder))
    (pair,) = document["comparisons"]
    assert (pair["better"], pair["pairs"], pair["seeds"]) == ("ideal", 7, 1)
    assert pair["p_least"] == 2 / 2**7
    means = {row["method"]: row for row in document["methods"]}
    assert means["ideal"]["seeds"] == 1, "the mean is over what both have"
    assert pair["mean"] == pytest.approx(
        means["baseline"]["mean"] - means["ideal"]["mean"], abs=2e-6
    )
    assert means["ideal"]["ranks"] == [1, 1] and means["baseline"]["ranks"] == [2, 2]
    words = call("baseline", "ideal", "--store", store.folder)
    assert "one seed" in words and "baseline - ideal" in words


def test_what_cannot_be_compared_is_said(store: Store) -> None:
    with pytest.raises(UsageError, match="one method alone"):
        call("ideal", "ideal", "--store", store.folder)
    with pytest.raises(DataError, match="no run of 'rfn'"):
        call("ideal", "rfn", "--store", store.folder)
    with pytest.raises(DataError, match="no run of"):
        call("ideal", "baseline", "--backbone", "resnet18", "--store", store.folder)
    with pytest.raises(UnknownNameError, match="budget"):
        call("ideal", "baseline", "--budget", "qick", "--store", store.folder)

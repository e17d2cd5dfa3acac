"""The benchmark file is closed and hashed: nothing a result depends on can be slipped past it."""

from __future__ import annotations

import copy
import tomllib
from typing import Any

import pytest
from pydantic import ValidationError

from devbench.benchmark.model import Benchmark, folder_of_benchmarks
from devbench.contract.values import FeatureSpec
from devbench.plugin_kit.tiny import BENCHMARK

TINY: dict[str, Any] = tomllib.loads(BENCHMARK)


def changed(path: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(TINY)
    at = document
    *parents, last = path.split(".")
    for key in parents:
        at = at.setdefault(key, {})
    at[last] = value
    return document


def test_every_value_of_the_file_is_in_the_hash() -> None:
    known = {Benchmark.model_validate(TINY).sha256}
    for path, value in {
        "id": "tiny-2", "version": 2, "title": "Another", "corpus": "other", "selection": "last",
        "classes": ["hum", "tick", "noise"], "devices": ["tablet", "phone", "watch"],
        "features.n_mels": 25, "features.floor_db": -80.0, "features.pad_mode": "constant",
        "unseen": ["tablet"], "splits.salt": "x", "splits.scheme": "hash-",
        "splits.convert_order": "shuffled",
        "budgets.quick.epochs": 5, "budgets.quick.precision": "fp32",
        "budgets.long": TINY["budgets"]["quick"],
        "limits.memory_mb": 4001, "seeds.ranked": 3,
    }.items():  # fmt: skip
        if path == "splits.scheme":
            continue
        known.add(Benchmark.model_validate(changed(path, value)).sha256)
    assert len(known) == 19


def test_the_hash_does_not_depend_on_order_or_on_written_defaults() -> None:
    document = dict(reversed(changed("metric", "macro_f1@1").items()))
    document["budgets"]["quick"]["weight_decay"] = 0.01
    document["splits"] = {**document["splits"], "convert_order": "events"}
    assert Benchmark.model_validate(document).sha256 == Benchmark.model_validate(TINY).sha256


@pytest.mark.parametrize(
    "path",
    ["colour", "features.colour", "splits.colour", "budgets.quick.colour", "limits.colour",
     "seeds.colour"],
)  # fmt: skip
def test_unknown_keys_are_refused_at_every_depth(path: str) -> None:
    with pytest.raises(ValidationError, match="colour"):
        Benchmark.model_validate(changed(path, 1))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema", 2),
        ("schema", "1"),
        ("version", 0),
        ("version", True),
        ("version", 1.0),
        ("id", "Tiny"),
        ("id", "tiny\n"),
        ("id", "x" * 65),
        ("corpus", "../tiny"),
        ("classes", ["hum"]),
        ("classes", ["hum", "hum"]),
        ("classes", ["hum", "Noise"]),
        ("classes", "hum"),
        ("devices", ["phone"]),
        ("devices", ["phone", "phone"]),
        ("metric", "accuracy"),
        ("selection", "target-test"),  # choosing by the target is what must not be possible
        ("features.fmax_hz", 4001.0),
        ("features.fmin_hz", 4000.0),
        ("features.fmin_hz", float("nan")),
        ("features.floor_db", float("-inf")),
        ("features.n_mels", 4),
        ("splits.scheme", "clips"),
        ("splits.test", 0.0),
        ("splits.test", 0.21),
        ("budgets", {}),
        ("budgets.quick.learning_rate", float("nan")),
        ("budgets.quick.learning_rate", float("inf")),
        ("budgets.quick.epochs", 0),
        ("budgets.quick.batch", 1),
        ("budgets.Quick", TINY["budgets"]["quick"]),
        ("limits.wall_s", float("inf")),
        ("limits.memory_mb", -1),
        ("seeds.ranked", 0),
    ],
)
def test_values_that_cannot_be_are_refused(path: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        Benchmark.model_validate(changed(path, value))


@pytest.mark.parametrize("counts", [(0, 4, 1), (2, 2, 2), (5, 0, 0), (2, 3, 0)])
def test_folds_must_be_dealt_out_completely(counts: tuple[int, int, int]) -> None:
    convert, train, test = counts
    splits = {"scheme": "folds", "n_folds": 5, "convert_folds": convert, "train_folds": train,
              "test_folds": test}  # fmt: skip
    with pytest.raises(ValidationError, match="must be n_folds, each >= 1"):
        Benchmark.model_validate(changed("splits", splits))


def test_a_benchmark_cannot_be_changed_after_it_was_read() -> None:
    benchmark = Benchmark.model_validate(TINY)
    with pytest.raises(ValidationError, match="frozen"):
        benchmark.selection = "last"  # type: ignore[misc]


def test_features_become_the_value_of_the_contract() -> None:
    features = Benchmark.model_validate(TINY).features
    assert features.spec() == FeatureSpec(
        sample_rate_hz=8000, n_fft=256, hop_samples=128, n_mels=24, fmax_hz=4000.0
    )
    assert features.spec().n_frames(4000) == 32


def test_the_folder_of_benchmarks_holds_toml() -> None:
    assert (folder_of_benchmarks() / "mics7.toml").is_file()


def test_benchmarks_that_have_results_keep_their_hashes() -> None:
    """Records name these hashes; a new key of the format must not change them."""
    from devbench.benchmark.load import load_benchmark

    assert {name: load_benchmark(name).sha256[:16] for name in ("mics7", "sim7", "sim7-75")} == {
        "mics7": "b9cd393796da1a12", "sim7": "f16b54283c6b84f7", "sim7-75": "0f5cd71f39c6b40e"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("unseen", ["phone", "tablet", "watch", "laptop"], "leave one as a source"),
        ("unseen", ["stranger"], "some of the devices"),
        ("unseen", ["watch", "watch"], "names something twice"),
        ("splits", {"scheme": "official"}, "is 0.8 of fold 1; make it 1"),
    ],
)
def test_unseen_devices_and_official_splits_add_up(path: str, value: Any, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Benchmark.model_validate(changed(path, value))

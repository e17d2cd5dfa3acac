"""A benchmark file for a corpus that has none: every value written out, none of them tuned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import median
from typing import Any

from devbench.benchmark.model import Benchmark
from devbench.benchmark.splits import assign, require_sound, select
from devbench.corpora.manifest import Corpus
from devbench.errors import ConfigurationError
from devbench.models import validated

STEPS = 450
BATCH = 32
CROP_FRAMES = 80


def benchmark_for(corpus: Corpus, name: str, *, unseen: Sequence[str] = ()) -> Benchmark:
    """Return a benchmark over all classes and devices of a corpus; its split is proved.

    The corpus's folds are kept where there are any: 1 and 2 as an official split, more in turn.
    Raises DataError where a device lacks a class in a part of the split, ConfigurationError where
    unseen names no device.
    """
    devices = [device.id for device in corpus.devices]
    if strangers := sorted(set(unseen) - set(devices)):
        raise ConfigurationError(
            f"--unseen {strangers[0]!r} is no device of corpus {corpus.header.name!r}",
            fix=f"choose from {', '.join(devices)}",
        )
    document: dict[str, Any] = {
        "schema": 1,
        "id": name,
        "version": 1,
        "title": f"{corpus.header.name}: {corpus.header.title}"[:200],
        "corpus": corpus.header.name,
        "classes": sorted({clip.label for clip in corpus.clips}),
        "devices": devices,
        **({"unseen": list(unseen)} if unseen else {}),
        "features": _features(corpus),
        "splits": {**_splits(corpus), "convert_order": "shuffled"},
    }
    origin = f"a benchmark for corpus {corpus.header.name!r}"
    draft = validated(
        Benchmark, {**document, "budgets": {"quick": _budget(corpus, BATCH)}}, origin=origin
    )
    clips = select(corpus.clips, draft)
    split_of = assign(clips, draft.splits)
    require_sound(clips, split_of, draft)
    n_train = min(
        sum(clip.device == device and split_of[clip.event_id] == "train" for clip in clips)
        for device in draft.sources
    )
    budgets = {"quick": _budget(corpus, n_train)}
    return validated(Benchmark, {**document, "budgets": budgets}, origin=origin)


def _features(corpus: Corpus) -> dict[str, Any]:
    """Return the papers' features (1,024 samples at 22 050 Hz, 80 bands), scaled to the rate."""
    rate_hz = corpus.header.sample_rate_hz
    n_fft = 1024
    while n_fft > 256 and rate_hz * 1.5 < 22_050 * n_fft / 1024:
        n_fft //= 2
    while rate_hz > 1.5 * 22_050 * n_fft / 1024:
        n_fft *= 2
    return {
        "sample_rate_hz": rate_hz,
        "n_fft": n_fft,
        "hop_samples": n_fft // 4,
        "n_mels": 80 if rate_hz >= 16_000 else 40,
        "fmax_hz": min(11_025.0, rate_hz / 2),
    }


def _splits(corpus: Corpus) -> dict[str, Any]:
    folds = sorted({clip.fold for clip in corpus.clips})
    if folds == [1, 2]:
        return {"scheme": "official", "convert": 0.2, "train": 0.7, "val": 0.1}
    if len(folds) < 3:
        return {"scheme": "hash", "convert": 0.3, "train": 0.4, "val": 0.1, "test": 0.2}
    n_convert = max(1, round(0.4 * (len(folds) - 1)))
    return {
        "scheme": "folds",
        "n_folds": len(folds),
        "convert_folds": n_convert,
        "train_folds": len(folds) - 1 - n_convert,
        "test_folds": 1,
        "val": 0.15,
    }


def _budget(corpus: Corpus, n_train: int) -> dict[str, Any]:
    """Return a budget of about 450 steps, half a minute on two cores."""
    batch = max(2, min(BATCH, n_train))
    epochs = max(5, min(200, round(STEPS * batch / max(n_train, 1))))
    hop_samples = _features(corpus)["hop_samples"]
    n_frames = int(median(clip.n_samples for clip in corpus.clips)) // hop_samples + 1
    return {
        "backbone": "small-cnn",
        "epochs": epochs,
        "batch": batch,
        "learning_rate": 1e-3,
        "weight_decay": 0.01,
        "schedule": "cosine",
        "warmup_epochs": min(5, epochs // 10),
        "crop_frames": max(8, min(CROP_FRAMES, n_frames)),
        "validate_epochs": max(1, epochs // 20),
        "checkpoint_epochs": max(1, epochs // 5),
    }


def benchmark_toml(benchmark: Benchmark) -> str:
    """Return a benchmark as TOML that reads back as the same one."""
    fields = benchmark.model_dump(mode="json", by_alias=True, exclude_unset=True)
    tables = {key: value for key, value in fields.items() if isinstance(value, dict)}
    budgets = tables.pop("budgets")
    lines = [f"{key} = {_value(value)}" for key, value in fields.items() if key not in tables
             and key != "budgets"]  # fmt: skip
    tables |= {f"budgets.{name}": budget for name, budget in budgets.items()}
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, list):
        return "[\n" + "".join(f"    {_value(item)},\n" for item in value) + "]"
    # TOML shares JSON's quoting, but for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

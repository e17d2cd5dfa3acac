"""Front ends by choice: fixed ones, trained ones, and none; what does not fit is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from devbench.audio.files import read_clip
from devbench.errors import ConfigurationError, UsageError
from devbench.results.gather import from_store
from devbench.results.record import Record
from devbench.running.classifier import build_classifier, build_method, clip_logits
from devbench.running.clips import StagedClips, save_clips
from devbench.running.features import ensure_features
from devbench.running.plan import Planned
from devbench.running.stage import model_job
from helpers.runs import World

pytestmark = pytest.mark.usefixtures("module_without_workers")

PLUGINS = Path(__file__).parent / "plugins"
BASIS = "frontend.module.basis"


@pytest.fixture(scope="module")
def world(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.make(tmp_path_factory.mktemp("world"), tiny_data, epochs="2")


def weights_of(world: World, record: Record) -> dict[str, torch.Tensor]:
    from safetensors.torch import load

    return load(world.store.blob("checkpoints", record.models[0].weights_sha256))


@pytest.fixture(scope="module")
def fourier(world: World) -> Record:
    return world.run("freq-mixstyle", frontend="fourier")


def test_the_command_takes_a_front_end(world: World) -> None:
    words = [sys.executable, "-m", "devbench", "run", "--method", "baseline", "--source", "phone",
             "--benchmark", str(world.benchmark), "--data", str(world.data), "--store",
             str(world.store.folder), "--threads", "1", "--device", "cpu", "--json",
             "--frontend", "cqt", "--set", "frontend.bins_per_octave=8"]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    frontend = json.loads(done.stdout)["plan"]["frontend"]
    assert (frontend["name"], frontend["options"]["bins_per_octave"]) == ("cqt", 8)
    (row,) = [
        row
        for block in from_store(world.store, world.data, warn=pytest.fail).blocks()
        for _, table in block.tables
        for row in table
        if row.method == "baseline"
    ]
    assert row.options == "frontend=cqt frontend.bins_per_octave=8"
    assert (row.status, row.rank) == ("open options", None)


def test_to_name_the_front_end_of_the_benchmark_changes_nothing(world: World) -> None:
    named, plain = world.plan("baseline", frontend="log-mel"), world.plan("baseline")
    assert named.plan == plain.plan
    assert plain.plan.frontend.opened == []
    assert world.plan("baseline", frontend="stft").plan.run_id != plain.plan.run_id


@pytest.mark.parametrize("name", ["stft", "subband-cqt", "wavelet", "pcen"])
def test_fixed_front_ends_give_finite_features_of_every_clip(world: World, name: str) -> None:
    check_features(world, world.plan("baseline", frontend=name))


def test_a_method_that_mixes_statistics_acts_on_cepstra(world: World) -> None:
    settings = ("frontend.n_coefficients=20",)
    check_features(world, world.plan("freq-mixstyle", frontend="mfcc", settings=settings))


def check_features(world: World, planned: Planned) -> None:
    features = ensure_features(planned, store=world.store.folder, on_progress=lambda d, t: None)
    clips = features.clips(planned.clips_of("train", "phone"))
    assert {clip.shape for clip in clips} == {(4000 // 128 + 1, len(features.bin_hz))}
    assert not features.is_live


def test_a_basis_is_trained_with_the_classifier_and_kept_with_it(
    world: World, fourier: Record
) -> None:
    planned = world.plan("freq-mixstyle", frontend="fourier")
    features = ensure_features(planned, store=world.store.folder, on_progress=lambda d, t: None)
    job = model_job(planned, features)
    _, method = build_method(job.method)
    before = build_classifier(job, method).state_dict()[BASIS]
    trained = weights_of(world, fourier)[BASIS]
    moved = (trained - before).abs().amax(dim=(1, 2))
    assert float(moved.max()) > 1e-4
    assert fourier.models[0].n_parameters > before.numel() == 2 * 129 * 256


def logits_with(world: World, record: Record, folder: Path, **changed: torch.Tensor) -> Any:
    """Return the logits of the record's first rows by its weights, some of them changed."""
    planned = world.plan("freq-mixstyle", frontend="fourier")
    features = ensure_features(planned, store=world.store.folder, on_progress=lambda d, t: None)
    job = model_job(planned, features)
    _, method = build_method(job.method)
    model = build_classifier(job, method).eval()
    model.load_state_dict(weights_of(world, record) | changed)
    stored = world.store.logits(record)
    place = {(c.device, c.event_id): c for d in ("phone", "tablet", "watch")
             for c in planned.clips_of("test", d)}  # fmt: skip
    clips = [place[row] for row in stored.rows()]
    samples = [
        read_clip(
            world.data / "tiny" / c.path, sha256=c.sha256, n_samples=c.n_samples,
            sample_rate_hz=8000,
        )
        for c in clips
    ]  # fmt: skip
    save_clips(folder, samples, None)
    staged = StagedClips.load(folder, crop=job.crop, bin_hz=torch.tensor(features.bin_hz))
    return clip_logits(model, staged, staged.crop).numpy(), stored.logits


def test_prediction_uses_the_trained_basis(world: World, fourier: Record, tmp_path: Path) -> None:
    ours, stored = logits_with(world, fourier, tmp_path / "as-trained")
    assert np.allclose(ours, stored, atol=1e-4)
    trained = weights_of(world, fourier)[BASIS]
    changed = {BASIS: trained.flip(0)}
    others, _ = logits_with(world, fourier, tmp_path / "another", **changed)
    assert np.abs(others - stored).max() > 1e-2


def test_a_trained_front_end_gives_the_same_bytes_again(world: World, fourier: Record) -> None:
    from devbench.running.pipeline import run

    planned = world.plan("freq-mixstyle", frontend="fourier")
    again = run(planned, world.store, talk=world.heard, force=True).record
    assert again.reproducible() == fourier.reproducible()


def test_clips_that_a_method_draws_pass_the_front_end_as_it_is(world: World) -> None:
    record = world.run("ideal", frontend="fourier")
    assert record.models[0].n_parameters > 60_000


def test_a_waveform_method_comes_before_a_trained_front_end(world: World) -> None:
    record = world.run_file(PLUGINS / "random_gain.py", frontend="fourier")
    assert BASIS in weights_of(world, record)


@pytest.mark.parametrize("method", ["mixup", "bn-adapt"])
def test_a_backbone_takes_samples(world: World, method: str) -> None:
    record = world.run(method, frontend="waveform", backbone="m5", settings=("backbone.width=0.1",))
    assert record.plan.frontend.name == "waveform"
    assert not [name for name in weights_of(world, record) if name.startswith("frontend")]


@pytest.mark.parametrize(
    ("words", "request_of"),
    [
        ("'fr-shift-real' acts on power per frequency bin in dB; front end 'mfcc'",
         {"method": "fr-shift-real", "frontend": "mfcc",
          "settings": ("frontend.n_coefficients=20",)}),
        ("'gain' acts on .*; front end 'pcen'", {"method": "gain", "frontend": "pcen"}),
        ("'spectrum-match' acts on .*; front end 'fourier' gives what training makes",
         {"method": "spectrum-match", "frontend": "fourier"}),
        ("'small-cnn' takes a spectrogram; front end 'waveform'", {"frontend": "waveform"}),
        ("'m5' takes a waveform; front end 'log-mel'", {"backbone": "m5"}),
        ("bins_per_octave", {"frontend": "cqt", "settings": ("frontend.bins_per_octave=1",)}),
        ("40, of 24 mel bands", {"frontend": "mfcc"}),
    ],
)  # fmt: skip
def test_what_does_not_fit_ends_at_the_plan(
    world: World, words: str, request_of: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        world.plan(**request_of)
    assert caught.value.fix


def test_settings_belong_to_a_part(world: World) -> None:
    with pytest.raises(UsageError, match=r"corpus\.rate"):
        world.plan("baseline", settings=("corpus.rate=1",))

"""The log-mel front end against librosa, and against a few numbers written down."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from devbench import DataError, FeatureSpec
from devbench.audio.responses import mel_bands
from devbench.registry import find, load_spec


def front_end(**settings: object) -> torch.nn.Module:
    module = load_spec(find("frontend", "log-mel")).build(FeatureSpec(**settings))
    assert isinstance(module, torch.nn.Module)
    return module


@pytest.fixture(scope="module")
def waveforms() -> torch.Tensor:
    """Return noise, noise that swells by 80 dB, and two tones in noise: [batch, sample]."""
    generator = torch.Generator().manual_seed(0)
    noise = 0.1 * torch.randn(3, 20_480, generator=generator)
    time_s = torch.arange(20_480) / 22_050
    noise[1] *= torch.logspace(-4, 0, 20_480)
    noise[2] = 0.1 * noise[2] + 0.3 * torch.sin(2 * torch.pi * 440 * time_s)
    noise[2] += 0.1 * torch.sin(2 * torch.pi * 5_000 * time_s)
    return noise


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"pad_mode": "constant"},
        {"n_fft": 2048, "hop_samples": 512, "n_mels": 128, "fmin_hz": 50.0, "fmax_hz": 8000.0},
        {"sample_rate_hz": 16_000, "fmax_hz": 8000.0, "n_mels": 40},
    ],
)
def test_agrees_with_librosa(waveforms: torch.Tensor, settings: dict[str, object]) -> None:
    librosa = pytest.importorskip("librosa")
    spec = FeatureSpec(**settings)
    power = librosa.feature.melspectrogram(
        y=waveforms.double().numpy(),
        sr=spec.sample_rate_hz,
        n_fft=spec.n_fft,
        hop_length=spec.hop_samples,
        pad_mode=spec.pad_mode,
        n_mels=spec.n_mels,
        fmin=spec.fmin_hz,
        fmax=spec.fmax_hz,
    )
    expected_db = 10 * np.log10(np.maximum(power, 1e-10))
    ours_db = front_end(**settings)(waveforms)[:, 0].numpy()
    assert ours_db.shape == expected_db.shape
    # 2e-4 dB: a float32 transform beside a float64 one, in bands 50 dB below the loudest.
    assert np.abs(ours_db - expected_db).max() < 2e-4


def test_bands_are_those_the_responses_are_measured_in() -> None:
    module = front_end(n_mels=128)
    weights, centre_hz = mel_bands(128, 22_050, 1024)
    assert np.allclose(module.bin_hz.numpy(), centre_hz, rtol=1e-6)
    assert np.allclose(module.weights.numpy(), weights, atol=1e-8)


def test_golden_values() -> None:
    """A sine of amplitude 0.5 at 1 kHz and its silence, default settings."""
    time_s = torch.arange(22_050, dtype=torch.float64) / 22_050
    sine = (0.5 * torch.sin(2 * torch.pi * 1000 * time_s)).float()
    decibels = front_end()(torch.stack([sine, torch.zeros(22_050)]))
    assert decibels.shape == (2, 1, 80, FeatureSpec().n_frames(22_050))
    column = decibels[0, 0, :, 40]
    assert int(column.argmax()) == GOLDEN_BAND
    assert column[GOLDEN_BAND - 1 : GOLDEN_BAND + 2].tolist() == pytest.approx(GOLDEN_DB, abs=1e-3)
    assert torch.equal(decibels[1], torch.full((1, 80, 87), -100.0))


# librosa 0.11 in float64 gives 8.43722, 25.80200, 22.85939.
GOLDEN_BAND = 23
GOLDEN_DB = [8.4372, 25.8020, 22.8594]


def test_a_flat_gain_is_added_in_decibels(waveforms: torch.Tensor) -> None:
    module = front_end()
    change = module(10 * waveforms) - module(waveforms)
    assert torch.allclose(change, torch.full_like(change, 20.0), atol=1e-3)


def test_a_clip_alone_is_the_clip_in_company(waveforms: torch.Tensor) -> None:
    module = front_end()
    together, alone = module(waveforms), torch.cat([module(clip[None]) for clip in waveforms])
    assert torch.equal(together, alone)
    assert torch.equal(together, module(waveforms))


def test_autocast_does_not_lower_precision(waveforms: torch.Tensor) -> None:
    module = front_end()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = module(waveforms)
    assert low.dtype == torch.float32
    assert torch.equal(low, module(waveforms))


def test_settings_are_not_stored_with_weights() -> None:
    assert "bin_hz" not in front_end().state_dict()
    assert "weights" not in front_end().state_dict()


def test_a_clip_too_short_to_mirror_is_refused() -> None:
    with pytest.raises(DataError, match="too short"):
        front_end()(torch.zeros(1, 512))
    assert front_end(pad_mode="constant")(torch.zeros(1, 512)).shape == (1, 1, 80, 3)

"""Front ends against librosa and torchaudio on the same settings, and against their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from devbench import ContractError, DataError, FeatureSpec, FrontendSpec
from devbench.registry import find, load_spec
from devbench_plugins.networks.constant_q import bandwidth, constant_q_filter, half_band
from devbench_plugins.networks.scalogram import morlet

FEATURES = FeatureSpec()
ON_DB = ("log-mel", "stft", "cqt", "subband-cqt", "wavelet")
NAMES = (*ON_DB, "mfcc", "pcen", "fourier", "waveform")


def spec_of(name: str) -> FrontendSpec:
    spec = load_spec(find("frontend", name))
    assert isinstance(spec, FrontendSpec)
    return spec


def front_end(name: str, features: FeatureSpec = FEATURES, **options: object) -> torch.nn.Module:
    module = spec_of(name).build(features, **options)
    assert isinstance(module, torch.nn.Module)
    return module


@pytest.fixture(scope="module")
def waveforms() -> torch.Tensor:
    """Return noise, and three tones in faint noise: [batch, sample]."""
    noise = 0.1 * torch.randn(2, 20_480, generator=torch.Generator().manual_seed(0))
    time_s = torch.arange(20_480).double() / 22_050
    tones = sum(0.1 * torch.sin(2 * math.pi * hz * time_s) for hz in (130.8, 1046.5, 4186.0))
    noise[1] = 0.01 * noise[1] + tones.float()
    return noise


@pytest.mark.parametrize("name", NAMES)
def test_the_form_is_that_of_the_contract(name: str, waveforms: torch.Tensor) -> None:
    module = front_end(name)
    x = waveforms.clone().requires_grad_()
    out = module(x)
    bin_hz = module.get_buffer("bin_hz")
    n_frames = 20_480 if name == "waveform" else FEATURES.n_frames(20_480)
    assert out.shape == (2, 1, len(bin_hz), n_frames)
    assert out.dtype == bin_hz.dtype == torch.float32
    assert bool((bin_hz.diff() > 0).all()) and bool(bin_hz.isfinite().all())
    if name in (*ON_DB, "fourier", "pcen"):
        assert 0 < float(bin_hz[0]) < float(bin_hz[-1]) <= 11_025
    out.square().mean().backward()
    assert x.grad is not None and bool(x.grad.isfinite().all()) and bool((x.grad != 0).any())
    assert bool(module(torch.zeros(1, 20_480)).isfinite().all())  # digital silence


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_alone_is_the_clip_in_company(name: str, waveforms: torch.Tensor) -> None:
    module = front_end(name)
    with torch.no_grad():
        together, alone = module(waveforms), torch.cat([module(clip[None]) for clip in waveforms])
        is_loud = together > together.max() - 60  # below is what rounding leaves of the loud
        assert float((together - alone).abs()[is_loud].max()) < 1e-2
        assert torch.equal(together, module(waveforms))


@pytest.mark.parametrize("name", ON_DB)
def test_a_flat_gain_is_added_in_decibels(name: str, waveforms: torch.Tensor) -> None:
    module = front_end(name)
    change = module(10 * waveforms[:1]) - module(waveforms[:1])
    assert torch.allclose(change, torch.full_like(change, 20.0), atol=2e-2)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"fourier"}))
def test_nothing_of_a_fixed_front_end_is_trained_or_stored(name: str) -> None:
    module = front_end(name)
    assert not list(module.parameters())
    assert not {"bin_hz", "bands", "weights"} & set(module.state_dict())


def test_stft_agrees_with_librosa(waveforms: torch.Tensor) -> None:
    librosa = pytest.importorskip("librosa")
    power = np.abs(librosa.stft(waveforms.double().numpy(), n_fft=1024, hop_length=256,
                                pad_mode="reflect"))[:, 1:] ** 2  # fmt: skip
    module = front_end("stft")
    ours_db = module(waveforms)[:, 0].numpy()
    expected_db = 10 * np.log10(np.maximum(power, 1e-10))
    is_loud = expected_db > expected_db.max() - 60  # float32: quiet bins are what loud ones leave
    assert np.abs(ours_db - expected_db)[is_loud].max() < 1e-3
    assert np.allclose(10 ** (ours_db / 10), power, atol=1e-4 * power.max(), rtol=1e-4)
    assert np.allclose(module.bin_hz.numpy(), librosa.fft_frequencies(sr=22_050, n_fft=1024)[1:])


def test_stft_keeps_to_the_range_of_the_benchmark() -> None:
    bin_hz = front_end("stft", FeatureSpec(fmin_hz=50.0, fmax_hz=8000.0)).bin_hz
    assert 50 <= float(bin_hz[0]) < 75 and 7975 < float(bin_hz[-1]) <= 8000


def test_filters_of_the_constant_q_are_those_of_librosa() -> None:
    librosa = pytest.importorskip("librosa")
    hz = front_end("cqt").bin_hz.double().numpy()
    for rate_hz, used in ((22_050, hz), (22_050 / 8, hz[hz < 1100])):  # decimated three times
        filters, _ = librosa.filters.wavelet(
            freqs=used, sr=rate_hz, window="hann", gamma=0, alpha=bandwidth(12),
            dtype=np.complex128,
        )  # fmt: skip
        for f, expected in zip(used[::7], filters[::7], strict=True):
            ours = constant_q_filter(f, rate_hz, 1 / bandwidth(12)).numpy()
            start = filters.shape[1] // 2 - len(ours) // 2
            held = np.pad(expected, 1)[start + 1 : start + 1 + len(ours)]
            assert np.abs(ours - held).max() < 1e-4 * np.abs(held).max()


def test_cqt_is_its_filters_times_the_clip(waveforms: torch.Tensor) -> None:
    """The sum over samples in float64, for a few bins and frames, at the beginning, too."""
    ours_db = front_end("cqt")(waveforms)[0, 0]
    q, x = 1 / bandwidth(12), np.pad(waveforms[0].double().numpy(), 6000)
    for number in (0, 13, 60, 99):
        hz = 32.7 * 2 ** (number / 12)
        taps = constant_q_filter(hz, 22_050, q).numpy()
        for frame in (0, 40, 80):
            first = 6000 + 256 * frame - len(taps) // 2
            value = np.vdot(taps, x[first : first + len(taps)]) * math.sqrt(q * 22_050 / hz)
            assert float(ours_db[number, frame]) == pytest.approx(
                20 * math.log10(abs(value)), abs=2e-3
            )


@pytest.mark.parametrize(
    ("name", "tone_db", "noise_db"), [("cqt", 0.1, 0.7), ("subband-cqt", 0.1, 0.8)]
)
def test_constant_q_is_close_to_librosa(
    name: str, tone_db: float, noise_db: float, waveforms: torch.Tensor
) -> None:
    """Tones agree; noise does on average.

    librosa halves the rate with another resampler and at other octaves, drops the negative
    frequencies of a filter, and mirrors it in time, by which filters of odd length are one sample
    off: noise, whose bins fall to nothing at random, shows that in single values.
    """
    librosa = pytest.importorskip("librosa")
    n_bins = len(front_end(name).bin_hz)
    expected_db = 20 * np.log10(np.abs(librosa.cqt(
        waveforms.numpy(), sr=22_050, hop_length=256, fmin=32.7, n_bins=n_bins, tuning=0.0,
        sparsity=0.0,
    )))  # fmt: skip
    ours_db = front_end(name)(waveforms)[:, 0].numpy()
    tones = [round(12 * math.log2(hz / 32.7)) for hz in (130.8, 1046.5, 4186.0)]
    middle = slice(30, 50)
    difference = np.abs(ours_db - expected_db)
    assert difference[1, tones, middle].max() < tone_db
    assert difference[0].mean() < noise_db


def test_octaves_on_decimated_waveforms_are_the_constant_q(waveforms: torch.Tensor) -> None:
    whole, octaves = (front_end(name)(waveforms)[:, 0] for name in ("cqt", "subband-cqt"))
    is_loud = whole > whole.amax(dim=(1, 2), keepdim=True) - 20
    difference = (whole - octaves).abs()
    assert float(difference[1][is_loud[1]].max()) < 1.0  # flanks of windows of 40 taps
    assert float(difference[0].mean()) < 0.3
    lengths = [
        w.shape[-1] for name, w in front_end("subband-cqt").named_buffers() if "bank" in name
    ]
    assert max(lengths) < 100  # at no rate is a filter long
    assert max(w.shape[-1] for _, w in front_end("cqt").named_buffers() if w.ndim == 3) > 11_000


def test_what_would_alias_is_taken_out_before_decimation() -> None:
    gain = torch.fft.rfft(half_band()[0, 0].double(), 4096).abs()
    frequency = torch.linspace(0, 0.5, len(gain))
    assert float((20 * gain[frequency <= 0.2].log10()).abs().max()) < 0.01
    assert float(20 * gain[frequency >= 0.3].max().log10()) < -80


def test_a_hop_that_cannot_be_halved_is_not(waveforms: torch.Tensor) -> None:
    features = FeatureSpec(hop_samples=250)  # once only
    module = front_end("subband-cqt", features)
    assert len(module.banks) == 2
    whole = front_end("cqt", features)(waveforms)[0]
    assert float((module(waveforms)[0] - whole).abs().mean()) < 0.3


def test_wavelets_are_morlets_of_energy_1() -> None:
    sigma = 6 * 22_050 / (2 * math.pi * 440)
    taps = morlet(440.0, 22_050.0, 6.0).numpy()
    time = np.arange(len(taps)) - len(taps) // 2
    expected = (
        math.pi**-0.25
        / math.sqrt(sigma)
        * np.exp(1j * 6 * time / sigma - 0.5 * (time / sigma) ** 2)
    )
    assert np.abs(taps - expected).max() < 1e-12
    assert float(np.sum(np.abs(taps) ** 2)) == pytest.approx(1, abs=1e-4)
    spectrum = np.abs(np.fft.fft(taps, 65_536))
    hz = np.fft.fftfreq(65_536, 1 / 22_050)
    bell = np.exp(-0.5 * ((hz - 440) * 6 / 440) ** 2)  # the transform of a Gaussian is one
    assert np.abs(spectrum / spectrum.max() - bell).max() < 2e-4  # it ends at four deviations


def test_wavelet_is_its_filters_times_the_clip(waveforms: torch.Tensor) -> None:
    signal = pytest.importorskip("scipy.signal")
    ours_db = front_end("wavelet")(waveforms)[0, 0].numpy()
    for number in (0, 40, 95):
        taps = morlet(32.7 * 2 ** (number / 12), 22_050.0, 6.0).numpy()
        x = waveforms[0].double().numpy()
        response = signal.fftconvolve(x, np.conj(taps[::-1]), mode="full")
        power = np.abs(response[len(taps) // 2 :][:20_480:256]) ** 2
        expected_db = 10 * np.log10(np.maximum(power, 1e-10))
        assert np.abs(ours_db[number, : len(power)] - expected_db).max() < 2e-2  # at deep dips
        assert np.median(np.abs(ours_db[number, : len(power)] - expected_db)) < 1e-4


@pytest.mark.parametrize("name", ["cqt", "subband-cqt", "wavelet"])
def test_white_noise_is_equally_loud_in_all_bins(name: str) -> None:
    noise = 0.1 * torch.randn(8, 22_050, generator=torch.Generator().manual_seed(1))
    power = 10 ** (front_end(name)(noise) / 10)
    level_db = 10 * power.mean(dim=(0, 1, 3)).log10()[20:]  # below, half a second is one value
    assert float(level_db.std()) < 0.5


def test_mfcc_agrees_with_librosa_and_torchaudio(waveforms: torch.Tensor) -> None:
    librosa = pytest.importorskip("librosa")
    import torchaudio

    log_mel = front_end("log-mel")(waveforms)[:, 0]
    ours = front_end("mfcc")(waveforms)[:, 0]
    expected = librosa.feature.mfcc(S=log_mel.double().numpy(), n_mfcc=40)
    assert np.allclose(ours.numpy(), expected, atol=1e-4, rtol=1e-6)  # the first is around 500
    dct = torchaudio.functional.create_dct(40, 80, norm="ortho")
    assert torch.allclose(ours, (log_mel.transpose(1, 2) @ dct).transpose(1, 2), atol=1e-3)
    assert torch.allclose(front_end("mfcc", n_coefficients=8)(waveforms)[:, 0], ours[:, :8])
    with pytest.raises(ContractError, match="80 mel bands"):
        front_end("mfcc", n_coefficients=81)


@pytest.mark.parametrize("n_seconds", [1, 8])  # less and more than a block of the smoothing
def test_pcen_agrees_with_librosa(n_seconds: int) -> None:
    librosa = pytest.importorskip("librosa")
    x = 0.1 * torch.randn(2, n_seconds * 22_050, generator=torch.Generator().manual_seed(2))
    x *= torch.linspace(0.01, 1, x.shape[1])
    energy = librosa.feature.melspectrogram(
        y=2.0**15 * x.double().numpy(), sr=22_050, n_fft=1024, hop_length=256, n_mels=80,
        pad_mode="reflect",
    )  # fmt: skip
    t_frames = 0.4 * 22_050 / 256
    new_share = (math.sqrt(1 + 4 * t_frames**2) - 1) / (2 * t_frames**2)
    expected = librosa.pcen(energy, sr=22_050, hop_length=256, zi=(1 - new_share) * energy[..., :1])
    assert np.abs(front_end("pcen")(x)[:, 0].numpy() - expected).max() < 1e-4


def test_pcen_forgets_the_level_of_a_clip(waveforms: torch.Tensor) -> None:
    module = front_end("pcen")
    assert float((module(8 * waveforms[:1]) - module(waveforms[:1])).abs().max()) < 0.2


@pytest.mark.parametrize(("bands", "same"), [("mel", "log-mel"), ("linear", "stft")])
@pytest.mark.parametrize("pad_mode", ["reflect", "constant"])
def test_a_fourier_basis_starts_as_the_transform(bands: str, same: str, pad_mode: str) -> None:
    features = FeatureSpec(pad_mode=pad_mode)  # type: ignore[arg-type]
    x = 0.1 * torch.randn(1, 20_480, generator=torch.Generator().manual_seed(3))
    ours, expected = front_end("fourier", features, bands=bands)(x), front_end(same, features)(x)
    assert ours.shape == expected.shape
    is_loud = expected > expected.max() - 30  # below, float32 leaves less than four digits
    assert float((ours - expected).detach().abs()[is_loud].max()) < (
        1e-4 if bands == "mel" else 1e-3
    )
    power, expected_power = 10 ** (ours.detach() / 10), 10 ** (expected / 10)
    assert float((power - expected_power).abs().max()) < 1e-4 * float(expected_power.max())


def test_all_of_the_basis_is_trained_and_nothing_else(waveforms: torch.Tensor) -> None:
    module = front_end("fourier")
    module(waveforms).square().mean().backward()
    ((name, basis),) = module.named_parameters()
    assert (name, basis.numel()) == ("basis", 1_050_624)
    assert list(module.state_dict()) == ["basis"]
    assert basis.grad is not None
    moved = basis.grad.abs().amax(dim=(1, 2))  # [2 frequency]
    # Nothing reaches 0 Hz and half the rate, where mel bands begin and end, nor their sines.
    assert int((moved > 0).sum()) >= 2 * 511


@pytest.mark.parametrize("name", ["stft", "pcen", "fourier"])
def test_a_clip_too_short_to_mirror_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="too short"):
        front_end(name)(torch.zeros(1, 512))


@pytest.mark.parametrize("name", ["cqt", "subband-cqt", "wavelet"])
def test_a_short_clip_is_surrounded_by_silence(name: str) -> None:
    assert front_end(name)(torch.randn(1, 512)).shape[-1] == 3


def test_options_are_checked() -> None:
    cases = {
        "cqt": {"lowest_hz": 5.0},
        "wavelet": {"omega": 1.0},
        "pcen": {"gain": 2.0},
        "subband-cqt": {"bins_per_octave": 1},
    }
    for name, option in cases.items():
        with pytest.raises(ContractError, match=next(iter(option))):
            front_end(name, **option)
    with pytest.raises(ContractError, match="less than an octave"):
        front_end("cqt", FeatureSpec(fmax_hz=1000.0), lowest_hz=900.0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", NAMES)
def test_a_gpu_gives_the_same(name: str, waveforms: torch.Tensor) -> None:
    module = front_end(name)
    with torch.no_grad():
        here = module(waveforms)
        there = module.to("cuda")(waveforms.cuda()).cpu()
    assert float((here - there).abs().quantile(0.999)) < 1e-2

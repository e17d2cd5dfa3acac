"""`devbench convert`: the sound comes back with the gain on it and nothing else changed."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from devbench.benchmark.model import Features
from devbench.contract.batch import Batch
from devbench.contract.method import Method
from devbench.contract.values import FeatureSpec
from devbench.errors import ContractError, DevbenchError, RunError
from devbench.running import convert_task
from devbench.running.clips import save_clips
from devbench.running.conversion import plan_sources
from devbench.running.convert_sound import ConvertedSound, convert_sound, room_for
from devbench.running.fitting import require_converts
from devbench.running.plan import Request
from devbench_plugins.networks.log_mel import LogMel
from helpers.runs import World

pytestmark = pytest.mark.usefixtures("module_without_workers")

CONVERTERS = Path(__file__).parent / "converters"
Convert = Callable[..., tuple[ConvertedSound, NDArray[np.float64]]]


@pytest.fixture(scope="module")
def convert(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """Return a function that converts samples from phone to watch with a file's method."""
    from devbench.audio.streams import read_header, require_output

    folder = tmp_path_factory.mktemp("sounds")
    world = World.make(tmp_path_factory.mktemp("world"), tiny_data)
    plans: dict[Any, Any] = {}

    def call(
        name: str, sound: NDArray[np.float64], rate_hz: int, subtype: str, *settings: str,
        suffix: str = ".wav",
    ) -> tuple[ConvertedSound, NDArray[np.float64]]:  # fmt: skip
        path = folder / f"in{suffix}"
        out = folder / f"out{suffix}"
        soundfile.write(path, sound, rate_hz, subtype=subtype)
        header = read_header(path)
        form = require_output(out, header, force=True)
        if (name, settings) not in plans:
            request = Request(
                method=name.replace("_", "-"),
                source="phone",
                benchmark=str(world.benchmark),
                plugin_file=CONVERTERS / f"{name}.py",
                settings=settings,
                threads=1,
                device="cpu",
            )
            plans[name, settings] = plan_sources(
                request, ["phone"], data=world.data, store=world.store.folder, talk=world.heard
            )["phone"]
        converted = convert_sound(
            plans[name, settings],
            header,
            out,
            target="watch",
            form=form,
            store=world.store,
            talk=world.heard,
        )
        assert not list((world.store.folder / "work").glob("convert-*"))
        info = soundfile.info(out)
        assert (info.frames, info.samplerate, info.channels, info.subtype) == (
            header.n_samples, rate_hz, header.n_channels, subtype,
        )  # fmt: skip
        return converted, soundfile.read(out, always_2d=True)[0]

    return call


def noise(n_samples: int, n_channels: int = 1, level: float = 0.1) -> NDArray[np.float64]:
    return np.random.default_rng(n_samples).normal(0, level, (n_samples, n_channels))


@pytest.mark.parametrize(
    ("rate_hz", "n_samples", "n_channels", "subtype", "suffix"),
    [
        (8000, 12_345, 2, "PCM_16", ".flac"),
        (48000, 7, 3, "FLOAT", ".wav"),
    ],
)
def test_no_conversion_gives_the_sound_back(
    rate_hz: int, n_samples: int, n_channels: int, subtype: str, suffix: str, convert: Convert
) -> None:
    sound = noise(n_samples, n_channels)
    converted, back = convert("same", sound, rate_hz, subtype, suffix=suffix)
    written = soundfile.read(converted.header.path, always_2d=True)[0]
    assert np.abs(back - written).max() < 1e-7  # one rounding to float32; integers come back whole
    if subtype != "FLOAT":
        assert np.array_equal(back, written)
    assert converted.scaled_db == 0 and converted.mean_gain_db == [0.0] * 24


def test_an_equaliser_is_heard(convert: Convert) -> None:
    """The curve of the plugin stands on white noise within 0.5 dB, and is held above 4 kHz."""
    sound = noise(6 * 44100)
    converted, out = convert("equaliser", sound, 44100, "FLOAT")
    size = 4096
    frames_of = np.lib.stride_tricks.sliding_window_view
    power = [
        np.mean(np.abs(np.fft.rfft(frames_of(x[:, 0], size)[::2048] * np.hanning(size))) ** 2, 0)
        for x in (sound, out)
    ]
    freq_hz = np.fft.rfftfreq(size, 1 / 44100)
    change_db = 10 * np.log10(power[1] / power[0])
    bin_hz = np.array(converted.bin_hz)
    curve_db = 6.0 * np.sin(0.5 * np.log2(np.clip(freq_hz, 1, bin_hz[-1]) / 400.0))
    inside = freq_hz >= 250
    assert np.abs(change_db - curve_db)[inside].max() < 0.5
    assert np.allclose(converted.mean_gain_db, 6 * np.sin(0.5 * np.log2(bin_hz / 400)), atol=0.4)


@pytest.mark.parametrize("name", ["drawn_level", "half_wave"])
def test_a_level_is_the_same_from_beginning_to_end(name: str, convert: Convert) -> None:
    """Windows are faded into each other, a drawn device stays, waveforms are converted too."""
    sound = noise(3 * 8000)
    converted, out = convert(name, sound, 8000, "FLOAT")
    ratio = out[:, 0] / sound[:, 0]
    assert np.ptp(ratio) < 1e-3
    assert ratio.mean() == pytest.approx(10 ** (converted.mean_gain_db[0] / 20), abs=1e-3)
    if name == "half_wave":
        assert ratio.mean() == pytest.approx(0.5, abs=1e-3)
    else:
        assert 0.3 < ratio.mean() < 1.0


def test_what_is_too_loud_is_lowered_as_a_whole_or_kept_as_floats(convert: Convert) -> None:
    assert [room_for("FLOAT", 9.0), room_for("PCM_16", 1.0)] == [1.0, 1.0]
    lowered, quiet = convert("equaliser", noise(8000, level=0.2), 8000, "PCM_16", "lift_db=20")
    assert lowered.peak > 2
    assert lowered.scaled_db == pytest.approx(20 * np.log10(lowered.peak) + 0.1, abs=1e-6)
    assert np.abs(quiet).max() == pytest.approx(10 ** (-0.1 / 20), abs=1e-3)
    assert room_for("PCM_16", lowered.peak) == pytest.approx(10 ** (-lowered.scaled_db / 20))


class Ramp(Method):
    """Adds more from window to window, so that a fade between them can be seen."""

    def __init__(self) -> None:
        self.calls = 0

    def convert(self, batch: Batch, target: str, generator: torch.Generator) -> Batch:
        self.calls += 1
        assert batch.spectrogram_db is not None and batch.target.shape == (1, 0)
        return Batch(
            target=batch.target,
            bin_hz=batch.bin_hz,
            spectrogram_db=batch.spectrogram_db + float(self.calls),
        )


def sound_in(folder: Path, *waveforms: NDArray[np.float32], crop: int = 8) -> convert_task._Sound:
    save_clips(folder / "clips", waveforms, None)
    features = Features(sample_rate_hz=8000, n_fft=256, hop_samples=128, n_mels=24, fmax_hz=4000.0)
    fit = SimpleNamespace(
        model=SimpleNamespace(features=features), budget=SimpleNamespace(crop_frames=crop)
    )
    frontend = LogMel(FeatureSpec(**features.model_dump()))
    job: Any = SimpleNamespace(clips="clips", fit=fit)
    return convert_task._Sound(job, folder, frontend)


def converter_of(method: Method, sound: convert_task._Sound) -> convert_task._Converter:
    return convert_task._Converter(
        method=method,
        name="ramp",
        target="watch",
        frontend=sound.frontend,
        bin_hz=sound.bin_hz,
        is_waveform=False,
        seed=0,
    )


def test_pieces_of_a_spectrogram_equal_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waveforms = [noise(n)[:, 0].astype(np.float32) for n in (5000, 256, 2561)]
    whole = sound_in(tmp_path / "whole", *waveforms)
    monkeypatch.setattr(convert_task, "FRAMES_PER_PIECE", 7)
    parts = sound_in(tmp_path / "parts", *waveforms)
    assert whole.lengths == [5000 // 128 + 1, 3, 2561 // 128 + 1]
    assert np.allclose(parts.input_db, whole.input_db, atol=1e-4)
    frames = whole.frontend(torch.from_numpy(waveforms[2])[None])[0, 0].T.numpy()
    assert np.array_equal(whole.input_db[-len(frames) :], frames)


def test_windows_fade_into_each_other_and_short_sounds_are_one(tmp_path: Path) -> None:
    sound = sound_in(tmp_path, *(noise(n)[:, 0].astype(np.float32) for n in (100 * 128, 300)))
    ramp, told = Ramp(), list[float]()
    sound.convert(converter_of(ramp, sound), tmp_path / "converted", told.append)
    change = np.load(tmp_path / "converted" / "data.npy") - sound.input_db
    windows, size = sound._windows(101)
    assert size == 16 and windows[:2] == [0, 10] and windows[-1] == 101 - 16
    assert all(later - first <= 12 for first, later in itertools.pairwise(windows))
    assert ramp.calls == len(windows) + 1
    level = change[:, 0]
    assert np.allclose(change, level[:, None], atol=1e-4)  # every band alike
    assert np.allclose(level[[0, 8, 100]], [1, 1, len(windows)], atol=1e-4)
    steps = np.diff(level[:101])
    assert steps.min() > -1e-4 and steps.max() < 0.3  # rising, without a jump
    assert np.allclose(level[101:], ramp.calls, atol=1e-4)
    assert told[-1] == pytest.approx(1.0) and told == sorted(told)


class Faulty(Method):
    def __init__(self, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.change = change

    def convert(self, batch: Batch, target: str, generator: torch.Generator) -> Batch:
        return dataclasses.replace(batch, spectrogram_db=self.change(batch.clips))


def test_what_a_converter_must_not_return_is_refused(tmp_path: Path) -> None:
    sound = sound_in(tmp_path, noise(4000)[:, 0].astype(np.float32))
    clips = torch.zeros(2, 1, 24, 8)
    batch = Batch(target=clips[:, 0, 0, :0], bin_hz=sound.bin_hz, spectrogram_db=clips)
    faults: list[tuple[Method, type[DevbenchError], str]] = [
        (Faulty(lambda x: x[..., 1:]), ContractError, r"'ramp' converted \(2, 1, 24, 8\) to"),
        (Faulty(lambda x: x / 0.0), RunError, "NaN or infinity"),
        (Method(), ContractError, "converts no clips"),
    ]
    for method, kind, words in faults:
        with pytest.raises(kind, match=words):
            converter_of(method, sound).convert(batch)
    with pytest.raises(ContractError, match="'baseline' converts no clips"):
        require_converts(Method(), "baseline")

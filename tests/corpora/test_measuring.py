"""Responses from impulses, sweeps and pairs against filters whose response is known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from scipy import signal

from devbench.audio.responses import mel_bands
from devbench.cli.data import command
from devbench.contract.values import FrequencyResponse
from devbench.corpora.measuring import Sweep, from_impulses, from_pairs, from_sweeps, normalised
from devbench.errors import DataError, UsageError

RATE_HZ = 32_000
SWEEP = Sweep(20.0, 15_500.0, 4.0)
TOLERANCE_DB = 0.1


def filter_named(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (b, a) of a device: flat, without bass, or dull with a broad bump."""
    if name == "flat":
        return np.array([0.7]), np.array([1.0])
    if name == "no-bass":
        return signal.butter(2, 250, "high", fs=RATE_HZ)
    low = signal.butter(1, 5000, "low", fs=RATE_HZ)
    bump = (np.array([1.1, -0.6, 0.2]), np.array([1.0, -0.8, 0.3]))
    return np.convolve(low[0], bump[0]), np.convolve(low[1], bump[1])


NAMES = ("flat", "no-bass", "dull")


def expected_db(name: str, freq_hz: np.ndarray) -> np.ndarray:
    """Return the mean power per mel band in dB relative to 1 kHz, as responses are defined."""
    n_fft = 1 << 16
    _, response = signal.freqz(*filter_named(name), worN=np.fft.rfftfreq(n_fft) * 2 * np.pi)
    weights, centre_hz = mel_bands(128, RATE_HZ, n_fft)
    gain_db = 10 * np.log10(weights @ np.abs(response) ** 2 / weights.sum(axis=1))
    gain_db -= np.interp(np.log(1000), np.log(centre_hz), gain_db)
    return np.interp(np.log(freq_hz), np.log(centre_hz), gain_db)


def recorded(name: str, played: np.ndarray, *, delay: int = 3000) -> np.ndarray:
    silence = np.zeros(RATE_HZ // 2)
    return signal.lfilter(*filter_named(name), np.concatenate([np.zeros(delay), played, silence]))


def worst_db(name: str, estimate) -> float:
    freq_hz = np.geomspace(100, 10_000, 200)
    return float(np.max(np.abs(estimate.response.at(freq_hz) - expected_db(name, freq_hz))))


@pytest.mark.parametrize("name", NAMES)
def test_an_impulse_gives_the_filter(name: str) -> None:
    impulse = recorded(name, np.array([0.8]))
    assert worst_db(name, from_impulses([impulse, 0.3 * impulse], RATE_HZ)) < TOLERANCE_DB


@pytest.mark.parametrize("name", NAMES)
def test_a_sweep_gives_the_filter(name: str) -> None:
    played = SWEEP.samples(RATE_HZ)
    recordings = [0.5 * recorded(name, played), 0.2 * recorded(name, played, delay=777)]
    found = from_sweeps(recordings, played, RATE_HZ, low_hz=SWEEP.low_hz, high_hz=SWEEP.high_hz)
    assert worst_db(name, found) < TOLERANCE_DB


def test_a_sweep_may_come_late_or_be_short() -> None:
    sweep = Sweep(SWEEP.low_hz, SWEEP.high_hz, 0.5)
    edges = {"low_hz": SWEEP.low_hz, "high_hz": SWEEP.high_hz}
    played = sweep.samples(RATE_HZ)
    late = np.concatenate([np.zeros(3 * RATE_HZ), recorded("flat", played)])
    assert worst_db("flat", from_sweeps([late], played, RATE_HZ, **edges)) < 0.5
    short = Sweep(SWEEP.low_hz, SWEEP.high_hz, 0.1).samples(RATE_HZ)
    recording = np.concatenate([short, np.zeros(RATE_HZ // 100)])
    assert worst_db("flat", from_sweeps([recording], short, RATE_HZ, **edges)) < 3


def test_a_curve_that_does_not_hold_1_khz_is_refused() -> None:
    curve = FrequencyResponse(np.array([2000.0, 8000.0]), np.zeros(2), "measured")
    with pytest.raises(DataError, match="from 2000 to 8000 Hz"):
        normalised(curve)


def test_what_the_device_distorts_does_not_count() -> None:
    played = SWEEP.samples(RATE_HZ)
    clean = 0.5 * recorded("dull", played)
    bent = clean + 0.1 * clean**2  # about 5 % second harmonic
    found = from_sweeps([bent], played, RATE_HZ, low_hz=SWEEP.low_hz, high_hz=SWEEP.high_hz)
    assert worst_db("dull", found) < TOLERANCE_DB


@pytest.mark.parametrize("name", NAMES)
def test_two_recordings_at_once_give_the_filter(name: str) -> None:
    noise = np.random.default_rng(0).standard_normal(30 * RATE_HZ)
    device = signal.lfilter(*filter_named(name), np.concatenate([np.zeros(1234), noise]))
    found = from_pairs([(noise, device)], RATE_HZ)
    assert worst_db(name, found) < TOLERANCE_DB
    assert found.coherence is not None and found.coherence.min() > 0.95


def test_noise_of_the_device_alone_does_not_bend_the_curve() -> None:
    """H1 divides by the reference: noise of the device is averaged away, and coherence tells it."""
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(60 * RATE_HZ)
    device = signal.lfilter(*filter_named("dull"), noise)
    device = device + 0.1 * np.std(device) * rng.standard_normal(len(noise))
    found = from_pairs([(noise[: 30 * RATE_HZ], device[: 30 * RATE_HZ]),
                        (noise[30 * RATE_HZ :], device[30 * RATE_HZ :])], RATE_HZ)  # fmt: skip
    assert worst_db("dull", found) < 0.5
    assert found.coherence is not None and 0.3 < found.coherence.min() < 0.99


def test_what_cannot_be_measured_is_refused() -> None:
    noise = np.random.default_rng(2).standard_normal((2, 8 * RATE_HZ))
    played = SWEEP.samples(RATE_HZ)
    with pytest.raises(DataError, match="little in common"):
        from_pairs([(noise[0], noise[1])], RATE_HZ)
    with pytest.raises(DataError, match="too few to average"):
        from_pairs([(noise[0, :9000], noise[0, :9000])], RATE_HZ)
    edges = {"low_hz": SWEEP.low_hz, "high_hz": SWEEP.high_hz}
    with pytest.raises(DataError, match="no sweep is heard"):
        from_sweeps([noise[0]], played, RATE_HZ, **edges)
    with pytest.raises(DataError, match="not hold the whole sweep"):
        from_sweeps([recorded("flat", played)[: len(played) // 2]], played, RATE_HZ, **edges)


def call(*words: object) -> str:
    result = CliRunner().invoke(command, ["fr", *map(str, words)], catch_exceptions=False)
    return result.stdout


def test_the_command_writes_what_a_corpus_reads(tmp_path: Path) -> None:
    played = SWEEP.samples(RATE_HZ)
    soundfile.write(tmp_path / "r.wav", 0.5 * recorded("dull", played), RATE_HZ, subtype="FLOAT")
    soundfile.write(tmp_path / "p.wav", played, RATE_HZ, subtype="FLOAT")
    given = ("--from", "sweep", "--sweep", "20,15500,4")
    out = tmp_path / "watch.csv"
    text = call(tmp_path / "r.wav", *given, "--out", out, "--plot", tmp_path / "w.svg")
    assert "bands from" in text and "relative to 1 kHz" in text
    rows = list(csv.reader(out.read_text().splitlines()))
    assert rows[0] == ["freq_hz", "gain_db"] and len(rows) > 100
    assert (tmp_path / "w.svg").read_text().lstrip().startswith("<?xml")
    call(tmp_path / "r.wav", *given, "--reference", tmp_path / "p.wav", "--out", tmp_path / "b.csv")
    one, two = (np.loadtxt(p, delimiter=",", skiprows=1) for p in (out, tmp_path / "b.csv"))
    assert np.allclose(one, two, atol=0.01)  # the file holds float32
    call(out, "--from", "csv", "--out", tmp_path / "c.csv", "--plot", tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "sweep"], "wants to know the sweep"),
        (["--from", "sweep", "--sweep", "20,4"], "not LOW,HIGH,SECONDS"),
        (["--from", "sweep", "--sweep", "2000,10,4"], "at 32000 Hz"),
        (["--from", "sweep", "--sweep", "20,nan,4"], "at 32000 Hz"),
        (["--from", "impulse", "--sweep", "20,15500,4"], "says nothing to --from impulse"),
        (["--from", "pair"], "1 recordings and 0 of the reference"),
        (["--from", "impulse", "--plot", "x.gif"], "is no .png or .svg"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    words: list[str], message: str, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "r.wav", np.ones(100), RATE_HZ)
    with pytest.raises(UsageError) as error:
        call(tmp_path / "r.wav", *words, "--out", tmp_path / "x.csv")
    assert message in error.value.what
    assert not (tmp_path / "x.csv").exists()

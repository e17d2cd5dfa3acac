from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from devbench.audio.responses import (
    N_BANDS,
    mel_bands,
    read_response,
    response_of_impulse,
    write_response,
)
from devbench.contract.values import shift_db
from devbench.errors import ConfigurationError, DataError

RATE_HZ = 22_050
LENGTH = RATE_HZ // 5


def impulse(gain: float = 1.0, start: int = 441) -> np.ndarray:
    sound = np.zeros(LENGTH)
    sound[start] = gain
    return sound


def filtered(taps: list[float], gain: float = 1.0) -> np.ndarray:
    return np.convolve(impulse(gain), taps)[:LENGTH]


def test_mel_bands_are_those_of_librosa() -> None:
    librosa = pytest.importorskip("librosa")
    weights, centre_hz = mel_bands(80, RATE_HZ, 1024)
    expected = librosa.filters.mel(sr=RATE_HZ, n_fft=1024, n_mels=80)
    assert np.allclose(weights, expected, atol=1e-7)  # librosa keeps float32
    assert np.allclose(centre_hz, librosa.mel_frequencies(82, fmax=RATE_HZ / 2)[1:-1])


def test_a_flat_device_reads_0_db_in_every_band() -> None:
    response = response_of_impulse(impulse(), RATE_HZ, provenance="simulated")
    assert response.gain_db.shape == (N_BANDS,)
    assert np.max(np.abs(response.gain_db)) < 1e-9
    assert response.provenance == "simulated"


def test_level_and_moment_of_the_impulse_do_not_matter() -> None:
    taps = [1.0, 0.6, -0.3, 0.1]
    loud = response_of_impulse(filtered(taps), RATE_HZ, provenance="measured")
    soft = response_of_impulse(0.01 * filtered(taps), RATE_HZ, provenance="measured")
    late = response_of_impulse(
        np.concatenate([np.zeros(3000), filtered(taps)]), RATE_HZ, provenance="measured"
    )
    assert np.allclose(loud.gain_db, soft.gain_db, atol=1e-9)
    assert np.allclose(loud.gain_db, late.gain_db, atol=1e-9)


@pytest.mark.parametrize(("snr_db", "is_heard"), [(-300.0, False), (8.0, False), (12.0, True)])
def test_an_impulse_must_be_heard(snr_db: float, is_heard: bool) -> None:
    """snr_db: of 200 ms with the impulse against the rest."""
    noise = np.random.default_rng(0).normal(0, 1, 10 * RATE_HZ)
    noise[5000] += np.sqrt(0.2 * RATE_HZ * max(10 ** (snr_db / 10) - 1, 0))
    if is_heard:
        response = response_of_impulse(noise, RATE_HZ, provenance="measured")
        assert response.gain_db.shape == (N_BANDS,)
    else:
        with pytest.raises(DataError, match="no impulse is heard") as caught:
            response_of_impulse(noise, RATE_HZ, provenance="measured")
        assert "loud" in caught.value.fix


def test_a_known_filter_is_found() -> None:
    response = response_of_impulse(filtered([1.0, 0.7]), RATE_HZ, provenance="measured")
    freq_hz = np.array([200.0, 1000.0, 4000.0, 8000.0])
    gain = np.abs(1 + 0.7 * np.exp(-2j * np.pi * freq_hz / RATE_HZ))
    expected_db = 20 * np.log10(gain / gain[1])
    # A band is a mean over its width, which is up to 400 Hz.
    assert np.allclose(response.at(freq_hz), expected_db, atol=0.1)


def test_shift_between_two_devices_undoes_itself() -> None:
    bright = response_of_impulse(filtered([1.0, -0.5]), RATE_HZ, provenance="measured")
    dull = response_of_impulse(filtered([1.0, 0.5]), RATE_HZ, provenance="measured")
    freq_hz = np.geomspace(50, 10_000, 40)
    there = shift_db(dull, bright, freq_hz)
    assert np.allclose(there, -shift_db(bright, dull, freq_hz), atol=1e-12)
    assert there[-1] > 5 > -0.1 > there[0] > -10  # bright has more at the top


def test_what_a_device_cannot_hear_is_floored() -> None:
    spectrum = np.fft.rfft(impulse())
    spectrum[np.fft.rfftfreq(LENGTH, 1 / RATE_HZ) > 5000] = 0
    response = response_of_impulse(np.fft.irfft(spectrum, LENGTH), RATE_HZ, provenance="measured")
    assert -81 <= response.gain_db.min() < -40
    assert np.all(np.isfinite(response.gain_db))


def test_a_silent_recording_is_refused() -> None:
    with pytest.raises(DataError, match="silent"):
        response_of_impulse(np.zeros(LENGTH), RATE_HZ, provenance="measured")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "responses/a.csv"
    response = response_of_impulse(filtered([1.0, 0.3]), RATE_HZ, provenance="measured")
    write_response(path, response)
    again = read_response(path, provenance="measured")
    assert np.allclose(again.freq_hz, response.freq_hz, atol=1e-4)
    assert np.allclose(again.gain_db, response.gain_db, atol=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1"),
        ("hz,db\n100,0\n", "line 1"),
        ("freq_hz,gain_db\n100,0\n200\n", "line 3: '200'"),
        ("freq_hz,gain_db\n100,loud\n", "line 2: '100,loud'"),
        ("freq_hz,gain_db\n200,0\n100,0\n", "rise strictly"),
        ("freq_hz,gain_db\n0,0\n100,0\n", "rise strictly"),
        ("freq_hz,gain_db\n100,0\n200,nan\n", "NaN"),
        ("freq_hz,gain_db\n", "rise strictly"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"a\.csv") as error:
        read_response(path, provenance="measured")
    assert message in str(error.value)

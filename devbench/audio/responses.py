"""Frequency responses: from an impulse recording as the UMC paper measures them, and as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.contract.values import FrequencyResponse, Provenance
from devbench.errors import ConfigurationError, ContractError, DataError
from devbench.files import publish, read_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

N_BANDS = 128
IMPULSE_S = 0.2
MIN_SNR_DB = 10.0


def mel_bands(
    n_bands: int, sample_rate_hz: int, n_fft: int, *, fmin_hz: float = 0.0
) -> tuple[Floats, Floats]:
    """Return (weights [band, bin], centre_hz [band]) of triangular bands on the Slaney mel scale.

    Weights have unit area per band (Slaney normalisation), as librosa's default does.
    """
    import numpy as np

    edges_hz = from_mel(np.linspace(to_mel(fmin_hz), to_mel(sample_rate_hz / 2), n_bands + 2))
    bin_hz = np.linspace(0, sample_rate_hz / 2, n_fft // 2 + 1)
    low, centre, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising = (bin_hz - low) / (centre - low)
    falling = (high - bin_hz) / (high - centre)
    weights = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (high - low))
    return weights, edges_hz[1:-1]


def to_mel(hz: float) -> float:
    """Return a frequency on the Slaney mel scale: linear below 1 kHz (15 mel), then logarithmic."""
    import math

    return hz * 3 / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)


def from_mel(mel: Floats) -> Floats:
    """Return the frequencies in Hz of points on the Slaney mel scale: [point]."""
    import numpy as np

    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


def response_of_impulse(
    impulse: Floats, sample_rate_hz: int, *, provenance: Provenance
) -> FrequencyResponse:
    """Return the 128-band response of a device from its recording of one impulse.

    The log-mel spectrum of a 200 ms segment around the impulse (UMC, section 5.1), relative to the
    gain at 1 kHz; one zero-padded 8,192-point transform, power floored 80 dB below its maximum.

    impulse: [sample] float64; the segment starts 10 ms before its largest sample. Raises DataError
    where it is silent, or not 10 dB louder than the rest of the recording.
    """
    import numpy as np

    length = round(IMPULSE_S * sample_rate_hz)
    start = max(0, int(np.argmax(np.abs(impulse))) - sample_rate_hz // 100)
    segment = impulse[start : start + length]
    rest = np.concatenate([impulse[:start], impulse[start + length :]])
    if len(rest) > length and np.mean(segment**2) < 10 ** (MIN_SNR_DB / 10) * np.mean(rest**2):
        raise DataError(
            f"no impulse is heard: no {IMPULSE_S * 1000:.0f} ms are {MIN_SNR_DB:.0f} dB "
            "louder than the rest",
            fix="record one impulse, loud, where it is quiet",
        )
    n_fft = 8192 if length <= 8192 else 1 << (length - 1).bit_length()
    power = np.abs(np.fft.rfft(segment, n_fft)) ** 2
    weights, centre_hz = mel_bands(N_BANDS, sample_rate_hz, n_fft)
    # Unit sum per band: a mean of power, so that a flat device reads 0 dB in every band.
    band_power = (weights @ power) / weights.sum(axis=1)
    if not band_power.max() > 0:
        raise DataError("the impulse recording is silent", fix="record the impulse again")
    gain_db = 10 * np.log10(np.maximum(band_power, band_power.max() * 1e-8))
    gain_db -= np.interp(np.log(1000.0), np.log(centre_hz), gain_db)
    return FrequencyResponse(freq_hz=centre_hz, gain_db=gain_db, provenance=provenance)


def write_response(path: Path, response: FrequencyResponse) -> None:
    """Write a response as CSV with columns freq_hz and gain_db."""
    rows = zip(response.freq_hz, response.gain_db, strict=True)
    lines = ["freq_hz,gain_db", *(f"{freq:.4f},{gain:.4f}" for freq, gain in rows)]
    publish(path, ("\n".join(lines) + "\n").encode(), replace=True)


def read_response(path: Path, *, provenance: Provenance) -> FrequencyResponse:
    """Return the response in a CSV file, or say which line is wrong."""
    import numpy as np

    reader = csv.reader(io.StringIO(read_bytes(path).decode("utf-8-sig", errors="replace")))
    row: list[str] = []
    rows: list[tuple[float, float]] = []
    try:
        if next(reader, None) != ["freq_hz", "gain_db"]:
            raise ConfigurationError(f"{path}: line 1", fix="expected the header freq_hz,gain_db")
        for row in reader:
            freq_hz, gain_db = map(float, row)
            rows.append((freq_hz, gain_db))
    except (ValueError, csv.Error) as error:
        raise ConfigurationError(
            f"{path}: line {reader.line_num}: {','.join(row)[:80]!r}",
            fix="expected two numbers: freq_hz,gain_db",
        ) from error
    table = np.asarray(rows, np.float64).reshape(-1, 2)
    try:
        return FrequencyResponse(freq_hz=table[:, 0], gain_db=table[:, 1], provenance=provenance)
    except ContractError as error:  # a mistake in a file, not in a plugin
        raise ConfigurationError(f"{path}: {error.what}", fix=error.fix) from error

"""One impairment of a device at a time, as a simulated device that source clips go through.

The clips have been through the source device already: what is simulated is the difference, and
what the target has less of than the source (less noise, a wider band) cannot be taken away. So the
noise that is added is what the target's floor has above the source's own, band by band.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.explaining.devices import DeviceEstimate

    Floats = NDArray[np.float64]

IMPAIRMENTS: Mapping[str, str] = {
    "response": "the frequency response, at the source's level",
    "noise": "the noise floor, as far below the clips as the target's is",
    "level": "the gain",
    "compression": "compression by the slope, and the highest peak as a limiter or as clipping",
}
TOGETHER = "together"
NAMES = (*IMPAIRMENTS, TOGETHER)
MAX_RATIO = 10.0
CLIPS = 1e-4
"""Share of clipped samples from which peaks are cut off; below, a limiter turns them down."""
UNHEARD = 1e-3
"""Power of noise, relative to noise that is there already, that changes it by less than 0.01 dB."""
N_GRID = 4096


def device_models(
    source: DeviceEstimate, target: DeviceEstimate, *, sample_rate_hz: int
) -> dict[str, dict[str, Any]]:
    """Return arguments of `DeviceModel` for each impairment of a target, and for all together.

    Both as estimated; the target's response and slope relative to the source. sample_rate_hz: of
    the clips. A response alone changes the level: `response_gain_db` of the target takes that back.
    """
    assert target.response_hz is not None and target.response_db is not None
    assert target.gain_db is not None and target.response_gain_db is not None
    plain: dict[str, Any] = {"level_dbfs": None}
    response = {"response_hz": tuple(target.response_hz), "response_db": tuple(target.response_db)}
    # Levels of the target, moved to where the source's clips are.
    lift_db = source.level_dbfs - target.level_dbfs
    gain_db = target.gain_db - target.response_gain_db
    own_db = _noise_density_db(source, target.noise_hz, sample_rate_hz)
    wanted_db = _noise_density_db(target, target.noise_hz, sample_rate_hz)
    # Together, the source's own noise goes through response and gain before noise is added.
    through_db = own_db + gain_db + _at(target.noise_hz, target.response_hz, target.response_db)
    return {
        "response": {**plain, **response, "gain_db": -target.response_gain_db},
        "noise": {**plain, **_noise(target.noise_hz, own_db, wanted_db + lift_db, sample_rate_hz)},
        "level": {**plain, "gain_db": target.gain_db},
        "compression": {**plain, **_compressor(target, source.loudest_dbfs, lift_db)},
        TOGETHER: {
            **plain,
            **response,
            "gain_db": gain_db,
            **_noise(target.noise_hz, through_db, wanted_db, sample_rate_hz),
            **_compressor(target, target.loudest_dbfs, 0.0),
        },
    }


def _noise(
    freq_hz: Sequence[float], own_db: Floats, wanted_db: Floats, sample_rate_hz: int
) -> dict[str, Any]:
    """Return the noise that takes a floor to the wanted one; nothing where it is there already.

    own_db, wanted_db: power densities [band] at freq_hz, as `_noise_density_db` gives them.
    """
    import numpy as np

    own, wanted = 10 ** (own_db / 10), 10 ** (wanted_db / 10)
    if not np.any(wanted > own):
        return {}
    # Decibels know no zero: what is added to a band that needs nothing is not heard in it.
    added_db = 10 * np.log10(np.maximum(wanted - own, UNHEARD * own))
    return {
        "noise_hz": tuple(freq_hz),
        "noise_db": tuple((added_db - added_db.max()).tolist()),
        "noise_dbfs": _mean_db(freq_hz, added_db, sample_rate_hz),
    }


def _noise_density_db(
    device: DeviceEstimate, freq_hz: Sequence[float], sample_rate_hz: int
) -> Floats:
    """Return the power density of a noise floor at freq_hz: [band]; 0 is white noise of 0 dBFS."""
    total_db = _mean_db(device.noise_hz, device.noise_db, sample_rate_hz)
    return device.noise_dbfs - total_db + _at(freq_hz, device.noise_hz, device.noise_db)


def _mean_db(
    freq_hz: Sequence[float], gain_db: Sequence[float] | Floats, sample_rate_hz: int
) -> float:
    """Return the mean power of a curve up to half the rate, in dB, as `render` spreads noise."""
    import numpy as np

    grid_hz = np.arange(1, N_GRID + 1, dtype=np.float64) * (sample_rate_hz / 2 / N_GRID)
    return float(10 * np.log10(np.mean(10 ** (_at(grid_hz, freq_hz, gain_db) / 10))))


def _at(
    wanted_hz: Sequence[float] | Floats,
    freq_hz: Sequence[float],
    gain_db: Sequence[float] | Floats,
) -> Floats:
    """Return a curve at other frequencies: [wanted_hz], linear in log frequency."""
    import numpy as np

    return np.interp(np.log(wanted_hz), np.log(freq_hz), gain_db)


def _compressor(target: DeviceEstimate, loudest_dbfs: float, lift_db: float) -> dict[str, Any]:
    """Return AGC, limiter and clipping.

    loudest_dbfs: where the slope turns, so that levels stay. lift_db: added to the highest peak.
    """
    found: dict[str, Any] = {}
    if target.slope is not None and target.slope < 1:
        found["agc_target_dbfs"] = loudest_dbfs
        found["agc_ratio"] = 1 / max(target.slope, 1 / MAX_RATIO)
    peak_dbfs = target.peak_dbfs + lift_db
    if peak_dbfs < 0:
        found["clip_dbfs" if target.clipped_share >= CLIPS else "limiter_dbfs"] = peak_dbfs
    return found

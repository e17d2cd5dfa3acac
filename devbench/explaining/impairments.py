"""One impairment of a device at a time, as a simulated device that source clips go through.

The clips have been through the source device already: what is simulated is the difference, and
what the target has less of than the source (less noise, a wider band) cannot be taken away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devbench.explaining.devices import DeviceEstimate

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


def device_models(source: DeviceEstimate, target: DeviceEstimate) -> dict[str, dict[str, Any]]:
    """Return arguments of `DeviceModel` for each impairment of a target, and for all together.

    Both as estimated; the target's response and slope relative to the source.
    A response alone changes the level: `response_gain_db` of the target takes that back.
    """
    assert target.response_hz is not None and target.response_db is not None
    assert target.gain_db is not None and target.response_gain_db is not None
    plain: dict[str, Any] = {"level_dbfs": None}
    response = {"response_hz": tuple(target.response_hz), "response_db": tuple(target.response_db)}
    noise = {"noise_hz": tuple(target.noise_hz), "noise_db": tuple(target.noise_db)}
    # Levels of the target, moved to where the source's clips are.
    lift_db = source.level_dbfs - target.level_dbfs
    quiet_dbfs = source.level_dbfs - target.noise_below_level_db
    return {
        "response": {**plain, **response, "gain_db": -target.response_gain_db},
        "noise": {**plain, **noise, "noise_dbfs": quiet_dbfs},
        "level": {**plain, "gain_db": target.gain_db},
        "compression": {**plain, **_compressor(target, source.loudest_dbfs, lift_db)},
        TOGETHER: {
            **plain,
            **response,
            "gain_db": target.gain_db - target.response_gain_db,
            **noise,
            "noise_dbfs": target.noise_dbfs,
            **_compressor(target, target.loudest_dbfs, 0.0),
        },
    }


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

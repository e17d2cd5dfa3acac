"""Seven simulated devices; shapes chosen to be phone-, tablet-, watch- and laptop-like.

They bear the names of the papers' devices so that tables line up. None is a measurement of the
product of that name.
"""

from __future__ import annotations

from dataclasses import dataclass

from devbench import DeviceModel

KNOTS_HZ = (60.0, 120.0, 250.0, 500.0, 1000.0, 2000.0, 3000.0, 4000.0, 6000.0, 8000.0, 10500.0)


@dataclass(frozen=True, slots=True)
class SimulatedDevice:
    """A device of the embedded corpora."""

    id: str
    label: str
    kind: str
    model: DeviceModel


DEVICES = (
    SimulatedDevice(
        "iphone14",
        "simulated phone A (iphone14-like)",
        "phone",
        DeviceModel(
            level_dbfs=None,
            response_hz=KNOTS_HZ,
            response_db=(-9, -3, 0, 0, 0, 1, 3, 4, 2, -1, -4),
            low_cut_hz=50,
            noise_dbfs=-64,
            noise_hz=(50, 500, 5000),
            noise_db=(10, 0, -3),
            agc_target_dbfs=-24,
            agc_ratio=1.3,
            limiter_dbfs=-6,
        ),
    ),
    SimulatedDevice(
        "galaxys22",
        "simulated phone B (galaxys22-like)",
        "phone",
        DeviceModel(
            level_dbfs=None,
            response_hz=KNOTS_HZ,
            response_db=(-22, -18, -12, -6, 0, 7, 12, 14, 12, 7, 0),
            low_cut_hz=90,
            gain_db=2,
            noise_dbfs=-50,
            noise_hz=(100, 1000, 8000),
            noise_db=(0, 0, 6),
            agc_target_dbfs=-20,
            agc_ratio=3.0,
            limiter_dbfs=-10,
            clip_dbfs=-6,
        ),
    ),
    SimulatedDevice(
        "ipad7",
        "simulated tablet A (ipad7-like)",
        "tablet",
        DeviceModel(
            level_dbfs=None,
            response_hz=KNOTS_HZ,
            response_db=(-2, 5, 9, 6, 0, -10, -15, -9, 5, 9, 3),
            low_cut_hz=60,
            gain_db=-9,
            noise_dbfs=-54,
            noise_hz=(100, 1000, 8000),
            noise_db=(6, 0, 0),
            limiter_dbfs=-8,
        ),
    ),
    SimulatedDevice(
        "galaxytaba8",
        "simulated tablet B (galaxytaba8-like)",
        "tablet",
        DeviceModel(
            level_dbfs=None,
            response_hz=KNOTS_HZ,
            response_db=(-2, 5, 9, 8, 0, -5, -9, -12, -17, -22, -28),
            high_cut_hz=9000,
            gain_db=0,
            noise_dbfs=-52,
            noise_hz=(100, 1000, 8000),
            noise_db=(3, 0, -6),
            agc_target_dbfs=-18,
            agc_ratio=2.0,
            limiter_dbfs=-9,
            codec="mp3",
            codec_level=0.5,
        ),
    ),
    SimulatedDevice(
        "applewatchse",
        "simulated watch (applewatchse-like)",
        "watch",
        DeviceModel(
            level_dbfs=None,
            response_hz=KNOTS_HZ,
            response_db=(-26, -20, -15, -9, 0, 10, 13, 5, -6, -12, -18),
            low_cut_hz=180,
            high_cut_hz=7400,
            gain_db=-6,
            noise_dbfs=-52,
            noise_hz=(100, 1000, 8000),
            noise_db=(0, 0, 3),
            agc_target_dbfs=-22,
            agc_ratio=1.5,
            limiter_dbfs=-10,
            codec="vorbis",
            codec_level=0.8,
            codec_rate_hz=16_000,
        ),
    ),
    SimulatedDevice(
        "macbookpro",
        "simulated laptop A (macbookpro-like)",
        "laptop",
        DeviceModel(
            level_dbfs=None,
            response_hz=KNOTS_HZ,
            response_db=(8, 11, 10, 0, -8, -8, -1, 7, 12, 11, 4),
            gain_db=8,
            noise_dbfs=-52,
            noise_hz=(60, 200, 800, 8000),
            noise_db=(12, 8, 0, -12),
            limiter_dbfs=-6,
        ),
    ),
    SimulatedDevice(
        "lggram",
        "simulated laptop B (lggram-like)",
        "laptop",
        DeviceModel(
            level_dbfs=None,
            response_hz=KNOTS_HZ,
            response_db=(-22, -14, -4, 7, 9, 2, -7, -11, -6, -10, -16),
            low_cut_hz=100,
            gain_db=2,
            noise_dbfs=-47,
            noise_hz=(100, 1000, 8000),
            noise_db=(0, 0, 0),
            agc_target_dbfs=-16,
            agc_ratio=2.5,
            limiter_dbfs=-12,
            clip_dbfs=-9,
        ),
    ),
)

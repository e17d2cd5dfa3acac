"""Response differences between devices: measured, and synthetic (UMC, sections 4.3 and 5.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from devbench import DataError, FrequencyResponse, UnlabelledView

from ..draws import normal, uniform
from ..spectra import band_mean_and_sd

N_BANDS = 128
MIN_POINTS = 32

# Mean absolute difference in dB at the low end, the centres of five equal regions and the high
# end, over all pairs of 66 measured microphones (MicIRP, median gain removed). The paper names no
# numbers, only that both ends differ more.
MEAN_ABS_DB = (11.0, 1.8, 1.4, 1.9, 2.7, 5.3, 7.4)

# Levels are drawn from +- this: the default of audiomentations' Gain, tuned on no benchmark.
LEVEL_REACH_DB = 12.0


def band_curves(
    responses: Mapping[str, FrequencyResponse], devices: Sequence[str], bin_hz: torch.Tensor
) -> torch.Tensor:
    """Return the response of each device in dB on 128 bands: [device, 128] float32.

    The bands are equally spaced on the mel scale between the first and the last bin, so that a
    curve on the bins is a plain interpolation of them. Raises DataError for a device without a
    response, or with one that does not reach as far as the bins.
    """
    missing = [device for device in devices if device not in responses]
    if missing:
        raise DataError(
            f"no frequency response of {', '.join(missing)}",
            fix="add responses/DEVICE.csv to the corpus, or choose a method that needs none",
        )
    bins = bin_hz.double().cpu()
    place = torch.linspace(0, len(bins) - 1, N_BANDS, dtype=torch.float64)
    left = place.long().clamp(max=len(bins) - 2)
    band_hz = torch.lerp(bins[left], bins[left + 1], place - left).numpy()
    curves = []
    for device in devices:
        response = responses[device]
        low_hz, high_hz = float(response.freq_hz[0]), float(response.freq_hz[-1])
        reaches = low_hz <= 4 * band_hz[0] + 50 and high_hz >= 0.9 * band_hz[-1]
        if len(response.freq_hz) < MIN_POINTS or not reaches:
            raise DataError(
                f"the response of {device!r} has {len(response.freq_hz)} points from {low_hz:.0f} "
                f"to {high_hz:.0f} Hz; the bins go from {band_hz[0]:.0f} to {band_hz[-1]:.0f} Hz",
                fix=f"measure it there again, with {MIN_POINTS} points or more",
            )
        curves.append(torch.from_numpy(response.at(band_hz)).float())
    return torch.stack(curves)


def levelled(curves_db: torch.Tensor, clips: Sequence[UnlabelledView]) -> torch.Tensor:
    """Return the curves with the mean of each moved to that of its device's clips: [device, 128].

    Responses are relative to 1 kHz; how sensitive a device is, and what its gain control does to
    quiet and loud sounds on average, shows in its recordings alone.
    """
    means_db = torch.stack([band_mean_and_sd(view)[0].mean() for view in clips]).to(curves_db)
    return curves_db + (means_db - curves_db.mean(dim=1))[:, None]


def synthetic_differences(
    n: int,
    like: torch.Tensor,
    generator: torch.Generator,
    *,
    n_bands: int = N_BANDS,
    strength: float = 1.0,
    end_strength: float = 0.5,
    ripple_db: float = 2.0,
) -> torch.Tensor:
    """Return random response differences in dB: [n, band] float32, on the device of like.

    Five equal regions, seven uniform draws (one a region and one at each end, larger towards the
    ends, of random sign), straight lines between them, smoothed Gaussian noise. strength: factor on
    all draws; end_strength: on the first and last (1 suits studio microphones, 0.5 phones);
    ripple_db: standard deviation of the noise.
    """
    width = n_bands / 5
    knots = [0.0, *(width * (region + 0.5) - 0.5 for region in range(5)), n_bands - 1.0]
    knot_band = torch.tensor(knots, device=like.device)  # [knot]
    # Uniform in +-2m has the mean absolute value m.
    reach_db = 2 * strength * torch.tensor(MEAN_ABS_DB, device=like.device)
    reach_db[[0, -1]] *= end_strength
    knot_db = reach_db * uniform((n, len(knots)), -1.0, 1.0, like, generator)
    ripple = normal((n, n_bands + 2), like, generator)
    smooth = ripple.unfold(1, 3, 1).sum(dim=-1) / 3**0.5  # over 3 bands, of deviation 1
    return _interpolated(knot_band, knot_db, n_bands) + ripple_db * smooth


def _interpolated(knot_band: torch.Tensor, knot_db: torch.Tensor, n_bands: int) -> torch.Tensor:
    """Return straight lines through the knots at every band: [n, band]; knot_db: [n, knot]."""
    bands = torch.arange(n_bands, dtype=knot_band.dtype, device=knot_band.device)
    right = torch.searchsorted(knot_band, bands).clamp(1, len(knot_band) - 1)
    along = (bands - knot_band[right - 1]) / (knot_band[right] - knot_band[right - 1])  # [band]
    return torch.lerp(knot_db[:, right - 1], knot_db[:, right], along.expand(len(knot_db), -1))

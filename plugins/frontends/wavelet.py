"""wavelet: power of Morlet wavelets, in decibels."""

from __future__ import annotations

import torch

from devbench import FeatureSpec, FrontendSpec, hookimpl

from ..checks import require_range


def build(
    features: FeatureSpec, *, lowest_hz: float = 32.7, bins_per_octave: int = 12, omega: float = 6.0
) -> torch.nn.Module:
    """Return the front end for these settings.

    Args:
        features: of the benchmark.
        lowest_hz: 10 to 1000 Hz, centre of the first bin.
        bins_per_octave: 4 to 96.
        omega: 5 to 40, radians of the wave in a standard deviation of its envelope; 6 in the paper.
    """
    from ..networks.scalogram import Scalogram

    return Scalogram(
        features,
        lowest_hz=require_range("lowest_hz", lowest_hz, 10, 1000),
        bins_per_octave=int(require_range("bins_per_octave", bins_per_octave, 4, 96)),
        omega=require_range("omega", omega, 5, 40),
    )


@hookimpl
def devbench_frontend() -> FrontendSpec:
    """Offer the front end."""
    return FrontendSpec(
        name="wavelet",
        build=build,
        reference="Torrence, Compo, A practical guide to wavelet analysis, Bull. AMS 79(1), 1998, "
        "section 3 and table 1",
    )

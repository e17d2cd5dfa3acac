"""cqt: constant-Q transform, in decibels."""

from __future__ import annotations

import torch

from devbench import FeatureSpec, FrontendSpec, hookimpl

from ..checks import require_range


def build(
    features: FeatureSpec, *, lowest_hz: float = 32.7, bins_per_octave: int = 12
) -> torch.nn.Module:
    """Return the front end for these settings.

    Args:
        features: of the benchmark.
        lowest_hz: 10 to 1000 Hz, centre of the first bin; C1 by default, as in librosa.
        bins_per_octave: 4 to 96.
    """
    from ..networks.constant_q import ConstantQ

    lowest_hz = require_range("lowest_hz", lowest_hz, 10, 1000)
    bins = int(require_range("bins_per_octave", bins_per_octave, 4, 96))
    return ConstantQ(features, lowest_hz=lowest_hz, bins_per_octave=bins)


@hookimpl
def devbench_frontend() -> FrontendSpec:
    """Offer the front end."""
    return FrontendSpec(
        name="cqt",
        build=build,
        reference="Brown, Calculation of a constant Q spectral transform, JASA 89(1), 1991, "
        "section I",
    )

"""pcen: per-channel energy normalisation of mel bands."""

from __future__ import annotations

import torch

from devbench import FeatureSpec, FrontendSpec, hookimpl

from ..checks import require_range


def build(
    features: FeatureSpec,
    *,
    gain: float = 0.98,
    bias: float = 2.0,
    power: float = 0.5,
    time_constant_s: float = 0.4,
) -> torch.nn.Module:
    """Return the front end for these settings.

    Args:
        features: of the benchmark.
        gain: 0 (none) to 1, of the automatic gain control.
        bias: 0.01 to 100, and
        power: 0.05 to 1, of the compression.
        time_constant_s: 0.02 to 10 s, of the smoothing that the gain follows.
    """
    from ..networks.mel_features import NormalisedEnergy

    return NormalisedEnergy(
        features,
        gain=require_range("gain", gain, 0, 1),
        bias=require_range("bias", bias, 0.01, 100),
        power=require_range("power", power, 0.05, 1),
        time_constant_s=require_range("time_constant_s", time_constant_s, 0.02, 10),
    )


@hookimpl
def devbench_frontend() -> FrontendSpec:
    """Offer the front end."""
    return FrontendSpec(
        name="pcen",
        build=build,
        scale="compressed",
        reference="Wang et al., Trainable frontend for robust and far-field keyword spotting, "
        "ICASSP 2017 (arXiv 1607.05666), section 2",
    )

"""waveform: samples as they are, for backbones that take them."""

from __future__ import annotations

import torch

from devbench import FeatureSpec, FrontendSpec, hookimpl


def build(features: FeatureSpec) -> torch.nn.Module:
    """Return the front end for these settings."""
    from ..networks.samples import Samples

    return Samples()


@hookimpl
def devbench_frontend() -> FrontendSpec:
    """Offer the front end."""
    return FrontendSpec(
        name="waveform",
        build=build,
        scale="waveform",
    )

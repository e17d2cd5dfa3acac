"""log-mel: power in mel bands, in decibels."""

from __future__ import annotations

import torch

from devbench import FeatureSpec, FrontendSpec, hookimpl


def build(features: FeatureSpec) -> torch.nn.Module:
    """Return the front end for these settings."""
    from ..networks.log_mel import LogMel

    return LogMel(features)


@hookimpl
def devbench_frontend() -> FrontendSpec:
    """Offer the front end."""
    return FrontendSpec(
        name="log-mel",
        build=build,
        reference="librosa.feature.melspectrogram (Slaney scale and normalisation), in dB",
    )

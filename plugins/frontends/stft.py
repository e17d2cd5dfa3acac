"""stft: power per frequency, in decibels."""

from __future__ import annotations

import torch

from devbench import FeatureSpec, FrontendSpec, hookimpl


def build(features: FeatureSpec) -> torch.nn.Module:
    """Return the front end for these settings."""
    from ..networks.stft import LogSpectrum

    return LogSpectrum(features)


@hookimpl
def devbench_frontend() -> FrontendSpec:
    """Offer the front end."""
    return FrontendSpec(
        name="stft",
        build=build,
        reference="librosa.stft: Hann window, centred frames; power in dB, without 0 Hz",
    )

"""fourier: a Fourier basis that is trained with the classifier."""

from __future__ import annotations

from typing import Literal

import torch

from devbench import FeatureSpec, FrontendSpec, hookimpl


def build(features: FeatureSpec, *, bands: Literal["mel", "linear"] = "mel") -> torch.nn.Module:
    """Return the front end for these settings.

    Args:
        features: of the benchmark.
        bands: mel bands of the power, or every frequency; before training the result is that of
            log-mel or of stft.
    """
    from ..networks.stft import FourierBasis

    return FourierBasis(features, is_mel=bands == "mel")


@hookimpl
def devbench_frontend() -> FrontendSpec:
    """Offer the front end."""
    return FrontendSpec(
        name="fourier",
        build=build,
        scale="learned",
        reference="Cheuk et al., nnAudio, IEEE Access 8, 2020 (arXiv 1912.12055)",
    )

"""mfcc: mel-frequency cepstral coefficients."""

from __future__ import annotations

import torch

from devbench import FeatureSpec, FrontendSpec, hookimpl

from ..checks import require_range


def build(features: FeatureSpec, *, n_coefficients: int = 40) -> torch.nn.Module:
    """Return the front end for these settings.

    Args:
        features: of the benchmark.
        n_coefficients: 8 to 512, and at most the mel bands; the first is the level.
    """
    from ..networks.mel_features import MelCepstrum

    n_coefficients = int(require_range("n_coefficients", n_coefficients, 8, 512))
    return MelCepstrum(features, n_coefficients=n_coefficients)


@hookimpl
def devbench_frontend() -> FrontendSpec:
    """Offer the front end."""
    return FrontendSpec(
        name="mfcc",
        build=build,
        scale="cepstral",
        reference="Davis, Mermelstein, IEEE Trans. ASSP 28(4), 1980; librosa.feature.mfcc",
    )

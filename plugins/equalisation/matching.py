"""What a trained estimator says of two devices: one response from many pairs of recordings."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from devbench import Artifact

from ..networks.siamese_equaliser import DecibelMel, SiameseEqualiser
from .excerpts import Excerpts
from .recipes import EstimatorRecipe
from .settings import Grids

PAIRS_PER_BATCH = 20


def estimator_of(tensors: Mapping[str, torch.Tensor], recipe: EstimatorRecipe) -> SiameseEqualiser:
    """Return the estimator in an artifact, ready for use."""
    with torch.random.fork_rng(devices=[]):  # the first weights are drawn, and replaced at once
        estimator = SiameseEqualiser(recipe.comparison)
    prefix = "estimator."
    estimator.load_state_dict(
        {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    )
    return estimator.eval().requires_grad_(requires_grad=False)


class Matcher:
    """A trained estimator with all it needs to compare recordings, on one device."""

    def __init__(self, artifact: Artifact, device: torch.device) -> None:
        self.recipe = EstimatorRecipe.of(artifact.facts["recipe"])
        self.network = estimator_of(artifact.tensors, self.recipe).to(device)
        rate_hz = self.recipe.sample_rate_hz
        self.spectrogram = DecibelMel(rate_hz, self.recipe.hop_ms / 1000).to(device)
        self.grids = Grids.at(rate_hz).to(device)
        self.device = device

    def embeddings(self, x: torch.Tensor) -> torch.Tensor:
        """Return the embeddings of recordings [batch, sample]: [batch, feature]."""
        with torch.no_grad():
            return self.network.encode(self.spectrogram(x.to(self.device)))

    def drawn(self, excerpts: Excerpts, n: int, generator: torch.Generator) -> torch.Tensor:
        """Return the embeddings of n random excerpts: [n, feature]."""
        n_samples = round(self.recipe.input_s * self.recipe.sample_rate_hz)
        counts = [min(PAIRS_PER_BATCH, n - first) for first in range(0, n, PAIRS_PER_BATCH)]
        return torch.cat(
            [self.embeddings(excerpts.draw(count, n_samples, generator)) for count in counts]
        )

    def response_db(
        self, first: torch.Tensor, second: torch.Tensor, at_hz: torch.Tensor
    ) -> torch.Tensor:
        """Return what makes the first sound like the second in dB at at_hz [bin]: [bin].

        first, second: embeddings of pairs, [pair, feature]. Settings are not identifiable, since
        different ones give nearly the same response; so responses are averaged, by the median over
        pairs. Each is that of the expected settings, which go to 0 dB where nothing is known.
        """
        with torch.no_grad():
            settings = self.grids.expected(self.network.judge(first, second))
        responses_db = self.grids.response_db(settings, at_hz.to(self.device))
        return responses_db.median(dim=0).values

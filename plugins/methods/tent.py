"""TENT: at test time, scale and shift of batch normalisation are moved towards sure answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devbench import Access, Method, MethodSpec, UnlabelledView, hookimpl

from ..checks import require_range

if TYPE_CHECKING:
    import torch
    from torch import nn


class TENT(Method):
    """Minimise the entropy of the predictions on a device's test clips, without labels.

    Protocol: one device at a time; steps on random batches of its test clips, normalised by the
    statistics of the batch; then the statistics of all its test clips are measured and used. Only
    scale and shift of the batch normalisations learn.

    Args:
        learning_rate: 1e-6 to 0.1, of Adam; 1e-3 in the paper.
        n_epochs: 0 to 100, passes over the test clips; 0 is bn-adapt.
        batch_clips: 8 to 1024, clips of a step; 64 or 200 in the paper.
    """

    def __init__(
        self, *, learning_rate: float = 1e-3, n_epochs: int = 1, batch_clips: int = 64
    ) -> None:
        self.learning_rate = require_range("learning_rate", learning_rate, 1e-6, 0.1)
        self.n_epochs = int(require_range("n_epochs", n_epochs, 0, 100))
        self.batch_clips = int(require_range("batch_clips", batch_clips, 8, 1024))

    def adapt(
        self, model: nn.Module, clips: UnlabelledView, generator: torch.Generator
    ) -> nn.Module:
        """Return the model with scales, shifts and statistics for these clips."""
        import torch

        from ..networks.batch_norms import batch_norms, measure_anew

        norms = batch_norms(model)
        learning = [p for norm in norms for p in (norm.weight, norm.bias)]
        optimiser = torch.optim.Adam(learning, lr=self.learning_rate)
        for norm in norms:
            norm.train()
        for _ in range(self.n_epochs * max(1, round(len(clips) / self.batch_clips))):
            batch = clips.sample(self.batch_clips, generator)
            log_share = model(batch.clips).log_softmax(dim=1)
            entropy = -(log_share.exp() * log_share).sum(dim=1).mean()
            optimiser.zero_grad(set_to_none=True)
            entropy.backward(inputs=learning)
            optimiser.step()
        measure_anew(model, norms, clips, source_share=0.0)
        return model


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="tent",
        build=TENT,
        needs=frozenset({Access.TEST_TIME}),
        reference="Wang et al., Tent: Fully Test-Time Adaptation by Entropy Minimization, ICLR "
        "2021 (arXiv 2006.10726), section 3",
        licence="MIT (the authors' code; none of it is used)",
    )

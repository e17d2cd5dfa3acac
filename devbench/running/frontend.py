"""Front ends in workers: built from a job, and those that belong to the classifier."""

from __future__ import annotations

import torch
from torch import nn

from devbench.benchmark.seeds import seed_for
from devbench.contract.parts import FrontendSpec
from devbench.contract.values import FeatureSpec
from devbench.registry import load_spec
from devbench.running.jobs import ModelJob, Part


def build_frontend(
    part: Part, features: FeatureSpec, *, seed: int = 0
) -> tuple[FrontendSpec, nn.Module]:
    """Return the spec and the module of a front end; seed: of weights that are drawn."""
    spec: FrontendSpec = load_spec(part.reference())
    torch.manual_seed(seed_for(seed, "initialise-frontend", spec.name))
    return spec, spec.build(features, **part.options)


class LiveFrontend(nn.Module):
    """A front end as the first part of a classifier, trained with it.

    bin_hz: buffer [bin] of the module. hop_samples: from one frame to the next.
    """

    def __init__(self, module: nn.Module, hop_samples: int) -> None:
        super().__init__()
        self.module = module
        self.hop_samples = hop_samples

    @classmethod
    def of(cls, job: ModelJob) -> LiveFrontend:
        """Return the front end of a job as it is before training."""
        _, module = build_frontend(job.frontend, job.features.spec(), seed=job.seed)
        return cls(module, 1 if job.scale == "waveform" else job.features.hop_samples)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Map [batch, sample] to [batch, 1, bin, frame], in float32 under autocast too.

        Centred frames are one more than hops; a crop has as many as a spectrogram's crop.
        """
        n_frames = waveform.shape[-1] // self.hop_samples
        with torch.autocast(waveform.device.type, enabled=False):
            frames: torch.Tensor = self.module(waveform.float())[..., :n_frames]
        return frames


def spectrograms(
    job: ModelJob, samples: torch.Tensor, index: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return clips end to end, [total, bin] frames, and their index [clip, 2], from waveforms.

    samples: [total] clips end to end, on the CPU as features are computed; index: [clip, 2].
    """
    _, frontend = build_frontend(job.frontend, job.features.spec())
    frames: list[torch.Tensor] = []
    places: list[tuple[int, int]] = []
    total = 0
    with torch.no_grad():
        for start, length in index.tolist():
            frames.append(frontend(samples[start : start + length][None])[0, 0].T)
            places.append((total, len(frames[-1])))
            total += len(frames[-1])
    return torch.cat(frames), torch.tensor(places)

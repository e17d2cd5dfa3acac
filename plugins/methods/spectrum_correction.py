"""Spectrum correction: the mean short-time spectrum of a clip is brought to that of a target."""

from __future__ import annotations

import torch

from devbench import (
    Access,
    Batch,
    DataError,
    LabelledView,
    Method,
    MethodSpec,
    SideInformation,
    UnlabelledView,
    hookimpl,
)

from ..draws import choices
from ..waveforms import waveform_of, with_waveform

N_FFT, HOP = 2048, 512
LEAST_MAGNITUDE = 1e-5
"""Of a frame's bin, re full scale: digital silence has no logarithm."""


class SpectrumCorrection(Method):
    """Multiply the short-time spectrum of each clip by the correction to one random device.

    The unaligned form: geometric means over frames and clips, of unlabelled clips that need not
    show the same events. The aligned form compares recordings of the same events; which unlabelled
    clips of two devices are of one event is not told, so there is none. The paper corrects tested
    clips towards a reference; here training clips go to the targets, all and "as it is" equally
    likely.
    """

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Measure the mean spectrum of every device."""
        own = mean_log_spectrum(side.unpaired[side.source])
        others = [mean_log_spectrum(side.unpaired[name]) for name in side.targets]
        self.gains = torch.stack([torch.zeros_like(own), *(o - own for o in others)]).exp()

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with each clip corrected to one target, or left."""
        x = waveform_of(batch)
        gains = self.gains.to(x)[choices(len(batch), len(self.gains), x, generator)]
        window = torch.hann_window(N_FFT, device=x.device)
        frames = torch.stft(x, N_FFT, HOP, window=window, return_complex=True)
        corrected = torch.istft(frames * gains[..., None], N_FFT, HOP, window=window,
                                length=x.shape[1])  # fmt: skip
        return with_waveform(batch, corrected)


def mean_log_spectrum(clips: UnlabelledView) -> torch.Tensor:
    """Return the mean logarithm of the magnitude over frames, then over clips: [frequency]."""
    if len(clips) == 0:
        raise DataError(
            "a device has no unlabelled clips", fix="give it clips of the split convert"
        )
    total: torch.Tensor | float = 0.0
    for batch in clips:
        x = waveform_of(batch).double().cpu()
        window = torch.hann_window(N_FFT, dtype=x.dtype)
        frames = torch.stft(x, N_FFT, HOP, window=window, return_complex=True)
        total = total + frames.abs().clamp(min=LEAST_MAGNITUDE).log().mean(dim=2).sum(dim=0)
    mean: torch.Tensor = torch.as_tensor(total / len(clips))
    return mean.float()


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="spectrum-correction",
        build=SpectrumCorrection,
        needs=frozenset({Access.UNPAIRED_TARGET}),
        acts_on="waveform",
        reference="Kosmider, Spectrum Correction: Acoustic Scene Classification with Mismatched "
        "Recording Devices, Interspeech 2020, section 3 (unaligned), as augmentation",
        licence="AGPL-3.0 (the authors' code; none of it is used)",
    )

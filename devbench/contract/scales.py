"""Scales: what the numbers of a front end are, and which methods may change them.

A method on spectrograms that says nothing of scales was written for decibels per frequency bin,
where a frequency response is something to add; it is refused on any other scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from devbench.contract.method import MethodSpec

Scale = Literal["db", "cepstral", "compressed", "learned", "waveform"]
SCALES: Mapping[str, str] = {
    "db": "power per frequency bin in dB",
    "cepstral": "cepstral coefficients of a spectrum in dB",
    "compressed": "power per frequency bin, compressed by its own past",
    "learned": "what training makes of it",
    "waveform": "samples",
}
"""Every scale, in words for messages."""
ALL = frozenset(SCALES)
LIVE = frozenset({"learned", "waveform"})
"""Front ends that belong to the classifier: clips stay waveforms until it, in training and use."""

# Before training, in decibels and in what is linear in them; not behind a basis that changes.
_LINEAR = frozenset({"db", "cepstral"})
_BEFORE_TRAINING = _LINEAR | {"compressed"}
_SPECTROGRAMS = ALL - {"waveform"}
BUILT_IN: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("baseline", "ideal", "mixup", "spec-augment"), ALL),
    **dict.fromkeys(("rfn", "res-norm", "ada-res-norm", "bn-adapt", "tent"), ALL),
    # Its epsilon is of decibels: the deviation of samples is not far above it.
    **dict.fromkeys(
        (
            "freq-mixstyle",
            "freq-mixstyle-dcase22",
            "freq-mixstyle-dcase23-teacher",
            "freq-mixstyle-passt",
            "freq-mixstyle-dcase25",
        ),
        _SPECTROGRAMS,
    ),
    "transport-match": _BEFORE_TRAINING,
    # Means add up in what is linear in dB; least deviations of 0.5 and 1 dB are large elsewhere.
    **dict.fromkeys(("ltas-shift", "spectrum-match", "band-align"), _LINEAR),
}
"""Methods of devbench whose files are hashed into results; a file that changes says it itself."""


def scales_of(spec: MethodSpec, distribution: str) -> frozenset[str]:
    """Return the scales that a method, shipped by a distribution, may act on."""
    if spec.scales is not None:
        return spec.scales
    if spec.acts_on == "waveform":  # it comes before the front end
        return ALL
    built_in = BUILT_IN if distribution == "devbench" else {}
    return built_in.get(spec.name, frozenset({"db"}))

"""Devices, feature settings and frequency responses: frozen values that check themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from devbench.contract.names import require_name
from devbench.errors import ConfigurationError, ContractError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Provenance = Literal["measured", "simulated", "simulated from measured responses"]


@dataclass(frozen=True, slots=True)
class Device:
    """A recording device of a corpus.

    id: slug, e.g. 'iphone14'. label: for people. kind: phone, tablet, watch, laptop, microphone ...
    sample_rate_hz: rate at which the device itself records, in Hz.
    """

    id: str
    label: str
    kind: str
    sample_rate_hz: int
    provenance: Provenance

    def __post_init__(self) -> None:
        require_name("device", self.id)


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording of one event by one device; holds no audio.

    path: relative to the corpus folder. sha256: of the file's bytes. n_samples: its length at the
    corpus rate. group: what must stay together in a split (the source recording); often the
    event itself.
    fold: fold of the corpus authors, 0 when they gave none.
    """

    clip_id: str
    event_id: str
    device: str
    label: str
    path: str
    sha256: str
    n_samples: int
    group: str
    fold: int = 0


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """How a waveform becomes a spectrogram; part of the benchmark's hash.

    Lengths in samples at sample_rate_hz; fmin_hz/fmax_hz bound the mel bands;
    floor_db: power below it (dB re full scale) is raised to it, since log(0) is no number.
    """

    frontend: str = "log-mel"
    sample_rate_hz: int = 22050
    n_fft: int = 1024
    hop_samples: int = 256
    n_mels: int = 80
    window: Literal["hann"] = "hann"
    pad_mode: Literal["reflect", "constant"] = "reflect"
    fmin_hz: float = 0.0
    fmax_hz: float = 11025.0
    floor_db: float = -100.0

    def __post_init__(self) -> None:
        if not 0 <= self.fmin_hz < self.fmax_hz <= self.sample_rate_hz / 2:
            raise ConfigurationError(
                f"features: fmin_hz {self.fmin_hz} and fmax_hz {self.fmax_hz} do not fit a rate of "
                f"{self.sample_rate_hz} Hz",
                fix="choose 0 <= fmin_hz < fmax_hz <= sample_rate_hz / 2",
            )

    def n_frames(self, n_samples: int) -> int:
        """Return the number of frames of a clip of n_samples (frames are centred)."""
        return n_samples // self.hop_samples + 1


@dataclass(frozen=True, slots=True, eq=False)
class FrequencyResponse:
    """How loud a device records each frequency.

    freq_hz: [bin] float64, strictly rising, above 0.
    gain_db: [bin] float64, relative to the gain at 1 kHz.
    """

    freq_hz: Floats
    gain_db: Floats
    provenance: Provenance = "measured"

    def __post_init__(self) -> None:
        import numpy as np

        if self.freq_hz.shape != self.gain_db.shape or self.freq_hz.ndim != 1:
            raise ContractError(
                f"freq_hz {self.freq_hz.shape} and gain_db {self.gain_db.shape} are not equal",
                fix="give one gain per frequency",
            )
        if (
            len(self.freq_hz) < 2
            or self.freq_hz[0] <= 0
            or bool(np.any(np.diff(self.freq_hz) <= 0))
        ):
            raise ContractError(
                "freq_hz must rise strictly from above 0 Hz", fix="sort the bins and drop DC"
            )
        for name, values in (("freq_hz", self.freq_hz), ("gain_db", self.gain_db)):
            if not bool(np.all(np.isfinite(values))):
                raise ContractError(f"{name} holds NaN or infinity", fix="floor the measured power")

    def at(self, freq_hz: Floats) -> Floats:
        """Return the gain in dB at freq_hz: [freq]; linear in log frequency, flat at the ends."""
        import numpy as np

        log_hz = np.log(np.maximum(freq_hz, 1e-3))
        return np.interp(log_hz, np.log(self.freq_hz), self.gain_db).astype(np.float64)


def shift_db(source: FrequencyResponse, target: FrequencyResponse, freq_hz: Floats) -> Floats:
    """Return what to add to a source spectrum in dB so that it looks recorded by target: [freq]."""
    return target.at(freq_hz) - source.at(freq_hz)

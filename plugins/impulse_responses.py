"""Impulse responses of devices, read from a folder of sound files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from devbench import DataError, SideInformation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIXES = (".wav", ".flac")
SILENT = 1e-8


def read_impulse_responses(folder: Path, side: SideInformation) -> list[NDArray[np.float64]]:
    """Return the impulse responses in a folder, scaled to energy 1: [tap] each.

    Measured ones differ by 20 dB in gain for no reason of the device. Raises DataError for a file
    that cannot be read, is silent, has another sample rate or bears the name of a device of the
    benchmark: what imitates unknown devices must not be one that is tested.
    """
    import numpy as np  # here: asking a plugin for its options must not wait for numpy
    import soundfile

    rate_hz, found = side.features.sample_rate_hz, []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
        if slug(path) in side.devices:
            raise DataError(
                f"{path.name!r} in the folder of impulse responses is a device of the benchmark",
                fix="take it out: a method must not train on the devices that it is tested on",
            )
        try:
            taps, its_rate_hz = soundfile.read(path, dtype="float64", always_2d=True)
        except (OSError, RuntimeError) as error:
            raise DataError(
                f"{path.name!r} in the folder of impulse responses cannot be read: {error}",
                fix="replace it, or take it out",
            ) from error
        if its_rate_hz != rate_hz:
            raise DataError(
                f"{path.name!r} in the folder of impulse responses has {its_rate_hz} Hz",
                fix=f"resample it to {rate_hz} Hz, the rate of the benchmark",
            )
        energy = float(np.square(taps[:, 0]).sum())
        if not np.isfinite(energy) or energy < SILENT:
            raise DataError(
                f"{path.name!r} in the folder of impulse responses is silent or no sound",
                fix="replace it, or take it out",
            )
        found.append(taps[:, 0] / energy**0.5)
    if not found:
        raise DataError(
            "there is no WAV or FLAC file in the folder of impulse responses",
            fix="--set folder=PATH: give the folder that holds them",
        )
    return found


def slug(path: Path) -> str:
    """Return the name of a file as ids of devices are written."""
    return path.stem.lower().replace("_", "-").replace(" ", "-")


def padded(impulse_responses: Sequence[NDArray[np.float64]]) -> torch.Tensor:
    """Return impulse responses of different lengths as one tensor: [response, tap] float32."""
    taps = [torch.from_numpy(response).float() for response in impulse_responses]
    return torch.nn.utils.rnn.pad_sequence(taps, batch_first=True)

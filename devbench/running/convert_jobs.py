"""What is handed to the convert worker, and arrays on disk for what it hands back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from devbench.files import disk_errors
from devbench.running.jobs import FitJob, Job

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ConvertJob(Job):
    """Fit as a run does, then convert the staged source clips to every target.

    fit: the job of the fit worker; its clips lie beside job.json. clips: folder of the clips to
    convert, staged as `form` says: "method" as the method's `augment` takes them, each clip whole;
    "sound" as waveforms of any length, converted window by window.
    """

    fit: FitJob
    clips: str
    form: Literal["method", "sound"]
    targets: list[str]


def reserve(path: Path, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return a new array on disk whose space is taken now.

    A full disk is an error here; found later, through mapped memory, it would end the process.
    """
    import numpy as np

    with disk_errors(path):
        array: NDArray[np.float32] = np.lib.format.open_memmap(
            path, mode="w+", dtype=np.float32, shape=shape
        )
        if hasattr(os, "posix_fallocate"):
            with path.open("rb+") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array

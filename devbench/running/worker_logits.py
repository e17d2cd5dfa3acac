"""Logits from a worker: a file that a plugin's code may have written, read without trust."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from devbench.errors import RunError
from devbench.files import sha256_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_worker_logits(
    path: Path, *, sha256: object, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return the logits in a worker's logits.npy, which has the hash that it reported.

    The file is mapped before anything is held: a header may claim more than any memory has.
    Raises RunError (state invalid, or nan for logits that are not finite).
    """
    import numpy as np

    try:
        is_whole = sha256_file(path) == sha256
        mapped = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, OverflowError, TypeError) as error:
        raise RunError(
            f"the predictions cannot be read: {' '.join(str(error).split())[:200]}",
            fix="type the command again",
            state="invalid",
        ) from error
    if not is_whole:
        raise RunError(
            "the predictions changed after they were reported",
            fix="type the command again",
            state="invalid",
        )
    if mapped.shape != shape or mapped.dtype != np.float32:
        raise RunError(
            f"predictions are {mapped.shape} {mapped.dtype}, expected {shape} float32",
            fix="mend the plugin: one row of logits per clip",
            state="invalid",
        )
    logits: NDArray[np.float32] = np.array(mapped)
    if not bool(np.isfinite(logits).all()):
        raise RunError("predictions hold NaN or infinity", fix="mend the plugin", state="nan")
    return logits

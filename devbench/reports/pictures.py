"""Spectrograms as small PNG files: one point per frame and band, colours from a palette."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING

from devbench.results.figures import COLOUR_MAP

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
INDEXED = 3


def spectrogram_png(frames: NDArray[np.float32], limits: tuple[float, float]) -> bytes:
    """Return [frame, bin] as a picture: time to the right, the lowest band at the bottom.

    limits: values of the first and the last colour; what lies beyond has that colour.
    """
    import numpy as np

    low, high = limits
    shares = (np.asarray(frames, np.float64) - low) / max(high - low, 1e-9)
    points = np.clip(np.rint(255 * shares), 0, 255).astype(np.uint8).T[::-1]  # [bin, frame]
    n_rows, n_columns = points.shape
    lines = b"".join(b"\0" + row.tobytes() for row in points)  # 0: no filter
    header = struct.pack(">IIBBBBB", n_columns, n_rows, 8, INDEXED, 0, 0, 0)
    return SIGNATURE + b"".join(
        _chunk(kind, data)
        for kind, data in (
            (b"IHDR", header),
            (b"PLTE", bytes(part for colour in palette() for part in colour)),
            (b"IDAT", zlib.compress(lines, 9)),
            (b"IEND", b""),
        )
    )


def palette() -> list[tuple[int, int, int]]:
    """Return the 256 colours of a spectrogram, of equal steps to the eye: red, green, blue."""
    from matplotlib import colormaps

    colours = colormaps[COLOUR_MAP]([n / 255 for n in range(256)], bytes=True)
    return [(int(r), int(g), int(b)) for r, g, b, _ in colours]


def data_uri(data: bytes, kind: str) -> str:
    """Return bytes as an address that needs no network. kind: such as image/png."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

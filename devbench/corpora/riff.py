"""WAV files held against their own header, which libsndfile forgives too much.

A file that was cut off, that a byte was lost from, or whose header was changed is decoded by it
to something else without a word.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NoReturn

from devbench.errors import DataError


def require_whole(data: bytes, path: Path) -> None:
    """Refuse a WAV file whose chunks do not fill it, or whose format contradicts itself.

    Other containers are passed over. A missing pad byte at the end is common and harmless.
    """
    if data[:4] != b"RIFF":
        return
    claimed = int.from_bytes(data[4:8], "little") + 8
    if claimed > len(data) + 1:
        raise DataError(
            f"{path}: {len(data)} bytes where its header says {claimed}",
            fix="copy the file again: it was cut off",
        )
    block_bytes, at = 0, 12
    sizes: dict[bytes, int] = {}
    while at < len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if len(data) < at + 8 or at + 8 + size > len(data):
            _refuse(path, f"{len(data) - at} bytes at its end are no whole chunk")
        if name in (b"fmt ", b"data") and name in sizes:
            _refuse(path, f"chunk {name.decode().strip()!r} stands twice")
        if name == b"fmt ":
            block_bytes = _block_bytes(data[at + 8 : at + 8 + size], path)
        sizes[name] = size
        at += 8 + size + size % 2
    if at not in (claimed, claimed + 1):
        _refuse(path, f"its chunks fill {at} bytes where its header says {claimed}")
    if block_bytes and sizes.get(b"data", 0) % block_bytes:
        _refuse(path, "its data end within a sample")


def _block_bytes(form: bytes, path: Path) -> int:
    """Return how many bytes one sample of all channels takes, after the figures were compared."""
    if len(form) < 16:
        _refuse(path, "its format chunk is too short")
    _, n_channels, rate_hz, bytes_per_s, block_bytes, n_bits = struct.unpack("<HHIIHH", form[:16])
    if block_bytes != n_channels * n_bits / 8 or bytes_per_s != rate_hz * block_bytes:
        _refuse(
            path,
            f"its header says {n_channels} channels of {n_bits} bits at {rate_hz} Hz, and also "
            f"{block_bytes} bytes a sample and {bytes_per_s} bytes a second",
        )
    return int(block_bytes)


def _refuse(path: Path, why: str) -> NoReturn:
    raise DataError(
        f"{path}: {why}",
        fix="copy the file again; where its recorder writes it so, convert it to FLAC and listen",
    )

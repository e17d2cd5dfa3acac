"""Frequency responses of a corpus's devices: shipped for the embedded corpora, else from a folder.

The page that `devbench leaderboard` writes is a function of the records alone, so it shows only
shipped ones; `devbench page serve --data DIR` looks into corpora, too. The shipped file holds what
the embedded corpora measure of their own devices; a test holds it against them.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from devbench.results.tables import BlockKey

GRID_HZ = tuple(round(1000 * 2 ** (step / 6), 1) for step in range(-24, 21))
"""Sixth octaves from 62.5 Hz to 10.1 kHz."""
SHIPPED: Mapping[tuple[str, int], str] = {("sim7", 1): "sim7.csv", ("sim7-75", 1): "sim7.csv"}


@dataclass(frozen=True, slots=True)
class Responses:
    """Gains by device in dB relative to 1 kHz at freq_hz: [bin]. NaN where none was measured."""

    freq_hz: tuple[float, ...]
    gain_db: Mapping[str, tuple[float, ...]]
    origin: str


FindResponses = Callable[[BlockKey], Responses | None]


def shipped_responses(key: BlockKey) -> Responses | None:
    """Return the responses of an embedded corpus; None for any other, whatever it calls itself."""
    name = SHIPPED.get((key.corpus, key.corpus_version))
    if name is None or key.provenance != "simulated":
        return None
    place = resources.files("devbench.pages").joinpath(f"responses/{name}")
    header, *rows = csv.reader(io.StringIO(place.read_text("utf-8")))
    columns = list(zip(*((float(cell) for cell in row) for row in rows), strict=True))
    return Responses(
        freq_hz=columns[0],
        gain_db=dict(zip(header[1:], columns[1:], strict=True)),
        origin="Simulated devices of the embedded corpus, as it measures them from impulses",
    )


def sampled(freq_hz: object, gain_db: object) -> tuple[float, ...]:
    """Return gains at GRID_HZ, linear in the logarithm of frequency, NaN outside what is known.

    freq_hz, gain_db: [bin] float64.
    """
    import numpy as np

    known = np.asarray(freq_hz, dtype=np.float64)
    found = np.interp(
        np.log(GRID_HZ), np.log(known), np.asarray(gain_db), left=math.nan, right=math.nan
    )
    return tuple(float(value) for value in found)


def responses_in(folders: Iterable[Path]) -> FindResponses:
    """Return a finder that looks into corpora, by fingerprint, where none is shipped."""
    from devbench.results.expected import Expectation

    held = Expectation(list(folders))

    def find(key: BlockKey) -> Responses | None:
        shipped = shipped_responses(key)
        corpus = None if shipped else held.corpus(key.fingerprint)
        if corpus is None:
            return shipped
        found = {device.id: corpus.response(device.id) for device in corpus.devices}
        gain_db = {
            device: sampled(response.freq_hz, response.gain_db)
            for device, response in sorted(found.items())
            if response is not None
        }
        if not gain_db:
            return None
        return Responses(GRID_HZ, gain_db, f"Responses of corpus {corpus.header.name}")

    return find

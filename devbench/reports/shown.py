"""Sounds and spectrograms of an event as the template shows them: places on axes, data in text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from devbench.pages.charts import Tick
from devbench.pages.maps import Figure, Map
from devbench.reports.hearing import Heard, Take
from devbench.reports.pictures import data_uri, palette, spectrogram_png
from devbench.results.figures import TICKS_HZ
from devbench.results.render import clean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames = NDArray[np.float32]

MAX_BYTES = 1_500_000
"""Of sounds and pictures before they become text, which is a third longer."""
PICTURE_WIDTH, PICTURE_HEIGHT = 320.0, 190.0
LEFT, TOP, RIGHT, BOTTOM = 44.0, 6.0, 8.0, 34.0
N_BANDS = 6


class Recording(NamedTuple):
    """A spectrogram with a player. words: what it shows, in a sentence; sound: '' where too big."""

    title: str
    picture: str
    sound: str
    words: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


class Beside(NamedTuple):
    """A target's recordings with the words above them."""

    target: str
    words: str
    recordings: tuple[Recording, ...]


@dataclass(frozen=True, slots=True)
class HeardView:
    """The section of sounds. stops: colours of the key, low to high, as #rrggbb."""

    run_id: str
    event: str
    label: str
    source: Recording
    pairs: tuple[Beside, ...]
    table: Map
    low: str
    high: str
    unit: str
    stops: tuple[str, ...]
    why_not: str
    notes: tuple[str, ...]
    n_bytes: int


def heard_view(heard: Heard) -> HeardView:
    """Return what is shown; targets after the first lose their sounds where there is no room."""
    unit = "dB" if heard.is_db else "value"
    left = [MAX_BYTES]
    notes = list(heard.notes)

    def recording(title: str, take: Take, words: str) -> Recording:
        picture = spectrogram_png(take.frames, heard.limits)
        fits = left[0] >= len(picture) + len(take.flac)
        left[0] -= len(picture) + (len(take.flac) if fits else 0)
        if not fits:
            notes.append(f"no sound of {title}: the page would become too big")
        if take.lowered_db > 0:
            notes.append(f"{title}: lowered by {take.lowered_db:.1f} dB to fit below full scale")
        return Recording(
            title=clean(title),
            picture=data_uri(picture, "image/png"),
            sound=data_uri(take.flac, "audio/flac") if fits else "",
            words=words,
            x_ticks=_time_ticks(len(take.frames), heard.hop_s),
            y_ticks=_band_ticks(heard.bin_hz),
        )

    source = recording(
        f"source: {heard.source.device}",
        heard.source,
        f"{clean(heard.label)} as {clean(heard.source.device)} recorded it",
    )
    pairs = []
    for pair in heard.pairs:
        words = f"source differs by {pair.error_db:.1f} {unit}"
        shown = []
        if pair.converted is not None:
            words += f", converted by {pair.converted_error_db:.1f} {unit}"
            shown.append(
                recording(
                    f"converted to {pair.target}",
                    pair.converted,
                    f"the source's recording converted to {clean(pair.target)}",
                )
            )
        shown.append(
            recording(
                f"target: {pair.target}",
                pair.real,
                f"the same event as {clean(pair.target)} recorded it",
            )
        )
        pairs.append(Beside(clean(pair.target), words, tuple(shown)))
    colours = palette()[:: 255 // 5]
    return HeardView(
        run_id=heard.run_id,
        event=clean(heard.event_id),
        label=clean(heard.label),
        source=source,
        pairs=tuple(pairs),
        table=_table(heard),
        low=f"{heard.limits[0]:.0f}",
        high=f"{heard.limits[1]:.0f}",
        unit=unit,
        stops=tuple("#{:02x}{:02x}{:02x}".format(*colour) for colour in colours),
        why_not=heard.why_not,
        notes=tuple(notes),
        n_bytes=MAX_BYTES - left[0],
    )


def _time_ticks(n_frames: int, hop_s: float) -> tuple[Tick, ...]:
    length_s = n_frames * hop_s
    step = next((s for s in (0.1, 0.2, 0.5, 1.0) if length_s <= 5 * s), 1.0)
    width = PICTURE_WIDTH - LEFT - RIGHT
    n = int(length_s / step + 1e-9)
    return tuple(
        Tick(round(LEFT + width * k * step / length_s, 2), f"{k * step:g}") for k in range(n + 1)
    )


def _band_ticks(bin_hz: Sequence[float]) -> tuple[Tick, ...]:
    """Return places of round frequencies among bands, which stand evenly."""
    import numpy as np

    shown = [hz for hz in TICKS_HZ if bin_hz[0] <= hz <= bin_hz[-1]]
    places = np.interp(shown, bin_hz, np.arange(len(bin_hz)))
    height = PICTURE_HEIGHT - TOP - BOTTOM
    return tuple(
        Tick(
            round(TOP + height * (1 - (float(place) + 0.5) / len(bin_hz)), 2),
            f"{hz // 1000}k" if hz >= 1000 else str(hz),
        )
        for hz, place in zip(shown, places, strict=True)
    )


def _table(heard: Heard) -> Map:
    """Return the mean level over time of a few bands: a line per recording."""
    n_bins = len(heard.bin_hz)
    every = max(1, n_bins // N_BANDS)
    places = list(range(every // 2, n_bins, every))[:N_BANDS]

    def row(name: str, frames: Frames) -> tuple[str, tuple[Figure, ...]]:
        means = frames.mean(axis=0, dtype="float64")
        return clean(name), tuple(Figure(f"{float(means[place]):.1f}") for place in places)

    rows = [row(f"source {heard.source.device}", heard.source.frames)]
    for pair in heard.pairs:
        if pair.converted is not None:
            rows.append(row(f"converted to {pair.target}", pair.converted.frames))
        rows.append(row(f"target {pair.target}", pair.real.frames))
    columns = tuple(f"{heard.bin_hz[place]:.0f} Hz" for place in places)
    return Map("heard-table", "", columns, tuple(rows))

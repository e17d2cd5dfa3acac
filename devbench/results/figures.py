"""Pictures of an evaluation: one event as Figure 1 of the UMC paper shows it, and errors per band.

Spectrograms share one scale in dB and a perceptually uniform colour map; lines differ in colour
(Okabe and Ito's, safe for the colour-blind) and in dashes, so that grey print keeps them apart.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devbench.results.conversion import (
    BAND_MEAN,
    FR_SHIFT,
    FR_SHIFT_LEVEL,
    IDENTITY,
    ClipError,
    Conversion,
    band_means,
)
from devbench.results.render import clean_line

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Frames = NDArray[np.float32]
    Curve = NDArray[np.float64]

COLOUR_MAP = "viridis"
RANGE_DB = 80.0
DOTS_PER_INCH = 130
MAX_ROWS = 8
TICKS_HZ = (100, 500, 1000, 2000, 5000, 10_000, 20_000)
REFERENCE_LINES: Mapping[str, tuple[str, Any]] = {
    IDENTITY: ("#555555", ":"),
    FR_SHIFT: ("#000000", "--"),
    FR_SHIFT_LEVEL: ("#444444", (0, (6, 2, 1, 2, 1, 2))),
    BAND_MEAN: ("#999999", "-."),
}
METHOD_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
METHOD_DASHES = ("-", (0, (5, 1)), (0, (3, 1, 1, 1)))
WORDS = {FR_SHIFT: "frequency responses", BAND_MEAN: "mean spectra of convert clips"}


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One event for pictures. input_db, converted_db, real_db: [frame, bin]; difference_db: [bin].

    difference_db: what the reference named by `difference` adds; None where there is none.
    """

    source: str
    target: str
    event_id: str
    label: str
    input_db: Frames
    converted_db: Frames
    real_db: Frames
    error: ClipError
    difference: str
    difference_db: Curve | None


def draw_example(
    method: str, examples: Sequence[Example], *, bin_hz: Sequence[float], hop_s: float
) -> Figure:
    """Return input, difference, converted and real clip of one event: a row per target."""
    import numpy as np
    from matplotlib.figure import Figure

    shown = list(examples[:MAX_ROWS])
    first = shown[0]
    top_db = max(float(np.max(e.real_db)) for e in shown)
    top_db = max(top_db, float(np.max(first.input_db)))
    low_db = min(float(np.percentile(e.real_db, 2)) for e in shown)
    limits_db = (max(low_db, top_db - RANGE_DB), top_db)
    figure = Figure(figsize=(12.5, 1.3 + 2.1 * len(shown)), layout="constrained")
    axes = figure.subplots(
        len(shown), 4, squeeze=False, sharey=True, width_ratios=(1.0, 0.6, 1.0, 1.0)
    )
    image: Any = None
    for row, example in enumerate(shown):
        titles = (
            f"input: {example.source}",
            f"Δ to {example.target}",
            f"converted: error {example.error.mean_abs_db:.1f} dB",
            f"real: {example.target}",
        )
        clips = {0: example.input_db, 2: example.converted_db, 3: example.real_db}
        for column, clip in clips.items():
            image = _spectrogram(axes[row, column], clip, hop_s, limits_db)
        _difference(axes[row, 1], example)
        for column, title in enumerate(titles):
            axes[row, column].set_title(title, fontsize=9)
            axes[row, column].tick_params(labelsize=8)
        _hz_ticks(axes[row, 0].yaxis, bin_hz)
        axes[row, 0].set_ylabel("Hz (mel bands)", fontsize=8)
    for column, words in enumerate(("s", "dB", "s", "s")):
        axes[-1, column].set_xlabel(words, fontsize=8)
    bar = figure.colorbar(image, ax=axes, aspect=12 * len(shown), pad=0.01, fraction=0.03)
    bar.set_label("dB", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    handles, labels = axes[0, 1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    more = f"; {len(examples) - len(shown)} more targets" if len(examples) > len(shown) else ""
    figure.suptitle(
        clean_line(f"{method} from {first.source}: event {first.event_id} ({first.label}){more}"),
        fontsize=11,
        parse_math=False,  # names of events are no mathematics, whatever signs they hold
    )
    return figure


def _spectrogram(axes: Axes, clip_db: Frames, hop_s: float, limits_db: tuple[float, float]) -> Any:
    n_frames, n_bins = clip_db.shape
    return axes.imshow(
        clip_db.T,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap=COLOUR_MAP,
        extent=(-0.5 * hop_s, (n_frames - 0.5) * hop_s, -0.5, n_bins - 0.5),
        vmin=limits_db[0],
        vmax=limits_db[1],
    )


def _difference(axes: Axes, example: Example) -> None:
    """Draw what should be added per band, and what was: lines over bands."""
    import numpy as np

    n_frames = min(len(example.input_db), len(example.real_db))
    own_db = example.input_db.mean(axis=0)
    bins = np.arange(len(own_db))
    if example.difference_db is not None:
        label = f"Δ: {WORDS[example.difference]}"
        axes.plot(example.difference_db, bins, color="#0072B2", lw=1.8, label=label)
    axes.plot(
        example.converted_db.mean(axis=0) - own_db,
        bins,
        color="#D55E00",
        lw=1.4,
        ls="--",
        label="converted - input, mean over time",
    )
    axes.plot(
        example.real_db[:n_frames].mean(axis=0) - example.input_db[:n_frames].mean(axis=0),
        bins,
        color="#000000",
        lw=1.2,
        ls=":",
        label="real - input, mean over time",
    )
    axes.axvline(0.0, color="#bbbbbb", lw=0.8, zorder=0)
    axes.margins(x=0.08)


def draw_bands(conversion: Conversion) -> Figure:
    """Return the mean absolute error per band of every row, mean over pairs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 5.0), layout="constrained")
    axes = figure.subplots()
    number = 0
    for row in conversion.rows:
        if row.name in REFERENCE_LINES:
            colour, dashes = REFERENCE_LINES[row.name]
        else:
            colour = METHOD_COLOURS[number % len(METHOD_COLOURS)]
            dashes = METHOD_DASHES[number // len(METHOD_COLOURS) % len(METHOD_DASHES)]
            number += 1
        axes.plot(
            band_means(row)[0],
            color=colour,
            ls=dashes,
            lw=1.4 if row.name in REFERENCE_LINES else 2.2,
            zorder=3 if row.name in REFERENCE_LINES else 2,  # dashes on top of an equal line
            label=f"{row.name} ({row.mean_abs_db:.2f} dB)",
        )
    _hz_ticks(axes.xaxis, conversion.bin_hz)
    axes.set_xlim(-0.5, len(conversion.bin_hz) - 0.5)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("Hz (mel bands)")
    axes.set_ylabel("mean absolute error, dB")
    axes.grid(color="#dddddd", lw=0.6)
    axes.legend(loc="best", fontsize=8, framealpha=0.9)
    n_pairs = len(conversion.rows[0].pairs)
    axes.set_title(
        f"Error of converted log-mel per band: {conversion.benchmark.id}, {conversion.split} "
        f"events, {n_pairs} {'pair' if n_pairs == 1 else 'pairs'}",
        fontsize=11,
    )
    return figure


def _hz_ticks(axis: Any, bin_hz: Sequence[float]) -> None:
    """Name bands by their centres at round frequencies."""
    import numpy as np

    shown = [hz for hz in TICKS_HZ if bin_hz[0] <= hz <= bin_hz[-1]]
    places = np.interp(shown, bin_hz, np.arange(len(bin_hz)))
    axis.set_ticks(places, [f"{hz // 1000}k" if hz >= 1000 else str(hz) for hz in shown])


def render(draw: Callable[[], Figure], words: str = "") -> dict[str, bytes]:
    """Return a figure as the bytes of a file by suffix: png and svg, the same every time.

    words: what it shows, carried in the file as its description.
    """
    import matplotlib as mpl

    files: dict[str, bytes] = {}
    with mpl.rc_context({"svg.hashsalt": "devbench"}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name in a script that the font lacks shows as boxes
        figure = draw()
        told = {"Description": words} if words else {}
        for suffix, unset in (("png", {"Software": None}), ("svg", {"Date": None})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=suffix, dpi=DOTS_PER_INCH, metadata={**unset, **told})
            files[suffix] = buffer.getvalue()
    return files

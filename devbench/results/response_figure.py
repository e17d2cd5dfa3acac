"""The picture of a frequency response: gain over frequency, and the coherence below it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from devbench.results.figures import METHOD_COLOURS, TICKS_HZ
from devbench.results.render import clean_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.contract.values import FrequencyResponse

DOTS_PER_INCH = 130


def draw_response(
    title: str, response: FrequencyResponse, coherence: NDArray[np.float64] | None, *, kind: str
) -> bytes:
    """Return a PNG or SVG file (kind: 'png' or 'svg'). coherence: [bin] 0 to 1, or None."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    n_rows = 1 if coherence is None else 2
    figure = Figure(figsize=(7.5, 3.0 + 1.2 * (n_rows - 1)), layout="constrained")
    grid = figure.subplots(n_rows, 1, squeeze=False, sharex=True, height_ratios=(3, 1)[:n_rows])[
        :, 0
    ]
    curves = [(response.gain_db, "dB relative to 1 kHz"), (coherence, "coherence")][:n_rows]
    for axes, (values, label), colour in zip(grid, curves, METHOD_COLOURS, strict=False):
        axes.semilogx(response.freq_hz, values, color=colour, lw=1.8)
        axes.set_ylabel(label, fontsize=8)
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.tick_params(labelsize=8)
    if coherence is not None:
        grid[1].set_ylim(0, 1.05)
    low_hz, high_hz = float(response.freq_hz[0]), float(response.freq_hz[-1])
    ticks = [hz for hz in TICKS_HZ if low_hz <= hz <= high_hz]
    grid[-1].set_xticks(ticks, [str(hz) for hz in ticks])
    grid[-1].minorticks_off()
    grid[-1].set_xlabel("Hz", fontsize=8)
    figure.suptitle(clean_line(title), fontsize=10, parse_math=False)
    buffer = io.BytesIO()
    # Without date and random ids, so that equal responses give equal files.
    with mpl.rc_context({"svg.hashsalt": "devbench"}):
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(buffer, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
    return buffer.getvalue()

"""The picture of a run's relevance: a map of bands and devices per measure, in one scale each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devbench.explaining.relevance import MEASURES, Relevance
from devbench.results.render import clean_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"


def draw_relevance(found: Relevance) -> Figure:
    """Return maps of devices over bands: F1 lost in points, and shares of each measure in percent.

    Every cell carries its number, so that nothing is told by colour alone.
    """
    import numpy as np
    from matplotlib.figure import Figure

    names = [name for name in MEASURES if any(name in d.measures for d in found.devices)]
    maps: list[tuple[str, str, list[list[float]], bool]] = [
        (
            f"macro F1 lost without the band ({found.settings.fill})",
            "F1 points",
            [[100 * lost for lost in device.f1_lost] for device in found.devices],
            True,
        )
    ]
    for name in names:
        rows = [
            [100 * v for v in device.measures[name].share]
            if name in device.measures
            else [0.0] * len(device.f1_lost)
            for device in found.devices
        ]
        maps.append((f"{MEASURES[name]}: share of the absolute relevance", "%", rows, False))
    n_rows, n_bands = len(found.devices), len(found.edges_hz) - 1
    figure = Figure(
        figsize=(2.5 + 0.75 * n_bands, 0.6 + len(maps) * (1.1 + 0.32 * n_rows)),
        layout="constrained",
    )
    grid = figure.subplots(len(maps), 1, squeeze=False)[:, 0]
    labels = [
        clean_line(f"{d.device}{' (source)' if d.role == 'source' else ''}") for d in found.devices
    ]
    for axes, (title, unit, rows, is_signed) in zip(grid, maps, strict=True):
        values = np.array(rows)
        peak = max(float(np.abs(values).max()), 1e-9)
        image = axes.imshow(
            values,
            aspect="auto",
            cmap=DIVERGING if is_signed else SEQUENTIAL,
            vmin=-peak if is_signed else 0.0,
            vmax=peak,
        )
        _numbers(axes, values, image)
        axes.set_xticks(range(n_bands), found.bands.names(), fontsize=7)
        axes.set_yticks(range(n_rows), labels, fontsize=8, parse_math=False)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("band, Hz", fontsize=8)
        axes.set_ylabel("device", fontsize=8)
        bar = figure.colorbar(image, ax=axes, pad=0.01, fraction=0.03)
        bar.set_label(unit, fontsize=8)
        bar.ax.tick_params(labelsize=7)
    figure.suptitle(
        clean_line(
            f"{found.method} from {found.source}, {found.backbone.name} on {found.frontend.name}, "
            f"{found.benchmark.id}"
        ),
        fontsize=10,
        parse_math=False,
    )
    return figure


def _numbers(axes: Any, values: Any, image: Any) -> None:
    """Write each value into its cell, light on dark and dark on light."""
    for (row, column), value in _cells(values):
        red, green, blue, _ = image.cmap(image.norm(value))
        is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        colour = "white" if is_dark else "black"
        axes.text(column, row, f"{value:z.0f}", ha="center", va="center", fontsize=7, color=colour)


def _cells(values: Any) -> list[tuple[tuple[int, int], float]]:
    n_rows, n_columns = values.shape
    return [
        ((row, column), float(values[row, column]))
        for row in range(n_rows)
        for column in range(n_columns)
    ]

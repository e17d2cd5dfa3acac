"""Two panels as in UMC's Figure 2: information per layer in nats, and accuracy, by kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from devbench.explaining.documents import KINDS, Information
from devbench.results.figures import METHOD_COLOURS
from devbench.results.render import clean_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "^")
DASHES = ("-", "--", ":")


def draw_information(documents: Sequence[Information]) -> Figure:
    """Return a row of two panels per network."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 3.6 * len(documents)), layout="constrained")
    grid = figure.subplots(len(documents), 2, squeeze=False)
    for (left, right), document in zip(grid, documents, strict=True):
        _panel(left, document, accuracy=False)
        _panel(right, document, accuracy=True)
    return figure


def _panel(axes: Axes, document: Information, *, accuracy: bool) -> None:
    names = [layer.name for layer in document.layers]
    for statistic, colour, marker, dash in zip(
        KINDS, METHOD_COLOURS, MARKERS, DASHES, strict=False
    ):
        found = [(i, layer.of(statistic)) for i, layer in enumerate(document.layers)]
        points = [(i, item.estimate) for i, item in found if item is not None]
        if not points:
            continue
        axes.errorbar(
            [i for i, _ in points],
            [e.accuracy if accuracy else e.nats for _, e in points],
            yerr=[e.accuracy_sd if accuracy else e.nats_sd for _, e in points],
            color=colour,
            marker=marker,
            ls=dash,
            ms=4,
            lw=1.6,
            capsize=2,
            label=f"{statistic}-wise",
        )
    clips = document.clips
    bound = clips.chance if accuracy else clips.entropy_nats
    words = "chance" if accuracy else "H(device)"
    axes.axhline(bound, color="#555555", lw=0.9, ls="-.", label=f"{words} {bound:.3g}")
    axes.set_xticks(
        range(len(names)), [clean_line(name) for name in names], rotation=45, ha="right", fontsize=7
    )
    axes.set_ylim(0, 1.05 if accuracy else 1.08 * clips.entropy_nats)
    axes.set_xlabel("layer, from input to output", fontsize=8)
    axes.set_ylabel(
        "accuracy of the auxiliary classifier"
        if accuracy
        else "device information, nats (at least)",
        fontsize=8,
    )
    axes.tick_params(axis="y", labelsize=8)
    axes.grid(color="#dddddd", lw=0.6)
    axes.legend(fontsize=7, framealpha=0.9)
    axes.set_title(clean_line(document.network.title), fontsize=9, parse_math=False)


def alternative(document: Information) -> str:
    """Return what the picture shows, in words."""
    clips = document.clips
    rows = [
        f"{layer.name} {item.kind}-wise {item.estimate.nats:.2f} nats, accuracy "
        f"{item.estimate.accuracy:.2f}"
        for layer in document.layers
        for item in layer.measured
    ]
    head = (
        f"{document.network.title}: {len(clips.devices)} devices, H {clips.entropy_nats:.2f} nats, "
        f"chance {clips.chance:.2f}"
    )
    return clean_line(f"{head}: {', '.join(rows)}")

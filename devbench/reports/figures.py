"""The report's pictures for a paper: PNG and SVG that say their axes and units, the same bytes.

Lines differ in colour (Okabe and Ito's) and in dashes; colour maps are perceptually uniform.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from devbench.pages.added import Added
from devbench.reports.classes import Confusion, confusions_of
from devbench.reports.hearing import Heard
from devbench.reports.learning import MAX_LINES, Course
from devbench.reports.scores import Scores
from devbench.reports.view import Made
from devbench.results.figures import (
    COLOUR_MAP,
    METHOD_COLOURS,
    METHOD_DASHES,
    TICKS_HZ,
    render,
)
from devbench.results.render import clean_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from devbench.pages.devices import Responses
    from devbench.pages.maps import Map

BOUND_COLOUR = "#777777"
TICKS_RESPONSE_HZ = (63, 125, 250, 500, 1000, 2000, 4000, 8000)


def figure_files(made: Made) -> dict[str, bytes]:
    """Return the pictures of a report by file name."""
    view, title = made.view, made.view.title
    drawings: dict[str, Callable[[], Figure]] = {
        "scores": partial(draw_scores, title, view.scores),
        "classes": partial(draw_classes, title, view.classes.table),
    }
    for number, confusion in enumerate(confusions_of(made.chosen)):
        name = f"confusion-{number}-{_file_name(confusion.name)}"
        drawings[name] = partial(draw_confusion, title, confusion, made.chosen.first.classes)
    if view.learning.loss is not None:
        drawings["learning"] = partial(draw_learning, title, view.learning.courses)
    if made.responses is not None:
        drawings["responses"] = partial(draw_responses, made.responses)
    if view.detail.added is not None:
        drawings["added"] = partial(draw_added, title, view.detail.added)
    if made.heard is not None:
        drawings["spectrograms"] = partial(draw_heard, title, made.heard)
    return {
        f"{name}.{suffix}": data
        for name, draw in drawings.items()
        for suffix, data in render(draw).items()
    }


def _file_name(text: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in text)
    return kept[:40] or "device"


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _title(axes: Any, words: str) -> None:
    axes.set_title(clean_line(words), fontsize=10, parse_math=False)


def _names(axes: Axes, names: Sequence[str], *, along: str) -> None:
    """Write names at 0, 1, ... of an axis, never as mathematics."""
    axis = getattr(axes, f"{along}axis")
    axis.set_ticks(range(len(names)), [clean_line(name) for name in names], fontsize=8)
    for label in axis.get_ticklabels():
        label.set_parse_math(False)


def draw_scores(title: str, scores: Scores) -> Figure:
    """Return macro F1 by device with intervals, and the bounds where they are known."""
    lines = scores.shown
    figure = _figure(6.5, 1.2 + 0.3 * len(lines))
    axes = figure.subplots()
    for place, line in enumerate(lines):
        if line.interval:
            axes.hlines(place, *line.interval, color=METHOD_COLOURS[0], lw=2.5)
        for value, mark in ((line.baseline, "|"), (line.ideal, "d")):
            if value is not None:
                axes.plot(value, place, mark, color=BOUND_COLOUR, ms=9 if mark == "|" else 5,
                          label={"|": "baseline", "d": "ideal"}[mark])  # fmt: skip
        axes.plot(line.f1, place, "o", color=METHOD_COLOURS[0], label="score, 95 % interval")
    _names(axes, [f"{line.name} ({line.role})" for line in lines], along="y")
    axes.invert_yaxis()
    axes.set_xlabel("macro F1", fontsize=9)
    axes.grid(axis="x", color="#dddddd", lw=0.6)
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    axes.legend(unique.values(), unique.keys(), fontsize=8, frameon=False)
    _title(axes, f"{title}: macro F1 of each device")
    return figure


def draw_confusion(title: str, confusion: Confusion, classes: Sequence[str]) -> Figure:
    """Return the matrix of one device: shares of rows as colours."""
    import numpy as np

    counts = confusion.counts
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 2.2 + 0.28 * len(classes)
    figure = _figure(min(size + 0.6, 16.0), min(size, 15.0))
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="cividis", vmin=0.0, vmax=1.0)
    if len(classes) <= 25:
        for true, row in enumerate(counts.tolist()):
            for said, n in enumerate(row):
                if n:
                    ink = "white" if shares[true, said] < 0.6 else "black"
                    axes.text(said, true, str(n), ha="center", va="center", fontsize=7, color=ink)
    _names(axes, classes, along="x")
    _names(axes, classes, along="y")
    axes.tick_params(axis="x", rotation=90)
    axes.set_xlabel("answer", fontsize=9)
    axes.set_ylabel("true class", fontsize=9)
    figure.colorbar(image, ax=axes, label="share of the true class", fraction=0.045)
    _title(axes, f"{title}: answers on {confusion.name}, clips")
    return figure


def draw_classes(title: str, table: Map) -> Figure:
    """Return F1 by class and device; the column of gains is left out."""
    columns = [name for name in table.columns if name != "gain"]
    values = [[float(cell.value or 0.0) for cell in cells[: len(columns)]]
              for _, cells in table.rows]  # fmt: skip
    figure = _figure(2.5 + 0.45 * len(columns), min(1.8 + 0.24 * len(values), 18.0))
    axes = figure.subplots()
    image = axes.imshow(values, cmap="cividis", vmin=0.0, vmax=1.0, aspect="auto")
    _names(axes, columns, along="x")
    _names(axes, [name for name, _ in table.rows], along="y")
    axes.tick_params(axis="x", rotation=90)
    axes.set_xlabel("device", fontsize=9)
    axes.set_ylabel("class", fontsize=9)
    figure.colorbar(image, ax=axes, label="F1", fraction=0.06)
    _title(axes, f"{title}: F1 of each class")
    return figure


def draw_learning(title: str, courses: Sequence[Course]) -> Figure:
    """Return validation loss and macro F1 on the source over epochs."""
    figure = _figure(9.0, 3.6)
    loss, score = figure.subplots(1, 2)
    drawn = [course for course in courses if len(course.epochs) > 1][:MAX_LINES]
    for course in drawn:
        colour, dashes = _line(course.number)
        epochs = [epoch.epoch for epoch in course.epochs]
        label = clean_line(course.name)
        loss.plot(epochs, [e.val_loss for e in course.epochs], color=colour, ls=dashes, label=label)
        score.plot(epochs, [e.val_macro_f1 for e in course.epochs], color=colour, ls=dashes)
    for axes, words in ((loss, "validation loss, nats"), (score, "validation macro F1")):
        axes.set_xlabel("epoch", fontsize=9)
        axes.set_ylabel(words, fontsize=9)
        axes.set_ylim(bottom=0.0)
        axes.grid(color="#dddddd", lw=0.6)
    for text in loss.legend(fontsize=7, framealpha=0.9).get_texts():
        text.set_parse_math(False)
    figure.suptitle(clean_line(f"{title}: learning on the source"), fontsize=10, parse_math=False)
    return figure


def _line(number: int) -> tuple[str, Any]:
    n = len(METHOD_COLOURS)
    return METHOD_COLOURS[number % n], METHOD_DASHES[number // n % len(METHOD_DASHES)]


def draw_responses(responses: Responses) -> Figure:
    """Return the gain of every device over frequency."""
    figure = _figure(7.5, 4.0)
    axes = figure.subplots()
    for number, (device, gain_db) in enumerate(responses.gain_db.items()):
        colour, dashes = _line(number)
        label = clean_line(device)
        axes.semilogx(responses.freq_hz, gain_db, color=colour, ls=dashes, lw=1.6, label=label)
    _hz_axis(axes, responses.freq_hz)
    axes.set_ylabel("gain, dB relative to 1 kHz", fontsize=9)
    for text in axes.legend(fontsize=7, ncols=2, framealpha=0.9).get_texts():
        text.set_parse_math(False)
    _title(axes, "Frequency responses of the devices")
    return figure


def draw_added(title: str, added: Added) -> Figure:
    """Return quantiles of the level that a method adds, over frequency."""
    figure = _figure(6.5, 3.8)
    axes = figure.subplots()
    axes.set_xscale("log")
    for low, high, alpha, words in ((0, 4, 0.2, "9 of 10 clips"), (1, 3, 0.4, "half of the clips")):
        axes.fill_between(added.hz, added.db[low], added.db[high], color=METHOD_COLOURS[0],
                          alpha=alpha, lw=0, label=words)  # fmt: skip
    axes.plot(added.hz, added.db[2], color="#000000", lw=1.6, label="median")
    axes.axhline(0.0, color=BOUND_COLOUR, lw=0.8)
    _hz_axis(axes, added.hz)
    axes.set_ylabel("added, dB", fontsize=9)
    axes.legend(fontsize=8, frameon=False)
    _title(axes, f"{title}: level added to source clips")
    return figure


def _hz_axis(axes: Axes, freq_hz: Sequence[float]) -> None:
    ticks = [hz for hz in TICKS_RESPONSE_HZ if freq_hz[0] <= hz <= freq_hz[-1]]
    axes.set_xticks(ticks, [str(hz) for hz in ticks])
    axes.minorticks_off()
    axes.set_xlabel("frequency, Hz", fontsize=9)
    axes.grid(color="#dddddd", lw=0.6)


def draw_heard(title: str, heard: Heard) -> Figure:
    """Return the event: a row per target with source, converted (where there is one) and target."""
    n_columns = 2 if heard.why_not else 3
    figure = _figure(3.2 * n_columns + 0.8, 1.0 + 1.9 * len(heard.pairs))
    grid = figure.subplots(len(heard.pairs), n_columns, squeeze=False, sharey=True)
    image: Any = None
    for row, pair in zip(grid, heard.pairs, strict=True):
        takes = [(f"source: {heard.source.device}", heard.source)]
        if pair.converted is not None:
            takes.append((f"converted to {pair.target}", pair.converted))
        takes.append((f"target: {pair.target}", pair.real))
        for axes, (words, take) in zip(row, takes, strict=True):
            n_frames, n_bins = take.frames.shape
            image = axes.imshow(
                take.frames.T, origin="lower", aspect="auto", interpolation="nearest",
                cmap=COLOUR_MAP, vmin=heard.limits[0], vmax=heard.limits[1],
                extent=(0.0, n_frames * heard.hop_s, -0.5, n_bins - 0.5),
            )  # fmt: skip
            axes.set_title(clean_line(words), fontsize=8, parse_math=False)
            axes.tick_params(labelsize=7)
        _band_axis(row[0], heard.bin_hz)
    for axes in grid[-1]:
        axes.set_xlabel("time, s", fontsize=8)
    bar = figure.colorbar(image, ax=grid, fraction=0.03, pad=0.01)
    bar.set_label("level, dB" if heard.is_db else "value", fontsize=8)
    words = f"{title}: event {heard.event_id} ({heard.label})"
    figure.suptitle(clean_line(words), fontsize=10, parse_math=False)
    return figure


def _band_axis(axes: Axes, bin_hz: Sequence[float]) -> None:
    import numpy as np

    shown = [hz for hz in TICKS_HZ if bin_hz[0] <= hz <= bin_hz[-1]]
    places = np.interp(shown, bin_hz, np.arange(len(bin_hz)))
    axes.set_yticks(places, [f"{hz // 1000}k" if hz >= 1000 else str(hz) for hz in shown])
    axes.set_ylabel("frequency, Hz", fontsize=8)

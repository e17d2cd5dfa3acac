"""Pictures: their axes have names and units, nothing lies over another text, the same bytes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from devbench.results.conversion import clip_error
from devbench.results.figures import MAX_ROWS, Example, draw_bands, draw_example, render
from helpers.conversions import document

BIN_HZ = np.geomspace(60, 10_500, 80).tolist()
HOP_S = 256 / 22050


def example(target: str, *, n_frames: int = 80, with_curve: bool = True) -> Example:
    rng = np.random.default_rng(3)
    own = rng.uniform(-70, 0, (n_frames, 80)).astype(np.float32)
    real = own[: n_frames - 2] + 5
    return Example(
        source="phone",
        target=target,
        event_id="00$\\x$17",
        label="hum",
        input_db=own,
        converted_db=own + 3,
        real_db=real,
        error=clip_error(own + 3, real, floor_db=-100),
        difference="fr-shift",
        difference_db=np.full(80, 4.0) if with_curve else None,
    )


def drawn(*examples: Example) -> Any:
    return draw_example("umc", examples, bin_hz=BIN_HZ, hop_s=HOP_S)


@pytest.mark.parametrize("n_targets", [1, 6])
def test_no_text_lies_over_another(n_targets: int) -> None:
    figures = [
        drawn(*(example(f"device-{n}") for n in range(n_targets))),
        draw_bands(document(("identity", 8.0), ("m", 3.0))),
    ]
    for figure in figures:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # places everything
        renderer = canvas.get_renderer()
        texts = [figure._suptitle] if figure._suptitle else []
        for axes in figure.axes:
            texts += [axes.title, axes.xaxis.label, axes.yaxis.label]
            texts += [t for axis in (axes.xaxis, axes.yaxis) for t in visible_labels(axis)]
        boxes = [t.get_window_extent(renderer) for t in texts if t.get_text() and t.get_visible()]
        for first, second in itertools.combinations(boxes, 2):
            assert not first.overlaps(second), (first, second)
            assert first.x0 >= 0 and first.y0 >= 0


def visible_labels(axis: Any) -> list[Any]:
    low, high = sorted(axis.get_view_interval())
    ticks = axis.get_major_ticks()
    return [t.label1 for t in ticks if low <= t.get_loc() <= high and t.label1.get_visible()]


def test_rows_share_one_scale_and_say_what_they_show() -> None:
    figure = drawn(example("tablet"), example("watch", with_curve=False))
    images = [image for axes in figure.axes for image in axes.images]
    assert len(images) == 6
    assert len({image.get_clim() for image in images}) == 1
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:4] == ["input: phone", "Δ to tablet", "converted: error 2.0 dB", "real: tablet"]
    words = {axes.get_xlabel() for axes in figure.axes} | {a.get_ylabel() for a in figure.axes}
    assert {"s", "dB", "Hz (mel bands)"} <= words
    assert "umc from phone" in figure._suptitle.get_text()
    assert len(figure.axes[1].lines) == 4 and len(figure.axes[5].lines) == 3  # without a Δ


def test_more_targets_than_a_page_holds_are_counted() -> None:
    figure = drawn(*(example(f"d{n}") for n in range(MAX_ROWS + 2)))
    assert "2 more targets" in figure._suptitle.get_text()


def test_a_picture_has_the_same_bytes_every_time() -> None:
    conversion = document(("identity", 8.0), ("fr-shift", 4.0), ("m", 3.0))
    first, second = (render(lambda: draw_bands(conversion)) for _ in range(2))
    assert first == second
    assert first["png"].startswith(b"\x89PNG") and b"<svg" in first["svg"]
    assert render(lambda: drawn(example("tablet")))["svg"]


def test_rows_of_the_band_figure_are_told_apart() -> None:
    names = ["identity", "fr-shift", *(f"m{n}" for n in range(8))]
    figure = draw_bands(document(*((name, 1.0 + n) for n, name in enumerate(names))))
    lines = figure.axes[0].lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == len(names)

"""The picture of a corpus' devices: responses and noise floors, and what each difference costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devbench.explaining.devices import Devices
from devbench.results.figures import METHOD_COLOURS, METHOD_DASHES, TICKS_HZ
from devbench.results.render import clean_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REALLY = "#000000"


def draw_devices(found: Devices) -> Figure:
    """Return response and noise of every device; with a run, bars of F1 lost per impairment."""
    from matplotlib.figure import Figure

    n_rows = 2 if found.run is None else 3
    figure = Figure(figsize=(9.0, 1.0 + 2.7 * n_rows), layout="constrained")
    grid = figure.subplots(n_rows, 1, squeeze=False)[:, 0]
    for number, device in enumerate(found.devices):
        style = {
            "color": METHOD_COLOURS[number % len(METHOD_COLOURS)],
            "ls": METHOD_DASHES[number // len(METHOD_COLOURS) % len(METHOD_DASHES)],
            "lw": 1.6,
            "label": clean_line(device.device),
        }
        if device.response_hz is not None and device.response_db is not None:
            grid[0].semilogx(device.response_hz, device.response_db, **style)
        # The spectrum is relative to 1 kHz; moved to where the floor lies below the clips.
        lifted = [db - device.noise_below_level_db for db in device.noise_db]
        grid[1].semilogx(device.noise_hz, lifted, **style)
    grid[0].set_title(f"response relative to {clean_line(found.reference)}", fontsize=9)
    grid[0].set_ylabel("dB relative to 1 kHz", fontsize=8)
    grid[1].set_title("noise floor, below the median clip; shape relative to 1 kHz", fontsize=9)
    grid[1].set_ylabel("dB", fontsize=8)
    for axes in grid[:2]:
        low, high = axes.get_xlim()
        ticks = [hz for hz in TICKS_HZ if low <= hz <= high]
        axes.set_xticks(ticks, [str(hz) for hz in ticks])
        axes.minorticks_off()
        axes.set_xlabel("Hz", fontsize=8)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, ncols=4)
    if found.run is not None:
        _bars(grid[2], found)
    for axes in grid:
        axes.tick_params(labelsize=8)
    figure.suptitle(clean_line(f"Devices of {found.corpus.name}"), fontsize=10, parse_math=False)
    return figure


def _bars(axes: Any, found: Devices) -> None:
    """Draw F1 points lost per target: really, by each impairment, and by all together."""
    run = found.run
    assert run is not None
    names = ["really", *run.devices[0].by_impairment, "together"]
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        values = [
            100
            * (
                device.lost
                if name == "really"
                else device.together
                if name == "together"
                else device.by_impairment[name]
            )
            for device in run.devices
        ]
        places = [at + (number - len(names) / 2 + 0.5) * width for at in range(len(values))]
        colour = REALLY if name == "really" else METHOD_COLOURS[(number - 1) % len(METHOD_COLOURS)]
        axes.bar(places, values, width, color=colour, label=name)
    axes.set_xticks(
        range(len(run.devices)),
        [clean_line(device.device) for device in run.devices],
        parse_math=False,
    )
    axes.set_ylabel("macro F1 points lost", fontsize=8)
    axes.set_xlabel("target", fontsize=8)
    axes.set_title(
        clean_line(f"{run.method} from {run.source}: one difference at a time"),
        fontsize=9,
        parse_math=False,
    )
    axes.axhline(0, color="#888888", lw=0.8)
    axes.legend(fontsize=7, ncols=3)

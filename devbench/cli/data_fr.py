"""`devbench data fr`: the frequency response of a device from what it recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from devbench.cli.data_options import existing_file
from devbench.cli.data_talk import print_json
from devbench.cli.options import json_option

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.corpora.measuring import Estimate

PLOTS = {".png": "png", ".svg": "svg"}


@click.command("fr")
@click.argument("sources", metavar="FILE...", nargs=-1, required=True, type=existing_file)
@click.option(
    "--from",
    "kind",
    type=click.Choice(["impulse", "sweep", "pair", "csv"]),
    required=True,
    help="What FILE... are: recordings of an impulse or of a sweep, recordings beside those of a "
    "reference, or a measured curve.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="CSV to write: responses/DEVICE.csv of a corpus.",
)
@click.option(
    "--sweep",
    "sweep_text",
    metavar="LOW,HIGH,SECONDS",
    default=None,
    help="The exponential sweep that was played, e.g. 20,20000,10.",
)
@click.option(
    "--reference",
    "references",
    type=existing_file,
    multiple=True,
    help="Sweep: the file that was played. Pair: what the reference recorded, one per FILE.",
)
@click.option(
    "--reference-fr",
    type=existing_file,
    default=None,
    help="Pair: response of the reference (CSV); without it the result is relative to it.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Draw it: .png or .svg.",
)
@json_option
def command(
    *, sources: tuple[Path, ...], out: Path, plot: Path | None, as_json: bool, **given: Any
) -> None:
    """Measure the frequency response of a device.

    Several recordings are averaged. The curve is relative to 1 kHz, in 128 mel bands.
    """
    from devbench.audio.responses import write_response
    from devbench.errors import UsageError
    from devbench.files import publish

    for path, suffixes in ((out, (".csv",)), (plot, tuple(PLOTS))):
        if path is None:
            continue
        if path.suffix.lower() not in suffixes:
            raise UsageError(f"{str(path)!r} is no {' or '.join(suffixes)}", fix="name it so")
        if path.exists():
            raise UsageError(f"{str(path)!r} is there already", fix="name another file")
    found = _estimate(sources, **given)
    write_response(out, found.response)
    if plot is not None:
        from devbench.results.response_figure import draw_response

        kind = PLOTS[plot.suffix.lower()]
        title = f"{out.stem}, from {given['kind']}"
        publish(plot, draw_response(title, found.response, found.coherence, kind=kind))
    freq_hz, gain_db = found.response.freq_hz, found.response.gain_db
    if as_json:
        print_json(
            {
                "schema": 1,
                "freq_hz": freq_hz.tolist(),
                "gain_db": gain_db.tolist(),
                "coherence": None if found.coherence is None else found.coherence.tolist(),
            }
        )
        return
    click.echo(
        f"{len(freq_hz)} bands from {freq_hz[0]:.0f} to {freq_hz[-1]:.0f} Hz, "
        f"{gain_db.min():+.1f} to {gain_db.max():+.1f} dB relative to 1 kHz"
    )
    click.echo(f"in {out}")


def _estimate(
    sources: tuple[Path, ...],
    *,
    kind: str,
    sweep_text: str | None,
    references: tuple[Path, ...],
    reference_fr: Path | None,
) -> Estimate:
    from devbench.audio.responses import read_response
    from devbench.corpora import measuring
    from devbench.errors import UsageError

    _refuse_idle(kind, sweep_text=sweep_text, references=references, reference_fr=reference_fr)
    if kind == "csv":
        if len(sources) != 1:
            raise UsageError("one curve is read, not several", fix="give one CSV")
        curve = read_response(sources[0], provenance="measured")
        return measuring.Estimate(measuring.normalised(curve))
    recordings, rate_hz = _recordings(sources)
    if kind == "impulse":
        return measuring.from_impulses(recordings, rate_hz)
    if kind == "sweep":
        sweep = _sweep(sweep_text, rate_hz)
        if len(references) > 1:
            raise UsageError("one sweep is played, not several", fix="give one --reference")
        played = _recordings(references, rate_hz)[0][0] if references else sweep.samples(rate_hz)
        return measuring.from_sweeps(
            recordings, played, rate_hz, low_hz=sweep.low_hz, high_hz=sweep.high_hz
        )
    if len(references) != len(sources):
        raise UsageError(
            f"{len(sources)} recordings and {len(references)} of the reference",
            fix="give one --reference per FILE, in their order",
        )
    pairs = list(zip(_recordings(references, rate_hz)[0], recordings, strict=True))
    found = measuring.from_pairs(pairs, rate_hz)
    if reference_fr is None:
        return found
    known = read_response(reference_fr, provenance="measured")
    return measuring.Estimate(measuring.relative_to(found.response, known), found.coherence)


def _refuse_idle(kind: str, **given: Any) -> None:
    """Refuse options that the kind of measurement does not read, for they would say nothing."""
    from devbench.errors import UsageError

    read_by = {"sweep_text": ("sweep",), "references": ("sweep", "pair"), "reference_fr": ("pair",)}
    names = {"sweep_text": "--sweep", "references": "--reference", "reference_fr": "--reference-fr"}
    for key, value in given.items():
        if value and kind not in read_by[key]:
            raise UsageError(
                f"{names[key]} says nothing to --from {kind}",
                fix=f"leave it out, or use --from {' or '.join(read_by[key])}",
            )


def _sweep(text: str | None, rate_hz: int) -> Any:
    """Return the sweep of LOW,HIGH,SECONDS."""
    from devbench.corpora.measuring import Sweep
    from devbench.errors import UsageError

    if text is None:
        raise UsageError(
            "--from sweep wants to know the sweep that was played",
            fix="say --sweep LOW,HIGH,SECONDS, e.g. --sweep 20,20000,10",
        )
    try:
        low_hz, high_hz, duration_s = map(float, text.split(","))
    except ValueError as error:
        raise UsageError(
            f"--sweep {text!r} is not LOW,HIGH,SECONDS", fix="e.g. --sweep 20,20000,10"
        ) from error
    if not (1 <= low_hz < 1000 < high_hz <= rate_hz / 2 and 0.1 <= duration_s <= 600):
        raise UsageError(
            f"--sweep {text!r} at {rate_hz} Hz",
            fix=f"give 1 <= LOW < 1000 < HIGH <= {rate_hz / 2:g} Hz and 0.1 to 600 seconds",
        )
    return Sweep(low_hz, high_hz, duration_s)


def _recordings(
    paths: tuple[Path, ...], rate_hz: int | None = None
) -> tuple[list[NDArray[np.float64]], int]:
    """Return mono recordings [sample] and their one rate in Hz."""
    import numpy as np

    from devbench.audio.files import decode
    from devbench.corpora.riff import require_whole
    from devbench.errors import DataError
    from devbench.files import read_bytes

    found: list[NDArray[np.float64]] = []
    for path in paths:
        data = read_bytes(path)
        require_whole(data, path)
        samples, own_hz = decode(data, origin=str(path))
        rate_hz = rate_hz or own_hz
        if samples.shape[0] != 1 or own_hz != rate_hz:
            raise DataError(
                f"{path}: {samples.shape[0]} channels at {own_hz} Hz where one at {rate_hz} Hz is "
                "needed",
                fix="give mono recordings of one rate",
            )
        if not bool(np.any(samples)):
            raise DataError(f"{path}: the recording is silent", fix="record it again")
        found.append(samples[0].astype(np.float64))
    assert rate_hz is not None
    return found, rate_hz

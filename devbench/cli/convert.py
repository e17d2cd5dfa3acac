"""devbench convert: hear what a converter does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbench.cli.options import (
    benchmark_option,
    budget_option,
    data_option,
    device_option,
    json_option,
    plugin_option,
    settings_option,
    store_option,
    threads_option,
)

if TYPE_CHECKING:
    from devbench.running.convert_sound import ConvertedSound

DEFAULT_METHOD = "umc-plus-real"


@click.command("convert")
@click.argument("sound", metavar="IN", type=click.Path(path_type=Path))
@click.option("--from", "source", required=True, help="Device that recorded IN.")
@click.option("--to", "target", required=True, help="Device that IN shall sound like.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="WAV or FLAC file to write, by its ending.",
)
@click.option("--method", default=DEFAULT_METHOD, show_default=True, help="A method that converts.")
@benchmark_option
@budget_option
@settings_option
@plugin_option
@device_option
@threads_option
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@data_option
@store_option
@json_option
def command(
    *,
    sound: Path,
    source: str,
    target: str,
    out: Path,
    method: str,
    benchmark: str,
    budget: str,
    settings: tuple[str, ...],
    plugin_file: Path | None,
    device: str,
    threads: int,
    force: bool,
    data: Path | None,
    store: Path,
    as_json: bool,
) -> None:
    """Write IN as another device would have recorded it: WAV or FLAC, any rate, any length.

    \b
    devbench convert speech.wav --from iphone14 --to lggram --out heard.wav
    """
    from devbench.audio.streams import read_header, require_output
    from devbench.benchmark.load import load_benchmark
    from devbench.errors import UsageError
    from devbench.results.store import Store
    from devbench.running.conversion import plan_sources, require_device
    from devbench.running.convert_sound import convert_sound
    from devbench.running.plan import Request
    from devbench.talk import ConsoleTalk

    devices = load_benchmark(benchmark).devices
    for name in (source, target):
        require_device(name, devices, benchmark)
    if source == target:
        raise UsageError(f"--from and --to are both {source!r}", fix="name two devices")
    header = read_header(sound)
    form = require_output(out, header, force=force)
    opened = Store(store)
    talk = ConsoleTalk()
    request = Request(
        method=method,
        source=source,
        benchmark=benchmark,
        budget=budget,
        settings=settings,
        plugin_file=plugin_file,
        device=device,
        threads=threads,
    )
    try:
        planned = plan_sources(request, [source], data=data, store=opened.folder, talk=talk)
        converted = convert_sound(
            planned[source], header, out, target=target, form=form, store=opened, talk=talk
        )
    finally:
        talk.close()
    if as_json:
        _print_json(converted, out, method=method, source=source, target=target)
        return
    _print(converted, out, method=method, target=target)


def _print(converted: ConvertedSound, out: Path, *, method: str, target: str) -> None:
    from devbench.talk import printable

    header = converted.header
    channels = "1 channel" if header.n_channels == 1 else f"{header.n_channels} channels"
    click.echo(
        printable(
            f"{out}: {header.duration_s:.2f} s, {channels}, {header.sample_rate_hz} Hz, "
            f"{converted.container} {converted.subtype}, as {target} by {method}"
        )
    )
    gains = list(zip(converted.mean_gain_db, converted.bin_hz, strict=True))
    (low_db, low_hz), (high_db, high_hz) = min(gains), max(gains)
    click.echo(
        f"mean gain from {low_db:+.1f} dB at {low_hz:.0f} Hz to {high_db:+.1f} dB at {high_hz:.0f} "
        "Hz"
    )
    for note in _notes(converted):
        click.echo(f"note: {note}")


def _notes(converted: ConvertedSound) -> list[str]:
    notes = []
    if converted.scaled_db > 0:
        notes.append(
            f"peak {converted.peak:.2f} is above full scale; the whole sound was lowered by "
            f"{converted.scaled_db:.1f} dB (a WAV file of floats as IN keeps the level)"
        )
    elif converted.peak > 1.0:
        notes.append(f"peak {converted.peak:.2f} is above full scale 1; the floats hold it")
    if converted.subtype != converted.header.subtype:
        notes.append(f"FLAC holds no {converted.header.subtype}; written as {converted.subtype}")
    return notes


def _print_json(
    converted: ConvertedSound, out: Path, *, method: str, source: str, target: str
) -> None:
    from devbench.files import pretty_json

    document = {
        "out": str(out),
        "method": method,
        "from": source,
        "to": target,
        "sample_rate_hz": converted.header.sample_rate_hz,
        "n_channels": converted.header.n_channels,
        "n_samples": converted.header.n_samples,
        "container": converted.container,
        "subtype": converted.subtype,
        "peak": converted.peak,
        "scaled_db": converted.scaled_db,
        "bin_hz": converted.bin_hz,
        "mean_gain_db": converted.mean_gain_db,
        "artifacts": [use.model_dump(mode="json") for use in converted.artifacts],
        "notes": _notes(converted),
    }
    click.echo(pretty_json(document).decode(), nl=False)

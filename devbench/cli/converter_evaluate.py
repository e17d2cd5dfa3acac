"""devbench converter evaluate: how near converted clips come to real ones, in dB."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbench.cli.options import (
    benchmark_option,
    budget_option,
    data_option,
    device_option,
    fold_option,
    json_option,
    plugin_option,
    settings_option,
    store_option,
    threads_option,
)

if TYPE_CHECKING:
    from devbench.results.conversion import Conversion
    from devbench.results.figures import Example
    from devbench.talk import ConsoleTalk

MAX_PAIRS_SHOWN = 7


@click.command("evaluate")
@click.option(
    "--method",
    "methods",
    multiple=True,
    required=True,
    help="A method that converts; several make several rows.",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    required=True,
    help="Device whose clips are converted; several, or 'all'.",
)
@click.option(
    "--target", "targets", multiple=True, help="Device to convert to; default: all others."
)
@benchmark_option
@budget_option
@fold_option
@settings_option
@click.option(
    "--split",
    type=click.Choice(["test", "val"]),
    default="test",
    show_default=True,
    help="Whose events are compared.",
)
@plugin_option
@click.option("--per-band", is_flag=True, help="Print the errors of every band, too.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Write conversion.json, tables as CSV and figures into this folder.",
)
@device_option
@threads_option
@data_option
@store_option
@json_option
def command(
    *,
    methods: tuple[str, ...],
    sources: tuple[str, ...],
    targets: tuple[str, ...],
    benchmark: str,
    budget: str,
    fold: int,
    settings: tuple[str, ...],
    split: str,
    plugin_file: Path | None,
    per_band: bool,
    out: Path | None,
    device: str,
    threads: int,
    data: Path | None,
    store: Path,
    as_json: bool,
) -> None:
    """Convert clips of SOURCE and compare them with what TARGET recorded of the same events.

    \b
    devbench converter evaluate --method fr-shift-real --source iphone14 --target lggram
    devbench converter evaluate --method umc-real --method umc-synth --source all --out FOLDER
    """
    from devbench.benchmark.load import load_benchmark
    from devbench.errors import UsageError
    from devbench.registry import installed
    from devbench.results.store import Store
    from devbench.running.conversion import evaluate, plan_sources, require_device
    from devbench.running.plan import Request
    from devbench.talk import ConsoleTalk

    for kind, names in (("--method", methods), ("--source", sources), ("--target", targets)):
        if len(set(names)) != len(names):
            raise UsageError(f"{kind} names something twice", fix="name each once")
    offered = installed("method")
    foreign = [method for method in methods if method.rpartition(":")[2] not in offered]
    if plugin_file is not None and not foreign:
        raise UsageError("--plugin, and every --method is installed", fix="leave --plugin out")
    if settings and len(methods) > 1:
        raise UsageError("--set with several methods", fix="give --set with one --method")
    if out is not None:
        _require_folder(out)
    loaded = load_benchmark(benchmark)
    chosen = loaded.sources if "all" in sources else list(sources)
    for name in targets:
        require_device(name, loaded.devices, benchmark)
    opened = Store(store)
    talk = ConsoleTalk()
    try:
        plans = {}
        for method in methods:
            request = Request(
                method=method,
                source=chosen[0],
                benchmark=benchmark,
                budget=budget,
                fold=fold,
                settings=settings,
                plugin_file=plugin_file if method in foreign else None,
                device=device,
                threads=threads,
            )
            planned = plan_sources(request, chosen, data=data, store=opened.folder, talk=talk)
            plans[planned[chosen[0]].plan.method.name] = planned
        conversion, examples = evaluate(
            plans,
            opened,
            targets=targets or loaded.devices,
            split="val" if split == "val" else "test",
            talk=talk,
        )
        if out is not None:
            _write(conversion, examples, out, talk)
    finally:
        talk.close()
    if as_json:
        click.echo(conversion.to_json().decode(), nl=False)
        return
    _print(conversion, per_band=per_band)


def _require_folder(out: Path) -> None:
    """Refuse a folder that cannot be made or written to before hours of work, not after."""
    import os

    from devbench.errors import DataError
    from devbench.files import disk_errors

    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    if not os.access(out, os.W_OK):
        raise DataError(f"cannot write into {str(out)!r}", fix="choose another folder for --out")


def _write(
    conversion: Conversion, examples: dict[str, list[Example]], out: Path, talk: ConsoleTalk
) -> None:
    from functools import partial

    from devbench.files import publish
    from devbench.results import figures
    from devbench.results.conversion import bands_csv, pairs_csv

    talk.phase("figures")
    bin_hz = conversion.bin_hz
    hop_s = conversion.features.hop_samples / conversion.features.sample_rate_hz
    drawings = {"bands": partial(figures.draw_bands, conversion)}
    for method, shown in examples.items():
        if shown:
            drawings[f"example-{method}-{shown[0].source}"] = partial(
                figures.draw_example, method, shown, bin_hz=bin_hz, hop_s=hop_s
            )
    files = {
        "conversion.json": conversion.to_json(),
        "conversion.csv": pairs_csv(conversion).encode(),
        "bands.csv": bands_csv(conversion).encode(),
    }
    for name, draw in drawings.items():
        for suffix, content in figures.render(draw).items():
            files[f"{name}.{suffix}"] = content
    for name, content in files.items():
        publish(out / name, content, replace=True)
        click.echo(str(out / name), err=True)


def _print(conversion: Conversion, *, per_band: bool) -> None:
    from devbench.results.conversion import band_means

    rows = conversion.rows
    pairs = [(pair.source, pair.target) for pair in rows[0].pairs]
    n_clips = sum(pair.n_clips for pair in rows[0].pairs)
    click.echo(
        f"{conversion.benchmark.id}, {conversion.split} events: {len(pairs)} "
        f"{'pair' if len(pairs) == 1 else 'pairs'}, {n_clips} clips; converted against real "
        "log-mel, dB"
    )
    ratios = [conversion.ratio_to_fr_shift(row) for row in rows]
    table = [["", "mean abs", "RMS", "of fr-shift"]]
    for row, ratio in zip(rows, ratios, strict=True):
        share = "-" if ratio is None else f"{ratio:.3f}"
        table.append([row.name, f"{row.mean_abs_db:.2f}", f"{row.rms_db:.2f}", share])
    _echo(table)
    for name in conversion.missing:
        click.echo(f"no row {name}: the corpus {conversion.corpus.name!r} has no data for it")
    if 1 < len(pairs) <= MAX_PAIRS_SHOWN:
        several = len({source for source, _ in pairs}) > 1
        names = [f"{s} to {t}" if several else t for s, t in pairs]
        click.echo(f"\nmean abs per pair, dB{'' if several else f', from {pairs[0][0]}'}")
        _echo([["", *names]] + [[row.name, *(f"{p.mean_abs_db:.2f}" for p in row.pairs)]
                                for row in rows])  # fmt: skip
    if per_band:
        click.echo("\nmean abs and RMS per band, dB, means over pairs")
        header = ["Hz", *(f"{row.name} {what}" for row in rows for what in ("abs", "RMS"))]
        columns = [column for row in rows for column in band_means(row)]
        lines = [
            [f"{hz:.0f}", *(f"{value:.2f}" for value in values)]
            for hz, *values in zip(conversion.bin_hz, *columns, strict=True)
        ]
        _echo([header, *lines])


def _echo(table: list[list[str]]) -> None:
    """Print a table: names to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        click.echo("  ".join(cells).rstrip())

"""devbench explain devices: which device differs how, and what of it costs how much F1."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbench.cli.explain_options import benchmark_file_option, common_options, figure_option

if TYPE_CHECKING:
    from devbench.contract.values import Clip
    from devbench.corpora.manifest import Corpus
    from devbench.explaining.devices import Devices
    from devbench.talk import ConsoleTalk


@click.command("devices")
@click.argument("name", metavar="BENCHMARK|CORPUS")
@click.option("--reference", default=None, help="Device to compare with; default: the first.")
@click.option(
    "--run",
    "run_id",
    default=None,
    metavar="RUN",
    help="A stored run: say what each difference costs it; its source is the reference.",
)
@click.option(
    "--events",
    default=80,
    show_default=True,
    type=click.IntRange(2, 100_000),
    help="Events to estimate from.",
)
@figure_option
@benchmark_file_option
@common_options
def command(  # noqa: PLR0915 - one step after the other
    *,
    name: str,
    reference: str | None,
    run_id: str | None,
    events: int,
    figure: Path | None,
    benchmark_file: str | None,
    device: str,
    threads: int,
    data: Path | None,
    store: Path,
    as_json: bool,
) -> None:
    """Estimate response, noise, level, compression and clipping of each device from recordings.

    With --run, the source's test clips get one difference of a target at a time, and the run's
    stored classifier tells what each costs in macro F1. Kept as diagnosis/NAME/devices.json, or
    diagnosis/RUN_ID/devices.json.

    \b
    devbench explain devices sim7
    devbench explain devices sim7 --run 5fb05214 --figure devices.svg
    """
    import time

    from devbench.cli.explain_options import (
        asked_runs,
        echo_kept,
        in_words,
        require_figure,
        write_figure,
    )
    from devbench.contract.names import require_known
    from devbench.errors import UsageError
    from devbench.explaining.corpus_devices import estimate_devices, recordings_of
    from devbench.explaining.devices import NAME, Devices, device_table, loss_table
    from devbench.explaining.shelf import keep
    from devbench.results.commands import command_line
    from devbench.results.record import CorpusPlan
    from devbench.results.store import Store
    from devbench.running.impairments import explain_losses
    from devbench.running.stored_run import open_run, versions_now
    from devbench.talk import ConsoleTalk

    require_figure(figure)
    if run_id is not None and reference is not None:
        raise UsageError("--reference with --run", fix="leave it out: it is the run's source")
    started = time.monotonic()
    opened = Store(store)
    talk = ConsoleTalk()
    named = [] if run_id is None else [run_id]
    asked = asked_runs(
        named, opened, benchmark_file=benchmark_file, device=device, threads=threads, data=data
    )
    record = asked[0].record if asked else None
    options = {
        "--reference": reference,
        "--run": record.run_id if record else None,
        "--events": events,
        "--benchmark": benchmark_file,
    }
    try:
        talk.phase("corpus")
        corpus, clips, devices = _corpus(name, data, opened.folder, talk)
        run = open_run(asked[0], opened, talk=talk) if asked else None
        if record is not None:
            if record.plan.corpus.fingerprint != corpus.fingerprint:
                raise UsageError(
                    f"run {record.run_id[:12]} is of another corpus than {name!r}",
                    fix=f"name its own: {record.plan.corpus.name}",
                )
            devices = [record.plan.source, *record.plan.targets]
        chosen = record.plan.source if record else reference or devices[0]
        require_known("device", chosen, devices, list_command=f"devbench data info {name}")
        talk.phase("recordings")
        heard = recordings_of(corpus, clips, devices, n_events=events, on_progress=talk.progress)
        talk.phase("estimates")
        found, missing = estimate_devices(heard, chosen, corpus.header.sample_rate_hz)
        losses = explain_losses(run, found, talk=talk) if run else None
    finally:
        talk.close()
    document = Devices(
        name=name,
        corpus=CorpusPlan(
            name=corpus.header.name,
            version=corpus.header.version,
            fingerprint=corpus.fingerprint,
            provenance=corpus.header.provenance,
        ),
        reference=chosen,
        n_events=events,
        devices=found,
        run=losses,
        seed=0,
        missing=missing,
        command=command_line(["explain", "devices", name], options),
        versions=versions_now(),
        measured={"wall_s": round(time.monotonic() - started, 2)},
    )
    subject = record.run_id if record else corpus.header.name
    path = keep(opened, subject, NAME, document.to_json())
    if figure is not None:
        from devbench.explaining.devices_figure import draw_devices

        words = in_words(f"Devices of {corpus.header.name}", device_table(document))
        if losses is not None:
            words += in_words(f". What differences cost {losses.method}", loss_table(losses))
        write_figure(figure, lambda: draw_devices(document), words)
    for entry in missing:
        talk.warn(f"no {entry.part}: {entry.why} (fix: {entry.fix})")
    if as_json:
        click.echo(document.to_json().decode(), nl=False)
        return
    _print(document)
    echo_kept(path)


def _corpus(
    name: str, data: Path | None, store: Path, talk: ConsoleTalk
) -> tuple[Corpus, Sequence[Clip], list[str]]:
    """Return the corpus, the clips to look at and their devices: of a benchmark, or all."""
    from devbench.benchmark.load import benchmark_names, load_benchmark
    from devbench.benchmark.splits import select
    from devbench.running.corpus import find_corpus

    if name in benchmark_names() or name.endswith(".toml"):
        benchmark = load_benchmark(name)
        corpus = find_corpus(benchmark.corpus, data=data, store=store, on_progress=talk.progress)
        return corpus, select(corpus.clips, benchmark), list(benchmark.devices)
    corpus = find_corpus(name, data=data, store=store, on_progress=talk.progress)
    return corpus, corpus.clips, [device.id for device in corpus.devices]


def _print(found: Devices) -> None:
    from devbench.cli.explain_options import echo_table
    from devbench.explaining.devices import device_table, loss_table
    from devbench.talk import printable

    words = (
        f"{found.corpus.name}, {len(found.devices)} devices, from up to {found.n_events} events "
        f"each; against {found.reference}"
    )
    click.echo(printable(words))
    echo_table(device_table(found))
    if found.run is not None:
        words = (
            f"\n{found.run.method} from {found.run.source}, run {found.run.run_id[:12]}: what one "
            "difference alone does to the source's test clips"
        )
        click.echo(printable(words))
        echo_table(loss_table(found.run))

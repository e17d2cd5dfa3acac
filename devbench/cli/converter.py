"""devbench converter: what methods learn once for many runs, from unlabelled clips of devices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from devbench.cli.group import LazyGroup
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
    from devbench.results.artifact import ArtifactDocument
    from devbench.results.shelf import Shelved
    from devbench.results.store import Store
    from devbench.running.plan import Request
    from devbench.running.preparing import Ready

MAX_LOSSES_SHOWN = 12
LAZY = {"evaluate": "Compare converted clips with what the target recorded of the same events."}


@click.group("converter", cls=LazyGroup, lazy=LAZY, modules="devbench.cli.converter_")
def command() -> None:
    """Train, list, measure and hand on what methods learn once for many runs."""


@command.command("train")
@click.option("--method", required=True, help="A method that learns an artifact.")
@benchmark_option
@budget_option
@fold_option
@click.option("--source", default=None, help="For methods that learn per source; default: first.")
@settings_option
@plugin_option
@device_option
@threads_option
@click.option(
    "--retrain", is_flag=True, help="Train anew what is shipped, or in the store already."
)
@data_option
@store_option
@json_option
def train_command(
    *,
    method: str,
    benchmark: str,
    budget: str,
    fold: int,
    source: str | None,
    settings: tuple[str, ...],
    plugin_file: Path | None,
    device: str,
    threads: int,
    retrain: bool,
    data: Path | None,
    store: Path,
    as_json: bool,
) -> None:
    """Train what METHOD shares between runs, and no classifier.

    A training that was interrupted goes on at its last checkpoint when the same command is typed
    again.
    """
    from devbench.benchmark.load import load_benchmark
    from devbench.results.store import Store
    from devbench.running.pipeline import plan_run
    from devbench.running.plan import Request
    from devbench.running.preparing import prepare
    from devbench.talk import ConsoleTalk

    opened = Store(store)
    talk = ConsoleTalk()
    request = Request(
        method=method,
        source=source or load_benchmark(benchmark).sources[0],
        benchmark=benchmark,
        budget=budget,
        fold=fold,
        settings=settings,
        plugin_file=plugin_file,
        device=device,
        threads=threads,
        retrain=retrain,
    )
    try:
        planned = plan_run(request, data=data, store=opened.folder, talk=talk)
        ready = prepare(planned, opened, talk=talk, anew=retrain)
    finally:
        talk.close()
    if as_json:
        _print_json([_summary(item) for item in ready])
        return
    for item in ready:
        _print_ready(item)
    click.echo(f"next: {_next(request)}", err=True)


def _next(request: Request) -> str:
    """Return the run that uses what was trained, asked for as that was."""
    from devbench.results.commands import command_line

    words = ["run", *(["--retrain"] if request.retrain else [])]
    words += [word for text in request.settings for word in ("--set", text)]
    options = {
        "--method": request.method,
        "--source": request.source,
        "--benchmark": request.benchmark,
        "--budget": request.budget,
        "--fold": request.fold or None,
        "--plugin": request.plugin_file,
    }
    return command_line(words, options)


@command.command("ls")
@store_option
@json_option
def ls_command(store: Path, as_json: bool) -> None:
    """List the artifacts in the store and those of installed plugins."""
    from devbench.cli.ls import print_rows
    from devbench.results.store import Store

    rows = [_row(item) for item in _all(Store(store))]
    if as_json:
        _print_json(rows)
    else:
        print_rows(rows, empty="no artifacts")


@command.command("show")
@click.argument("name", metavar="KEY|NAME")
@store_option
@json_option
def show_command(name: str, store: Path, as_json: bool) -> None:
    """Show an artifact, by its name or the first digits of its key."""
    from devbench.results.shelf import find_one
    from devbench.results.store import Store

    found = find_one(name, _all(Store(store)))
    if as_json:
        click.echo(found.document.to_json().decode(), nl=False)
        return
    _print_document(found)


@command.command("export")
@click.argument("name", metavar="KEY|NAME")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the two files.",
)
@store_option
def export_command(name: str, out: Path, store: Path) -> None:
    """Write an artifact as two files: to ship it, or to hand it on."""
    from devbench.results.shelf import export_pair, find_one
    from devbench.results.store import Store

    path = export_pair(find_one(name, _all(Store(store))), out)
    click.echo(f"{path}\n{path.with_suffix('.safetensors')}")
    click.echo(f"next: devbench converter add {path} --store OTHER", err=True)


@command.command("add")
@click.argument(
    "files",
    metavar="FILE.json...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
)
@click.option(
    "--benchmark", default=None, help="Refuse what was not made from the corpus of this benchmark."
)
@data_option
@store_option
@json_option
def add_command(
    files: tuple[Path, ...], benchmark: str | None, data: Path | None, store: Path, as_json: bool
) -> None:
    """Let artifacts from elsewhere join the store, all checked first."""
    from devbench.results.shelf import join, read_handed
    from devbench.results.store import Store
    from devbench.running.artifacts import shelf_of

    opened = Store(store)
    pairs = [read_handed(path) for path in files]
    if benchmark is not None:
        _require_corpus(benchmark, [document for document, _ in pairs], data, opened)
    opened.prepare()
    rows = [
        {"key": document.key, "name": document.name, "joined": join(shelf_of(opened), *pair)}
        for pair in pairs
        for document in pair[:1]
    ]
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        words = "joined" if row["joined"] else "was there already"
        click.echo(f"{str(row['key'])[:12]}  {row['name']}  {words}")


def _require_corpus(
    benchmark: str, documents: list[ArtifactDocument], data: Path | None, store: Store
) -> None:
    from devbench.benchmark.load import load_benchmark
    from devbench.errors import DataError
    from devbench.running.corpus import find_corpus
    from devbench.talk import ConsoleTalk

    loaded = load_benchmark(benchmark)
    talk = ConsoleTalk()
    try:
        corpus = find_corpus(
            loaded.corpus, data=data, store=store.folder, on_progress=talk.progress
        )
    finally:
        talk.close()
    for document in documents:
        made_from = document.identity.corpus
        if made_from.fingerprint != corpus.fingerprint:
            raise DataError(
                f"artifact {document.name} {document.key[:12]} was made from corpus "
                f"{made_from.name!r} {made_from.version} (fingerprint "
                f"{made_from.fingerprint[:12]}); the corpus of benchmark {loaded.id!r} is "
                f"{corpus.header.name!r} {corpus.header.version} ({corpus.fingerprint[:12]})",
                fix=f"train one for it: devbench converter train --benchmark {benchmark} "
                "--method METHOD",
            )


def _all(store: Store) -> list[Shelved]:
    from devbench.results.shelf import installed_shipped
    from devbench.running.artifacts import shelf_of

    return [*shelf_of(store).all(_warn), *installed_shipped(_warn)]


def _warn(words: str) -> None:
    from devbench.talk import printable

    click.echo(f"warning: {printable(words)}", err=True)


def _say(words: str) -> None:
    from devbench.talk import printable

    click.echo(printable(words))


def _print_json(value: Any) -> None:
    from devbench.files import pretty_json

    click.echo(pretty_json(value).decode(), nl=False)


def _row(item: Shelved) -> dict[str, Any]:
    document = item.document
    corpus = document.identity.corpus
    return {
        "key": document.key[:12],
        "name": document.name,
        "first_for": document.method.name,
        "corpus": f"{corpus.name} {corpus.version}",
        "devices": ", ".join(document.identity.devices),
        "size": _size(document.size_bytes),
        "origin": item.origin,
        "made": f"{document.made.at_utc[:10]} on {document.made.device}",
    }


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:.1f} kB"


def _losses(losses: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in losses.items())


def _summary(item: Ready) -> dict[str, Any]:
    document = item.document
    last = document.losses[-1].model_dump() if document.losses else None
    return {
        **item.use.model_dump(mode="json"),
        "is_new": item.is_new,
        "size_bytes": document.size_bytes,
        "n_parameters": document.n_parameters,
        "seconds": document.made.seconds,
        "last": last,
    }


def _print_ready(item: Ready) -> None:
    document = item.document
    how = "built now" if item.is_new else f"there already ({item.use.origin})"
    _say(f"{document.name} {document.key[:12]}: {how}")
    _say(
        f"  {document.n_parameters:,} values, {_size(document.size_bytes)}, took "
        f"{document.made.seconds:.0f} s on {document.made.device}; sha256 {document.sha256[:12]}"
    )
    if document.losses:
        last = document.losses[-1]
        _say(f"  after {last.step} steps: {_losses(last.losses)}")


def _print_document(item: Shelved) -> None:
    document = item.document
    identity, made = document.identity, document.made
    corpus = identity.corpus
    _say(f"{document.name} {document.key} ({item.origin})")
    asked = document.method
    _say(f"for: {asked.name} ({asked.distribution} {asked.distribution_version})")
    _say(f"from: {corpus.name} {corpus.version}, fingerprint {corpus.fingerprint[:12]}")
    _say(f"devices: {', '.join(identity.devices)}; read {', '.join(identity.needs) or 'nothing'}")
    _say(f"config: {_words(identity.config)}")
    size = _size(document.size_bytes)
    _say(f"tensors: {document.n_parameters:,} values, {size}, sha256 {document.sha256}")
    machine = ", ".join(made.gpus) or made.cpu
    _say(
        f"made: {made.at_utc}, {made.seconds:.0f} s on {made.device} ({machine}), "
        f"{made.precision}, {made.threads} threads, {made.peak_memory_mb:.0f} MiB, torch "
        f"{made.versions.get('torch', '?')}"
    )
    if document.facts:
        _say(f"facts: {_words(document.facts)}")
    every = max(1, -(-len(document.losses) // MAX_LOSSES_SHOWN))
    chosen = document.losses[::-1][::every][::-1]  # the last one is always among them
    if chosen:
        names = list(chosen[-1].losses)
        _say("  ".join([f"{'step':>8}", *(f"{name:>12}" for name in names)]))
    for entry in chosen:
        values = [f"{entry.losses[n]:12.4g}" if n in entry.losses else " " * 12 for n in names]
        _say("  ".join([f"{entry.step:8d}", *values]).rstrip())
    _say(f"file: {item.weights}")


def _words(values: Mapping[str, Any]) -> str:
    from devbench.files import canonical_json

    return canonical_json(dict(values)).decode()[:2000] if values else "none"

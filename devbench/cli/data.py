"""`devbench data`: build, import, check and describe corpora."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from devbench.cli.options import json_option

if TYPE_CHECKING:
    from devbench.corpora.check import Report
    from devbench.corpora.manifest import Corpus

MAX_LINES_PER_KIND = 10

existing_file = click.Path(path_type=Path, exists=True, dir_okay=False)
folder = click.Path(path_type=Path, file_okay=False)
out_option = click.option("--out", type=folder, required=True, help="Corpus folder to make.")
jobs_option = click.option(
    "--jobs", type=click.IntRange(1, 256), default=None, help="Processes; default: all cores."
)
rate_option = click.option(
    "--rate",
    "rate_hz",
    type=click.IntRange(1, 768_000),
    default=None,
    metavar="HZ",
    help="Convert files of another rate to this one (soxr, quality HQ); without it they are "
    "refused.",
)
version_option = click.option(
    "--version", type=click.IntRange(1), default=1, show_default=True, help="Of the corpus."
)


@click.group("data")
def command() -> None:
    """Make, take in, check and describe corpora."""


@command.command("build")
@click.option("--clips", type=existing_file, required=True, help="CSV: filename,label,fold,src_id.")
@click.option("--devices", type=existing_file, required=True, help="CSV: id,name,role,kind,fir22k.")
@click.option("--role", default="core7", show_default=True, help="Devices to use, by that column.")
@out_option
@click.option("--name", default="mics7", show_default=True, help="Name of the corpus.")
@version_option
@rate_option
@click.option("--licence", default=None, help="Instead of what the tables say.")
@click.option("--citation", default=None, help="Instead of what ATTRIBUTION.md or the tables say.")
@jobs_option
@json_option
def build(as_json: bool, jobs: int | None, **options: Any) -> None:
    """Render labelled clips through measured responses into a corpus folder.

    The recordings are simulated from measured responses: filter, one RMS, then a gain, a noise
    floor and a limiter that follow from the device's name. The same tables give the same bytes.
    """
    from devbench.corpora.build import BuildRequest, build_corpus
    from devbench.corpora.pool import default_jobs

    with progress_bar("rendering", "clips") as progress:
        built = build_corpus(
            BuildRequest(**options), jobs=jobs or default_jobs(), progress=progress
        )
    if not built.is_new:
        click.echo("the same corpus stands there already; nothing was done", err=True)
    _print_made(built.corpus, as_json=as_json, is_new=built.is_new)


@command.command("import")
@click.option(
    "--manifest",
    type=existing_file,
    required=True,
    help="CSV: path,device,label,event_id and, if you like, group,fold,device_label,device_kind.",
)
@out_option
@click.option("--name", required=True, help="Name of the corpus.")
@version_option
@click.option("--licence", required=True, help="Under which the recordings stand.")
@click.option("--citation", required=True, help="Whom to name for the recordings.")
@click.option(
    "--channel",
    type=click.Choice(["first", "mix"]),
    default=None,
    help="What to take of files with several channels; without it they are refused.",
)
@rate_option
@jobs_option
@json_option
def import_(as_json: bool, jobs: int | None, channel: str | None, **options: Any) -> None:
    """Take in real recordings of the same events by several devices."""
    from devbench.corpora.importing import ImportRequest, channel_named, import_corpus
    from devbench.corpora.pool import default_jobs

    request = ImportRequest(channel=channel_named(channel), **options)
    with progress_bar("importing", "files") as progress:
        corpus = import_corpus(request, jobs=jobs or default_jobs(), progress=progress)
    _print_made(corpus, as_json=as_json, is_new=True)


@command.command("check")
@click.argument("corpus_folder", metavar="DIR", type=folder)
@jobs_option
@json_option
def check(corpus_folder: Path, jobs: int | None, as_json: bool) -> None:
    """Hold every file against the manifest and every device against the others.

    Ends with 9 when there are errors, with 0 when there are only warnings.
    """
    from devbench.corpora.check import check_corpus
    from devbench.corpora.pool import default_jobs
    from devbench.errors import CheckError

    with progress_bar("checking", "files") as progress:
        report = check_corpus(corpus_folder, jobs=jobs or default_jobs(), progress=progress)
    if as_json:
        _print_json(report.document())
    else:
        _print_report(report)
    if report.n_errors:
        raise CheckError(
            f"{str(corpus_folder)!r}: {report.n_errors} errors in corpus "
            f"{report.corpus.header.name!r}",
            fix="mend them one by one as said above, then check again",
        )


@command.command("info")
@click.argument("corpus_folder", metavar="DIR", type=folder)
@json_option
def info(corpus_folder: Path, as_json: bool) -> None:
    """Describe a corpus: provenance, devices, classes, durations, fingerprint, licence."""
    from devbench.corpora.describe import description
    from devbench.corpora.manifest import open_corpus

    document = description(open_corpus(corpus_folder))
    if as_json:
        _print_json(document)
        return
    for key in ("name", "version", "title", "provenance", "fingerprint", "licence", "citation"):
        click.echo(f"{key:<12} {document[key]}")
    click.echo(f"{'rate':<12} {document['sample_rate_hz']} Hz")
    click.echo(
        f"{'events':<12} {document['n_events']} in {document['n_groups']} groups, "
        f"folds {', '.join(map(str, document['folds']))}"
    )
    click.echo(
        f"{'clips':<12} {document['n_clips']}, {document['total_s'] / 3600:.2f} h; "
        f"{document['shortest_s']:.2f} to {document['longest_s']:.2f} s each"
    )
    click.echo(f"{'classes':<12} {len(document['classes'])}")
    for label, n_events in document["classes"].items():
        click.echo(f"  {label:<28} {n_events} events")
    click.echo(f"{'devices':<12} {len(document['devices'])}")
    for device in document["devices"]:
        response = "response" if device["has_response"] else "no response"
        click.echo(
            f"  {device['id']:<28} {device['n_clips']} clips, {response}, "
            f"{device['kind']}, {device['label']}"
        )


@contextlib.contextmanager
def progress_bar(verb: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Give a callback (done, total) that draws a bar on a terminal and prints lines elsewhere."""
    import sys

    if sys.stderr.isatty():
        with _drawn(verb, unit) as drawn:
            yield drawn
    else:
        yield _printed(verb, unit)


@contextlib.contextmanager
def _drawn(verb: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (f"{verb} {unit}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(verb, total=None)

        def advance(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield advance


def _printed(verb: str, unit: str) -> Callable[[int, int], None]:
    """Return a callback that prints at the start and at every tenth of the way."""
    told = -1

    def advance(done: int, total: int) -> None:
        nonlocal told
        tenth = 10 * done // max(total, 1)
        if tenth > told:
            told = tenth
            click.echo(f"{verb}: {done} of {total} {unit}", err=True)

    return advance


def _print_json(document: dict[str, Any]) -> None:
    from devbench.files import pretty_json

    click.echo(pretty_json(document).decode(), nl=False)


def _print_made(corpus: Corpus, *, as_json: bool, is_new: bool) -> None:
    if as_json:
        from devbench.corpora.describe import description

        _print_json({**description(corpus), "is_new": is_new})
        return
    header = corpus.header
    click.echo(f"{header.name} version {header.version}: {header.title}")
    click.echo(f"fingerprint {corpus.fingerprint}")
    click.echo(f"in {corpus.folder}")
    click.echo(f"next: devbench data check {corpus.folder}", err=True)


def _print_report(report: Report) -> None:
    from collections import Counter

    header = report.corpus.header
    click.echo(f"{header.name} version {header.version}, {header.provenance}")
    click.echo(
        f"{'device':<28} {'clips':>6} {'level dBFS':>11} {'floor dBFS':>11} {'offset ms':>10}"
    )
    offset_of = {offset.device: offset for offset in report.offsets}
    for level in report.levels:
        offset = offset_of.get(level.device)
        cells = (
            "-" if level.rms_dbfs is None else f"{level.rms_dbfs:.1f}",
            "-" if level.floor_dbfs is None else f"{level.floor_dbfs:.1f}",
            "-" if offset is None else f"{offset.offset_ms:+.2f}",
        )
        click.echo(
            f"{level.device:<28} {level.n_clips:>6} {cells[0]:>11} {cells[1]:>11} {cells[2]:>10}"
        )
    shown: Counter[tuple[str, str]] = Counter()
    for finding in report.findings:
        kind = (finding.severity, finding.kind)
        shown[kind] += 1
        if shown[kind] <= MAX_LINES_PER_KIND:
            click.echo(finding.line())
    for (severity, name), count in shown.items():
        if count > MAX_LINES_PER_KIND:
            more = count - MAX_LINES_PER_KIND
            click.echo(f"{severity}: {more} more of kind {name!r} (all of them: --json)")
    click.echo(
        f"{len(report.corpus.clips)} files: {report.n_errors} errors, {report.n_warnings} warnings"
    )

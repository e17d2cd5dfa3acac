"""`devbench data`: build, import, check and describe corpora."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from devbench.cli import data_benchmark, data_fr, data_import
from devbench.cli.data_options import (
    existing_file,
    folder,
    jobs_option,
    out_option,
    rate_option,
    version_option,
)
from devbench.cli.data_talk import print_json, print_made, print_report, progress_bar, say
from devbench.cli.options import json_option


@click.group("data")
def command() -> None:
    """Make, take in, check and describe corpora."""


command.add_command(data_import.command)
command.add_command(data_benchmark.command)
command.add_command(data_fr.command)


@command.command("build")
@click.option(
    "--clips",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="CSV: filename,label,fold,src_id; or the folder of a data set, see --layout.",
)
@click.option(
    "--layout",
    type=click.Choice(["table", "esc50", "esc10", "rwcp"]),
    default="table",
    show_default=True,
    help="How --clips are laid out (docs/corpus-format.md).",
)
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
    print_made(built.corpus, as_json=as_json, is_new=built.is_new)


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
        print_json(report.document())
    else:
        print_report(report)
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
        print_json(document)
        return
    for key in ("name", "version", "title", "provenance", "fingerprint", "licence", "citation"):
        say(f"{key:<12} {document[key]}")
    say(f"{'rate':<12} {document['sample_rate_hz']} Hz")
    say(
        f"{'events':<12} {document['n_events']} in {document['n_groups']} groups, "
        f"folds {', '.join(map(str, document['folds']))}"
    )
    say(
        f"{'clips':<12} {document['n_clips']}, {document['total_s'] / 3600:.2f} h; "
        f"{document['shortest_s']:.2f} to {document['longest_s']:.2f} s each"
    )
    say(f"{'classes':<12} {len(document['classes'])}")
    for label, n_events in document["classes"].items():
        say(f"  {label:<28} {n_events} events")
    say(f"{'devices':<12} {len(document['devices'])}")
    for device in document["devices"]:
        response = "response" if device["has_response"] else "no response"
        say(
            f"  {device['id']:<28} {device['n_clips']} clips, {response}, "
            f"{device['kind']}, {device['label']}"
        )

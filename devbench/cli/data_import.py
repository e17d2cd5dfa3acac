"""`devbench data import`: recordings of third parties into a corpus folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from devbench.cli.data_options import (
    existing_file,
    jobs_option,
    out_option,
    rate_option,
    version_option,
)
from devbench.cli.data_talk import print_made, print_report, progress_bar, say
from devbench.cli.options import json_option


@click.command("import")
@click.argument("source", required=False, type=click.Path(path_type=Path))
@click.option(
    "--layout",
    type=click.Choice(["manifest", "folders", "tau2020", "tau2022", "mc"]),
    default="manifest",
    show_default=True,
    help="How SOURCE is laid out (docs/corpus-format.md).",
)
@click.option(
    "--manifest",
    type=existing_file,
    default=None,
    help="CSV, instead of SOURCE: path,device,label,event_id and, if you like, "
    "group,fold,device_label,device_kind.",
)
@click.option(
    "--unpaired",
    is_flag=True,
    help="Layout folders: files that share a name are not one event.",
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
@click.option(
    "--fix", "may_fix", is_flag=True, help="Take one of several channels that are all equal."
)
@jobs_option
@json_option
def command(
    *,
    source: Path | None,
    manifest: Path | None,
    as_json: bool,
    unpaired: bool,
    jobs: int | None,
    channel: str | None,
    **options: Any,
) -> None:
    """Take in recordings of the same events by several devices from SOURCE.

    SOURCE is a folder, an archive of one (.zip, .tar, .tar.gz), or a CSV file for layout manifest.
    The corpus is checked as it is made;
    with errors in it the command ends with 9, and the corpus stands. Type the same command again
    after an interruption: it continues.
    """
    from devbench.corpora.importing import ImportRequest, channel_named, import_corpus
    from devbench.corpora.pool import default_jobs
    from devbench.errors import CheckError, UsageError

    if (source is None) == (manifest is None):
        raise UsageError(
            "give SOURCE or --manifest FILE, one of them",
            fix="devbench data import FOLDER --layout folders --out DIR ...",
        )
    request = ImportRequest(
        source=source or manifest or Path(),
        channel=channel_named(channel),
        is_paired=not unpaired,
        **options,
    )
    with progress_bar("importing", "files") as progress:
        made = import_corpus(request, jobs=jobs or default_jobs(), progress=progress)
    for note in made.notes:
        say(note, err=True)
    if made.n_resumed:
        click.echo(f"{made.n_resumed} files had been copied before", err=True)
    if not as_json:
        print_report(made.report)
    print_made(made.corpus, as_json=as_json, is_new=True)
    if made.report.n_errors:
        raise CheckError(
            f"{str(request.out)!r}: {made.report.n_errors} errors in corpus {request.name!r}",
            fix="mend the recordings as said above and import them to another folder",
        )

"""`devbench data benchmark`: a benchmark file for a corpus that has none."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from devbench.cli.data_options import folder
from devbench.cli.data_talk import say


@click.command("benchmark")
@click.argument("corpus_folder", metavar="DIR", type=folder)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="TOML file to write; its name becomes the benchmark's id.",
)
@click.option(
    "--unseen",
    multiple=True,
    metavar="DEVICE",
    help="A device to test only; may be given several times.",
)
def command(corpus_folder: Path, out: Path, unseen: tuple[str, ...]) -> None:
    """Write a benchmark over all classes and devices of a corpus.

    The file is yours to change before the first run; afterwards a change is another benchmark.
    """
    from devbench.corpora.benchmarking import benchmark_for, benchmark_toml
    from devbench.corpora.manifest import open_corpus
    from devbench.corpora.slugs import slug
    from devbench.errors import UsageError
    from devbench.files import publish

    if out.suffix != ".toml":
        raise UsageError(f"--out {str(out)!r} is no .toml file", fix="name it so")
    if out.exists():
        raise UsageError(f"{str(out)!r} is there already", fix="name another --out")
    corpus = open_corpus(corpus_folder)
    made = benchmark_for(corpus, slug(out.stem), unseen=unseen)
    publish(out, benchmark_toml(made).encode())
    click.echo(
        f"{made.id}: {len(made.classes)} classes, {len(made.devices)} devices, split by "
        f"{made.splits.scheme}"
    )
    click.echo(f"in {out}")
    if corpus.folder.name != corpus.header.name:
        say(
            f"note: runs look for this corpus in DATA/{corpus.header.name}: rename its folder, "
            f"{corpus.folder.name!r}",
            err=True,
        )
    words = ["--benchmark", str(out), "--data", str(corpus.folder.parent)]
    methods = "baseline,freq-mixstyle"
    say(f"next: devbench sweep --methods {methods} {shlex.join(words)}", err=True)

"""What the commands below `devbench data` print: progress, what was made, what was found."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from devbench.corpora.check import Report
    from devbench.corpora.manifest import Corpus

MAX_LINES_PER_KIND = 10


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


def print_json(document: dict[str, Any]) -> None:
    """Print a document on stdout."""
    from devbench.files import pretty_json

    click.echo(pretty_json(document).decode(), nl=False)


def say(words: str, *, err: bool = False) -> None:
    """Print one line; words of a corpus may come from strangers."""
    from devbench.results.render import clean_line

    click.echo(clean_line(" ".join(words.splitlines())), err=err)


def print_made(corpus: Corpus, *, as_json: bool, is_new: bool) -> None:
    """Print which corpus stands where; as JSON its description."""
    if as_json:
        from devbench.corpora.describe import description

        print_json({**description(corpus), "is_new": is_new})
        return
    header = corpus.header
    say(f"{header.name} version {header.version}: {header.title}")
    click.echo(f"fingerprint {corpus.fingerprint}")
    say(f"in {corpus.folder}")
    say(f"next: devbench data check {shlex.quote(str(corpus.folder))}", err=True)


def print_report(report: Report) -> None:
    """Print levels and offsets of the devices and up to ten findings of a kind."""
    from collections import Counter

    header = report.corpus.header
    say(f"{header.name} version {header.version}, {header.provenance}")
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
            say(finding.line())
    for (severity, name), count in shown.items():
        if count > MAX_LINES_PER_KIND:
            more = count - MAX_LINES_PER_KIND
            say(f"{severity}: {more} more of kind {name!r} (all of them: --json)")
    click.echo(
        f"{len(report.corpus.clips)} files: {report.n_errors} errors, {report.n_warnings} warnings"
    )

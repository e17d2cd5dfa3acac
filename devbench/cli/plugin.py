"""`devbench plugin`: begin a plugin, and hold one against the rules of the contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from devbench.cli.options import json_option

if TYPE_CHECKING:
    from devbench.plugin_kit.report import Report

KINDS = ("method", "backbone", "frontend", "corpus", "observer")


@click.group("plugin")
def command() -> None:
    """Begin a plugin of your own, and check one."""


@command.command("new")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="method",
    show_default=True,
    help="What the plugin offers.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder to make; default: ./NAME.",
)
def new(name: str, kind: Any, out: Path | None) -> None:
    """Write a small project that offers a plugin called NAME, with a test and a README.

    It installs, passes its test and `devbench plugin check` as it is. A folder that exists is left
    as it is.
    """
    from devbench.plugin_kit.scaffold import new_project
    from devbench.talk import printable

    made = new_project(name, kind, out if out is not None else Path(name))
    for path in made.files:
        click.echo(printable(str(path)))
    click.echo("next:", err=True)
    for line in made.commands:
        click.echo(f"  {printable(line)}", err=True)


@command.command("check")
@click.argument("plugin", metavar="NAME|PATH")
@click.option(
    "--kind", type=click.Choice(KINDS), default=None, help="Where a name stands for several kinds."
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="An option of the plugin."
)
@click.option(
    "--artifact",
    "artifact",
    multiple=True,
    metavar="KEY=VALUE",
    help="A key of its artifacts' config to change, so that they are made in seconds.",
)
@click.option("--full", is_flag=True, help="Also train on a tiny corpus, three times.")
@click.option(
    "--limit-s",
    type=click.FloatRange(1),
    default=None,
    help="Seconds that the check may take, whole runs left out; default: 120, a corpus 900.",
)
@click.option(
    "--memory-mb",
    type=click.IntRange(500),
    default=4000,
    show_default=True,
    help="MiB that it may use.",
)
@json_option
def check(  # noqa: PLR0917 - click passes every option by name
    plugin: str,
    kind: Any,
    settings: tuple[str, ...],
    artifact: tuple[str, ...],
    full: bool,
    limit_s: float | None,
    memory_mb: int,
    as_json: bool,
) -> None:
    """Hold a plugin against the rules of the contract; exit code 9 where one is broken.

    NAME is an installed plugin, PATH a .py file or the folder of a project. The plugin is loaded
    and tried in a process of its own, under limits.
    """
    from devbench.contract.options import parse_settings
    from devbench.errors import CheckError
    from devbench.plugin_kit.checking import Checking, check_plugins
    from devbench.plugin_kit.target import targets_of

    checking = Checking(
        settings=parse_settings(settings),
        artifact={key: _value(text) for key, text in parse_settings(artifact).items()},
        full=full,
        limit_s=limit_s,
        memory_mb=memory_mb,
    )
    refs = targets_of(plugin, kind)
    reports = check_plugins(refs, checking, tell=lambda words: click.echo(words, err=True))
    if as_json:
        click.echo(json.dumps({"plugins": [r.to_dict() for r in reports]}, indent=2))
    else:
        for report in reports:
            _print(report)
    broken = [f"{r.ref.name} breaks {', '.join(r.failed)}" for r in reports if r.failed]
    if broken:
        raise CheckError(
            "; ".join(broken), fix="do what stands at 'fix' above; the rules: docs/plugin-rules.md"
        )


def _value(text: str) -> Any:
    """Return a JSON value, or the text where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _print(report: Report) -> None:
    from devbench.talk import printable

    for line in report.lines():
        click.echo(printable(line))
    click.echo(printable(report.summary()))

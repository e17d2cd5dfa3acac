"""Options that several commands share, written once so that they read and behave alike."""

from __future__ import annotations

from pathlib import Path

import click

store_option = click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".devbench"),
    envvar="DEVBENCH_STORE",
    show_default=True,
    show_envvar=True,
    help="Folder of records, logits and weights.",
)
"""Pass `store: Path` from --store, $DEVBENCH_STORE or ./.devbench."""

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    envvar="DEVBENCH_DATA",
    show_envvar=True,
    help="Folder of corpora.",
)
"""Pass `data: Path | None` from --data or $DEVBENCH_DATA."""

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON on stdout; everything else on stderr."
)
"""Pass `as_json: bool` from --json."""

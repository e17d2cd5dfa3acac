"""Options that several commands share, written once so that they read and behave alike."""

from __future__ import annotations

from pathlib import Path

import click

DEFAULT_STORE = Path(".devbench")

store_option = click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_STORE,
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

benchmark_option = click.option(
    "--benchmark", default="sim7", show_default=True, help="Name, or a TOML file."
)
"""Pass `benchmark: str` from --benchmark."""

budget_option = click.option(
    "--budget", default="quick", show_default=True, help="quick, standard or paper."
)
"""Pass `budget: str` from --budget."""

fold_option = click.option(
    "--fold", default=0, show_default=True, type=int, help="Rotation of the split."
)
"""Pass `fold: int` from --fold."""

settings_option = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="An option of the method."
)
"""Pass `settings: tuple[str, ...]` from every --set."""

plugin_option = click.option(
    "--plugin",
    "plugin_file",
    type=click.Path(path_type=Path),
    default=None,
    help="Load the method from this Python file; its row is never ranked.",
)
"""Pass `plugin_file: Path | None` from --plugin."""

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="What to compute on.",
)
"""Pass `device: str` from --device."""

threads_option = click.option(
    "--threads", default=0, type=click.IntRange(0, 1024), help="CPU threads; 0: choose."
)
"""Pass `threads: int` from --threads."""

isolation_option = click.option(
    "--isolation",
    type=click.Choice(("process", "sandbox")),
    default="process",
    show_default=True,
    help="What keeps plugins from the rest of the machine.",
)
"""Pass `isolation: Literal["process", "sandbox"]` from --isolation."""

only_benchmark_option = click.option("--benchmark", default=None, help="Only this benchmark.")
"""Pass `benchmark: str | None`, which runs to take, from --benchmark."""

only_budget_option = click.option("--budget", default=None, help="Only this budget.")
"""Pass `budget: str | None`, which runs to take, from --budget."""

records_option = click.option(
    "--records",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="A folder of records without a store; its rows are claims (V0) and have no rank.",
)
"""Pass `records: Path | None` from --records."""

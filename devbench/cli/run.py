"""devbench run: one method, one source device, all targets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbench.cli.options import (
    benchmark_option,
    budget_option,
    data_option,
    device_option,
    fold_option,
    isolation_option,
    json_option,
    plugin_option,
    settings_option,
    store_option,
    threads_option,
)

if TYPE_CHECKING:
    from devbench.running.plan import Isolation


@click.command("run")
@click.option("--method", required=True, help="What is done against unknown devices.")
@click.option("--source", required=True, help="Device whose labelled clips are trained on.")
@benchmark_option
@click.option("--backbone", default=None, help="Classifier network; default: the budget's.")
@click.option(
    "--frontend", default=None, help="From waveform to spectrogram; default: the benchmark's."
)
@budget_option
@click.option("--seed", default=0, show_default=True, type=int, help="Seed of all draws.")
@fold_option
@settings_option
@plugin_option
@device_option
@threads_option
@isolation_option
@click.option(
    "--retrain", is_flag=True, help="Learn anew what the method's plugin ships ready-made."
)
@click.option("--force", is_flag=True, help="Compute again and compare with the stored record.")
@click.option("--dry-run", is_flag=True, help="Plan, print the plan, compute nothing.")
@data_option
@store_option
@json_option
def command(  # noqa: PLR0917 - click passes every option by name
    method: str,
    source: str,
    benchmark: str,
    backbone: str | None,
    frontend: str | None,
    budget: str,
    seed: int,
    fold: int,
    settings: tuple[str, ...],
    plugin_file: Path | None,
    device: str,
    threads: int,
    isolation: Isolation,
    retrain: bool,
    force: bool,
    dry_run: bool,
    data: Path | None,
    store: Path,
    as_json: bool,
) -> None:
    """Train METHOD on SOURCE and test it on every other device of the benchmark.

    The same run asked for twice is answered from the store. A run that was interrupted continues
    where it was when the same command is typed again.
    """
    from devbench.cli.show import print_record
    from devbench.files import pretty_json
    from devbench.results.store import Store
    from devbench.running.pipeline import plan_run, run
    from devbench.running.plan import Request
    from devbench.talk import ConsoleTalk

    opened = Store(store)
    talk = ConsoleTalk()
    request = Request(
        method=method,
        source=source,
        benchmark=benchmark,
        backbone=backbone,
        frontend=frontend,
        budget=budget,
        seed=seed,
        fold=fold,
        settings=settings,
        plugin_file=plugin_file,
        device=device,
        threads=threads,
        retrain=retrain,
        isolation=isolation,
    )
    try:
        planned = plan_run(request, data=data, store=opened.folder, talk=talk)
        if dry_run:
            document = {"run_id": planned.plan.run_id, "plan": planned.plan.model_dump(mode="json")}
            click.echo(pretty_json(document).decode(), nl=False)
            return
        finished = run(planned, opened, talk=talk, force=force)
    finally:
        talk.close()
    if as_json:
        click.echo(finished.record.to_json().decode(), nl=False)
        return
    print_record(finished.record, opened, is_new=finished.is_new)

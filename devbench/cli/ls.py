"""devbench ls: what there is, by name; no plugin is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from devbench.cli.options import json_option, store_option

PLUGINS = {
    "methods": "method",
    "backbones": "backbone",
    "frontends": "frontend",
    "corpora": "corpus",
    "observers": "observer",
}
WHAT = (*PLUGINS, "plugins", "benchmarks", "devices", "runs")


@click.command("ls")
@click.argument("what", metavar="|".join(WHAT))
@click.option("--benchmark", default="sim7", show_default=True, help="For devices.")
@store_option
@json_option
def command(what: str, benchmark: str, store: Path, as_json: bool) -> None:
    """List names; show one with `devbench show NAME`."""
    from devbench.contract.names import require_known

    require_known("list", what, WHAT, list_command="devbench ls --help")
    if what in PLUGINS:
        rows = _plugins([PLUGINS[what]])
    elif what == "plugins":
        rows = _plugins(list(PLUGINS.values()))
    elif what == "benchmarks":
        rows = _benchmarks()
    elif what == "devices":
        rows = _devices(benchmark)
    else:
        rows = _runs(store)
    if as_json:
        import json

        click.echo(json.dumps(rows, indent=2))
    else:
        print_rows(rows, empty=f"no {what}")


def _plugins(kinds: Sequence[str]) -> list[dict[str, Any]]:
    from devbench.registry import installed

    rows = []
    for kind in kinds:
        for name, refs in installed(kind).items():  # type: ignore[arg-type]
            makers = " and ".join(f"{r.distribution} {r.distribution_version}" for r in refs)
            note = "" if len(refs) == 1 else "CLASH: write distribution:name"
            row = {"name": name, "from": makers, "note": note}
            rows.append({"kind": kind, **row} if len(kinds) > 1 else row)
    return rows


def _benchmarks() -> list[dict[str, Any]]:
    from devbench.benchmark.load import benchmark_names, load_benchmark

    return [
        {"name": b.id, "corpus": b.corpus, "classes": len(b.classes), "devices": len(b.devices),
         "budgets": ", ".join(b.budgets), "title": b.title}
        for b in map(load_benchmark, benchmark_names())
    ]  # fmt: skip


def _devices(benchmark: str) -> list[dict[str, Any]]:
    from devbench.benchmark.load import load_benchmark

    loaded = load_benchmark(benchmark)
    return [{"name": device, "benchmark": loaded.id} for device in loaded.devices]


def _runs(store: Path) -> list[dict[str, Any]]:
    from devbench.results.listing import listed_runs
    from devbench.results.store import Store

    opened = Store(store)
    rows: list[dict[str, Any]] = [
        {
            "run": run.run_id[:12],
            "method": run.method,
            "source": run.source,
            "benchmark": run.benchmark,
            "budget": run.budget,
            "seed": run.seed,
            "fold": run.fold,
            "mean_targets": round(run.mean_targets, 4),
            "state": "finished",
        }
        for run in listed_runs(opened, _warn)
    ]
    rows.sort(key=lambda row: (row["benchmark"], row["method"], row["source"], row["seed"]))
    for failure in opened.failures(_warn):
        plan = failure.plan
        rows.append(
            {"run": failure.run_id[:12], "method": plan.method.name, "source": plan.source,
             "benchmark": plan.benchmark.id, "budget": plan.budget, "seed": plan.seed,
             "fold": plan.fold, "mean_targets": "-", "state": f"failed: {failure.state}"}
        )  # fmt: skip
    return rows


def _warn(words: str) -> None:
    from devbench.talk import printable

    click.echo(f"warning: {printable(words)}", err=True)


def print_rows(rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """Print a table whose columns are the keys of the first row; empty: what to say of none."""
    from devbench.talk import printable

    if not rows:
        click.echo(empty, err=True)
        return
    keys = [key for key in rows[0] if any(str(row.get(key, "")) for row in rows)]
    width = {key: max(len(key), *(len(str(row.get(key, ""))) for row in rows)) for key in keys}
    lines = ["  ".join(f"{key:<{width[key]}}" for key in keys)]
    lines += ["  ".join(f"{row.get(key, '')!s:<{width[key]}}" for key in keys) for row in rows]
    # A name of a stranger makes no line of its own
    shown = (printable(" ".join(line.splitlines())).rstrip() for line in lines)
    # One write: ten thousand lines one by one take as long as all the rest
    click.echo("\n".join(shown))

"""devbench show: anything that has a name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from devbench.cli.options import json_option, store_option

if TYPE_CHECKING:
    from devbench.results.record import Record
    from devbench.results.store import Store


@click.command("show")
@click.argument("name")
@store_option
@json_option
def command(name: str, store: Path, as_json: bool) -> None:
    """Show NAME: a method, backbone or front end, a benchmark, or a run (its first digits)."""
    from devbench.benchmark.load import benchmark_names, load_benchmark
    from devbench.contract.names import require_known
    from devbench.files import pretty_json
    from devbench.registry import Kind, find, installed
    from devbench.results.store import Store

    kinds: list[Kind] = [
        kind
        for kind in ("method", "backbone", "frontend")
        if name.rpartition(":")[2] in installed(kind)
    ]
    if kinds:
        from devbench.running.describe import describe

        found = {kind: describe([find(kind, name)], cost=True)[kind] for kind in kinds}
        if as_json:
            click.echo(pretty_json(found).decode(), nl=False)
            return
        for kind, item in found.items():
            _print_plugin(kind, item)
        return
    if name in benchmark_names() or name.endswith(".toml"):
        document = load_benchmark(name).model_dump(mode="json", by_alias=True)
        click.echo(pretty_json(document).decode(), nl=False)
        return
    opened = Store(store)
    matches = [run_id for run_id in opened.run_ids() if run_id.startswith(name)]
    if len(name) >= 4 and matches:
        record = opened.find(name)
        if as_json:
            click.echo(record.to_json().decode(), nl=False)
        else:
            print_record(record, opened, is_new=False)
        return
    known = [n for kind in ("method", "backbone", "frontend") for n in installed(kind)]
    require_known(
        "plugin, benchmark or run",
        name,
        [*known, *benchmark_names()],
        list_command="devbench ls methods",
    )


def _say(words: str) -> None:
    """Print words of plugins and of records, which may come from strangers."""
    from devbench.talk import printable

    click.echo(printable(words))


def _line(words: str) -> None:
    """Print words of a record as one line: no name in them makes a line of its own."""
    _say(" ".join(words.splitlines()))


def _print_plugin(kind: str, item: Mapping[str, Any]) -> None:
    import inspect

    from devbench.contract.options import FOLDER

    _say(f"{kind} {item['name']} (version {item['version']}, {item['distribution']} "
               f"{item['distribution_version']})")  # fmt: skip
    _say(inspect.cleandoc(item["doc"]) or item["summary"])
    for key in ("track", "acts_on", "scales", "scale", "takes", "stages", "reference", "licence"):
        if item.get(key):
            value = item[key] if isinstance(item[key], str) else ", ".join(item[key])
            _say(f"{key.replace('_', ' ')}: {value}")
    if cost := item.get("cost"):
        _say(f"parameters: {cost['n_parameters']:,} ({cost['n_classes']} classes)")
        _say(
            f"multiply-accumulates: {cost['macs_per_s'] / 1e6:,.1f} million per second of audio "
            f"({cost['n_bins']} bins)"
        )
    if item.get("per_target"):
        _say("trains one classifier per target device")
    if item["options"]:
        _say("options (--set name=value):")
        for name, value in item["options"].items():
            shown = "none" if value == FOLDER else value
            _say(f"  {name} = {shown}  ({item['option_types'][name]})")


def print_record(record: Record, store: Store, *, is_new: bool) -> None:
    """Print the table of one run: devices, headline figures, the gap closed, the next step."""
    from devbench.results.siblings import sibling

    plan = record.plan
    held = list(store.records(lambda words: None))
    baseline, ideal = (sibling(record, held, name) for name in ("baseline", "ideal"))
    _line(
        f"{plan.method.name} from {plan.source} on {plan.benchmark.id} "
        f"({plan.corpus.provenance}), {plan.backbone.name}, {plan.budget}, seed {plan.seed}"
        + (f", front end {plan.frontend.name}" if "name" in plan.frontend.opened else "")
        + (f", fold {plan.fold}" if plan.fold else "")
    )
    _line(f"track: {plan.method.track}")
    is_other = baseline is not None and baseline.run_id != record.run_id
    before = {s.device: s.macro_f1 for s in baseline.scores} if baseline and is_other else {}
    width = max(len(score.device) for score in record.scores)
    head = f"{'device':<{width}}  {'macro F1':>8}  {'weighted':>8}  {'clips':>5}"
    _line(head + ("  vs baseline" if before else ""))
    for score in record.scores:
        line = (
            f"{score.device:<{width}}  {score.macro_f1:8.3f}  {score.weighted_f1:8.3f}  "
            f"{score.n_clips:5d}"
        )
        if score.device in before:
            line += f"  {score.macro_f1 - before[score.device]:+11.3f}"
        _line(line + ("  source" if score.role == "source" else ""))
    summary = record.summary
    _line(
        f"mean over targets {summary.mean_targets:.3f}, worst {summary.worst_target:.3f} "
        f"({summary.worst_device}), spread {summary.spread:.3f}"
        + (f", source {summary.source:.3f}" if summary.source is not None else "")
    )
    _print_gap(record, baseline, ideal)
    for words in _artifacts(record):
        _line(words)
    _line(f"record: {store.record_path(record.run_id)}")
    if is_new:
        times = record.measured.get("times_s", {})
        _line(f"took {times.get('total', 0):.0f} s (fit {times.get('fit', 0):.0f} s)")
    else:
        _line("answered from the store (--force computes it again)")
    _line(f"next: {_next_step(record, baseline, ideal)}")


def _artifacts(record: Record) -> list[str]:
    """Return a line for each artifact that a run used."""
    lines = []
    for use in {use.key: use for model in record.models for use in model.artifacts}.values():
        made = use.made
        steps = f", {made.n_steps} steps" if made.n_steps is not None else ""
        corpus = "" if use.same_corpus else ", from this corpus as another machine generates it"
        lines.append(
            f"artifact {use.name} {use.key[:12]}: {use.origin}, made {made.at_utc[:10]} on "
            f"{made.device} ({made.precision}, torch {made.versions.get('torch', '?')}{steps}), "
            f"devices {', '.join(use.devices)}{corpus}"
        )
    return lines


def _print_gap(record: Record, baseline: Record | None, ideal: Record | None) -> None:
    from devbench.results.metrics import gap_closed

    if baseline is None or baseline.run_id == record.run_id:
        return
    ours, theirs = record.summary.mean_targets, baseline.summary.mean_targets
    line = f"gap to baseline: {ours - theirs:+.3f} (baseline {theirs:.3f})"
    if ideal is not None:
        closed = gap_closed(ours, theirs, ideal.summary.mean_targets)
        if closed is not None:
            line += f"; closes {closed:.0%} of the gap to ideal {ideal.summary.mean_targets:.3f}"
    _line(line)


def _next_step(record: Record, baseline: Record | None, ideal: Record | None) -> str:
    plan = record.plan
    again = f"devbench run --source {plan.source} --benchmark {plan.benchmark.id}"
    if "name" in plan.frontend.opened:
        again += f" --frontend {plan.frontend.name}"
    again += " --method"
    if baseline is None:
        return f"{again} baseline   # to see what is lost without a method"
    if ideal is None:
        return f"{again} ideal   # to see what could be reached"
    return f"devbench verify {record.run_id[:12]}   # or: devbench leaderboard"

"""devbench recommend: the method for some devices, with the evidence, from a table of records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from devbench.cli.options import (
    DEFAULT_STORE,
    benchmark_option,
    budget_option,
    data_option,
    json_option,
    records_option,
    store_option,
)

if TYPE_CHECKING:
    from devbench.contract.access import Access
    from devbench.results.recommendation import Candidate, Recommendation

N_WORST = 3
LEVEL = 0.05


@click.command("recommend")
@click.option("--devices", default="", metavar="A,B", help="To do well on; default: all targets.")
@click.option("--source", default=None, help="Only runs that were trained on this device.")
@click.option("--track", default=None, help="What you have, as a track; blind: nothing more.")
@click.option("--allow", default=None, metavar="KIND,KIND", help="What you have, kind by kind.")
@click.option("--max-cost", type=click.FloatRange(min=0), default=None,
              help="Training time at most so many times the baseline's.")  # fmt: skip
@click.option("--max-parameters", type=click.IntRange(min=0), default=None,
              help="Parameters at most, of all classifiers of a run.")  # fmt: skip
@benchmark_option
@budget_option
@click.option("--backbone", default=None, help="Of the runs; default: that of the newest one.")
@records_option
@store_option
@data_option
@json_option
def command(
    *,
    devices: str,
    source: str | None,
    track: str | None,
    allow: str | None,
    max_cost: float | None,
    max_parameters: int | None,
    benchmark: str,
    budget: str,
    backbone: str | None,
    records: Path | None,
    store: Path,
    data: Path | None,
    as_json: bool,
) -> None:
    """Name the method with the best worst target within what you have, and what speaks for it.

    \b
    devbench recommend --devices lggram,ipad7 --track unpaired-target
    devbench recommend --source iphone14 --allow device-fr --max-cost 2
    """
    allowed = _allowed(track, allow)

    from devbench.api import gather
    from devbench.cli.leaderboard import warn
    from devbench.files import pretty_json
    from devbench.results.recommendation import Limits, recommend

    names = tuple(dict.fromkeys(name.strip() for name in devices.split(",") if name.strip()))
    gathered = gather(records, store, data, warn=warn)
    found = recommend(
        gathered.records,
        gathered.answers,
        Limits(names, source, allowed, max_cost, max_parameters),
        benchmark=_id_of(benchmark),
        budget=budget,
        backbone=backbone,
    )
    if as_json:
        click.echo(pretty_json(_document(found)).decode(), nl=False)
    else:
        _print(found)
        if records is None:  # a report is of a store
            folder = None if store == DEFAULT_STORE else store
            _say(f"next: {_next(found, benchmark, source, store=folder, data=data)}")


def _next(
    found: Recommendation,
    benchmark: str,
    source: str | None,
    *,
    store: Path | None,
    data: Path | None,
) -> str:
    """Return the command that shows the runs of the best method, and no others."""
    from devbench.results.commands import command_line

    options = {
        "--benchmark": benchmark,
        "--budget": found.key.budget,
        "--backbone": found.key.backbone,
        "--source": source,
        "--store": store,
        "--data": data,
    }
    return command_line(["report", found.best.method], options)


def _allowed(track: str | None, allow: str | None) -> frozenset[Access]:
    """Return the kinds of information at hand; without options all but labels of targets."""
    from devbench.contract.access import TRACKS, Access
    from devbench.contract.names import require_known
    from devbench.errors import UsageError

    if track is not None and allow is not None:
        raise UsageError("--track and --allow exclude each other", fix="give one of them")
    kinds = [kind.value for kind in Access if kind is not Access.TARGET_LABELS]
    if track is not None:
        require_known("track", track, [name for name in TRACKS if name != "oracle"],
                      list_command="devbench recommend --help")  # fmt: skip
        return frozenset(Access(kind) for kind in track.split("+") if kind != "blind")
    if allow is None:
        return frozenset(Access(kind) for kind in kinds)
    given = [kind.strip() for kind in allow.split(",") if kind.strip()]
    return frozenset(
        Access(require_known("kind of information", kind, kinds,
                             list_command="devbench recommend --help"))
        for kind in given
    )  # fmt: skip


def _id_of(benchmark: str) -> str:
    """Return what records call a benchmark that is given by name or by file."""
    from devbench.benchmark.load import load_benchmark

    return load_benchmark(benchmark).id if benchmark.endswith(".toml") else benchmark


def _say(words: str) -> None:
    """Print words of records, which may come from strangers."""
    from devbench.talk import printable

    click.echo(printable(words))


def _print(found: Recommendation) -> None:
    from devbench.cli.ls import print_rows

    best, key = found.best, found.key
    _say(
        f"{key.benchmark} ({key.provenance}), budget {key.budget}, backbone {key.backbone}: lowest "
        f"macro F1 of {', '.join(found.devices)}, mean over "
        f"{len(found.sources)} source{'' if len(found.sources) == 1 else 's'}"
    )
    _say(f"use {best.method}: worst target {_scored(best)}, mean {best.mean_targets:.3f}")
    _say(f"it needs {_needs(best)}; {_cost_words(best)}")
    _say("its worst target: " + ", ".join(f"{n} in {c} of {best.n_runs} runs"
                                          for n, c in best.worst[:N_WORST]))  # fmt: skip
    for words in _second(found):
        _say(words)
    for one in found.with_less:
        alone = " alone" if one.needs else ""
        _say(f"with {_needs(one)}{alone}: {one.method}, worst target {_scored(one)}")
    click.echo()
    print_rows([_row(found, one) for one in found.candidates], empty="")
    if found.excluded:
        click.echo("\nnot considered:")
        for name, why in found.excluded:
            _say(f"  {name}: {why}")
    for words in _caveats(found):
        _say(f"note: {words}")


def _scored(one: Candidate) -> str:
    if one.interval is None:
        return f"{one.score:.3f} (no interval)"
    low, high = max(0.0, one.interval.low), min(1.0, one.interval.high)
    return f"{one.score:.3f} (95 %: {low:.3f} to {high:.3f})"


def _needs(one: Candidate) -> str:
    return " and ".join(one.needs) if one.needs else "nothing of the targets"


def _cost_words(one: Candidate) -> str:
    cost = "training time not comparable" if one.cost is None else (
        f"trains {one.cost:.1f} times as long as the baseline")  # fmt: skip
    learned = ", its converter not counted, which is trained once" if one.is_learned else ""
    return f"{cost}{learned}; {one.n_parameters:,.0f} parameters"


def _second(found: Recommendation) -> list[str]:
    """Return who comes second and whether the difference is real."""
    if len(found.candidates) == 1:
        return ["no other method is within these limits, so nothing is compared"]
    second = found.candidates[1]
    against = found.against.get(second.method)
    if against is None:
        return [f"second: {second.method}, worst target {_scored(second)}; the two share no runs "
                "with answers, so they cannot be compared"]  # fmt: skip
    told = (
        "the difference is real"
        if against.better == found.best.method
        else "they cannot be told apart"
    )
    gap = against.difference
    lines = [
        f"second: {second.method}, worst target {_scored(second)}; difference on the runs "
        f"that both have {gap.estimate:+.3f} (95 %: {gap.low:+.3f} to {gap.high:+.3f}), "
        f"p (Holm) {against.p_holm:.2g} over "
        f"{against.n_pairs} pairs: {told}"
    ]
    if rivals := [one.method for one in found.rivals]:
        lines.append(f"not told apart from {found.best.method}: {', '.join(rivals)}")
    return lines


def _row(found: Recommendation, one: Candidate) -> dict[str, str | int]:
    against = found.against.get(one.method)
    interval = one.interval
    return {
        "method": one.method,
        "worst target": f"{one.score:.3f}",
        "95 %": "-" if interval is None
        else f"{max(0.0, interval.low):.3f} to {min(1.0, interval.high):.3f}",
        "mean": f"{one.mean_targets:.3f}",
        "needs": "+".join(one.needs) or "-",
        "cost": "-" if one.cost is None else f"{one.cost:.1f}",
        "runs": one.n_runs,
        "seeds": one.n_seeds,
        "best minus it": "-" if against is None else f"{against.difference.estimate:+.3f}",
        "p (Holm)": "-" if against is None else f"{against.p_holm:.2g}",
    }  # fmt: skip


def _caveats(found: Recommendation) -> list[str]:
    notes = list(found.notes)
    if found.best.n_seeds == 1:
        notes.append(
            "one seed: another training may turn the order, and intervals are over events alone; "
            "devbench sweep --seeds 0-4 tells"
        )
    if len(found.sources) == 1:
        notes.append(
            f"all runs are from {found.sources[0]}: from another source another method may win"
        )
    if found.least_p >= LEVEL:
        notes.append(
            f"with so few runs and {len(found.against)} methods compared, no p can fall below "
            f"{found.least_p:.2g}: nothing can be called better; more seeds or sources, or fewer "
            "methods, would tell (devbench compare A B)"
        )
    if found.key.provenance == "simulated":
        notes.append("the devices are simulated; your own may differ (devbench data import)")
    return notes


def _document(found: Recommendation) -> dict[str, Any]:
    def of(one: Candidate) -> dict[str, Any]:
        against = found.against.get(one.method)
        interval = one.interval
        return {
            "method": one.method,
            "needs": list(one.needs),
            "worst_target": one.score,
            "low": None if interval is None else interval.low,
            "high": None if interval is None else interval.high,
            "mean_targets": one.mean_targets,
            "worst_devices": dict(one.worst),
            "cost": one.cost,
            "parameters": one.n_parameters,
            "is_learned": one.is_learned,
            "runs": one.n_runs,
            "seeds": one.n_seeds,
            "behind_best": None
            if against is None
            else {
                "difference": against.difference.estimate,
                "low": against.difference.low,
                "high": against.difference.high,
                "pairs": against.n_pairs,
                "p_holm": against.p_holm,
                "p_least": against.p_least,
                "is_real": against.better is not None,
            },
        }

    return {
        "benchmark": found.key.benchmark,
        "budget": found.key.budget,
        "backbone": found.key.backbone,
        "corpus": found.key.corpus,
        "fingerprint": found.key.fingerprint,
        "devices": list(found.devices),
        "sources": list(found.sources),
        "method": found.best.method,
        "not_told_apart": [one.method for one in found.rivals],
        "with_less": [one.method for one in found.with_less],
        "candidates": [of(one) for one in found.candidates],
        "excluded": dict(found.excluded),
        "notes": _caveats(found),
    }

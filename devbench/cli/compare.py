"""devbench compare: can methods be told apart, by the runs of a store?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from devbench.cli.options import benchmark_option, budget_option, json_option, store_option

if TYPE_CHECKING:
    from devbench.results.comparison import Comparison


@click.command("compare")
@click.argument("methods", metavar="METHOD METHOD...", nargs=-1, required=True)
@benchmark_option
@budget_option
@click.option("--backbone", default=None, help="Of the runs, as the leaderboard names it.")
@store_option
@json_option
def command(  # noqa: PLR0917 - click passes every option by name
    methods: tuple[str, ...],
    benchmark: str,
    budget: str,
    backbone: str | None,
    store: Path,
    as_json: bool,
) -> None:
    """Compare methods on the sources, seeds and folds that all of them have.

    \b
    devbench compare umc-real spectrum-match
    devbench compare baseline rfn freq-mixstyle --benchmark mics7
    """
    from devbench.benchmark.load import load_benchmark
    from devbench.contract.names import require_known
    from devbench.errors import UsageError
    from devbench.files import pretty_json
    from devbench.results.answers import Answers
    from devbench.results.comparison import (
        bands,
        comparable,
        compare,
        mean_with_interval,
        shared,
    )
    from devbench.results.resampling import resample
    from devbench.results.store import Store

    names = list(dict.fromkeys(methods))
    if len(names) < 2:
        raise UsageError("one method alone cannot be compared", fix="devbench compare A B")
    loaded = load_benchmark(benchmark)
    require_known("budget", budget, loaded.budgets, list_command=f"devbench show {benchmark}")
    opened = Store(store)
    records, left_out = comparable(
        opened.records(warn),
        names,
        benchmark_sha256=loaded.sha256,
        budget=budget,
        backbone=backbone or loaded.budgets[budget].backbone,
    )
    for words in left_out:
        warn(words)
    runs = {
        name: {
            cell: resample(Answers.of(opened.logits(record), source=cell.source))
            for cell, record in of.items()
        }
        for name, of in shared(records).items()
    }
    found = compare(runs)
    means = {name: mean_with_interval(of) for name, of in runs.items()}
    ranks = bands(names, found)
    if as_json:
        document = {
            "methods": [{"method": name, "ranks": list(ranks[name]), **_interval(means[name])}
                        for name in names],
            "comparisons": [_pair(one) for one in found],
        }  # fmt: skip
        click.echo(pretty_json(document).decode(), nl=False)
        return
    _print(names, means, ranks, found)


def warn(words: str) -> None:
    """Print a warning."""
    from devbench.talk import printable

    click.echo(printable(f"warning: {words}"), err=True)


def _interval(found: Any) -> dict[str, Any]:
    return {
        "mean": round(found.estimate, 6),
        "low": round(found.low, 6),
        "high": round(found.high, 6),
        "event_sd": round(found.event_sd, 6),
        "seed_sd": round(found.seed_sd, 6),
        "seeds": found.n_seeds,
        "events": found.n_events,
    }


def _pair(one: Comparison) -> dict[str, Any]:
    return {
        "first": one.first,
        "second": one.second,
        **_interval(one.difference),
        "pairs": one.n_pairs,
        "p_events": one.p_events,
        "p_signs": one.p_signs,
        "p_least": one.p_least,
        "p_holm": one.p_holm,
        "better": one.better,
    }


def _print(
    names: Sequence[str],
    means: Mapping[str, Any],
    ranks: Mapping[str, tuple[int, int]],
    found: Sequence[Comparison],
) -> None:
    from devbench.cli.ls import print_rows

    order = sorted(names, key=lambda name: -means[name].estimate)
    print_rows(
        [
            {
                "method": name,
                "mean over targets": f"{means[name].estimate:.3f}",
                "95 %": f"{means[name].low:.3f} to {means[name].high:.3f}",
                "seeds": means[name].n_seeds,
                "events": means[name].n_events,
                "ranks": "-".join(map(str, dict.fromkeys(ranks[name]))),
            }
            for name in order
        ],
        empty="",
    )
    click.echo()
    print_rows(
        [
            {
                "first - second": f"{one.first} - {one.second}",
                "difference": f"{one.difference.estimate:+.3f}",
                "95 %": f"{one.difference.low:+.3f} to {one.difference.high:+.3f}",
                "pairs": one.n_pairs,
                "p": f"{one.p:.2g}",
                "least p": f"{one.p_least:.2g}",
                "p (Holm)": f"{one.p_holm:.2g}",
                "better": one.better or "not told apart",
            }
            for one in found
        ],
        empty="",
    )
    if any(one.difference.n_seeds == 1 for one in found):
        click.echo(
            "one seed: intervals are over events alone; other seeds: devbench sweep --seeds 0-4",
            err=True,
        )

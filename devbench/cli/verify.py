"""devbench verify: whole files (V0), figures from logits (V1), logits from weights (V2)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbench.cli.options import data_option, json_option, store_option

if TYPE_CHECKING:
    from devbench.results.expected import Expectation
    from devbench.results.store import Store
    from devbench.results.verify import Predictor, Verdict


@click.command("verify")
@click.argument("runs", metavar="RUN...", nargs=-1)
@click.option(
    "--level",
    type=click.IntRange(0, 2),
    default=1,
    show_default=True,
    help="0: whole files; 1: figures from logits, exactly; 2: logits from weights.",
)
@click.option("--all", "is_all", is_flag=True, help="Verify every run of the store.")
@click.option(
    "--benchmark",
    default=None,
    metavar="FILE.toml",
    help="The benchmark file, for runs of a benchmark that was given by path.",
)
@store_option
@data_option
@json_option
def command(
    *,
    runs: tuple[str, ...],
    level: int,
    is_all: bool,
    benchmark: str | None,
    store: Path,
    data: Path | None,
    as_json: bool,
) -> None:
    """Verify runs by the first digits of their run_id; exit 9 when one does not hold."""
    from devbench.errors import CheckError, UsageError
    from devbench.results.expected import Expectation, corpus_folders
    from devbench.results.store import Store
    from devbench.results.verify import Verifier

    if bool(runs) == is_all:
        raise UsageError(
            "give runs, or --all", fix="devbench verify RUN... (list them: devbench ls runs)"
        )
    opened = Store(store)
    run_ids = opened.run_ids() if is_all else [opened.find_id(run) for run in runs]
    expectation = Expectation(corpus_folders(store, data), benchmark)
    verifier = Verifier(
        opened,
        expected=expectation,
        predict=_predictor(opened, expectation) if level == 2 else None,
    )
    verdicts = verifier.verify(run_ids, level=level)
    click.echo(_as_json(verdicts) if as_json else _as_text(verdicts), nl=False)
    if not verdicts:
        click.echo(f"no runs in {str(store)!r}, so nothing was verified", err=True)
    failed = [verdict for verdict in verdicts if not verdict.is_passed]
    if failed:
        raise CheckError(
            f"{len(failed)} of {len(verdicts)} runs do not hold at V{level}",
            fix="restore their files, or run them again with --force",
        )


def _predictor(store: Store, expectation: Expectation) -> Predictor:
    from devbench.running.again import Again  # the whole pipeline; only V2 needs it

    return Again(store, expectation).predict


def _as_text(verdicts: list[Verdict]) -> str:
    from devbench.results.render import clean_line

    lines: list[str] = []
    for verdict in verdicts:
        words = [verdict.run_id[:12], verdict.badge, "ok" if verdict.is_passed else "FAILED"]
        said = "; ".join([*([verdict.reason] if verdict.reason else []), *verdict.notes])
        lines.append("  ".join(words) + (f"  {said}" if said else ""))
    return "".join(f"{clean_line(line)}\n" for line in lines)


def _as_json(verdicts: list[Verdict]) -> str:
    from devbench.files import pretty_json

    return pretty_json(
        [
            {
                "run_id": verdict.run_id,
                "asked": verdict.asked,
                "level": verdict.level,
                "badge": verdict.badge,
                "passed": verdict.is_passed,
                "reason": verdict.reason,
                "notes": list(verdict.notes),
            }
            for verdict in verdicts
        ]
    ).decode()

"""What a leaderboard is made of: verified records, failures, and the ledger's count."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from devbench.benchmark.load import benchmark_names, load_benchmark
from devbench.errors import DataError, DevbenchError, UnknownNameError
from devbench.results.answers import Answers
from devbench.results.bulk import many_objects
from devbench.results.certainty import AnswersOf, with_certainty
from devbench.results.expected import Expectation, corpus_folders
from devbench.results.folder import folder_answers
from devbench.results.record import Plan, Record, read_record
from devbench.results.store import Store
from devbench.results.tables import Block, leaderboard
from devbench.results.verify import Verifier, require_well_formed

Warn = Callable[[str], None]
_RECORD_NAME = re.compile(r"[0-9a-f]{64}\.json")


@dataclass(frozen=True, slots=True)
class Gathered:
    """Records that hold, the level each holds at, plans of failed runs, scorings if known.

    answers: what a run answered, None where that is not at hand.
    """

    records: tuple[Record, ...]
    levels: Mapping[str, int]
    failed: tuple[Plan, ...] = ()
    scorings: Mapping[tuple[str, str], int] | None = None
    answers: AnswersOf = lambda record: None

    def only(self, *, benchmark: str | None, budget: str | None) -> Gathered:
        """Return what belongs to one benchmark (by id) and one budget; None keeps all.

        Raises UnknownNameError when nothing does, though there are runs.
        """

        def is_asked(plan: Plan) -> bool:
            return benchmark in (None, plan.benchmark.id) and budget in (None, plan.budget)

        plans = [*(record.plan for record in self.records), *self.failed]
        if plans and not any(is_asked(plan) for plan in plans):
            have = sorted({f"--benchmark {p.benchmark.id} --budget {p.budget}" for p in plans})
            raise UnknownNameError(
                f"no runs of benchmark {benchmark or 'any'}, budget {budget or 'any'}",
                fix=f"there are runs of {'; '.join(have[:5])}",
            )
        return replace(
            self,
            records=tuple(record for record in self.records if is_asked(record.plan)),
            failed=tuple(plan for plan in self.failed if is_asked(plan)),
        )

    def blocks(self, *, warn: Warn = lambda words: None) -> tuple[Block, ...]:
        """Return the leaderboard, ranked by the seeds that the known benchmarks ask for.

        warn: is told why a row with answers has no interval.
        """
        blocks = leaderboard(
            self.records,
            levels=self.levels,
            failed=self.failed,
            scorings=self.scorings,
            ranked_seeds=_ranked_seeds(),
        )
        return with_certainty(blocks, self.records, self.answers, warn=warn)


@many_objects()
def from_store(store: Store, data: Path | None, *, warn: Warn) -> Gathered:
    """Return the runs of a store that hold at V1; of the others warn says why they are left out."""
    verifier = Verifier(store, expected=Expectation(corpus_folders(store.folder, data)))
    levels: dict[str, int] = {}
    for verdict in verifier.verify(store.run_ids(), level=1):
        if verdict.is_passed:
            levels[verdict.run_id] = verdict.level
        else:
            warn(f"left out run {verdict.run_id[:12]}: {verdict.reason}")
    try:
        scorings = store.ledger.scorings()
    except DevbenchError:  # every run has been left out for it already
        scorings = None
    return Gathered(
        records=tuple(record for record in store.records(warn) if record.run_id in levels),
        levels=levels,
        failed=tuple(failure.plan for failure in store.failures(warn)),
        scorings=scorings,
        answers=lambda record: Answers.of(store.logits(record), source=record.plan.source),
    )


@many_objects()
def from_folder(folder: Path, *, warn: Warn) -> Gathered:
    """Return the records of a folder without a store; they can be held against themselves (V0)."""
    if not folder.is_dir():
        raise DataError(f"no folder {str(folder)!r}", fix="give --records a folder of records")
    records: list[Record] = []
    expectation = Expectation([])
    for path in sorted(folder.iterdir()):
        if not _RECORD_NAME.fullmatch(path.name):
            continue
        try:
            record = read_record(path)
            require_well_formed(record)
            expectation.require_fit(record)
        except DevbenchError as error:
            warn(f"left out {path.name[:12]}: {error.what}")
        else:
            records.append(record)
    unique = {record.run_id: record for record in records}
    return Gathered(
        tuple(unique.values()),
        dict.fromkeys(unique, 0),
        answers=lambda record: folder_answers(folder, record),
    )


def _ranked_seeds() -> dict[str, int]:
    loaded = [load_benchmark(name) for name in benchmark_names()]
    return {benchmark.sha256: benchmark.seeds.ranked for benchmark in loaded}

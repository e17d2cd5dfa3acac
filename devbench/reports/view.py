"""What the report's template shows, as values: a part that cannot be made says what it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from devbench.errors import DevbenchError
from devbench.pages.bands import AddedView, added_view
from devbench.pages.charts import Curves, curves
from devbench.pages.detail import Detail, detail_of
from devbench.pages.devices import FindResponses, Responses
from devbench.pages.glance import TRACK_WORDS
from devbench.pages.maps import Map, f1, response_table
from devbench.pages.view import CHART_HEIGHT, CHART_WIDTH
from devbench.reports.chosen import Chosen
from devbench.reports.classes import (
    ClassScores,
    Confusion,
    class_scores,
    confusions_of,
    mistakes_table,
)
from devbench.reports.explained import Explained, explained_sections
from devbench.reports.hearing import Heard, hear
from devbench.reports.learning import Learning, learning_of
from devbench.reports.scores import Scores, scores_of
from devbench.reports.shown import HeardView, heard_view
from devbench.results.commands import run_command
from devbench.results.record import Record
from devbench.results.render import clean, clean_line
from devbench.results.tables import block_key

if TYPE_CHECKING:
    from devbench.results.expected import Expectation
    from devbench.results.store import Store
    from devbench.running.pipeline import Talk

Facts: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ReportView:
    """The whole report. missing: by section, what it lacks and how to get it, in one line."""

    title: str
    summary: str
    facts: Facts
    notes: tuple[str, ...]
    detail: Detail
    scores: Scores
    grid: Map | None
    confusions: tuple[tuple[Confusion, Map], ...]
    classes: ClassScores
    learning: Learning
    responses: Curves | None
    responses_origin: str
    responses_table: Map | None
    added: AddedView | None
    heard: HeardView | None
    explained: tuple[tuple[str, tuple[Explained, ...]], ...]
    missing: dict[str, str]


@dataclass(frozen=True, slots=True)
class Made:
    """A report with what figures are drawn from."""

    view: ReportView
    chosen: Chosen
    heard: Heard | None
    responses: Responses | None


def make_report(
    chosen: Chosen,
    store: Store,
    expectation: Expectation,
    responses: FindResponses,
    talk: Talk,
) -> Made:
    """Return the report of some runs; a part that cannot be made costs no other."""
    records = chosen.records
    missing: dict[str, str] = {}
    scores = scores_of(chosen, store)
    if scores.missing:
        missing["intervals"] = scores.missing
    heard: Heard | None = None
    shown: HeardView | None = None
    try:
        heard = hear(_heard_record(chosen), store, expectation, talk)
        shown = heard_view(heard)
    except DevbenchError as error:
        missing["heard"] = f"{error.what}; {error.fix}"
    missing |= _weights_missing(records, store)
    found = responses(block_key(chosen.first.plan))
    if found is None:
        missing["responses"] = (
            f"corpus {chosen.first.plan.corpus.name!r} is not here, or it has no measured "
            "responses; give its folder with --data, and see devbench data fr"
        )
    detail = detail_of(records, {r.plan.source for r in records})
    title = _title(chosen)
    added = detail.added
    size = {"width": CHART_WIDTH, "height": CHART_HEIGHT}
    many = len({record.plan.source for record in records}) > 1
    view = ReportView(
        title=title,
        summary=_summary(chosen, scores),
        facts=_facts(chosen),
        notes=tuple(clean_line(note) for note in (*chosen.notes, *_warnings(records))),
        detail=detail,
        scores=scores,
        grid=_grid(chosen, scores) if many else None,
        confusions=tuple((one, mistakes_table(one)) for one in confusions_of(chosen)),
        classes=class_scores(chosen),
        learning=learning_of(records, **size),
        responses=curves(found, **size) if found else None,
        responses_origin=found.origin if found else "",
        responses_table=response_table("responses-table", found) if found else None,
        added=added_view("added-table", title, added, **size) if added is not None else None,
        heard=shown,
        explained=_explained(chosen, store),
        missing={name: clean_line(words) for name, words in missing.items()},
    )
    return Made(view, chosen, heard, found)


def _explained(chosen: Chosen, store: Store) -> tuple[tuple[str, tuple[Explained, ...]], ...]:
    """Return the diagnoses of every run that has one; of the first where none has."""
    every = [(r.run_id, explained_sections(store, r)) for r in chosen.records]
    held = [(run_id, own) for run_id, own in every if any(one.tables for one in own)]
    return tuple(held or every[:1])


def _heard_record(chosen: Chosen) -> Record:
    """Return the run with the lowest target of all: where a method fails is where to listen."""
    return min(chosen.records, key=lambda r: (r.summary.worst_target, r.run_id))


def _weights_missing(records: tuple[Record, ...], store: Store) -> dict[str, str]:
    lacking = [
        record
        for record in records
        if not all(store.blob_path("checkpoints", m.weights_sha256).exists() for m in record.models)
    ]
    if not lacking:
        return {}
    first = lacking[0].plan
    return {
        "weights": f"the weights of {len(lacking)} of {len(records)} runs are not in this store, "
        f"and devbench explain needs them; {run_command([first], '--force')} makes "
        f"{'them' if len(lacking) == 1 else 'those of the first'} anew"
    }


def _warnings(records: tuple[Record, ...]) -> list[str]:
    return sorted({f"a run said: {words}" for record in records for words in record.warnings})


def _title(chosen: Chosen) -> str:
    plan = chosen.first.plan
    sources = list(dict.fromkeys(r.plan.source for r in chosen.records))
    return clean(f"{plan.method.name} from {sources[0]}" if len(sources) == 1
                 else f"{plan.method.name} from {len(sources)} sources")  # fmt: skip


def _summary(chosen: Chosen, scores: Scores) -> str:
    average, worst = scores.mean, scores.worst
    words = f"Mean macro F1 over {len(scores.targets)} target devices {average.f1:.3f}"
    if average.interval:
        low, high = average.interval
        only = ", events only: one seed" if scores.n_seeds == 1 else ""
        words += f" (95 %: {low:.3f} to {high:.3f}{only})"
    words += f"; lowest on {clean(worst.name)} with {worst.f1:.3f}"
    own = chosen.first.plan.method.name
    if average.baseline is not None and own != "baseline":
        words += f"; {average.f1 - average.baseline:+.3f} against the baseline"
    if scores.gap is not None and own not in ("baseline", "ideal"):
        words += f", {100 * scores.gap:.0f} % of its gap to the ideal"
    return words + "."


def _facts(chosen: Chosen) -> Facts:
    plans = [record.plan for record in chosen.records]
    plan = plans[0]

    def all_of(values: list[object]) -> str:
        return ", ".join(dict.fromkeys(str(value) for value in values))

    options = ", ".join(f"{name}={value}" for name, value in sorted(plan.method.options.items()))
    return tuple(
        (name, clean_line(words))
        for name, words in (
            ("method", f"{plan.method.name} v{plan.method.version} of {plan.method.distribution}"),
            ("options", options or "none"),
            ("track", plan.method.track),
            ("may see", TRACK_WORDS.get(plan.method.track, "what it declares")),
            ("source", all_of([p.source for p in plans])),
            ("targets", all_of([t for p in plans for t in p.targets])),
            ("benchmark", f"{plan.benchmark.id} v{plan.benchmark.version}, "
                          f"hash {plan.benchmark.sha256[:12]}"),
            ("corpus", f"{plan.corpus.name} v{plan.corpus.version}, {plan.corpus.provenance}, "
                       f"fingerprint {plan.corpus.fingerprint[:12]}"),
            ("backbone", f"{plan.backbone.name}, front end {plan.frontend.name}"),
            ("budget", plan.budget),
            ("seeds, folds", f"seeds {all_of([p.seed for p in plans])}; folds "
                             f"{all_of([p.fold for p in plans])}"),
            ("computed on", all_of([f"{p.device} {p.precision}, threads {p.threads}"
                                    for p in plans])),
            ("runs", all_of([record.run_id[:12] for record in chosen.records])),
        )
    )  # fmt: skip


def _grid(chosen: Chosen, scores: Scores) -> Map:
    """Return source by device, the source's own included."""
    cells = scores.by_cell
    sources = sorted({source for source, _ in cells})
    devices = sorted({device for _, device in cells})
    return Map(
        "grid",
        "",
        tuple(clean(device) for device in devices),
        tuple(
            (clean(source), tuple(f1(cells.get((source, device))) for device in devices))
            for source in sources
        ),
    )

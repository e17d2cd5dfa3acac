"""What the template shows, as values: every text cleaned, every figure rounded, nothing escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from devbench.pages.bands import AddedView, added_view
from devbench.pages.charts import (
    Curves,
    Scale,
    Scatter,
    Strip,
    curves,
    scatter,
    strip_scale,
)
from devbench.pages.detail import Cost, Detail, Provenance, detail_of
from devbench.pages.devices import FindResponses, shipped_responses
from devbench.pages.glance import BOUNDS, TRACK_WORDS, Glance, glance_of, named, status_words
from devbench.pages.maps import (
    Difference,
    Figure,
    Map,
    f1,
    map_of,
    response_table,
    subtract,
    table_of,
)
from devbench.results.published import FOOTNOTES, TITLE, PublishedRow
from devbench.results.record import Record
from devbench.results.render import Board, clean
from devbench.results.tables import LEGEND, Block, BlockKey, Row

MAX_DETAILED = 40
CHART_WIDTH, CHART_HEIGHT = 640.0, 340.0


class Ranked(NamedTuple):
    """A row of a ranking."""

    row: Row
    name: str
    strip: Strip
    is_learned: bool


class Priced(NamedTuple):
    """A row of the table of costs, numbered as in the chart."""

    number: int
    name: str
    f1: Figure
    cost: Cost


@dataclass(frozen=True, slots=True)
class TrackView:
    """One track of a block. n_left_out: rows that have no details below the ranking."""

    anchor: str
    name: str
    words: str
    glance: Glance
    ranking: tuple[Ranked, ...]
    reasons: tuple[tuple[str, str], ...]
    n_left_out: int
    targets: Map
    maps: tuple[Map, ...]
    difference: Difference | None
    classes: Map
    added: tuple[AddedView, ...]
    priced: tuple[Priced, ...]
    by_time: Scatter | None
    by_size: Scatter | None
    provenance: tuple[tuple[str, Provenance], ...]


@dataclass(frozen=True, slots=True)
class BlockView:
    """One block. low, high: the ends of the axis of its strips."""

    anchor: str
    title: str
    key: BlockKey
    block: Block
    axis: Scale
    tracks: tuple[TrackView, ...]


@dataclass(frozen=True, slots=True)
class DevicesView:
    """The devices of a corpus. curves: None where their responses are not here."""

    anchor: str
    key: BlockKey
    curves: Curves | None
    origin: str
    table: Map | None


@dataclass(frozen=True, slots=True)
class PageView:
    """The whole page. published: rows by track; None to leave that section out."""

    blocks: tuple[BlockView, ...]
    devices: tuple[DevicesView, ...]
    legend: tuple[str, ...]
    title_published: str
    footnotes: tuple[str, ...]
    published: tuple[tuple[str, tuple[PublishedRow, ...]], ...] | None


def page_view(
    board: Board, records: Iterable[Record], *, responses: FindResponses = shipped_responses
) -> PageView:
    """Return the page of a board. records: at least those that its rows name."""
    by_id = {record.run_id: record for record in records}
    blocks = tuple(_block(n, block, by_id) for n, block in enumerate(board.blocks, 1))
    corpora = {(b.key.corpus, b.key.corpus_version, b.key.fingerprint): b.key for b in board.blocks}
    published = None
    if board.published is not None:
        tracks = dict.fromkeys(row.track for row in board.published)
        published = tuple(
            (track, tuple(r for r in board.published if r.track == track)) for track in tracks
        )
    return PageView(
        blocks=blocks,
        devices=tuple(
            _devices(f"devices-{n}", key, responses)
            for n, key in enumerate(dict(sorted(corpora.items())).values(), 1)
        ),
        legend=LEGEND,
        title_published=TITLE,
        footnotes=FOOTNOTES,
        published=published,
    )


def _block(number: int, block: Block, by_id: Mapping[str, Record]) -> BlockView:
    details: dict[str, Detail] = {}
    for _, rows in block.tables:
        for row in rows:
            if row.run_ids:
                held = [by_id[run_id] for run_id in row.run_ids]
                details[row.run_ids[0]] = detail_of(held, block.sources)
    every = [row for _, rows in block.tables for row in rows]
    axis = strip_scale(v for row in every for v in (row.mean_targets, row.worst_target))
    devices = sorted({device for d in details.values() for _, device in d.by_cell})
    anchors = {track: f"block-{number}-{track.replace('+', '-')}" for track, _ in block.tables}
    maps = {
        (track, index): map_of(f"{anchors[track]}-{index}", row, details, block.sources, devices)
        for track, rows in block.tables
        for index, row in enumerate(rows[:MAX_DETAILED])
        if row.run_ids
    }
    key = block.key
    return BlockView(
        anchor=f"block-{number}",
        title=clean(
            f"{key.benchmark} v{key.version}, budget {key.budget}, backbone {key.backbone}"
        ),
        key=key,
        block=block,
        axis=axis,
        tracks=tuple(
            _track(anchor, track, block, axis=axis, details=details, maps=maps)
            for track, anchor in anchors.items()
        ),
    )


def _track(
    anchor: str,
    track: str,
    block: Block,
    *,
    axis: Scale,
    details: Mapping[str, Detail],
    maps: Mapping[tuple[str, int], Map],
) -> TrackView:
    rows = dict(block.tables)[track]
    learned = {run_id: detail.is_learned for run_id, detail in details.items()}
    glance = glance_of(track, block.tables, learned)
    shown = [(row, details[row.run_ids[0]]) for row in rows[:MAX_DETAILED] if row.run_ids]
    bounds = {
        name: next(
            (r.mean_targets for _, all_ in block.tables for r in all_ if _is_bound(r, name)), None
        )
        for name in BOUNDS
    }
    priced = tuple(
        Priced(n, named(row), f1(row.mean_targets), detail.cost)
        for n, (row, detail) in enumerate(shown, 1)
    )
    sizes = {one.cost.n_parameters for one in priced}
    return TrackView(
        anchor=anchor,
        name=track,
        words=TRACK_WORDS.get(track, ""),
        glance=glance,
        ranking=tuple(
            Ranked(
                row,
                named(row),
                _strip(row, axis, bounds),
                bool(row.run_ids) and learned[row.run_ids[0]],
            )
            for row in rows
        ),
        reasons=tuple(
            (status, status_words(status))
            for status in dict.fromkeys(clean(row.status) for row in rows if row.rank is None)
        ),
        n_left_out=max(0, len(rows) - MAX_DETAILED),
        targets=table_of(
            f"{anchor}-targets",
            ((named(row), detail.by_target) for row, detail in shown),
        ),
        maps=tuple(own for (held, _), own in maps.items() if held == track),
        difference=_difference(anchor, track, block, rows=rows, glance=glance, maps=maps),
        classes=table_of(
            f"{anchor}-classes",
            ((named(row), detail.by_class) for row, detail in shown),
        ),
        added=tuple(
            added_view(
                f"{anchor}-added-{n}",
                named(row),
                detail.added,
                width=CHART_WIDTH,
                height=CHART_HEIGHT,
            )
            for n, (row, detail) in enumerate(shown)
            if detail.added is not None
        ),
        priced=priced,
        by_time=_scatter(priced, [one.cost.fit_s for one in priced]),
        by_size=_scatter(priced, [one.cost.n_parameters for one in priced])
        if len(sizes) > 1
        else None,
        provenance=tuple((named(row), detail.provenance) for row, detail in shown),
    )


def _is_bound(row: Row, name: str) -> bool:
    return row.method == name and not row.options and row.status != "file"


def _strip(row: Row, axis: Scale, bounds: Mapping[str, float | None]) -> Strip:
    def place(value: float | None) -> float | None:
        return None if value is None else axis.place(value)

    low, high = row.interval or (None, None)
    return Strip(
        mean=place(row.mean_targets),
        low=place(low),
        high=place(high),
        worst=place(row.worst_target),
        baseline=place(bounds["baseline"]),
        ideal=place(bounds["ideal"]),
    )


def _scatter(priced: Sequence[Priced], costs: Iterable[float | None]) -> Scatter | None:
    points = [
        (one.number, cost, one.f1.value)
        for one, cost in zip(priced, costs, strict=True)
        if cost and one.f1.value is not None
    ]
    return scatter(points, width=CHART_WIDTH, height=CHART_HEIGHT) if points else None


def _difference(
    anchor: str,
    track: str,
    block: Block,
    *,
    rows: Sequence[Row],
    glance: Glance,
    maps: Mapping[tuple[str, int], Map],
) -> Difference | None:
    """Return the pick against the baseline, else against the next row, of those with a map."""
    own = [index for held, index in maps if held == track]
    picks = [index for index in own if rows[index] is glance.row] or own
    bounds = {
        row.method: maps[held, index]
        for held, all_ in block.tables
        for index, row in enumerate(all_)
        if (held, index) in maps and row.method in BOUNDS and _is_bound(row, row.method)
    }
    if not picks:
        return None
    first = maps[track, picks[0]]
    others = [bounds.get("baseline"), *(maps[track, i] for i in own), bounds.get("ideal")]
    second = next((m for m in others if m is not None and m.anchor != first.anchor), None)
    if second is None:
        return None
    choices = [(f"track {track}", tuple((maps[track, i].anchor, maps[track, i].name) for i in own))]
    outside = tuple(
        (m.anchor, m.name) for m in bounds.values() if m.anchor not in dict(choices[0][1])
    )
    if outside:
        choices.append(("bounds of the block", outside))
    return Difference(first, second, subtract(f"{anchor}-difference", first, second),
                      tuple(choices))  # fmt: skip


def _devices(anchor: str, key: BlockKey, responses: FindResponses) -> DevicesView:
    found = responses(key)
    if found is None:
        return DevicesView(anchor, key, None, "", None)
    return DevicesView(
        anchor=anchor,
        key=key,
        curves=curves(found, width=CHART_WIDTH, height=CHART_HEIGHT),
        origin=found.origin,
        table=response_table(f"{anchor}-table", found),
    )

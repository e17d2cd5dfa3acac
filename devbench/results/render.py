"""The leaderboard as text, Markdown, CSV and JSON: equal blocks give equal bytes.

Names come from plugins and from records of others, so every name is cleaned of control
characters and escaped for the format it goes into.
"""

from __future__ import annotations

import csv
import io
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any

from devbench.files import pretty_json
from devbench.results.published import FOOTNOTES, TITLE, PublishedRow
from devbench.results.tables import LEGEND, Block, Row

TEXT_WIDTH = 120
MAX_CELL = 120
EMPTY = "-"
N_FIGURES = 9  # columns before those of the sources
PUBLISHED_HEADER = (
    "method",
    "source",
    "mean_targets",
    "± devices",
    "mean_all",
    "worst",
    "worst target",
    "source F1",
    "table",
)
_MARKDOWN = re.compile(r"([\\`*\[\]<|&~$@]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//))")
_NUMBER = re.compile(r"-|-?\d.*")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Board:
    """What is rendered. published: None to leave that block out."""

    blocks: tuple[Block, ...]
    published: tuple[PublishedRow, ...] | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, lines of running text, and one table of text cells.

    breaks: columns at which a table that is too wide is best cut.
    """

    heading: str
    depth: int
    lines: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    breaks: tuple[int, ...] = ()


def sections(board: Board) -> list[Section]:
    """Return the board as headings and tables of text cells, not yet escaped."""
    found: list[Section] = []
    for block in board.blocks:
        key = block.key
        lines = (
            f"Corpus {key.corpus} v{key.corpus_version}, {key.provenance}, "
            f"fingerprint {key.fingerprint[:12]}. Benchmark hash {key.benchmark_sha256[:12]}. "
            f"Metric {key.metric}. Sources: {len(block.sources)}. "
            f"Seeds for a rank: {block.ranked_seeds}.",
        )
        title = f"{key.benchmark} v{key.version}, budget {key.budget}, backbone {key.backbone}"
        found.append(Section(title, 2, lines))
        for track, rows in block.tables:
            header, cells = _table(rows, block.sources)
            breaks = (N_FIGURES, N_FIGURES + len(block.sources))
            found.append(Section(f"Track: {track}", 3, (), header, cells, breaks))
    if board.blocks:
        found.append(Section("What the columns say", 2, LEGEND))
    if board.published is not None:
        tables = sorted({f"{row.table}: {row.reference}" for row in board.published})
        found.append(Section(TITLE, 2, (*FOOTNOTES, f"{'; '.join(tables)}.")))
        for track in dict.fromkeys(row.track for row in board.published):
            rows_shown = tuple(
                _published_cells(row) for row in board.published if row.track == track
            )
            found.append(Section(f"{TITLE}: track {track}", 3, (), PUBLISHED_HEADER, rows_shown))
    return found


def _table(
    rows: Sequence[Row], sources: Sequence[str]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return header and cells; a code hash tells rows apart that read alike."""
    names = [f"{row.method} ({row.options})" if row.options else row.method for row in rows]
    shown = [
        f"{name} [{row.code_sha256[:8]}]" if names.count(name) > 1 else name
        for name, row in zip(names, rows, strict=True)
    ]
    header = (
        *("method", "rank", "status", "mean_targets", "95 %", "mean_all", "gap_closed", "worst"),
        "source F1",
        *sources,
        *("worst cell", "spread", "seeds", "runs", "failed", "scored", "fit s", "level"),
    )
    cells = tuple(
        (
            name,
            _rank(row),
            row.status,
            _fraction(row.mean_targets),
            interval_words(row),
            _fraction(row.mean_all),
            _fraction(row.gap_closed),
            _fraction(row.worst_target),
            _fraction(row.source_score),
            *(_fraction(row.by_source[source]) for source in sources),
            row.worst_cell or EMPTY,
            _fraction(row.spread),
            _count(row.n_seeds),
            _count(row.n_runs),
            _count(row.n_failed),
            _count(row.n_scored),
            EMPTY if row.fit_s is None else f"{row.fit_s:.1f}",
            _level(row),
        )
        for name, row in zip(shown, rows, strict=True)
    )
    return header, cells


def _published_cells(row: PublishedRow) -> tuple[str, ...]:
    return (
        row.method,
        row.source,
        _fraction(row.mean_targets),
        _fraction(row.plus_minus),
        _fraction(row.mean_all),
        _fraction(row.worst_target),
        row.worst_cell.removeprefix(f"{row.source}>"),
        _fraction(row.source_score),
        row.table,
    )


def _fraction(value: float | None) -> str:
    return EMPTY if value is None else f"{value:.3f}"


def interval_words(row: Row) -> str:
    """Return the interval of a row's mean, and what it leaves out."""
    if row.interval is None:
        return EMPTY
    return " to ".join(map(_fraction, row.interval)) + ", events only" * row.is_events_only


def _rank(row: Row) -> str:
    """Return the rank, or the ranks that it shares."""
    return _count(row.rank) if row.band is None else "-".join(map(str, dict.fromkeys(row.band)))


def _level(row: Row) -> str:
    """Return the verified level, and the isolation where it was not a plain process."""
    level = EMPTY if row.level is None else f"V{row.level}"
    return level if row.isolation == "process" else f"{level}, {row.isolation}"


def _count(value: int | None) -> str:
    return EMPTY if value is None else str(value)


def clean(text: str) -> str:
    """Return text in which every control, bidi or unprintable character is shown as �."""
    shown = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return shown if len(shown) <= MAX_CELL else shown[: MAX_CELL - 1] + "…"


def render_text(board: Board, *, width: int = TEXT_WIDTH) -> str:
    """Return aligned plain text; a table wider than width goes on below, methods repeated."""
    lines: list[str] = []
    for section in sections(board):
        heading = clean(section.heading)
        lines += ["", heading, ("=" if section.depth == 2 else "-") * len(heading)]
        for line in section.lines:
            lines += textwrap.wrap(clean_line(line), width, subsequent_indent="  ")
        if section.header:
            table = [[clean(cell) for cell in row] for row in (section.header, *section.rows)]
            for columns in column_groups(table, width, section.breaks):
                lines += ["", *_aligned([[row[c] for c in columns] for row in table])]
    return "\n".join(lines).lstrip("\n") + "\n"


def clean_line(text: str) -> str:
    """Return a line of running text without control characters, not shortened."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def column_groups(
    table: Sequence[Sequence[str]], width: int, breaks: Sequence[int] = ()
) -> list[list[int]]:
    """Return column numbers of each part of a table; column 0 starts every part.

    A table that fits is one part; else it is cut at breaks and wherever a part would not fit.
    """
    widths = [max(len(row[c]) for row in table) for c in range(len(table[0]))]
    groups: list[list[int]] = [[0]]
    cuts = () if sum(widths) + 2 * (len(widths) - 1) <= width else breaks
    for column in range(1, len(widths)):
        used = sum(widths[c] + 2 for c in groups[-1])
        if len(groups[-1]) > 1 and (column in cuts or used + widths[column] > width):
            groups.append([0])
        groups[-1].append(column)
    return groups


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[c]) for row in table) for c in range(len(table[0]))]
    return [
        "  ".join(
            cell.rjust(w) if c and _is_number_column(table, c) else cell.ljust(w)
            for c, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def _is_number_column(table: Sequence[Sequence[str]], column: int) -> bool:
    return all(_NUMBER.fullmatch(row[column]) for row in table[1:])


def render_markdown(board: Board) -> str:
    """Return GitHub-flavoured Markdown in which no name can be markup."""
    lines = ["# Leaderboard", "", "Rendered by `devbench leaderboard`; do not edit by hand."]
    for section in sections(board):
        lines += ["", f"{'#' * section.depth} {escape_markdown(clean(section.heading))}"]
        for line in section.lines:
            lines += ["", escape_markdown(clean_line(line))]
        if section.header:
            table = [
                [escape_markdown(clean(cell)) for cell in row]
                for row in (section.header, *section.rows)
            ]
            rule = ["---" if c == 0 else "---:" for c in range(len(section.header))]
            lines += ["", *(f"| {' | '.join(row)} |" for row in (table[0], rule, *table[1:]))]
    return "\n".join(lines) + "\n"


def escape_markdown(text: str) -> str:
    """Return text that Markdown shows as it stands: no markup, no HTML, no links."""
    escaped = _MARKDOWN.sub(lambda match: f"&#{ord(match[1])};", text)
    return re.sub(r"(?i)(www)\.", r"\1&#46;", escaped)


def flat_rows(board: Board) -> list[dict[str, object]]:
    """Return a row per method, options and table, each with what its table shares.

    Equal keys in all measured rows: a source that a block lacks is None.
    """
    sources = sorted({source for block in board.blocks for source in block.sources})
    lines: list[dict[str, object]] = []
    for block in board.blocks:
        for track, rows in block.tables:
            for row in rows:
                fields = asdict(row)
                by_source = fields.pop("by_source")
                del fields["run_ids"]  # the JSON has them
                for name, ends in (("interval", ("low", "high")), ("band", ("first", "last"))):
                    held = fields.pop(name) or (None, None)
                    fields |= {f"{name}_{end}": held[i] for i, end in enumerate(ends)}
                named = {f"from {source}": by_source.get(source) for source in sources}
                lines.append(
                    {"kind": "measured", **block.key._asdict(), "track": track} | fields | named
                )
    for published in board.published or ():
        lines.append({"kind": "published", **asdict(published)})
    return lines


def render_csv(board: Board) -> str:
    """Return one flat table (RFC 4180): a line per row, full precision, no cell a formula."""
    lines = flat_rows(board)
    header = list(dict.fromkeys(name for line in lines for name in line))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([csv_cell(name) for name in header])
    writer.writerows([[csv_cell(line.get(name)) for name in header] for line in lines])
    return text.getvalue()


def csv_cell(value: object) -> object:
    """Return a cell that a spreadsheet takes as a number or as text, never as a formula."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    return ("'" if value.startswith(_FORMULA) else "") + clean(value)


def render_json(board: Board) -> str:
    """Return the whole board as JSON with sorted keys."""
    document: dict[str, Any] = {
        "schema": 1,
        "legend": list(LEGEND),
        "blocks": [
            {
                **block.key._asdict(),
                "sources": list(block.sources),
                "n_folds": block.n_folds,
                "ranked_seeds": block.ranked_seeds,
                "tracks": [
                    {"track": track, "rows": [asdict(row) for row in rows]}
                    for track, rows in block.tables
                ],
            }
            for block in board.blocks
        ],
    }
    if board.published is not None:
        document["published"] = {
            "title": TITLE,
            "footnotes": list(FOOTNOTES),
            "rows": [asdict(row) for row in board.published],
        }
    return pretty_json(document).decode()


def first_difference(expected: str, found: str) -> tuple[int, str, str] | None:
    """Return (line from 1, expected, found) of the first difference of two texts, or None."""
    if expected == found:
        return None
    lines = zip_longest(
        expected.splitlines(keepends=True), found.splitlines(keepends=True), fillvalue=""
    )
    return next((n, own, other) for n, (own, other) in enumerate(lines, 1) if own != other)


RENDERERS: dict[str, Callable[[Board], str]] = {
    "md": render_markdown,
    "csv": render_csv,
    "json": render_json,
}


def render_files(board: Board) -> Iterable[tuple[str, str]]:
    """Yield (file name, content) of the files that --out writes."""
    for suffix, render in RENDERERS.items():
        yield f"leaderboard.{suffix}", render(board)

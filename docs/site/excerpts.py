"""Tables in pages that are otherwise written by hand: from a mark to the next `<!-- end -->`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from devbench.results.published import FOOTNOTES, published_facts
from devbench_plugins.corpora.synthesis.devices import DEVICES, KNOTS_HZ

ROOT = Path(__file__).resolve().parents[2]
BOARD = ROOT / "leaderboards/sim7/leaderboard.md"
ROWS = (("blind", ("freq-mixstyle", "filter-augment", "baseline")), ("oracle", ("ideal",)))
FIGURES = ("method", "rank", "status", "mean_targets", "95 %", "mean_all", "gap_closed", "worst",
           "source F1")  # fmt: skip
COUNTS = ("method", "worst cell", "spread", "seeds", "runs", "failed", "scored", "fit s", "level")
_MARKED = re.compile(r"(<!-- written from the code: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """Return a page with every marked place as the code and the records say."""
    return _MARKED.sub(lambda m: "\n".join([m[1], *WRITERS[m[2]](), m[3]]), text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]
    return [re.sub(r"\|  (?=\|)", "| ", line) for line in lines] + [""]


def _board_rows() -> Iterator[dict[str, str]]:
    """Yield the rows of ROWS as the rendered leaderboard has them, by column."""
    text = BOARD.read_text()
    for track, methods in ROWS:
        start = text.index(f"\n### Track: {track}\n")
        part = re.search(r"(?:^\|.*\n)+", text[start:], re.MULTILINE)
        assert part is not None, track
        header, _, *lines = (
            [c.strip() for c in line.split("|")[1:-1]] for line in part[0].splitlines()
        )
        rows = [dict(zip(header, cells, strict=True)) for cells in lines]
        for method in methods:
            yield next(row for row in rows if row["method"] == method)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")[1:-1]]


def _columns(names: Callable[[Sequence[str]], Sequence[str]]) -> Callable[[], list[str]]:
    def write() -> list[str]:
        rows = list(_board_rows())
        chosen = names(list(rows[0]))
        return table(chosen, ([row[name] for name in chosen] for row in rows))

    return write


def _sources(header: Sequence[str]) -> Sequence[str]:
    return ["method", *header[header.index("source F1") + 1 : header.index("worst cell")]]


def _devices() -> list[str]:
    """Return what each simulated device does; the response at some of its knots."""
    shown_hz = (120.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
    rows = []
    for device in DEVICES:
        model = device.model
        gains = (model.response_db[KNOTS_HZ.index(freq_hz)] for freq_hz in shown_hz)
        band = [f"above {model.low_cut_hz:g}"] if model.low_cut_hz else []
        band += [f"below {model.high_cut_hz:g}"] if model.high_cut_hz else []
        agc = ""
        if model.agc_target_dbfs is not None:
            agc = f"{model.agc_ratio:g}:1 to {model.agc_target_dbfs:g}"
        limits = [f"limiter {model.limiter_dbfs:g}"] if model.limiter_dbfs is not None else []
        limits += [f"clipping {model.clip_dbfs:g}"] if model.clip_dbfs < 0 else []
        rows.append(
            (
                f"`{device.id}`",
                " / ".join(f"{gain:g}" for gain in gains),
                " and ".join(band),
                f"{model.gain_db:g}",
                f"{model.noise_dbfs:g}",
                agc,
                ", ".join(limits),
                f"{model.codec}" if model.codec else "",
            )
        )
    frequencies = " / ".join(f"{freq_hz:g}" for freq_hz in shown_hz)
    return table(
        (
            "device", f"response in dB at {frequencies} Hz", "band in Hz", "gain in dB",
            "noise in dBFS", "AGC in dBFS", "limits in dBFS", "codec",
        ),
        rows,
    )  # fmt: skip


def _footnotes() -> list[str]:
    """Return the footnotes of the published rows, and where each table is from."""
    found: dict[tuple[str, str], int] = {}
    for fact in published_facts():
        found[fact.table, fact.reference] = found.get((fact.table, fact.reference), 0) + 1
    rows = [(f"`{name}`", where, str(n)) for (name, where), n in sorted(found.items())]
    notes = [f"* {note}" for note in FOOTNOTES]
    return [*table(("table", "where", "cells"), rows), *notes, ""]


WRITERS: Mapping[str, Callable[[], list[str]]] = {
    "figures": _columns(lambda header: FIGURES),
    "sources": _columns(_sources),
    "counts": _columns(lambda header: COUNTS),
    "devices": _devices,
    "footnotes": _footnotes,
}

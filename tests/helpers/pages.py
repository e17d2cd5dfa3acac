"""Boards of small records, and a page taken apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

from devbench.pages.render import render_page
from devbench.results.record import Record
from devbench.results.render import Board
from devbench.results.tables import leaderboard
from helpers.records import DEVICES, make_run, sha

VOID = {"meta", "input", "br"}


def records_of(
    methods: Iterable[str], *, seeds: int = 1, devices: tuple[str, ...] = DEVICES, **plan: Any
) -> list[Record]:
    """Return a run of each method from each device and seed, better ones first."""
    return [
        make_run(
            method=method, source=source, seed=seed, devices=devices, skill=4 - 0.5 * n, **plan
        ).record
        for n, method in enumerate(methods)
        for source in devices
        for seed in range(seeds)
    ]


def board_of(records: Iterable[Record], *, seeds: int = 1, level: int = 1) -> Board:
    """Return a board on which rows of so many seeds are ranked."""
    held = list(records)
    return Board(
        leaderboard(
            held,
            levels={record.run_id: level for record in held},
            ranked_seeds={sha("sim7"): seeds},
        )
    )


def with_intervals(board: Board) -> Board:
    """Return the board with an interval and a band in every row that has a rank."""
    blocks = [
        replace(
            block,
            tables=tuple(
                (
                    track,
                    tuple(
                        replace(row, interval=(row.mean_targets - 0.05, row.mean_targets + 0.04),
                                band=(1, len(rows)))
                        if row.rank is not None and row.mean_targets is not None
                        else row
                        for row in rows
                    ),
                )
                for track, rows in block.tables
            ),
        )
        for block in board.blocks
    ]  # fmt: skip
    return replace(board, blocks=tuple(blocks))


def page_of(records: Iterable[Record], *, seeds: int = 1) -> str:
    """Return the page of records, ranked where they have so many seeds."""
    held = list(records)
    return render_page(board_of(held, seeds=seeds), held)


@dataclass
class Element:
    """One element: its attributes, and the text within it. parents: tags, outermost first."""

    tag: str
    attributes: dict[str, str | None]
    parents: tuple[str, ...]
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts).strip()


class Parsed(HTMLParser):
    """A page as elements in their order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(page)
        self.close()
        assert not self._open, f"{[e.tag for e in self._open]} are not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        element = Element(tag, dict(attrs), tuple(e.tag for e in self._open))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs), tuple(e.tag for e in self._open)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.texts.append(data)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Return the elements with a tag and these attributes (class is any of its words)."""
        return [
            e
            for e in self.elements
            if e.tag == tag
            and all(
                value in (e.attributes.get(name.strip("_")) or "").split()
                for name, value in attributes.items()
            )
        ]

from __future__ import annotations

import csv
import io
import json
import random
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devbench.results.published import published_rows
from devbench.results.render import (
    RENDERERS,
    Board,
    clean,
    column_groups,
    csv_cell,
    escape_markdown,
    first_difference,
    render_csv,
    render_json,
    render_markdown,
    render_text,
)
from devbench.results.tables import leaderboard
from devbench.results.terminal import print_board
from helpers.records import make_run

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td></tr></table><h1>x",
    "[click](javascript:alert(1))",
    "![x](https://example.org/x.png)",
    "https://example.org",
    "www.example.org",
    "someone@example.org",
    "a | b | c",
    "`code` **bold** _it_ ~~gone~~ $x$",
    "\\| escaped",
    "{{7*7}}",
    "&lt;b&gt;",
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;https://example.org\x07link\x1b]8;;\x07",
    "two\nlines\r\n| x | y |",
    "\u202eevil\u2066",
    "\u200b\ufeffx",
    "=1+1",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    '=HYPERLINK("http://x","y")',
    "x" * 400,
    "",
]


def board_of(*records: Any, published: bool = False) -> Board:
    blocks = leaderboard(records, levels={record.run_id: 1 for record in records})
    return Board(blocks, tuple(published_rows()) if published else None)


def named(name: str, place: str = "method") -> Board:
    """A board with a hostile name in one place."""
    plan: dict[str, Any] = {
        "method": {"method": name},
        "option": {"opened": ["p"], "options": {"p": name}},
        "backbone": {"backbone": name},
        "device": {"devices": (name, "b", "c")},
        "target": {"devices": ("a", name)},
        "benchmark": {"benchmark": name},
        "budget": {"budget": name},
    }[place]
    return board_of(make_run(**plan).record)


PLACES = ["method", "option", "backbone", "device", "target", "benchmark", "budget"]
BOARD = board_of(
    *(
        make_run(method=m, source=s, seed=k).record
        for m in ("baseline", "ideal", "rfn")
        for s in ("iphone14", "lggram")
        for k in range(5)
    ),
    published=True,
)


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append(tag)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("payload", PAYLOADS, ids=repr)
def test_names_are_inert_everywhere(place: str, payload: str) -> None:
    board = named(payload, place)
    plain = {kind: render(named("x", place)) for kind, render in RENDERERS.items()}
    text, markdown, table = render_text(board), render_markdown(board), render_csv(board)
    for rendered in (text, markdown, table.replace("\r\n", "\n")):
        assert all(c == "\n" or c.isprintable() for c in rendered)
    elements = Elements()
    elements.feed(markdown)
    assert elements.found == []
    for active in ("](", "https://", "www.", "@example", "~~", "**"):
        assert active not in markdown
    # no name makes a line or a cell of its own
    assert markdown.count("\n") == plain["md"].count("\n")
    rows = [line.count("|") for line in markdown.splitlines() if line.startswith("|")]
    expected = [line.count("|") for line in plain["md"].splitlines() if line.startswith("|")]
    assert rows == expected
    cells = list(csv.reader(io.StringIO(table, newline="")))
    assert len({len(row) for row in cells}) == 1
    for cell in (cell for row in cells for cell in row):
        assert not cell.startswith(("=", "+", "@", "\t", "\r"))
        assert not cell.startswith("-") or float(cell) <= 0
    json.loads(render_json(board))


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_inert(text: str) -> None:
    assert clean(text).isprintable()
    assert not str(csv_cell(text)).startswith(("=", "+", "-", "@", "\t", "\r"))
    escaped = escape_markdown(clean(text))
    assert "<" not in escaped
    assert "|" not in escaped
    elements = Elements()
    elements.feed(escaped)
    assert elements.found == []


@pytest.mark.parametrize("value", [1, 0.5, -0.25, True])
def test_numbers_stay_numbers(value: object) -> None:
    assert csv_cell(value) is value
    assert csv_cell(None) == ""


def test_equal_boards_are_equal_bytes_whatever_the_order() -> None:
    records = [make_run(method=m, seed=k).record for m in ("a", "b") for k in range(4)]
    shuffled = list(records)
    random.Random(5).shuffle(shuffled)
    for render in (render_text, *RENDERERS.values()):
        assert render(board_of(*records)) == render(board_of(*shuffled))


def test_csv_and_json_hold_full_precision_and_text_three_decimals() -> None:
    row = BOARD.blocks[0].tables[0][1][0]
    lines = list(csv.DictReader(io.StringIO(render_csv(BOARD), newline="")))
    assert float(lines[0]["mean_targets"]) == row.mean_targets
    document = json.loads(render_json(BOARD))
    assert document["blocks"][0]["tracks"][0]["rows"][0]["mean_targets"] == row.mean_targets
    assert f"{row.mean_targets:.3f}" in render_text(BOARD)
    assert render_csv(BOARD).count("\r\n") == len(lines) + 1
    assert {line["kind"] for line in lines} == {"measured", "published"}


def test_provenance_definitions_and_the_published_mark_are_shown() -> None:
    for rendered in (render_text(BOARD, width=10_000), render_markdown(BOARD)):
        assert "simulated" in rendered
        assert "mean_targets: mean macro F1 over the target devices" in rendered
        assert "As published, other data" in rendered
        assert "0.933" in rendered
        assert "0.926" in rendered
    assert "published" not in render_text(Board(BOARD.blocks))
    assert render_text(Board(())) == "\n"


def test_text_keeps_to_its_width_and_repeats_the_method() -> None:
    for line in render_text(BOARD).splitlines():
        assert len(line) <= 120
    assert column_groups([["a" * 10] * 4], 22) == [[0, 1], [0, 2], [0, 3]]
    assert column_groups([["a"] * 4], 22, breaks=(2,)) == [[0, 1, 2, 3]]
    assert column_groups([["a" * 9] * 4], 40, breaks=(2,)) == [[0, 1], [0, 2, 3]]
    assert column_groups([["a" * 50] * 2], 22) == [[0, 1]]


def test_rows_that_read_alike_show_their_code() -> None:
    records = [make_run(code_sha256=digit * 64).record for digit in "ab"]
    text = render_text(board_of(*records))
    assert "freq-mixstyle [aaaaaaaa]" in text
    assert "freq-mixstyle [bbbbbbbb]" in text


def test_the_terminal_shows_the_same_cells() -> None:
    from rich.console import Console

    stream = io.StringIO()
    print_board(BOARD, Console(file=stream, width=120, force_terminal=True, color_system=None))
    shown = stream.getvalue()
    row = BOARD.blocks[0].tables[0][1][0]
    assert f"{row.mean_targets:.3f}" in shown
    assert "gap_closed" in shown
    hostile = io.StringIO()
    print_board(named("[red]x[/red]\x1b[31m"), Console(file=hostile, width=120))
    assert "[red]x[/red]\ufffd[31m" in hostile.getvalue()


def test_first_difference() -> None:
    assert first_difference("a\nb\n", "a\nb\n") is None
    assert first_difference("a\nb\n", "a\nc\n") == (2, "b\n", "c\n")
    assert first_difference("a\n", "a") == (1, "a\n", "a")
    assert first_difference("a\n", "a\nb\n") == (2, "", "b\n")
    assert first_difference("a\nb\n", "a\n") == (2, "b\n", "")

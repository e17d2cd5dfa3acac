"""The leaderboard on a terminal: the same cells as plain text, with rules and weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devbench.results.render import Board, clean, clean_line, column_groups, sections

if TYPE_CHECKING:
    from rich.console import Console

RULE_WIDTH = 1


def print_board(board: Board, console: Console | None = None) -> None:
    """Print the board as wide as the terminal; tables that are wider go on below."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = console or Console()
    for section in sections(board):
        console.print()
        console.print(Text(clean(section.heading), style="bold"))
        for line in section.lines:
            console.print(Text(clean_line(line), style="dim"))
        if not section.header:
            continue
        cells = [[clean(cell) for cell in row] for row in (section.header, *section.rows)]
        for columns in column_groups(cells, console.width - RULE_WIDTH, section.breaks):
            table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
            for column in columns:
                numbers = all(row[column][:1].isdigit() for row in cells[1:])
                table.add_column(
                    Text(cells[0][column]), justify="right" if numbers else "left", no_wrap=True
                )
            for row in cells[1:]:
                is_best = row[1] == "1"
                table.add_row(
                    *(Text(row[c]) for c in columns), style="bold green" if is_best else ""
                )
            console.print(table)

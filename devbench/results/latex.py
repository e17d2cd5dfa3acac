"""The leaderboard as LaTeX tables for papers (booktabs): a table per track, names as plain text.

What is set is ASCII: a name's other characters stand as their code points, so that every engine
sets every name.
"""

from __future__ import annotations

from collections.abc import Sequence

from devbench.results.render import EMPTY, Board, clean
from devbench.results.tables import BlockKey, Row

_ESCAPED = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "#": r"\#",
    "$": r"\$",
    "%": r"\%",
    "&": r"\&",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"{'}",  # two of them would be one other sign, as would ?` and --
    "`": r"{`}",
    "-": r"{-}",
    "±": r"$\pm$",
    "…": r"\dots{}",
}
_HEADER = ("Method", "Rank", "Mean F1", "Gap closed", "Worst F1", "Worst cell", "Source F1")
_COLUMNS = "lrlrrlr"


def escape_latex(text: str) -> str:
    """Return text that LaTeX sets as it stands, in T1 or any later encoding."""
    return "".join(
        _ESCAPED.get(c) or (c if c.isascii() else rf"\texttt{{U+{ord(c):04X}}}") for c in text
    )


def render_latex(board: Board) -> str:
    r"""Return the measured tables; what the papers printed is theirs to cite.

    Needs \usepackage[T1]{fontenc} and \usepackage{booktabs}.
    """
    lines = [
        "% Rendered by devbench leaderboard; do not edit by hand.",
        r"% \usepackage[T1]{fontenc} \usepackage{booktabs}",
    ]
    for block in board.blocks:
        for track, rows in block.tables:
            lines += ["", *_table(block.key, track, rows)]
    return "\n".join(lines) + "\n"


def _table(key: BlockKey, track: str, rows: Sequence[Row]) -> list[str]:
    caption = (
        f"{key.benchmark} v{key.version}, budget {key.budget}, backbone {key.backbone}, track "
        f"{track}: macro F1 over target devices. Corpus {key.corpus} v{key.corpus_version}, "
        f"{key.provenance}, fingerprint {key.fingerprint[:12]}."
    )
    if any(row.rank is None for row in rows):
        caption += " Rows without a rank give the reason."
    if any(row.is_events_only for row in rows):
        caption += " Intervals with an e are over test events alone, not over seeds."
    return [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(clean_words(caption))}}}",
        rf"\begin{{tabular}}{{{_COLUMNS}}}",
        r"\toprule",
        " & ".join(_HEADER) + r" \\",
        r"\midrule",
        *(" & ".join(_cells(row)) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def clean_words(text: str) -> str:
    """Return text whose words are cleaned one by one, so that a caption is not cut."""
    return " ".join(clean(word) for word in text.split())


def _cells(row: Row) -> list[str]:
    name = f"{row.method} ({row.options})" if row.options else row.method
    mean = _fraction(row.mean_targets)
    if row.interval is not None:
        mean += f" [{row.interval[0]:.3f}, {row.interval[1]:.3f}]" + "$^{e}$" * row.is_events_only
    rank = row.status if row.rank is None else str(row.rank)
    if row.rank is not None and row.band is not None:
        rank += f" ({row.band[0]} to {row.band[1]})"
    return [
        escape_latex(clean(name)),
        escape_latex(clean(rank)),
        mean,
        _fraction(row.gap_closed),
        _fraction(row.worst_target),
        escape_latex(clean(row.worst_cell or EMPTY)),
        _fraction(row.source_score),
    ]


def _fraction(value: float | None) -> str:
    """Return a figure; a negative one with a minus sign, not a hyphen."""
    return EMPTY if value is None else f"${value:.3f}$"

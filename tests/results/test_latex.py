from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from devbench.results.latex import escape_latex, render_latex
from helpers.pages import board_of, records_of, with_intervals
from helpers.records import make_run

COMMANDS = {r"\textbackslash", r"\textasciicircum", r"\textasciitilde", r"\textless", r"\textbar",
            r"\textgreater", r"\textquotedbl", r"\texttt", r"\dots", r"\pm"}  # fmt: skip


@settings(max_examples=60)
@given(st.text(max_size=60))
def test_an_escaped_text_is_ascii_and_has_no_command_of_its_own(text: str) -> None:
    shown = escape_latex(text)
    assert shown.isascii()
    assert set(re.findall(r"\\[A-Za-z]+", shown)) <= COMMANDS
    plain = re.sub(r"\\[A-Za-z]+|\$\\pm\$|\\[{}#$%&_]", "", shown)
    assert not set(plain) & set('\\#$%&_^~<>|"')
    depth = 0
    for sign in plain:
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0
    assert not re.search(r"--|''|``|[?!]`", shown)  # which fonts set as one sign


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=20))
def test_plain_names_stay(text: str) -> None:
    assert escape_latex(text) == text


def test_escapes_by_hand() -> None:
    assert escape_latex(r"50_% & {a}\x") == r"50\_\% \& \{a\}\textbackslash{}x"
    assert escape_latex("é") == r"\texttt{U+00E9}"


def test_tables_are_whole_and_name_what_they_hold() -> None:
    records = [*records_of(["a_b", "baseline", "ideal"], seeds=2),
               make_run(method=r"\input{x}").record]  # fmt: skip
    board = with_intervals(board_of(records, seeds=2))
    text = render_latex(board)
    assert text == render_latex(replace(board))
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 2  # blind, oracle
    assert r"\input" not in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert all(row.count(" & ") == 6 for row in rows)
    (first,) = (row for row in rows if row.startswith(r"a\_b"))
    assert re.search(r" & 1 \(1 to 3\) & \$0\.\d{3}\$ \[\d\.\d{3}, \d\.\d{3}\]", first)
    assert "incomplete (1/3 sources)" in text
    assert r"\toprule" in text and "fingerprint" in text

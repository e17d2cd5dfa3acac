"""The page as HTML: one file, no network, the same bytes from the same records.

Charts are SVG and tables that the template writes, not Plotly's: they show without JavaScript and
on paper, a reader can select their numbers, and the page stays below a megabyte where Plotly's
script alone has five. The script sorts, filters, explains and subtracts; nothing depends on it.

Every value goes through Jinja's autoescape. The content security policy names the one style sheet
and the one script by the hashes of their bytes, so that no name from a record can become either,
and allows no resource from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from importlib import resources
from typing import TYPE_CHECKING

from devbench.pages.charts import STRIP_HEIGHT, STRIP_WIDTH
from devbench.pages.devices import FindResponses, shipped_responses
from devbench.pages.maps import STEPS
from devbench.pages.view import CHART_HEIGHT, CHART_WIDTH, MAX_DETAILED, page_view
from devbench.results.record import Record
from devbench.results.render import EMPTY, Board, clean, clean_line, interval_words

if TYPE_CHECKING:
    from jinja2 import Environment

FILES = "template"


def render_page(
    board: Board, records: Iterable[Record], *, responses: FindResponses = shipped_responses
) -> str:
    """Return the leaderboard as one HTML file. records: at least those that the rows name."""
    from markupsafe import Markup

    style, script = page_text("style.css"), page_text("script.js")
    return environment().get_template("page.html.j2").render(
        page=page_view(board, records, responses=responses),
        policy=policy(style, script),
        style=Markup(style),  # noqa: S704 - the package's own file
        script=Markup(script),  # noqa: S704 - the package's own file
        sizes={
            "strip_width": STRIP_WIDTH,
            "strip_height": STRIP_HEIGHT,
            "chart_width": CHART_WIDTH,
            "chart_height": CHART_HEIGHT,
        },
        steps=STEPS,
        max_detailed=MAX_DETAILED,
    )  # fmt: skip


def policy(style: str, script: str) -> str:
    """Return the content security policy of a page with this style sheet and this script."""
    return (
        f"default-src 'none'; style-src '{_source_hash(style)}'; "
        f"script-src '{_source_hash(script)}'; base-uri 'none'; form-action 'none'"
    )


def page_policy() -> str:
    """Return the policy of every page, for the header of a server."""
    return policy(page_text("style.css"), page_text("script.js"))


def _source_hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def page_text(name: str) -> str:
    """Return a file of the page: a template, the style sheet or the script."""
    return resources.files("devbench.pages").joinpath(f"{FILES}/{name}").read_text("utf-8")


def environment(load: Callable[[str], str] = page_text) -> Environment:
    """Return what renders templates, every value escaped. load: returns a template by name."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=FunctionLoader(load),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "clean": clean,
        "clean_line": clean_line,
        "fraction": lambda value: EMPTY if value is None else f"{value:.3f}",
        "count": lambda value: EMPTY if value is None else str(value),
        "interval_words": interval_words,
        "seconds": lambda value: EMPTY if value is None else f"{value:.1f}",
        "whole": lambda value: EMPTY if value is None else f"{value:,.0f}".replace(",", "\u202f"),
    }
    return environment

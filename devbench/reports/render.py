"""The report as HTML: one file, no network, the same bytes from the same runs.

Style, script and macros are the leaderboard's page's; the policy lets in pictures and sounds that
lie in the file itself, and nothing else.
"""

from __future__ import annotations

from importlib import resources

from devbench.pages.charts import STRIP_HEIGHT, STRIP_WIDTH
from devbench.pages.render import environment, page_text, policy
from devbench.pages.view import CHART_HEIGHT, CHART_WIDTH
from devbench.reports import shown
from devbench.reports.view import ReportView

OWN = ("report.html.j2", "parts.html.j2", "report.css")


def render_report(view: ReportView) -> str:
    """Return the report as one HTML file."""
    from markupsafe import Markup

    style, script = page_text("style.css") + _text("report.css"), page_text("script.js")
    return environment(_text).get_template("report.html.j2").render(
        report=view,
        policy=f"{policy(style, script)}; img-src data:; media-src data:",
        style=Markup(style),  # noqa: S704 - the package's own files
        script=Markup(script),  # noqa: S704 - the package's own file
        sizes={
            "strip_width": STRIP_WIDTH,
            "strip_height": STRIP_HEIGHT,
            "chart_width": CHART_WIDTH,
            "chart_height": CHART_HEIGHT,
            "picture_width": shown.PICTURE_WIDTH,
            "picture_height": shown.PICTURE_HEIGHT,
            "left": shown.LEFT,
            "top": shown.TOP,
            "right": shown.RIGHT,
            "bottom": shown.BOTTOM,
        },
    )  # fmt: skip


def _text(name: str) -> str:
    if name not in OWN:
        return page_text(name)
    return resources.files("devbench.reports").joinpath(f"template/{name}").read_text("utf-8")

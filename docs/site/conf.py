"""How `make docs` builds the site: the Markdown files as they lie, from the root of the tree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import devbench

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "devbench"
version = release = devbench.__version__
project_copyright = "the authors of devbench"
extensions = ["myst_parser"]
root_doc = "docs/README"
include_patterns = [
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("docs/**.md", "leaderboards/**.md"),
]
exclude_patterns = [".*", "build", "devbench", "plugins", "benchmarks", "tests", "**/records"]
myst_heading_anchors = 4  # links such as page.md#place, as code hosts make them
smartquotes = False  # they make a dash of --option
html_theme = "furo"
html_title = f"devbench {version}"
templates_path = ["templates"]
html_additional_pages = {"index": "index.html"}
html_copy_source = False
html_show_sphinx = False

_SECTION = re.compile(r"^## (.+)\n((?:(?!## ).*\n?)*)", re.MULTILINE)
_LINK = re.compile(r"^\* \[(.+)\]\((\S+)\.md\)$", re.MULTILINE)


def navigation(text: str) -> str:
    """Return a hidden table of contents for every section of a page of links."""
    trees = [
        "\n".join(
            ["```{toctree}", f":caption: {title}", ":hidden:", ""]
            + [f"{words.replace('`', '')} <{page}>" for words, page in _LINK.findall(body)]
            + ["```", ""]
        )
        for title, body in _SECTION.findall(text)
    ]
    return "\n" + "\n".join(trees)


def _add_navigation(app: Sphinx, name: str, source: list[str]) -> None:
    if name == root_doc:
        source[0] += navigation(source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect what is above."""
    app.connect("source-read", _add_navigation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

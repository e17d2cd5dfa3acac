"""The site builds without a warning, its list of pages is whole, what the code wrote is fresh."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from helpers.documents import DOCUMENTS, ROOT, text_of

KINDS = ["Tutorials", "How to", "Reference", "Explanation"]
LINK = re.compile(r"^\* \[.+\]\((\S+\.md)\)$", re.MULTILINE)


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "docs/site"))
        return importlib.import_module("generate")


def test_every_page_stands_in_the_navigation_once() -> None:
    text = text_of("docs/README.md")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == KINDS
    listed = [(ROOT / "docs" / name).resolve() for name in LINK.findall(text)]
    boards = sorted(ROOT.glob("leaderboards/*/leaderboard.md"))
    pages = {*DOCUMENTS, *boards} - {ROOT / "docs/README.md"}
    assert len(listed) == len(set(listed)) and set(listed) == pages


def test_generated_pages_are_as_the_code_says(generator: ModuleType) -> None:
    for path, text in generator.pages():
        assert path.read_text() == text, f"python docs/site/generate.py ({path.name})"


def test_a_stale_page_is_told(
    generator: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(generator, "DOCS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    generator.main()
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    generator.main()
    stale = tmp_path / "reference-files.md"
    stale.write_text(stale.read_text().replace("SHA-256", "MD5"))
    with pytest.raises(SystemExit, match=r"^reference-files.md: not as the code says"):
        generator.main()


def test_text_of_docstrings_is_no_markup(generator: ModuleType) -> None:
    assert generator.escaped("**options of `a*b` <x> n_fft _y_ a|b") == (
        r"\*\*options of `a*b` \<x> n_fft \_y\_ a\|b"
    )


def test_the_site_builds_without_a_warning_and_needs_no_network(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    command = ["-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "-c", "docs/site"]
    done = subprocess.run(
        [sys.executable, *command, "-d", str(tmp_path / "cache"), ".", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    site = tmp_path / "site"
    assert "docs/README.html" in (site / "index.html").read_text()
    home = (site / "docs/README.html").read_text()
    captions = re.findall(r'<span class="caption-text">(.*?)</span>', home)
    assert captions == KINDS
    for page in (site / "docs").glob("*.html"):
        loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', page.read_text())
        assert not [name for name in loaded if "//" in name], page.name

"""A page in Debian's Chromium, driven by Playwright; who imports this is skipped without either."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is missing")
if CHROMIUM is None:
    pytest.skip("no chromium, chromium-browser or google-chrome here", allow_module_level=True)

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as playwright:
        # Its sandbox refuses to run for root, which containers are
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield launched
        launched.close()


class Opened:
    """A page in a context of its own, with what the browser had to say about it."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": WIDE, "color_scheme": "light"} | options)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(120_000)  # ms; on machines that do much else
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)

    def __enter__(self) -> Page:
        return self.page

    def __exit__(self, *_: object) -> None:
        address = self.page.url.partition("#")[0]
        self.context.close()
        assert self.complaints == []
        outside = {url for url in self.requests if not url.startswith("data:")}
        assert outside == {address}

"""The page in a real browser: Debian's Chromium, driven by Playwright; skipped without either."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devbench.pages.render import render_page
from devbench.results.published import published_rows
from helpers.browser import NARROW, Opened, browser
from helpers.pages import board_of, page_of, records_of, with_intervals
from helpers.records import make_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]  # a fixture, used by name
HOSTILE = (
    "<img src=x onerror=window.hit=1>",
    "</script><script>window.hit=1</script>",
    '" onfocus=window.hit=1 autofocus tabindex=0 x="',
    "javascript:window.hit=1",
    "<svg onload=window.hit=1>",
    "<iframe srcdoc='<script>top.hit=1</script>'>",
    "\u202egnp.exe",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    records = [
        *records_of(["good", "fair", "ideal", "baseline"], seeds=2),
        *records_of(["matched", "shifted"], seeds=2, needs=["unpaired-target"]),
        *records_of(["partial"])[:1],
    ]
    board = replace(with_intervals(board_of(records, seeds=2)), published=tuple(published_rows()))
    path = tmp_path_factory.mktemp("page") / "leaderboard.html"
    path.write_text(render_page(board, records), encoding="utf-8")
    return path.as_uri()


def methods(page: Page) -> list[str]:
    """Return the methods of the first ranking as they are shown."""
    found: list[str] = page.evaluate(
        "[...document.querySelector('.ranking').tBodies[0].rows].filter(row => !row.hidden)"
        ".map(row => row.dataset.name)"
    )
    return found


def paper(page: Page) -> str:
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour


def test_headers_sort_by_click_and_by_key(browser: Browser, address: str) -> None:
    with Opened(browser, address) as page:
        first = methods(page)
        assert first[:3] == ["good", "fair", "baseline"]
        table = page.locator(".ranking").first
        head = table.locator("thead th", has_text="mean_targets")
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == "descending"
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == "ascending"
        # What has no figure stays last either way
        assert methods(page) == ["baseline", "fair", "good", "partial"]
        name = table.locator("thead th").first
        name.locator("button").focus()
        page.keyboard.press("Enter")
        assert name.get_attribute("aria-sort") == "ascending"
        assert head.get_attribute("aria-sort") is None
        assert methods(page) == sorted(first)
        page.keyboard.press("Space")
        assert methods(page) == sorted(first, reverse=True)


def test_a_filter_hides_a_method_everywhere_in_its_track(browser: Browser, address: str) -> None:
    with Opened(browser, address) as page:
        track = page.locator(".track").first
        track.locator(".filter").fill("GOO")
        assert methods(page) == ["good"]
        assert track.locator(".found").text_content() == "1 of 4 rows"
        names = track.locator("[data-name]").evaluate_all(
            "parts => parts.filter(p => p.checkVisibility()).map(p => p.dataset.name)"
        )
        assert set(names) == {"good"}
        assert page.locator(".track >> nth=1 >> tbody tr[data-name=matched]").first.is_visible()
        track.locator(".filter").fill("")
        track.locator(".ranked-only").check()
        assert methods(page) == ["good", "fair", "baseline"]
        track.locator(".ranked-only").uncheck()
        assert len(methods(page)) == 4
        assert track.locator(".found").text_content() == ""


def test_a_difference_is_computed_as_on_the_page(browser: Browser, address: str) -> None:
    with Opened(browser, address) as page:
        box = page.locator(".difference").first
        box.locator("summary").click()
        looks = "cells => cells.map(c => [c.textContent, c.className])"
        before = box.locator("tbody td").evaluate_all(looks)
        box.locator(".first").select_option(label="fair")
        assert box.locator("caption").text_content() == (
            "fair minus baseline: macro F1 by source and device"
        )
        assert box.locator("tbody td").evaluate_all(looks) != before
        box.locator(".first").select_option(label="good")  # the script's digits are Python's
        assert box.locator("tbody td").evaluate_all(looks) == before
        box.locator(".second").select_option(label="good")
        assert set(box.locator("tbody td").all_text_contents()) == {"+0.000"}
        box.locator(".second").select_option(label="partial")
        assert "-" in box.locator("tbody td").all_text_contents()


def test_marks_explain_themselves_to_pointers_and_keys(browser: Browser, address: str) -> None:
    with Opened(browser, address) as page:
        page.locator("summary", has_text="F1 against cost").first.click()
        mark = page.locator(".point").first
        mark.scroll_into_view_if_needed()
        mark.locator("text").hover()  # its number, which lies free where marks lie on each other
        tip = page.locator("#tip")
        assert tip.is_visible() and "good, macro F1 0." in (tip.text_content() or "")
        page.mouse.move(0, 0)
        assert not tip.is_visible()
        page.locator(".point").nth(1).focus()
        assert tip.is_visible() and "fair" in (tip.text_content() or "")
        page.keyboard.press("Escape")
        assert not tip.is_visible()
        assert page.locator("svg title").count() == 0


def test_colours_follow_the_system_and_the_switch(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    with Opened(browser, address) as page:
        light = paper(page)
        page.screenshot(path=tmp_path / "light.png", full_page=True)
        switch = page.locator("#theme")
        switch.click()
        switch.click()
        assert switch.text_content() == "Colours: dark"
        dark = paper(page)
        assert dark != light
        page.screenshot(path=tmp_path / "dark.png", full_page=True)
        page.reload()
        assert paper(page) == dark
        switch.click()
        assert paper(page) == light
    with Opened(browser, address, color_scheme="dark") as page:
        assert paper(page) == dark
    assert (tmp_path / "dark.png").stat().st_size > 10_000


@pytest.mark.parametrize("width", [320, 360, 768])
def test_a_narrow_screen_never_scrolls_sideways(
    browser: Browser, address: str, tmp_path: Path, width: int
) -> None:
    with Opened(browser, address, viewport=NARROW | {"width": width}, has_touch=True) as page:
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        overflows = page.locator(".scroll").evaluate_all(
            "boxes => boxes.filter(b => b.scrollWidth > b.clientWidth).length"
        )
        assert overflows > 0 or width > 400  # they do so in their own boxes
        page.screenshot(path=tmp_path / "narrow.png", full_page=True)
    assert (tmp_path / "narrow.png").stat().st_size > 10_000


@pytest.mark.parametrize("with_script", [True, False], ids=["script", "no-script"])
def test_paper_has_everything_in_light_colours(
    browser: Browser, address: str, tmp_path: Path, with_script: bool
) -> None:
    with Opened(browser, address, color_scheme="dark", java_script_enabled=with_script) as page:
        page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True, print_background=True)
        page.emulate_media(media="print", color_scheme="dark")
        if with_script:
            page.evaluate("dispatchEvent(new Event('beforeprint'))")
            assert paper(page) == "rgb(255, 255, 255)"
        page.screenshot(path=tmp_path / "print.png", full_page=True)
        assert not page.locator("nav").is_visible()
        for cell in page.locator(".figures tbody td").all()[:80]:
            assert cell.bounding_box() is not None
        assert page.locator(".origin").first.bounding_box() is not None
        if with_script:
            page.evaluate("dispatchEvent(new Event('afterprint'))")
            assert page.locator("details:not([open])").count() > 0
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_without_a_script_there_are_plain_tables(browser: Browser, address: str) -> None:
    with Opened(browser, address, java_script_enabled=False) as page:
        assert page.locator(".ranking").first.is_visible()
        assert page.locator("button:visible, input:visible, select:visible").count() == 0
        page.locator("summary", has_text="From each source").first.click()
        assert page.locator(".maps table").first.is_visible()


def test_the_keyboard_reaches_all_and_shows_where_it_is(browser: Browser, address: str) -> None:
    with Opened(browser, address) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.add(page.evaluate(
                "document.activeElement.tagName + '.' + document.activeElement.className"
            ))  # fmt: skip
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none"
        assert {"BUTTON.", "INPUT.filter", "INPUT.ranked-only", "DIV.scroll", "SUMMARY."} <= reached


def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path) -> None:
    records = [
        make_run(method=f"{name} {n}", source=source, devices=(HOSTILE[0], HOSTILE[1], "b"),
                 classes=(HOSTILE[2], HOSTILE[4], "c")).record
        for n, name in enumerate(HOSTILE)
        for source in (HOSTILE[0], HOSTILE[1], "b")
    ]  # fmt: skip
    path = tmp_path / "hostile.html"
    path.write_text(page_of(records), encoding="utf-8")
    with Opened(browser, path.as_uri()) as page:
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        shown = {f"{name} {n}".replace("\u202e", "\ufffd") for n, name in enumerate(HOSTILE)}
        assert set(methods(page)) == shown
        page.locator("thead button").first.click()
        page.locator(".filter").first.fill("<img")
        assert len(methods(page)) == 1
        page.locator(".filter").first.fill("")
        page.locator(".first").first.select_option(index=1)
        page.locator(".second").first.select_option(index=2)
        assert "minus" in (page.locator(".difference caption").first.text_content() or "")
        page.locator(".point").first.focus()
        assert page.locator("#tip").is_visible()
        assert page.evaluate("window.hit") is None
        assert page.evaluate("document.scripts.length") == 1
        assert page.locator("main img, main iframe").count() == 0


def test_a_served_page_shows_itself(browser: Browser) -> None:
    import threading

    from devbench.pages.server import PageServer

    with PageServer(page_of([make_run().record])) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with Opened(browser, server.url) as page:
                assert methods(page) == ["freq-mixstyle"]
        finally:
            server.shutdown()
            thread.join()

"""The report in a real browser: Debian's Chromium, driven by Playwright; skipped without either."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from devbench.audio.files import encode_flac
from devbench.pages.devices import shipped_responses
from devbench.reports import view as views
from devbench.reports.chosen import Wanted, choose
from devbench.reports.hearing import Heard, Pair, Take
from devbench.reports.render import render_report
from devbench.results.expected import Expectation
from helpers.browser import NARROW, Opened, browser
from helpers.runs import Heard as Talk
from helpers.stores import filled_store

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]  # a fixture, used by name
RATE_HZ, HOP = 22050, 256
HOSTILE = ("<img src=x onerror=window.hit=1>", '" onerror=window.hit=1 x="', "b")


def heard_of(devices: tuple[str, ...]) -> Heard:
    """Return half a second of noise, converted to all but the first device."""
    rng = np.random.default_rng(0)

    def take(device: str) -> Take:
        frames = rng.normal(-40, 10, (43, 80)).astype(np.float32)
        return Take(device, frames, encode_flac(rng.normal(0, 0.1, RATE_HZ // 2), RATE_HZ))

    source, *targets = devices
    return Heard(
        run_id="0" * 64,
        event_id="event",
        label=source,
        source=take(source),
        pairs=tuple(Pair(t, take(t), take(t), 9.0, 3.0) for t in targets),
        bin_hz=tuple(np.geomspace(60, 10_000, 80).tolist()),
        hop_s=HOP / RATE_HZ,
        limits=(-80.0, 0.0),
        is_db=True,
        why_not="",
        notes=(),
        start_s=0.0,
    )


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    devices = ("iphone14", "lggram", "applewatchse")
    return written(
        tmp_path_factory, devices, "freq-mixstyle", tuple(f"class-{n}" for n in range(20))
    )


def written(
    factory: pytest.TempPathFactory, devices: tuple[str, ...], method: str, classes: tuple[str, ...]
) -> str:
    folder = factory.mktemp("report")
    skills = {method: 2.0, "baseline": 0.5, "ideal": 6.0}
    store = filled_store(folder / "store", skills, devices=devices, classes=classes, n_events=60)
    chosen = choose(store, Wanted(method), warn=pytest.fail)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "hear", lambda *_: heard_of(devices))
        made = views.make_report(chosen, store, Expectation([]), shipped_responses, Talk())
    path = folder / "report.html"
    path.write_text(render_report(made.view), encoding="utf-8")
    return path.as_uri()


def test_sounds_play_and_pictures_show(browser: Browser, address: str) -> None:
    with Opened(browser, address) as page:
        page.wait_for_function(
            "[...document.querySelectorAll('audio')].every(a => a.readyState >= 1)"
        )
        lengths = page.locator("audio").evaluate_all("all => all.map(a => a.duration)")
        assert len(lengths) == 5 and all(abs(length - 0.5) < 0.01 for length in lengths)
        for picture in page.locator(".recording image").all():
            box = picture.bounding_box()
            assert box is not None and box["width"] > 100
        assert page.locator("audio:not([aria-label])").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_no_width_scrolls_sideways(browser: Browser, address: str, width: int, scheme: str) -> None:
    viewport = NARROW | {"width": width}
    with Opened(browser, address, viewport=viewport, color_scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


def test_without_a_script_all_is_there(browser: Browser, address: str) -> None:
    with Opened(browser, address, java_script_enabled=False) as page:
        assert page.locator(".scores").is_visible() and page.locator("audio").first.is_visible()
        assert page.locator("main button:visible").count() == 0
        page.locator("#confusions summary").first.click()
        assert page.locator("#confusions table").first.is_visible()


def test_paper_shows_what_is_closed(browser: Browser, address: str) -> None:
    with Opened(browser, address, color_scheme="dark") as page:
        page.emulate_media(media="print", color_scheme="dark")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        for table in page.locator("#confusions table").all():
            assert table.bounding_box() is not None
        assert not page.locator("audio").first.is_visible()


def test_hostile_names_do_nothing(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    address = written(tmp_path_factory, HOSTILE, HOSTILE[0], HOSTILE)
    with Opened(browser, address) as page:
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        assert page.evaluate("window.hit") is None
        assert page.locator("h1").text_content() == f"{HOSTILE[0]} from 3 sources"
        assert page.locator("main img").count() == 0

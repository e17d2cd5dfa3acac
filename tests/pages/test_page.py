from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections import Counter
from dataclasses import replace

import pytest

from devbench.pages.detail import detail_of
from devbench.pages.devices import GRID_HZ, Responses, shipped_responses
from devbench.pages.render import page_text, render_page
from devbench.pages.view import MAX_DETAILED
from devbench.results.published import published_rows
from devbench.results.render import Board, clean
from devbench.results.tables import leaderboard
from helpers.pages import Parsed, board_of, page_of, records_of, with_intervals
from helpers.records import make_plan, make_run

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td></tr></table></style><h1>x",
    '" onfocus=alert(1) autofocus x="',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "<a href='javascript:alert(1)'>x</a>",
    "<svg/onload=alert(1)>",
    "<!-- --><!--><base href=//example.org>",
    "]]><title>x</title>",
    "{{7*7}}{% raw %}",
    "{{ policy.__class__ }}",
    "&lt;b&gt; &amp;quot;",
    "\u202eevil\u2066",
    "\u200b\ufeff\u2028x",
    "\x1b[31mred\x00\x07",
    "two\r\nlines\ttab",
    "`template ${1}`",
    "x" * 300,
    "https://example.org/x.png",
    "data:text/html,<script>alert(1)</script>",
    "<style>*{display:none}</style>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "מיקרופון عرب",
)
NAMES = tuple(
    f"{one}{number}{other}" for number, (one, other) in
    enumerate(itertools.islice(itertools.product(HOSTILE, HOSTILE[:20]), 500))
)  # fmt: skip


@pytest.fixture(scope="module")
def page() -> str:
    methods = ["good", "fair", "ideal", "baseline"]
    records = [
        *records_of(methods, seeds=2),
        *records_of(["matched"], seeds=2, needs=["unpaired-target"]),
        *records_of(["partial"], seeds=1)[:1],
        *records_of(["tuned"], seeds=2, opened=["alpha"], options={"alpha": 0.3}),
    ]
    board = with_intervals(board_of(records, seeds=2))
    return render_page(replace(board, published=tuple(published_rows())), records)


def shapes(page: str) -> Counter[tuple[str, tuple[str, ...]]]:
    """Count the elements of a page by tag and names of attributes; ticks follow the figures."""
    return Counter(
        (e.tag, tuple(e.attributes)) for e in Parsed(page).elements if e.tag not in ("line", "text")
    )


def test_500_hostile_names_are_text() -> None:
    assert len(set(NAMES)) == 500
    page = page_of([make_run(method=name, n_events=6).record for name in NAMES])
    plain = page_of([make_run(method=f"m{n}", n_events=6).record for n in range(len(NAMES))])
    assert shapes(page) == shapes(plain)
    shown = {e.text for e in Parsed(page).all("th", scope="row")}
    # A name is shown as it is but for what cannot be seen, which reads �
    assert {clean(name) for name in NAMES} <= shown
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\ufeff\u2028\x00-\x08\x1b]", page)


def test_hostile_names_of_all_else_are_text() -> None:
    def records(names: list[str]) -> list[object]:
        devices, classes = tuple(names[:3]), tuple(names[3:6])
        found = []
        for source in devices:
            record = make_run(
                source=source, devices=devices, classes=classes, backbone=names[6],
                opened=[names[7]], options={names[7]: names[8]}, benchmark=names[9],
                budget=names[10], versions={names[11]: names[12]},
            ).record  # fmt: skip
            measured = {"machine": {"cpu": names[13], "gpus": [names[14]]}, "times_s": {"fit": 1.0}}
            found.append(record.model_copy(update={"measured": measured}))
        return found

    for start in range(0, 25, 5):
        names = [HOSTILE[(start + n) % 25] + str(n) for n in range(15)]
        page = page_of(records(names))  # type: ignore[arg-type]
        harmless = page_of(records([f"n{n}" for n in range(15)]))  # type: ignore[arg-type]
        assert shapes(page) == shapes(harmless)


def test_equal_records_give_equal_bytes(page: str) -> None:
    records = records_of(["good", "baseline"], seeds=2)
    assert page_of(records) == page_of(list(reversed(records)))


def test_the_policy_names_the_one_style_and_the_one_script(page: str) -> None:
    parsed = Parsed(page)
    (meta,) = [e for e in parsed.all("meta") if e.attributes.get("http-equiv")]
    policy = meta.attributes["content"]
    assert policy is not None and policy.startswith("default-src 'none';")
    assert "unsafe" not in policy and "http" not in policy
    for tag in ("style", "script"):
        (element,) = parsed.all(tag)
        content = "".join(element.texts)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
        assert content == page_text({"style": "style.css", "script": "script.js"}[tag])
        assert f"</{tag}" not in content


def test_nothing_is_loaded_and_nothing_runs_but_the_script(page: str) -> None:
    for element in Parsed(page).elements:
        assert element.tag not in {
            "img",
            "link",
            "iframe",
            "object",
            "embed",
            "base",
            "form",
            "use",
        }
        for name, value in element.attributes.items():
            assert not name.startswith("on") and name not in {"style", "src", "srcset", "action"}
            if name == "href":
                assert value is not None and value.startswith("#")
    assert "url(" not in page_text("style.css") and "@import" not in page_text("style.css")
    script = page_text("script.js")
    for words in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "fetch",
                  "XMLHttp", "Function(", "import("):  # fmt: skip
        assert words not in script


def test_links_labels_and_ids_fit(page: str) -> None:
    parsed = Parsed(page)
    ids = [e.attributes["id"] for e in parsed.elements if "id" in e.attributes]
    assert len(set(ids)) == len(ids)
    for element in parsed.elements:
        for name in ("aria-labelledby", "href"):
            if value := element.attributes.get(name):
                assert value.removeprefix("#") in ids
    for option in parsed.all("option"):
        assert option.attributes["value"] in ids


def test_tables_say_what_they_are(page: str) -> None:
    parsed = Parsed(page)
    tables = parsed.all("table")
    assert len(tables) == len(parsed.all("caption")) > 10
    assert all(caption.text for caption in parsed.all("caption"))
    assert all(head.attributes.get("scope") in ("row", "col") for head in parsed.all("th"))
    for box in parsed.all("div", class_="scroll"):
        assert box.attributes["tabindex"] == "0" and box.attributes["aria-label"]
    assert len(parsed.all("div", class_="scroll")) == len(tables)


def test_every_drawing_has_its_figures_in_words(page: str) -> None:
    parsed = Parsed(page)
    cells = {e.text for e in parsed.all("td")}
    for mark in parsed.all("g", class_="point"):
        figures = re.findall(r"\d\.\d{3}", mark.attributes["aria-label"] or "")
        assert figures and cells.issuperset(figures)
        assert mark.attributes["tabindex"] == "0"
    for svg in parsed.all("svg"):
        assert svg.attributes.get("aria-hidden") == "true" or svg.attributes.get("aria-label")
    bars = parsed.all("svg", class_="bar")
    assert bars and all(bar.parents[-1] == "td" for bar in bars)
    curves = [e.attributes["aria-label"] for e in parsed.all("g", class_="curve")]
    heads = [e.text for e in parsed.all("th", scope="row")]
    assert len(curves) == 7 and set(curves) <= set(heads)


def test_controls_wait_for_the_script(page: str) -> None:
    parsed = Parsed(page)
    for tag in ("button", "input", "select"):
        for element in parsed.all(tag):
            assert "div" in element.parents
    assert all("hidden" in e.attributes for e in parsed.all("div", class_="tools"))


def test_ranks_intervals_and_reasons_are_shown(page: str) -> None:
    parsed = Parsed(page)
    rows = [e for e in parsed.all("tr") if "data-ranked" in e.attributes]
    assert [e.attributes["data-name"] for e in rows][:2] == ["good", "fair"]
    unranked = [e.attributes["data-name"] for e in parsed.all("tr", class_="unranked")]
    assert set(unranked) == {"partial", "tuned (alpha=0.3)"}
    assert "incomplete (1/3 sources)" in page and "sources that other rows" in page
    assert re.search(r"95 %: 0\.\d{3} to [01]\.\d{3}", page)
    assert not re.search(r"\d, events only", page)  # two seeds
    records = records_of(["good"])
    one = render_page(with_intervals(board_of(records)), records)
    assert re.search(r"95 %: 0\.\d{3} to [01]\.\d{3}, events only", one)
    assert "Not told apart from it" in page
    blind, unpaired = (e.text for e in parsed.all("article", class_="card")[:2])
    assert "good" in blind and "matched" not in blind
    assert "matched" in unpaired and "good" not in unpaired


def test_the_difference_is_that_of_the_shown_maps(page: str) -> None:
    tables = {
        match[1]: re.findall(r"<td[^>]*>([-+.\d]+)</td>", match[2])
        for match in re.finditer(r'<table id="([^"]+)"[^>]*>(.*?)</table>', page, re.DOTALL)
    }
    anchors = {e.text: e.attributes["value"] or "" for e in Parsed(page).all("option")}
    first, second = tables[anchors["good"]], tables[anchors["baseline"]]
    found = tables["block-1-blind-difference"]
    caption = re.findall(r"<caption>(.*?minus.*?)</caption>", page)[0]
    assert caption.startswith("good minus baseline")
    expected = [f"{float(a) - float(b):+.3f}" for a, b in zip(first, second, strict=True)]
    assert [f.replace("-0.000", "+0.000") for f in expected] == found


def test_rows_beyond_the_first_have_their_figures_in_the_ranking() -> None:
    names = [f"m{n:02d}" for n in range(MAX_DETAILED + 3)]
    parsed = Parsed(page_of([make_run(method=name).record for name in names]))
    assert len(parsed.all("figure")) == MAX_DETAILED + 1 + 1  # maps, costs, responses
    assert {e.text for e in parsed.all("th", scope="row")} >= set(names)
    assert "3 more have their figures above only" in " ".join(e.text for e in parsed.all("p"))


def test_an_empty_board_and_a_row_that_failed_have_pages() -> None:
    assert "There are no runs to show" in render_page(Board(()), [])
    record = make_run().record
    plan = make_plan(method="broken", needs=["unpaired-target"])
    board = Board(leaderboard([record], levels={}, failed=[plan]))
    page = render_page(board, [record])
    assert "no run of the row has a score" in page and "broken" in page


def test_responses_are_shown_where_they_are_known() -> None:
    records = [make_run().record]
    board = board_of(records)
    assert shipped_responses(board.blocks[0].key) is not None
    for changes in ({"corpus": "other"}, {"corpus_version": 2}, {"provenance": "measured"}):
        assert shipped_responses(board.blocks[0].key._replace(**changes)) is None
    page = render_page(board, records, responses=lambda key: None)
    assert "devbench page serve --data" in page
    gains = (float("nan"),) * 5 + (1.25,) * (len(GRID_HZ) - 5)
    shown = Responses(GRID_HZ, {"<b>": gains}, "<i>")
    parsed = Parsed(render_page(board, records, responses=lambda key: shown))
    (curve,) = parsed.all("g", class_="curve")
    assert curve.attributes["aria-label"] == "<b>"
    row = next(e for e in parsed.all("tr") if e.text.startswith("<b>"))
    assert row.text.split()[1:3] == ["-", "+1.2"]


def test_shipped_responses_are_those_that_the_corpus_measures() -> None:
    from devbench import impulse_recording, response_of_impulse, seed_for
    from devbench.pages.devices import sampled
    from devbench_plugins.corpora.synthesis import corpus
    from devbench_plugins.corpora.synthesis.devices import DEVICES as SIMULATED

    shipped = shipped_responses(board_of([make_run().record]).blocks[0].key)
    assert shipped is not None and shipped.freq_hz == GRID_HZ
    assert list(shipped.gain_db) == [device.id for device in SIMULATED]
    for device in SIMULATED:
        impulse = impulse_recording(
            device.model,
            sample_rate_hz=corpus.SAMPLE_RATE_HZ,
            seed=seed_for(corpus.SEED, "impulse", device.id),
        )
        found = response_of_impulse(impulse, corpus.SAMPLE_RATE_HZ, provenance="simulated")
        gains = sampled(found.freq_hz, found.gain_db)
        # The file has two decimals; another machine's codecs may differ in the last bits
        assert shipped.gain_db[device.id] == pytest.approx(gains, abs=0.02)


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_text_can_be_read_on_every_colour() -> None:
    style = page_text("style.css")
    levels = re.findall(r"^\.([hd]-?\d+) { background: (#\w+); color: (#\w+); }", style, re.M)
    assert len(levels) == 21 + 11
    for name, ground, ink in levels:
        assert contrast(ground, ink) >= 4.5, name
    pairs = dict(
        (name, (light, dark))
        for name, light, dark in re.findall(r"--(\w+): light-dark\((#\w+), (#\w+)\)", style)
    )
    for side in (0, 1):
        for ink in ("ink", "quiet", "link", "warn", "good"):
            for ground in ("paper", "raised"):
                assert contrast(pairs[ink][side], pairs[ground][side]) >= 4.5, (ink, ground, side)
    lines = re.findall(r"^\.l\d polyline { stroke: light-dark\((#\w+), (#\w+)\)", style, re.M)
    assert len(lines) == 7
    for pair in lines:
        for side in (0, 1):
            assert contrast(pair[side], pairs["raised"][side]) >= 3, pair


def test_classes_that_no_run_has_are_no_columns() -> None:
    assert detail_of([make_run().record], ["iphone14"]).by_class.keys() == {"bell", "dog", "rain"}

"""The report: every figure is the record's, every part stands alone, names are text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from devbench.errors import UnknownNameError, UsageError
from devbench.explaining.documents import keep
from devbench.explaining.shelf import diagnosis_path
from devbench.pages.devices import shipped_responses
from devbench.reports.chosen import Chosen, Wanted, choose
from devbench.reports.classes import class_scores, confusions_of, mistakes_table
from devbench.reports.explained import KINDS, explained_sections
from devbench.reports.figures import figure_files
from devbench.reports.learning import learning_of
from devbench.reports.pictures import palette, spectrogram_png
from devbench.reports.render import render_report
from devbench.reports.scores import scores_of
from devbench.reports.view import Made, make_report
from devbench.results.commands import run_command
from devbench.results.expected import Expectation
from devbench.results.metrics import mean
from devbench.results.record import Epoch
from devbench.results.store import Store
from helpers.explained import made_up_identity, made_up_information
from helpers.pages import Parsed
from helpers.records import make_run
from helpers.runs import Heard as Talk
from helpers.stores import filled_store, put

HOSTILE = ("<img src=x onerror=window.hit=1>", "</script><script>window.hit=1</script>", "b\u202e")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return filled_store(tmp_path_factory.mktemp("store"), n_events=12)


def chosen_of(store: Store, name: str, **more: str) -> Chosen:
    return choose(store, Wanted(name, **more), warn=pytest.fail)


def made_of(store: Store, chosen: Chosen) -> Made:
    return make_report(chosen, store, Expectation([]), shipped_responses, Talk())


def page_of(store: Store, name: str) -> str:
    return render_report(made_of(store, chosen_of(store, name)).view)


def test_a_name_is_a_method_or_the_first_digits_of_a_run(store: Store) -> None:
    whole = chosen_of(store, "freq-mixstyle")
    assert [r.plan.method.name for r in whole.records] == ["freq-mixstyle"] * 3
    (record,) = chosen_of(store, whole.first.run_id[:8]).records
    assert record == whole.first
    of_one = chosen_of(store, "freq-mixstyle", source="lggram")
    assert [r.plan.source for r in of_one.records] == ["lggram"]
    for wanted, error, words in (
        (Wanted("freq-mixstile"), UnknownNameError, "freq-mixstile"),
        (Wanted("ffffffff"), UnknownNameError, "no run"),
        (Wanted("freq-mixstyle", source="fone"), UnknownNameError, "fone"),
        (Wanted("freq-mixstyle", benchmark="mics7"), UnknownNameError, "default options"),
        (Wanted(record.run_id[:8], source="fone"), UsageError, "--source"),
    ):
        with pytest.raises(error, match=words):
            choose(store, wanted, warn=pytest.fail)


def test_lines_are_the_records_and_their_mean_is_its(store: Store) -> None:
    record = chosen_of(store, "freq-mixstyle").first
    scores = scores_of(chosen_of(store, record.run_id), store)
    assert [line.f1 for line in scores.lines] == [s.macro_f1 for s in record.scores]
    assert scores.mean.f1 == record.summary.mean_targets
    assert scores.worst.f1 == record.summary.worst_target
    for line in scores.shown:
        assert line.interval is not None and line.interval[0] <= line.f1 <= line.interval[1]
        assert line.baseline is not None and line.ideal is not None


def test_a_method_is_the_mean_over_sources_whatever_the_order(store: Store) -> None:
    chosen = chosen_of(store, "freq-mixstyle")
    scores = scores_of(chosen, store)
    assert scores.mean.f1 == pytest.approx(mean([r.summary.mean_targets for r in chosen.records]))
    for line in scores.targets:
        own = [s.macro_f1 for r in chosen.records for s in r.scores
               if (s.role, s.device) == ("target", line.name)]  # fmt: skip
        assert line.f1 == pytest.approx(mean(own), abs=1e-15)
    turned = scores_of(replace(chosen, records=chosen.records[::-1]), store)
    assert {line[:4] for line in turned.lines} == {line[:4] for line in scores.lines}


def test_a_bound_stands_only_beside_its_own_cells(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "store", {"freq-mixstyle": 2.0})
    put(store, make_run(method="baseline", source="iphone14", skill=0.5))
    put(store, make_run(method="ideal", source="iphone14", seed=1, skill=6.0))
    whole = scores_of(chosen_of(store, "freq-mixstyle"), store)
    assert whole.mean.baseline is None and whole.gap is None
    one = scores_of(chosen_of(store, "freq-mixstyle", source="iphone14"), store)
    assert one.mean.baseline is not None and one.mean.ideal is None
    assert "a run of the ideal" in page_of(store, "freq-mixstyle")


def test_class_scores_average_to_the_score(store: Store) -> None:
    chosen = chosen_of(store, "freq-mixstyle")
    table = class_scores(chosen).table
    column = table.columns.index("all targets")
    held = [cells[column].value for _, cells in table.rows]
    scores = scores_of(chosen, store)
    expected = mean([line.f1 for line in scores.targets])
    assert mean([value for value in held if value is not None]) == pytest.approx(expected)


def test_confusions_add_up_to_all_clips(store: Store) -> None:
    chosen = chosen_of(store, "freq-mixstyle")
    found = confusions_of(chosen)
    n_clips = sum(score.n_clips for record in chosen.records for score in record.scores)
    assert sum(int(one.counts.sum()) for one in found) == n_clips
    for one in found:
        assert one.table is not None
        shown = [[int(cell.text) for cell in cells] for _, cells in one.table.rows]
        assert shown == one.counts.tolist()
        n_wrong = int(one.counts.sum() - one.counts.trace())
        assert sum(m.n_clips for m in one.mistakes) == n_wrong
        assert one.words.startswith(f"{n_wrong} of {one.counts.sum()} clips wrong")


def test_many_classes_are_listed_instead(tmp_path: Path) -> None:
    classes = tuple(f"class-{n:02d}" for n in range(30))
    store = filled_store(tmp_path / "store", n_events=60, classes=classes)
    (one, *_) = confusions_of(chosen_of(store, "baseline"))
    assert one.table is None and one.mistakes
    assert len(mistakes_table(one).rows) == len(one.mistakes)
    assert "too many classes" in page_of(store, "baseline")


def test_curves_fall_where_the_loss_falls() -> None:
    record = make_run().record
    learning = learning_of([record], width=640.0, height=340.0)
    assert learning.loss is not None and learning.f1 is not None
    points = [tuple(map(float, p.split(","))) for p in learning.loss.lines[0].parts[0].split()]
    assert points[0][1] < points[1][1], "down on the page is less"
    assert [line.device for line in learning.loss.lines] == ["validation", "training"]
    (epoch,) = [Epoch(epoch=1, loss=1.0, val_loss=1.0, val_macro_f1=0.5)]
    model = record.models[0].model_copy(update={"history": [epoch], "selected_epoch": 1})
    short = learning_of([record.model_copy(update={"models": [model]})], width=640.0, height=340.0)
    assert short.loss is None and len(short.table.rows) == 1


def test_a_picture_has_the_lowest_band_at_the_bottom_and_clips_colours() -> None:
    import io

    from matplotlib.image import imread

    frames = np.array([[0.0, -100.0, 50.0], [1.0, 2.0, 3.0]], np.float32)  # [frame, bin]
    picture = imread(io.BytesIO(spectrogram_png(frames, (-10.0, 10.0))), format="png")
    assert picture.shape[:2] == (3, 2)
    points = np.rint(255 * picture[..., :3]).astype(int).tolist()
    assert points[1][0] == list(palette()[0]) and points[0][0] == list(palette()[255])
    assert points[2][0] == list(palette()[128])
    assert spectrogram_png(frames, (-10.0, 10.0)) == spectrogram_png(frames, (-10.0, 10.0))


def test_equal_runs_give_equal_bytes_and_the_page_is_whole(store: Store) -> None:
    page = page_of(store, "freq-mixstyle")
    assert page == page_of(store, "freq-mixstyle")
    parsed = Parsed(page)
    (policy,) = [
        e.attributes["content"]
        for e in parsed.all("meta")
        if e.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None and policy.startswith("default-src 'none'")
    assert len(parsed.all("script")) == 1
    anchors = {e.attributes.get("id") for e in parsed.elements} - {None}
    links = [e.attributes["href"] or "" for e in parsed.all("a")]
    assert links and all(link.startswith("#") and link[1:] in anchors for link in links)
    for svg in parsed.all("svg"):
        assert "aria-label" in svg.attributes or svg.attributes.get("aria-hidden") == "true"
    assert parsed.all("table", id="classes") and parsed.all("table", id="learning-table")


def test_what_is_missing_is_said_and_costs_no_other_part(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "store")
    chosen = chosen_of(store, "freq-mixstyle")
    before = made_of(store, chosen).view
    assert set(before.missing) == {"heard"}, "there is no such corpus"
    for record in chosen.records:
        store.blob_path("logits", record.logits_sha256).unlink()
        for model in record.models:
            store.blob_path("checkpoints", model.weights_sha256).unlink()
    after = made_of(store, chosen).view
    assert set(after.missing) == {"heard", "intervals", "weights"}
    assert run_command([chosen.first.plan], "--force") in after.missing["weights"]
    assert [line.f1 for line in after.scores.shown] == [line.f1 for line in before.scores.shown]
    assert all(line.interval is None for line in after.scores.shown)
    page = render_report(after)
    for words in after.missing.values():
        assert words.split("'")[0] in page


def test_logits_of_another_run_give_no_interval(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "store", {"rfn": 2.0})
    record = chosen_of(store, "rfn").first
    other = make_run(method="rfn", seed=7, skill=0.0)
    store.publish(other.record, other.logits, other.weights)
    forged = record.model_copy(update={"logits_sha256": other.record.logits_sha256})
    scores = scores_of(Chosen((forged,), {}, {}, is_one=True), store)
    assert "other figures" in scores.missing and scores.mean.interval is None


def test_diagnoses_are_shown_or_their_command_is(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "store", {"rfn": 2.0})
    run_id = store.run_ids()[0]
    record = store.get(run_id)
    sections = explained_sections(store, record)
    assert [one.kind for one in sections] == list(KINDS)
    assert all(not one.tables and run_id[:12] in one.command for one in sections)
    assert sections[-1].command == f"devbench explain devices sim7 --run {run_id[:12]}"
    plan = record.plan
    own = plan.benchmark.model_copy(update={"id": "own"})
    of_own = record.model_copy(update={"plan": plan.model_copy(update={"benchmark": own})})
    *_, asked = explained_sections(store, of_own)
    given = f"--run {run_id[:12]} --benchmark FILE.toml"
    assert asked.command == f"devbench explain devices {plan.corpus.name} {given}"
    keep(made_up_information(run_id, layer=HOSTILE[0]), store.folder)
    for kind, content in (("relevance", "{}"), ("devices", "{ damaged")):
        diagnosis_path(store.folder, run_id, f"{kind}.json").write_text(content)
    found = {one.kind: one for one in explained_sections(store, record)}
    (told,) = found["information"].tables
    assert told.rows[0][1:] == ("4x8x8", "channel", "0.375", "0.177", "0.875", "0.177")
    why = {"relevance": "relevance.json: key 'run_id' is missing", "devices": "line 1"}
    for kind, words in why.items():
        assert not found[kind].tables and words in found[kind].notes[0]
    page = page_of(store, run_id)
    assert "device information, nats" in page and "devbench explain identity" in page
    assert HOSTILE[0] not in page and "&lt;img src=x" in page


def test_every_classifier_of_a_run_with_one_per_target_is_shown(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "store", {"ideal": 2.0})
    run_id = store.run_ids()[0]
    record = store.get(run_id)
    for target in ("lggram", "applewatchse"):
        keep(made_up_information(run_id, target=target), store.folder)
        keep(made_up_identity(run_id, target=target, notes=["no bins"]), store.folder)
    diagnosis_path(store.folder, run_id, "identity-phone.json").write_text("{ damaged")
    found = {one.kind: one for one in explained_sections(store, record)}
    for kind in ("information", "identity"):
        captions = [table.caption.partition(":")[0] for table in found[kind].tables]
        assert captions == ["classifier for applewatchse", "classifier for lggram"]
    told, other, damaged = found["identity"].notes
    assert told == "classifier for applewatchse: no bins"
    assert other == "classifier for lggram: no bins"
    assert "identity-phone.json" in damaged and str(tmp_path) not in damaged
    assert page_of(store, run_id).count("Not measured yet") == 2, "relevance and devices"


def test_hostile_names_are_text(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "store", {HOSTILE[0]: 1.0, "baseline": 0.5},
                         devices=HOSTILE, classes=HOSTILE)  # fmt: skip
    page = page_of(store, HOSTILE[0])
    assert len(Parsed(page).all("script")) == 1 and not Parsed(page).all("img")
    assert "\u202e" not in page and "&lt;img src=x" in page


def test_figures_are_png_and_svg_with_named_axes(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "store", classes=("a$x$", "b", "c"))
    made = made_of(store, chosen_of(store, "freq-mixstyle"))
    made = replace(made, view=replace(made.view, confusions=made.view.confusions[:1]))
    files = figure_files(made)
    stems = {name.rpartition(".")[0] for name in files}
    assert {"scores", "classes", "learning", "responses"} <= stems
    assert {f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")} == set(files)
    assert all(files[f"{stem}.png"].startswith(b"\x89PNG") for stem in stems)
    assert b"macro F1" in files["scores.svg"] and b"epoch" in files["learning.svg"]

from __future__ import annotations

import random
import shlex

import click
import pytest

from devbench.contract.access import TRACKS
from devbench.files import sha256_bytes
from devbench.pages.charts import Scale, level_of, scatter, step_of
from devbench.pages.detail import detail_of
from devbench.pages.glance import _no_more_than, glance_of
from devbench.results.commands import commands_of
from devbench.results.metrics import mean
from devbench.results.record import ArtifactMade, ArtifactUse, Record
from helpers.documents import COMMANDS
from helpers.pages import board_of, records_of
from helpers.records import DEVICES, make_run, sha


def learned(record: Record) -> Record:
    """Return the record as if its run had used a trained converter."""
    used = ArtifactUse(
        name="umc", key=sha("key"), sha256=sha("tensors"), origin="built", same_corpus=True,
        config={}, devices=list(DEVICES),
        made=ArtifactMade(at_utc="", device="cpu", precision="fp32", threads=1, versions={}),
    )  # fmt: skip
    models = [model.model_copy(update={"artifacts": [used]}) for model in record.models]
    return record.model_copy(update={"models": models})


def test_means_over_targets_and_over_classes_are_the_row_s_mean() -> None:
    records = records_of(["freq-mixstyle"], seeds=3)
    (row,) = board_of(records).blocks[0].tables[0][1]
    found = detail_of(records, DEVICES)
    assert row.mean_targets is not None
    # The same terms summed in another order
    assert mean(list(found.by_target.values())) == pytest.approx(row.mean_targets, abs=1e-12)
    assert mean(list(found.by_class.values())) == pytest.approx(row.mean_targets, abs=1e-12)
    for source, value in row.by_source.items():
        cells = [v for (own, device), v in found.by_cell.items() if own == source != device]
        assert mean(cells) == pytest.approx(value, abs=1e-12)
    assert min(v for (s, d), v in found.by_cell.items() if s != d) == row.worst_target


def test_the_order_of_records_does_not_matter() -> None:
    records = records_of(["freq-mixstyle"], seeds=3)
    shuffled = random.Random(1).sample(records, len(records))
    assert detail_of(shuffled, DEVICES) == detail_of(records, DEVICES)


def test_one_more_run_of_a_cell_does_not_count_more() -> None:
    one, other = (make_run(threads=n).record for n in (1, 2))
    third = make_run(seed=1).record
    found = detail_of([one, other, third], DEVICES).by_cell["iphone14", "lggram"]
    a, b, c = (r.scores[1].macro_f1 for r in (one, other, third))
    assert found == pytest.approx(((a + b) / 2 + c) / 2, abs=1e-12)


def test_a_row_without_every_source_has_cells_only() -> None:
    found = detail_of([make_run().record], DEVICES)
    assert set(found.by_cell) == {("iphone14", device) for device in DEVICES}
    assert not found.by_target and not found.by_class


def test_a_run_with_a_classifier_per_target_has_no_cell_of_its_source() -> None:
    found = detail_of([make_run(per_target=True).record], ["iphone14"])
    assert ("iphone14", "iphone14") not in found.by_cell
    assert found.cost.n_parameters == 2 * 1234


def test_what_records_say_of_cost_in_no_known_form_is_left_out() -> None:
    record = make_run().record
    odd = [{}, {"times_s": [1]}, {"times_s": {"fit": True}}, {"times_s": {"fit": -1.0}},
           {"machine": "x", "peak_memory_mb": {"fit": "much"}}]  # fmt: skip
    for measured in odd:
        cost = detail_of([record.model_copy(update={"measured": measured})], DEVICES).cost
        assert (cost.fit_s, cost.predict_s, cost.fit_memory_mb) == (None, None, None)
    assert detail_of([record], DEVICES).cost.fit_s == 12.5


def test_the_digest_pins_runs_logits_and_weights() -> None:
    record = make_run().record
    line = f"{record.run_id} {record.logits_sha256} {record.models[0].weights_sha256}\n"
    assert detail_of([record], DEVICES).provenance.digest == sha256_bytes(line.encode())
    other = record.model_copy(update={"logits_sha256": sha("other")})
    assert detail_of([other], DEVICES).provenance.digest != sha256_bytes(line.encode())


@pytest.mark.parametrize(
    "plan",
    [{}, {"fold": 2}, {"opened": ["a"], "options": {"a": "x; rm -rf /"}}, {"is_file": True}],
    ids=str,
)
def test_the_commands_are_ones_that_devbench_has(plan: dict[str, object]) -> None:
    records = [
        make_run(source=source, seed=seed, threads=1 + seed, **plan).record
        for source in DEVICES
        for seed in (0, 1)
    ]
    commands = commands_of(records)
    assert len(commands) == (6 if "is_file" in plan else 2)  # threads are part of a run
    for text in commands:
        words = shlex.split(text)
        command = COMMANDS[" ".join(words[:2])]
        context = click.Context(command)
        command.parse_args(context, words[2:])
        assert context.params["budget"] == "quick"
        assert bool(context.params["settings"]) == ("opened" in plan)
        if words[1] == "sweep":
            assert context.params["sources"] == ",".join(sorted(DEVICES))


def test_a_ranked_row_is_picked_before_a_better_one_without_rank() -> None:
    records = records_of(["good", "better"], seeds=2)[: 2 * len(DEVICES)]
    records += [make_run(method="better", source=s, skill=9.0).record for s in DEVICES]
    tables = board_of(records, seeds=2).blocks[0].tables
    assert [row.method for row in tables[0][1]] == ["better", "good"]
    found = glance_of("blind", tables, {row.run_ids[0]: False for row in tables[0][1]})
    assert found.name == "good" and not found.reason
    unranked = board_of(records, seeds=3).blocks[0].tables
    found = glance_of("blind", unranked, {row.run_ids[0]: False for row in unranked[0][1]})
    assert found.name == "better" and "fewer seeds" in found.reason


def test_the_control_sees_no_more_and_is_not_a_bound() -> None:
    both = ["device-fr", "unpaired-target"]
    records = [
        *map(learned, records_of(["umc"], needs=both)),
        *records_of(["spectrum-match"], needs=["unpaired-target"]),
        *records_of(["tent"], needs=["test-time"]),
        *records_of(["ideal", "baseline"]),
    ]
    tables = board_of(records).blocks[0].tables
    rows = {row.method: row for _, rows in tables for row in rows}
    is_learned = {row.run_ids[0]: row.method == "umc" for row in rows.values()}
    found = glance_of("device-fr+unpaired-target", tables, is_learned)
    assert found.learned is not None and found.control is not None
    assert (found.learned.name, found.control.name) == ("umc", "spectrum-match")
    assert found.control.track == "unpaired-target"
    assert glance_of("unpaired-target", tables, is_learned).learned is None
    for track in TRACKS:
        assert "oracle" not in _no_more_than(track) or track == "oracle"


def test_colours_and_scales() -> None:
    assert [level_of(v) for v in (-1.0, 0.0, 0.5, 0.974, 0.976, 2.0)] == [
        "h0", "h0", "h10", "h19", "h20", "h20"]  # fmt: skip
    assert [step_of(v) for v in (0.0, 0.0001, 0.001, 0.05, 0.051, -0.05, -0.9)] == [
        "d0", "d0", "d1", "d1", "d2", "d-1", "d-5"]  # fmt: skip
    scale = Scale(1.0, 100.0, 0.0, 50.0, is_log=True)
    assert [scale.place(v) for v in (0.1, 1.0, 10.0, 100.0, 1e9)] == [0.0, 0.0, 25.0, 50.0, 50.0]


def test_labels_of_crowded_marks_hide_nothing() -> None:
    found = scatter([(n, 30.0 + n, 0.7) for n in range(6)], width=640, height=340).points
    places = [(p.label_x, p.label_y) for p in found] + [(p.x, p.y) for p in found]
    for n, (x, y) in enumerate(places[:6]):
        others = [place for m, place in enumerate(places) if m != n]
        assert all((x - a) ** 2 + (y - b) ** 2 >= 12**2 - 1 for a, b in others)
    alone = scatter([(1, 0.001, 1.0)], width=640, height=340)
    assert len(alone.x_ticks) >= 1 and alone.points[0].number == 1

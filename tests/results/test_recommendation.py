"""The recommended method is the best of those that the limits allow, by its worst target."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest

from devbench.contract.access import Access
from devbench.errors import DataError, UnknownNameError
from devbench.results.answers import Answers
from devbench.results.metrics import mean
from devbench.results.recommendation import Limits, Recommendation, recommend
from devbench.results.record import Record
from helpers.records import DEVICES, MadeRun, make_run

BLIND = Limits(allowed=frozenset())


def runs_of(method: str, skill: float, *, seeds: Iterable[int] = (0,), **plan: Any
            ) -> list[MadeRun]:  # fmt: skip
    return [
        make_run(method=method, skill=skill, source=source, seed=seed, n_events=30, **plan)
        for source in DEVICES
        for seed in seeds
    ]


@pytest.fixture(scope="module")
def runs() -> list[MadeRun]:
    return [
        *runs_of("baseline", 0.3),
        *runs_of("rfn", 1.0),
        *runs_of("fr-shift-real", 2.0, needs=["device-fr"]),
        *runs_of("spectrum-match", 4.0, needs=["unpaired-target"]),
        *runs_of("ideal", 9.0),
        runs_of("gain", 8.0)[0],
        *runs_of("noise", 8.0, opened=["snr_db"], options={"snr_db": 3.0}),
    ]


def asked(runs: Iterable[MadeRun], limits: Limits | None = None, **more: Any) -> Recommendation:
    held = {run.record.run_id: run for run in runs}

    def answers(record: Record) -> Answers:
        return Answers.of(held[record.run_id].stored, source=record.plan.source)

    question = {"benchmark": "sim7", "budget": "quick"} | more
    records = [run.record for run in held.values()]
    return recommend(records, answers, limits or Limits(), **question)


def test_the_best_worst_target_wins_and_scores_are_the_definition(runs: list[MadeRun]) -> None:
    found = asked(runs)
    assert found.best.method == "spectrum-match"
    assert [c.score for c in found.candidates] == sorted(
        (c.score for c in found.candidates), reverse=True
    )
    for one in found.candidates:
        worst = [r.record.summary.worst_target for r in runs
                 if r.record.plan.method.name == one.method]  # fmt: skip
        assert one.score == pytest.approx(mean(worst))
        assert one.interval is not None
        assert one.interval.estimate == pytest.approx(one.score)
        assert sum(n for _, n in one.worst) == one.n_runs == 3


def test_less_information_never_gives_more(runs: list[MadeRun]) -> None:
    kinds = [Access.DEVICE_FR, Access.UNPAIRED_TARGET]
    scores = {
        allowed: asked(runs, Limits(allowed=frozenset(allowed))).best
        for allowed in ((), (kinds[0],), (kinds[1],), tuple(kinds))
    }
    assert scores[()].method == "rfn" and scores[kinds[0],].method == "fr-shift-real"
    assert scores[()].score <= scores[kinds[0],].score <= scores[tuple(kinds)].score
    (less,) = asked(runs).with_less
    assert less.method == "rfn", "the best of those that need less, by kind"


def test_what_is_not_considered_has_a_reason(runs: list[MadeRun]) -> None:
    reasons = dict(asked(runs, BLIND).excluded)
    assert "upper bound" in reasons["ideal"]
    assert reasons["spectrum-match"] == "needs unpaired-target"
    assert "1 of 3 sources" in reasons["gain"]
    assert "open options" in reasons["noise"]
    names = {run.record.plan.method.name for run in runs}
    assert names == {c.method for c in asked(runs, BLIND).candidates} | set(reasons)


def test_fewer_devices_are_never_worse(runs: list[MadeRun]) -> None:
    whole = {c.method: c for c in asked(runs).candidates}
    source = DEVICES[0]
    for device in DEVICES[1:]:
        for one in asked(runs, Limits(devices=(device,), source=source)).candidates:
            everywhere = asked(runs, Limits(source=source))
            (other,) = [c for c in everywhere.candidates if c.method == one.method]
            assert one.score >= other.score and one.worst == ((device, 1),)
    assert set(whole) >= {"rfn", "baseline"}


def test_a_source_alone_counts_methods_that_ran_from_it(runs: list[MadeRun]) -> None:
    found = asked(runs, Limits(source=DEVICES[0]))
    assert found.sources == (DEVICES[0],) and found.best.method == "gain"


def test_the_source_is_none_of_the_devices_that_scores_are_over(runs: list[MadeRun]) -> None:
    assert set(asked(runs).devices) == set(DEVICES)
    found = asked(runs, Limits(source=DEVICES[0]))
    assert set(found.devices) == set(DEVICES[1:])
    with pytest.raises(UnknownNameError, match=DEVICES[0]):
        asked(runs, Limits((DEVICES[0],), DEVICES[0]))


def test_the_order_of_records_does_not_matter(runs: list[MadeRun]) -> None:
    shuffled = random.Random(1).sample(runs, len(runs))
    assert asked(shuffled) == asked(runs)


def timed(runs: Iterable[MadeRun], fit_s: float, cpu: str = "one") -> list[MadeRun]:
    measured = {"times_s": {"fit": fit_s}, "machine": {"cpu": cpu}}
    return [
        MadeRun(r.record.model_copy(update={"measured": measured}), r.stored, r.logits, r.weights)
        for r in runs
    ]


def test_costs_are_multiples_of_the_baseline_on_the_same_machine() -> None:
    held = [
        *timed(runs_of("baseline", 0.3), 10.0),
        *timed(runs_of("rfn", 2.0), 25.0),
        *timed(runs_of("gain", 1.0), 15.0),
        *timed(runs_of("noise", 3.0), 1.0, cpu="another"),
    ]
    cost = {one.method: one.cost for one in asked(held).candidates}
    assert cost == {"baseline": 1.0, "rfn": 2.5, "gain": 1.5, "noise": None}
    found = asked(held, Limits(max_cost=2.0))
    assert found.best.method == "gain"
    reasons = dict(found.excluded)
    assert "2.5 times" in reasons["rfn"] and "not known" in reasons["noise"]
    with pytest.raises(DataError, match="1,234 parameters"):
        asked(held, Limits(max_parameters=1000))


def test_the_cost_of_a_baseline_with_another_front_end_is_another() -> None:
    baseline = runs_of("baseline", 0.3)
    frontend = baseline[0].record.plan.frontend.model_copy(
        update={"name": "cqt", "opened": ["name"]}
    )
    held = [
        *timed(baseline, 10.0),
        *timed(runs_of("baseline", 0.3, frontend=frontend), 90.0),
        *timed(runs_of("rfn", 2.0), 25.0),
    ]
    cost = {one.method: one.cost for one in asked(held).candidates}
    assert cost == {"baseline": 1.0, "rfn": 2.5}


def test_few_runs_call_nothing_better_and_many_do() -> None:
    few = asked([*runs_of("baseline", 0.3), *runs_of("rfn", 5.0)])
    assert few.rivals and few.least_p >= 0.05
    many = asked([*runs_of("baseline", 0.3, seeds=range(3)), *runs_of("rfn", 5.0, seeds=range(3))])
    assert not many.rivals and many.against["baseline"].better == "rfn"


def test_without_answers_there_is_an_order_and_no_interval(runs: list[MadeRun]) -> None:
    records = [run.record for run in runs]
    found = recommend(records, lambda record: None, Limits(), benchmark="sim7", budget="quick")
    assert found.best.method == "spectrum-match" and found.best.interval is None
    assert not found.against and "not at hand" in " ".join(found.notes)


def test_what_cannot_be_answered_is_said(runs: list[MadeRun]) -> None:
    with pytest.raises(UnknownNameError, match="lgram"):
        asked(runs, Limits(devices=("lgram",)))
    with pytest.raises(UnknownNameError, match="source"):
        asked(runs, Limits(source="fone"))
    with pytest.raises(DataError, match="no run of benchmark 'mics7'"):
        asked(runs, benchmark="mics7")
    with pytest.raises(DataError, match="within these limits"):
        asked(runs, Limits(max_parameters=0))

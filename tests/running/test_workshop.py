"""A build's workshop: keyed draws, exact resumption, a log of bounded length."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from devbench.contract.side import ArtifactRequest
from devbench.errors import AccessError, ContractError, RunError
from devbench.running.clips import save_clips
from devbench.running.finder import wish_of
from devbench.running.jobs import ArtifactJob, Wish
from devbench.running.losses import MAX_ENTRIES, LossLog
from devbench.running.worker import Channel
from devbench.running.workshop import StagedWorkshop

N_BINS = 6


def made(folder: Path, *, seed: int = 0, name: str = "tiny") -> StagedWorkshop:
    """Return a workshop on two staged devices; its reports go nowhere."""
    wish = Wish(
        name=name, config={}, build="m:f", file="", code_sha256="", devices=["a", "b"], seed=seed
    )
    job = ArtifactJob(
        wish=wish,
        plugin={"name": "my-method"},
        needs=["unpaired-target"],
        acts_on="spectrogram",
        hop_samples=4,
        crop_frames=5,
        bin_hz=[100.0 * (n + 1) for n in range(N_BINS)],
        threads=1,
        device="cpu",
        precision="fp32",
    )
    rng = np.random.default_rng(0)
    for device in wish.devices:
        clips = [rng.normal(size=(9, N_BINS)).astype(np.float32) for _ in range(4)]
        save_clips(folder / "unpaired" / device, clips, None)
    return StagedWorkshop(
        job, folder, torch.device("cpu"), Channel(os.open(os.devnull, os.O_WRONLY))
    )


def test_it_shows_what_the_contract_promises(tmp_path: Path) -> None:
    shop = made(tmp_path)
    assert shop.devices == ("a", "b") and set(shop.unpaired) == {"a", "b"}
    assert (shop.torch_device, shop.precision, shop.crop_frames) == ("cpu", "fp32", 5)
    assert shop.bin_hz.tolist() == [100.0 * (n + 1) for n in range(N_BINS)]
    batch = shop.unpaired["b"].sample(3, shop.generator("x"))
    assert batch.clips.shape == (3, 1, N_BINS, 5) and batch.target.shape == (3, 0)
    with pytest.raises(AccessError, match=r"'my-method' reads frequency responses"):
        shop.frequency_responses  # noqa: B018


def test_draws_are_keyed_by_seed_name_and_purpose(tmp_path: Path) -> None:
    def draw(shop: StagedWorkshop, *purpose: str | int) -> list[float]:
        return torch.rand(4, generator=shop.generator(*purpose)).tolist()

    shop = made(tmp_path)
    assert draw(shop, "step", 1) == draw(shop, "step", 1)
    others = [draw(shop, "step", 2), draw(shop, "crop", 1), draw(made(tmp_path, seed=1), "step", 1),
              draw(made(tmp_path, name="other"), "step", 1)]  # fmt: skip
    assert all(other != draw(shop, "step", 1) for other in others)


def test_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    def work(shop: StagedWorkshop, n_steps: int) -> torch.Tensor:
        found = shop.resume()
        first, total = (found[0], found[1]["total"]) if found else (0, torch.zeros(2))
        for step in range(first, n_steps):
            own = torch.rand(2, generator=shop.generator("step", step))
            total = total + own + torch.rand(2)  # the second is of the global generator
            shop.report(step + 1, 9, {"loss": float(total.sum())})
            if step % 3 == 2:
                shop.checkpoint(step + 1, {"total": total}, {"total": float(total.sum())})
        return total

    whole = made(tmp_path / "whole")
    expected = work(whole, 9)
    for stop in (1, 3, 5, 8):
        folder = tmp_path / str(stop)
        work(made(folder), stop)
        resumed = made(folder)
        assert torch.equal(work(resumed, 9), expected), stop
        assert resumed.log == whole.log


def test_only_two_checkpoints_are_kept_whatever_their_numbers(tmp_path: Path) -> None:
    shop = made(tmp_path)
    for step in (999_998, 999_999, 1_000_000, 1_000_001):
        shop.checkpoint(step, {"step": torch.tensor(step)}, {})
    assert len(list((tmp_path / "out" / "checkpoints").glob("*.json"))) == 2
    found = shop.resume()
    assert found is not None and found[0] == int(found[1]["step"]) == 1_000_001


def test_what_is_no_number_or_no_json_is_refused(tmp_path: Path) -> None:
    shop = made(tmp_path)
    for value in (float("nan"), float("inf")):
        with pytest.raises(RunError, match=r"loss 'g' of artifact 'tiny' is .* step 3 of") as no:
            shop.report(3, 9, {"d": 1.0, "g": value})
        assert no.value.state == "nan"
    with pytest.raises(ContractError, match="checkpoint 3 holds what is no JSON"):
        shop.checkpoint(3, {}, {"a": torch.zeros(1)})


@pytest.mark.parametrize("n_reports", [1, 199, 200, 201, 1000, 5417])
def test_the_log_is_short_even_and_ends_at_the_end(n_reports: int) -> None:
    log = LossLog()
    for step in range(1, n_reports + 1):
        log.add(step, n_reports, {"loss": 1.0})
    steps = [entry["step"] for entry in log.entries()]
    assert steps[0] == 1 and steps[-1] == n_reports
    assert min(n_reports, MAX_ENTRIES // 2 - 1) <= len(steps) <= MAX_ENTRIES
    assert len({b - a for a, b in itertools.pairwise(steps[:-1])}) <= 1
    assert LossLog.from_state(log.state()) == log


def build(shop: Any, config: Any) -> Any:
    """At the top of a module, as it must be."""


def test_build_must_be_a_function_at_the_top_of_a_module() -> None:
    def inner(shop: Any, config: Any) -> Any: ...

    def wish(function: Any, config: Any = None, seed: Any = 0) -> Wish:
        request = ArtifactRequest("x", config or {}, function, ("a",), seed, True)
        return wish_of(request, "")

    good = wish(build, {"b": (1, 2), "a": None})
    assert good.build == f"{__name__}:build" and good.config == {"a": None, "b": [1, 2]}
    for bad in (lambda s, c: None, inner, LossLog().add, 7, print):
        with pytest.raises(ContractError, match="no function at the top of a module"):
            wish(bad)
    for config in ({"a": Path()}, {"a": float("nan")}, {"a": torch.zeros(1)}):
        with pytest.raises(ContractError, match="no JSON value"):
            wish(build, config)
    for seed in (-1, True, 1.0, "0"):
        with pytest.raises(ContractError, match="seed"):
            wish(build, {}, seed)

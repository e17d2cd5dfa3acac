"""A method that learns the mean level of devices once, in steps, as an artifact."""

from __future__ import annotations

import dataclasses

import torch

from devbench import Access, Artifact, Method, MethodSpec, hookimpl


def build(shop, config):
    """Move a level per device towards its clips, a step at a time."""
    levels_db = torch.zeros(len(shop.devices))
    first = 0
    found = shop.resume()
    if found is not None:
        first, tensors, state = found
        levels_db = tensors["levels_db"]
        assert state == {"seen": first * config["batch"]}
    for step in range(first, config["n_steps"]):
        generator = shop.generator("step", step)
        means = [
            shop.unpaired[d].sample(config["batch"], generator).spectrogram_db.mean()
            for d in shop.devices
        ]
        gap_db = torch.stack(means).cpu() - levels_db
        levels_db = levels_db + 0.2 * gap_db + 1e-3 * torch.rand(len(levels_db))
        if step + 1 == config["n_steps"] // 2:
            seen = {"seen": (step + 1) * config["batch"]}
            shop.checkpoint(step + 1, {"levels_db": levels_db}, seen)
        shop.report(step + 1, config["n_steps"], {"gap_db": gap_db.abs().mean()})
    return Artifact(tensors={"levels_db": levels_db}, facts={"devices": list(shop.devices)})


class LearnedLevel(Method):
    def __init__(self, n_steps: int = 6, others_only: bool = False, retrain: bool = False) -> None:
        self.config = {"n_steps": n_steps, "batch": 4}
        self.others_only = others_only
        self.retrain = retrain

    def fit(self, train, side, generator):
        devices = side.targets if self.others_only else None
        found = side.artifact(
            "level", self.config, build, devices=devices, use_shipped=not self.retrain
        )
        assert found.tensors["levels_db"].shape == (len(found.facts["devices"]),)
        self.shift_db = float(found.tensors["levels_db"].std())

    def augment(self, batch, generator):
        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db + self.shift_db)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="learned-level", build=LearnedLevel, needs={Access.UNPAIRED_TARGET})

"""A method whose build goes wrong in the way that its option names."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from devbench import Access, Artifact, Method, MethodSpec, hookimpl

N_STEPS = 8


def build(shop, config):
    fault = config["fault"]
    tensors = {"sum": torch.rand(3)}
    first = 0
    found = shop.resume()
    if found is not None:
        first, tensors, state = found
        assert state == {"told": first}
    for step in range(first, N_STEPS):
        clips = shop.unpaired[shop.devices[0]].sample(2, shop.generator("step", step))
        noise = torch.randn(3)  # of the global generator, against the rules
        tensors = {"sum": tensors["sum"] + clips.spectrogram_db.mean() + noise}
        shop.report(step + 1, N_STEPS, {"sum": float("nan") if _is(fault, "loss", step) else 1.0})
        if step in (1, 3):
            shop.checkpoint(step + 1, tensors, {"told": step + 1})
        if _is(fault, "exit", step) and found is None:
            os._exit(3)
        if _is(fault, "walk", step):
            (Path.cwd().parents[1] / "records").iterdir().__next__()
        if _is(fault, "divide", step):
            step / 0
    if fault == "look":
        here = sorted(str(path.relative_to(Path.cwd())) for path in Path.cwd().rglob("*.npy"))
        return Artifact(tensors=tensors, facts={"files": here, "job": Path("job.json").read_text()})
    return Artifact(tensors=tensors)


def _is(fault, name, step):
    return fault == name and step == 5


class FaultyBuild(Method):
    def __init__(self, fault: str = "none") -> None:
        self.fault = fault

    def fit(self, train, side, generator):
        side.artifact("faulty", {"fault": self.fault}, build)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="faulty-build", build=FaultyBuild, needs={Access.UNPAIRED_TARGET})

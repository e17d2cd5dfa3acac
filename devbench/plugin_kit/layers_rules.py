"""What a method puts into a classifier: layers behind its stages, and adaptation to test clips."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from devbench.contract.access import Access
from devbench.contract.method import Method
from devbench.plugin_kit import memory
from devbench.plugin_kit.probing import Broken, Probe
from devbench.running.classifier import Classifier

CHANNELS = (8, 12, 16)
STAGES = ("stage1", "stage2", "stage3")
TOLERANCE = 1e-4
"""Between a clip alone and in company: float32 sums in another order differ by less."""


class SmallNet(nn.Module):
    """Three stages of convolution and batch norm: what layers are put into here."""

    def __init__(self) -> None:
        super().__init__()
        n_in = 1
        for name, n_out in zip(STAGES, CHANNELS, strict=True):
            stage = nn.Sequential(
                nn.Conv2d(n_in, n_out, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(n_out),
                nn.ReLU(),
            )
            self.add_module(name, stage)
            n_in = n_out
        self.head = nn.Linear(n_in, memory.N_CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, 1, bin, frame] to logits [batch, class]."""
        for name in STAGES:
            x = self.get_submodule(name)(x)
        logits: torch.Tensor = self.head(x.mean(dim=(2, 3)))
        return logits


def look_at_layers(probe: Probe, method: Method) -> None:
    """Look at layers, and at adapt in a process that has not seen fit."""
    made: list[Classifier] = []
    rules = ("R27", "R28", "R29")
    if probe.part("putting its layers in", lambda: made.append(_trained(probe, method))):
        model = made[0]
        probe.part("predicting", lambda: _predict(probe, model), *rules, "R22")
        probe.part("adapting", lambda: _adapt(probe, model, method), "R30")


def clips_db(n_clips: int = 9, seed: int = 11) -> torch.Tensor:
    """Return spectrograms as a classifier gets them: [clip, 1, bin, frame]."""
    spectrogram_db = memory.batch_of(n_clips, seed=seed).spectrogram_db
    assert spectrogram_db is not None
    return spectrogram_db


def _built(probe: Probe, method: Method) -> Classifier:
    """Return a classifier with the method's layers, as build_classifier makes it."""
    torch.manual_seed(1)
    net = SmallNet().eval()
    shapes: dict[str, tuple[int, int, int]] = {}
    x = torch.zeros(1, 1, memory.N_BINS, 20)
    for name in STAGES:
        with torch.no_grad():
            x = net.get_submodule(name)(x)
        shapes[name] = (x.shape[1], x.shape[2], x.shape[3])
    torch.manual_seed(2)
    layers = method.layers(dict(shapes))
    probe.require(isinstance(layers, Mapping), "R27", "layers returned no mapping")
    for name, layer in layers.items():
        probe.require(name in shapes, "R27", f"layers names stage {name!r}, which is not there")
        probe.require(
            isinstance(layer, nn.Module), "R27", f"behind {name!r} stands no torch.nn.Module"
        )
        setattr(net, name, nn.Sequential(net.get_submodule(name), layer))
    return Classifier(net, -50.0, 12.0)


def _trained(probe: Probe, method: Method) -> Classifier:
    """Return a classifier after a step of training, carried to one that has not seen fit."""
    model = _built(probe, method).train()
    try:
        loss = model(clips_db()).square().mean()
        loss.backward()
    except Exception as error:
        raise Broken("R27", f"a step of training fails: {type(error).__name__}: {error}") from error
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.sub_(0.01 * parameter.grad)
    fresh = _built(probe, probe.spec.build(**probe.options))
    try:
        fresh.load_state_dict(model.state_dict())
    except RuntimeError as error:
        raise Broken(
            "R27", f"layers of a method that was not fitted do not take the weights: {error}"
        ) from error
    return fresh.eval()


def _predict(probe: Probe, model: nn.Module) -> None:
    """Predict clips together, alone and turned round; nothing of the model may move."""
    x = clips_db()
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        together = model(x)
        alone = torch.cat([model(clip[None]) for clip in x])
        turned = model(x.flip(0)).flip(0)
        louder = model(torch.cat([x[:1], x[1:] + 30.0]))[:1]
    probe.require(
        bool(together.isfinite().all()) and bool(alone.isfinite().all()),
        "R22",
        "logits hold NaN or infinity in eval mode",
    )
    company = [(alone, together), (turned, together), (louder, together[:1])]
    far = max(float((a - b).abs().max()) for a, b in company)
    probe.require(
        far <= TOLERANCE or Access.TEST_TIME in probe.spec.needs,
        "R28",
        f"logits of a clip alone and in company differ by {far:.2g}",
    )
    require_still(probe, before, model.state_dict())


def require_still(probe: Probe, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raise Broken when a tensor of a model changed while it predicted."""
    moved = [name for name, tensor in before.items() if not torch.equal(tensor, after[name])]
    probe.require(not moved, "R29", f"changed while predicting: {', '.join(moved[:3])}")


def _adapt(probe: Probe, model: Classifier, method: Method) -> None:
    """Adapt to the clips of a device, twice, with a method that has not seen fit."""
    overrides = type(method).adapt is not Method.adapt
    if Access.TEST_TIME not in probe.spec.needs:
        probe.require(not overrides, "R30", "it has adapt and does not declare Access.TEST_TIME")
        return
    probe.require(overrides, "R30", "it declares Access.TEST_TIME and has no adapt")
    found = []
    for _ in range(2):
        fresh: Method = probe.spec.build(**probe.options)
        view = memory.unlabelled_view(memory.DEVICES[1])
        adapted = fresh.adapt(copy.deepcopy(model), view, torch.Generator().manual_seed(4))
        probe.require(
            isinstance(adapted, nn.Module), "R30", f"adapt returned a {type(adapted).__name__}"
        )
        with torch.no_grad():
            logits = torch.cat([adapted(batch.clips) for batch in view])
        probe.require(
            logits.shape == (len(view), memory.N_CLASSES),
            "R30",
            f"the adapted model gives {tuple(logits.shape)} for {len(view)} clips",
        )
        probe.require(bool(logits.isfinite().all()), "R22", "the adapted model gives NaN")
        found.append(logits)
    probe.require(
        torch.equal(*found), "R30", "two adaptations with equal generators gave other logits"
    )

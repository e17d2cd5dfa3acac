"""What a method is held against: fit, augment, layers, adapt and convert on devices in memory."""

from __future__ import annotations

import hashlib
from typing import Any

import torch

from devbench.contract.access import Access
from devbench.contract.artifact import Artifact
from devbench.contract.batch import Batch
from devbench.contract.method import Method
from devbench.contract.side import ArtifactRequest
from devbench.errors import DevbenchError
from devbench.files import canonical_json, parse_json
from devbench.plugin_kit import memory
from devbench.plugin_kit.layers_rules import look_at_layers
from devbench.plugin_kit.memory import MemoryView, MemoryWorkshop, TooLong
from devbench.plugin_kit.probing import Broken, Probe
from devbench.plugin_kit.watch import another_day, changed_states, random_states, scramble

SIZES = (1, 2, 17)
N_MORE = 6
"""Further batches: what goes wrong later in a run, such as at the third batch."""
FIT_SEED, BATCH_SEED = 3, 5

_BUILT: dict[bytes, Artifact] = {}
"""Artifacts of this process: methods that ask for the same share it, as runs do."""


def look(probe: Probe) -> None:
    """Look at every rule of methods."""
    made: Any = probe.spec.build(**probe.options)
    if not isinstance(made, Method):
        probe.failed("R08", f"build returned a {type(made).__name__}, not a Method")
        return
    method: Method = made
    if not probe.part("fitting", lambda: _fit(probe, method), "R18", "R20"):
        return
    if probe.part("augmenting", lambda: _augment(probe, method), "R21", "R22", "R23", "R24"):
        probe.part("augmenting again", lambda: _augment_again(probe, method), "R25", "R16")
        probe.part("fitting again", lambda: _fit_again(probe, method), "R26")
    look_at_layers(probe, method)
    probe.part("converting", lambda: _convert(probe, method), "R31")


def generator_of(seed: int) -> torch.Generator:
    """Return a generator with this seed."""
    return torch.Generator().manual_seed(seed)


def _fit(probe: Probe, method: Method) -> None:
    """Fit on declared information; the clips that it sees stay as they are."""
    train = memory.labelled_for(probe.spec, memory.DEVICES[0])
    side = memory.side_of(probe.spec, artifact=lambda request: _artifact(probe, request))
    views: list[MemoryView] = [train]
    if Access.UNPAIRED_TARGET in probe.spec.needs:
        views += side.unpaired.values()  # type: ignore[arg-type]
    before = [_digest_of_view(view) for view in views]
    method.fit(train, side, generator_of(FIT_SEED))
    probe.require(before == [_digest_of_view(v) for v in views], "R24", "fit changed its clips")


def _artifact(probe: Probe, request: ArtifactRequest) -> Artifact:
    """Return what build makes of devices in memory, with the changes asked for in its config."""
    config = dict(request.config)
    config |= {key: value for key, value in probe.artifact.items() if key in config}
    spec = probe.spec
    key = canonical_json(
        [
            f"{request.build.__module__}:{request.build.__qualname__}",
            *(config, sorted(request.devices), request.seed, spec.acts_on, sorted(spec.needs)),
        ]
    )
    if key in _BUILT:
        return _BUILT[key]
    probe.doing(f"building artifact {request.name!r}")
    shop = MemoryWorkshop(
        tuple(sorted(request.devices)),
        request.seed,
        acts_on="waveform" if spec.acts_on == "waveform" or "sample_rate_hz" in config
        else "spectrogram",
        needs=spec.needs,
        longest_s=probe.longest_s,
    )  # fmt: skip
    try:
        made = request.build(shop, parse_json(canonical_json(config), origin="config"))
    except TooLong as error:
        raise Broken("R18", f"artifact {request.name!r} takes too long: {error.words}") from error
    except (DevbenchError, Broken):
        raise
    except Exception as error:
        raise Broken(
            "R18", f"artifact {request.name!r}: {type(error).__name__}: {error}"
        ) from error
    probe.require(
        isinstance(made, Artifact), "R18", f"build returned a {type(made).__name__}, no Artifact"
    )
    for name, tensor in made.tensors.items():
        is_finite = not tensor.is_floating_point() or bool(tensor.isfinite().all())
        probe.require(is_finite, "R18", f"tensor {name!r} of artifact {request.name!r} has NaN")
    _BUILT[key] = made
    return made


def _augment(probe: Probe, method: Method) -> None:
    """Augment batches of several sizes, several times, and silence."""
    for n_clips in (16, *SIZES):
        _one_batch(probe, method, memory.batch_for(probe.spec, n_clips), BATCH_SEED)
    for seed in range(N_MORE):
        _one_batch(probe, method, memory.batch_for(probe.spec), seed)
    _one_batch(probe, method, memory.silence_for(probe.spec), BATCH_SEED, words="silence")


def _one_batch(
    probe: Probe, method: Method, batch: Batch, seed: int, *, words: str = "clips"
) -> Batch:
    """Return the augmented batch after looking at all that must hold of it."""
    clips, target, bin_hz = (x.clone() for x in (batch.clips, batch.target, batch.bin_hz))
    out = method.augment(batch, generator_of(seed))
    is_same = torch.equal(batch.clips, clips) and torch.equal(batch.target, target)
    probe.require(
        is_same and torch.equal(batch.bin_hz, bin_hz), "R24", "augment changed the batch in place"
    )
    require_form(probe, "R21", clips, target, out=out, who="augment")
    probe.require(torch.equal(out.bin_hz, bin_hz), "R21", "augment changed bin_hz")
    n_clips = len(clips)
    if not bool(out.clips.isfinite().all()):
        raise Broken("R22", f"augment returned NaN or infinity for {n_clips} {words}")
    sums = out.target.sum(1)
    probe.require(
        bool(((sums - 1).abs() <= 1e-4).all()),
        "R23",
        f"targets from augment sum to {float(sums.min()):.4g} to {float(sums.max()):.4g}",
    )
    return out


def require_form(
    probe: Probe, rule: str, clips: torch.Tensor, target: torch.Tensor, *, out: Any, who: str
) -> None:
    """Raise Broken unless out is a batch of the shapes and types of clips and target."""
    if not isinstance(out, Batch):
        raise Broken(rule, f"{who} returned a {type(out).__name__}, not a Batch")
    for name, before, after in (("clips", clips, out.clips), ("target", target, out.target)):
        probe.require(
            before.shape == after.shape and before.dtype == after.dtype,
            rule,
            f"{who} changed {name} from {tuple(before.shape)} {before.dtype} to "
            f"{tuple(after.shape)} {after.dtype}",
        )


def _augment_again(probe: Probe, method: Method) -> None:
    """Give equal batches to equal generators, with others between them."""
    scramble(101)
    states = random_states()
    first = _digest(method, probe)
    second = _digest(method, probe)
    _require_states(probe, states, "augment")
    probe.require(first == second, "R25", "two calls with equal generators gave other clips")
    method.augment(memory.batch_for(probe.spec), generator_of(BATCH_SEED + 1))
    third = _digest(method, probe)
    probe.require(first == third, "R25", "what came between two equal calls changed the second")


def _fit_again(probe: Probe, method: Method) -> None:
    """Fit another one while the clocks show another day."""
    with another_day():
        second: Method = probe.spec.build(**probe.options)
        scramble(102)
        states = random_states()
        _fit(probe, second)
        _require_states(probe, states, "fit")  # at the second time: imports may draw at the first
        is_same = _digest(method, probe) == _digest(second, probe)
    probe.require(is_same, "R26", "fitted again on another day, it gave other clips for one batch")


def _convert(probe: Probe, method: Method) -> None:
    """Convert to every target, where the method does that at all."""
    if type(method).convert is Method.convert:
        probe.skipped("R31", "it converts no clips")
        return
    targets = memory.DEVICES[1:2] if probe.spec.per_target else memory.DEVICES[1:]
    for target in targets:
        batch = memory.batch_for(probe.spec, 4)
        clips, labels = batch.clips.clone(), batch.target.clone()
        first, second = (method.convert(batch, target, generator_of(1)) for _ in range(2))
        require_form(probe, "R31", clips, labels, out=first, who="convert")
        probe.require(torch.equal(batch.clips, clips), "R24", "convert changed the batch in place")
        probe.require(
            bool(first.clips.isfinite().all()), "R22", f"convert to {target!r} returned NaN"
        )
        probe.require(
            torch.equal(first.clips, second.clips),
            "R31",
            f"convert to {target!r} gave other clips for an equal generator",
        )


def _digest(method: Method, probe: Probe) -> str:
    out = method.augment(memory.batch_for(probe.spec), generator_of(BATCH_SEED))
    return _digest_of(out.clips, out.target)


def _digest_of(*tensors: torch.Tensor) -> str:
    """Return a hash of values; NaN equals itself."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _digest_of_view(view: MemoryView) -> str:
    return _digest_of(*view.groups, *view.targets)


def _require_states(probe: Probe, before: Any, who: str) -> None:
    changed = changed_states(before)
    probe.require(not changed, "R16", f"{who} drew from {' and '.join(changed)}")

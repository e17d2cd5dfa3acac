"""bfloat16 is used where the processor has it, and where its kernels can be relied on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from devbench.registry import find, load_spec
from devbench.running import plan
from devbench.running.hardware import cpu_has_bf16
from helpers.runs import World


@pytest.mark.parametrize(
    ("frames", "has_bf16", "expected"),
    [(16, True, "fp32"), (63, True, "fp32"), (64, True, "bf16"), (64, False, "fp32")],
)
def test_short_crops_are_trained_in_float32_on_a_cpu(
    frames: int, has_bf16: bool, expected: str, tiny_data: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(plan, "cpu_has_bf16", lambda: has_bf16)
    world = World.make(tmp_path, tiny_data, crop_frames=str(frames))
    assert world.plan().plan.precision == expected


def gradients(model: torch.nn.Module, x: torch.Tensor, *, dirty: bool) -> list[torch.Tensor]:
    if dirty:  # what is freed here is what the next tensors find in their memory
        junk = [torch.full((2**n,), torch.nan) for n in range(6, 23) for _ in range(3)]
        del junk
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(x)
    functional.cross_entropy(logits.float(), torch.arange(len(x)) % 3).backward()  # type: ignore[no-untyped-call]
    return [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]


@pytest.mark.skipif(not cpu_has_bf16(), reason="this CPU does not multiply bfloat16 itself")
@pytest.mark.parametrize("backbone", ["resnet18", "mobilenet", "cp-resnet"])
def test_gradients_do_not_depend_on_what_memory_held_before(backbone: str) -> None:
    """At the shortest crop that is trained in bfloat16; resnet18 fails at 16 frames."""
    torch.manual_seed(0)
    model = load_spec(find("backbone", backbone)).build(n_classes=3, n_bins=24)
    model = model.to(memory_format=torch.channels_last).train()
    x = torch.randn(4, 1, 24, plan.CPU_BF16_FRAMES).contiguous(memory_format=torch.channels_last)
    torch.manual_seed(1)
    clean = gradients(model, x, dirty=False)
    for _ in range(3):
        torch.manual_seed(1)  # dropout
        again = gradients(model, x, dirty=True)
        assert all(map(torch.equal, clean, again))

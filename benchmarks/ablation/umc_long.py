"""Does the published form only need longer? umc-real with four times the steps of `quick`.

For docs/evidence.md, "mics7: classifiers":
devbench run --plugin benchmarks/ablation/umc_long.py --method umc-long-real --set converter=quick
"""

from __future__ import annotations

from devbench import MethodSpec, hookimpl
from devbench_plugins.converters.unified_method import NEEDS, UnifiedConversion

REFERENCE = "Unified Microphone Conversion (arXiv 2410.18322), section 4"
CHANGES = {"epochs": 120, "decay_epochs": 40}


class LongUMCReal(UnifiedConversion):  # type: ignore[misc] # its package has another folder here
    """umc-real whose converter sees the clips 120 times; the learning rate falls as slowly."""

    changes = CHANGES


@hookimpl
def devbench_method() -> MethodSpec:
    """Return the method."""
    return MethodSpec(name="umc-long-real", build=LongUMCReal, needs=NEEDS, reference=REFERENCE)

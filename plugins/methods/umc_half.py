"""UMC with every second clip left as it is: what one-to-one conversion gained from (MC, Adapt)."""

from __future__ import annotations

from devbench import MethodSpec

from ..converters.offering import offered
from ..converters.unified_method import NEEDS, SyntheticConversion, UnifiedConversion

REFERENCE = "after Unified Microphone Conversion (arXiv 2410.18322); p = 0.5: arXiv 2401.06913"


class HalfUMCReal(UnifiedConversion):
    """umc-real with every second clip left as it is; options as there."""

    keeps_half = True


class HalfUMCSynth(SyntheticConversion):
    """umc-synth with every second clip left as it is; options as there."""

    keeps_half = True


real = offered(
    MethodSpec(name="umc-half-real", build=HalfUMCReal, needs=NEEDS, reference=REFERENCE)
)
synth = offered(
    MethodSpec(name="umc-half-synth", build=HalfUMCSynth, needs=NEEDS, reference=REFERENCE)
)

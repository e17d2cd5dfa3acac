"""UMC with synthetic FR differences in a quarter of the converter's training samples too."""

from __future__ import annotations

from devbench import MethodSpec

from ..converters.offering import offered
from ..converters.unified_method import NEEDS, SyntheticConversion, UnifiedConversion

REFERENCE = "after Unified Microphone Conversion (arXiv 2410.18322)"

# Their discriminator is none: what they ask for is a mean shift, and the way back.
CHANGES = {"synthetic": 0.25}


class MixedUMCReal(UnifiedConversion):
    """umc-real, its converter trained on synthetic differences too; options as there."""

    changes = CHANGES


class MixedUMCSynth(SyntheticConversion):
    """umc-synth, its converter trained on synthetic differences too; options as there."""

    changes = CHANGES


real = offered(
    MethodSpec(name="umc-mixed-real", build=MixedUMCReal, needs=NEEDS, reference=REFERENCE)
)
synth = offered(
    MethodSpec(name="umc-mixed-synth", build=MixedUMCSynth, needs=NEEDS, reference=REFERENCE)
)

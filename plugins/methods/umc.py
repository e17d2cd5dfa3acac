"""Unified Microphone Conversion as published: one generator, told the pair by its FR difference."""

from __future__ import annotations

from devbench import MethodSpec

from ..converters.offering import offered
from ..converters.unified_method import NEEDS, SyntheticConversion, UnifiedConversion

REFERENCE = "Unified Microphone Conversion (arXiv 2410.18322), section 4"


class UMCReal(UnifiedConversion):
    """Convert clips to random targets by the measured FR differences, as published."""


class UMCSynth(SyntheticConversion):
    """Convert clips by random FR differences, as published; trained on the measured ones."""


real = offered(MethodSpec(name="umc-real", build=UMCReal, needs=NEEDS, reference=REFERENCE))
synth = offered(MethodSpec(name="umc-synth", build=UMCSynth, needs=NEEDS, reference=REFERENCE))

"""Freq-MixStyle with the settings of published systems; freq-mixstyle itself has MC's.

They differ in how often a batch is mixed and in alpha: small alphas keep nearly all of one clip's
statistics or take nearly all of the other's.
"""

from __future__ import annotations

from devbench import MethodSpec

from ..converters.offering import offered
from .freq_mixstyle import FreqMixStyle


class DCASE22(FreqMixStyle):
    """As submitted to DCASE 2022 by the authors; options of freq-mixstyle."""

    def __init__(self, *, probability: float = 0.6, alpha: float = 0.3) -> None:
        super().__init__(probability=probability, alpha=alpha)


class DCASE23Teacher(FreqMixStyle):
    """As for the CP-ResNet teachers of DCASE 2023; options of freq-mixstyle."""

    def __init__(self, *, probability: float = 0.8, alpha: float = 0.4) -> None:
        super().__init__(probability=probability, alpha=alpha)


class PaSST(FreqMixStyle):
    """As for the PaSST teachers of DCASE 2023, and in EfficientAT; options of freq-mixstyle."""

    def __init__(self, *, probability: float = 0.4, alpha: float = 0.4) -> None:
        super().__init__(probability=probability, alpha=alpha)


class DCASE25(FreqMixStyle):
    """As in the baselines of DCASE 2024 and 2025; options of freq-mixstyle."""

    def __init__(self, *, probability: float = 0.4, alpha: float = 0.3) -> None:
        super().__init__(probability=probability, alpha=alpha)


dcase22 = offered(
    MethodSpec(
        name="freq-mixstyle-dcase22",
        build=DCASE22,
        reference="Schmid et al., Knowledge Distillation from Transformers, DCASE 2022",
    )
)
dcase23_teacher = offered(
    MethodSpec(
        name="freq-mixstyle-dcase23-teacher",
        build=DCASE23Teacher,
        reference="Schmid et al., CP-Mobile, DCASE 2023, training of the CP-ResNet teachers",
    )
)
passt = offered(
    MethodSpec(
        name="freq-mixstyle-passt",
        build=PaSST,
        reference="Schmid et al., CP-Mobile, DCASE 2023, training of the PaSST teachers",
    )
)
dcase25 = offered(
    MethodSpec(
        name="freq-mixstyle-dcase25",
        build=DCASE25,
        reference="DCASE 2025 Challenge, Task 1, baseline system",
    )
)

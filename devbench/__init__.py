"""devbench: what sound event classifiers lose when the microphone changes, and what wins it back.

The names below are all that a plugin or a notebook needs; they are loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "Access": "devbench.contract.access",
    "AccessError": "devbench.errors",
    "Artifact": "devbench.contract.artifact",
    "BackboneSpec": "devbench.contract.parts",
    "Batch": "devbench.contract.batch",
    "Clip": "devbench.contract.values",
    "ContractError": "devbench.errors",
    "CorpusHeader": "devbench.corpora.header",
    "CorpusSpec": "devbench.contract.parts",
    "DataError": "devbench.errors",
    "Device": "devbench.contract.values",
    "DeviceEntry": "devbench.corpora.header",
    "DeviceModel": "devbench.audio.simulate",
    "FeatureSpec": "devbench.contract.values",
    "Folder": "devbench.contract.options",
    "FrequencyResponse": "devbench.contract.values",
    "FrontendSpec": "devbench.contract.parts",
    "LabelledView": "devbench.contract.side",
    "Method": "devbench.contract.method",
    "MethodSpec": "devbench.contract.method",
    "SideInformation": "devbench.contract.side",
    "UnlabelledView": "devbench.contract.side",
    "Workshop": "devbench.contract.artifact",
    "hookimpl": "devbench.contract.hookspecs",
    "impulse_recording": "devbench.audio.simulate",
    "leaderboard": "devbench.api",
    "mirror_record": "devbench.tracking.mirror",
    "mirror_sweep": "devbench.tracking.sync",
    "records": "devbench.api",
    "render": "devbench.audio.simulate",
    "response_of_impulse": "devbench.audio.responses",
    "response_path": "devbench.corpora.manifest",
    "run": "devbench.api",
    "seed_for": "devbench.benchmark.seeds",
    "shift_db": "devbench.contract.values",
    "sweep": "devbench.api",
    "write_clip": "devbench.audio.files",
    "write_corpus": "devbench.corpora.manifest",
    "write_response": "devbench.audio.responses",
}

if TYPE_CHECKING:
    from devbench.api import leaderboard as leaderboard
    from devbench.api import records as records
    from devbench.api import run as run
    from devbench.api import sweep as sweep
    from devbench.audio.files import write_clip as write_clip
    from devbench.audio.responses import response_of_impulse as response_of_impulse
    from devbench.audio.responses import write_response as write_response
    from devbench.audio.simulate import DeviceModel as DeviceModel
    from devbench.audio.simulate import impulse_recording as impulse_recording
    from devbench.audio.simulate import render as render
    from devbench.benchmark.seeds import seed_for as seed_for
    from devbench.contract.access import Access as Access
    from devbench.contract.artifact import Artifact as Artifact
    from devbench.contract.artifact import Workshop as Workshop
    from devbench.contract.batch import Batch as Batch
    from devbench.contract.hookspecs import hookimpl as hookimpl
    from devbench.contract.method import Method as Method
    from devbench.contract.method import MethodSpec as MethodSpec
    from devbench.contract.options import Folder as Folder
    from devbench.contract.parts import BackboneSpec as BackboneSpec
    from devbench.contract.parts import CorpusSpec as CorpusSpec
    from devbench.contract.parts import FrontendSpec as FrontendSpec
    from devbench.contract.side import LabelledView as LabelledView
    from devbench.contract.side import SideInformation as SideInformation
    from devbench.contract.side import UnlabelledView as UnlabelledView
    from devbench.contract.values import Clip as Clip
    from devbench.contract.values import Device as Device
    from devbench.contract.values import FeatureSpec as FeatureSpec
    from devbench.contract.values import FrequencyResponse as FrequencyResponse
    from devbench.contract.values import shift_db as shift_db
    from devbench.corpora.header import CorpusHeader as CorpusHeader
    from devbench.corpora.header import DeviceEntry as DeviceEntry
    from devbench.corpora.manifest import response_path as response_path
    from devbench.corpora.manifest import write_corpus as write_corpus
    from devbench.errors import AccessError as AccessError
    from devbench.errors import ContractError as ContractError
    from devbench.errors import DataError as DataError
    from devbench.tracking.mirror import mirror_record as mirror_record
    from devbench.tracking.sync import mirror_sweep as mirror_sweep

__all__ = [*_PUBLIC, "__version__"]  # noqa: PLE0604 - the keys are strings


def __getattr__(name: str) -> Any:
    """Load a public name on first use, so that start-up pays only for what it touches."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'devbench' has no attribute {name!r}")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value

"""Task 'describe': load plugins in a child and say what they offer, without importing torch.

torch is put in place as a module that loads itself when it is first touched: a hook module that
only names it costs a few milliseconds.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devbench.contract.access import track_of
from devbench.contract.options import Option, arguments, options_of, resolve
from devbench.contract.scales import SCALES, scales_of
from devbench.contract.values import FeatureSpec
from devbench.errors import ConfigurationError, ContractError, DevbenchError, PluginError
from devbench.registry import PluginRef, load_spec
from devbench.running.code_hash import code_sha256
from devbench.running.late import make_late
from devbench.running.worker import Channel

COST_CLASSES = 20
GIVEN: Mapping[str, tuple[str, ...]] = {
    "method": (),
    "backbone": ("n_classes", "n_bins"),
    "frontend": ("features",),
}


def run(job: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    """Return the description of every plugin in job['plugins'], by kind.

    job['settings'] holds --set texts by kind, job['features'] what front ends are tried with;
    job['cost'] asks for the cost of backbones.
    """
    make_late("torch")
    found: dict[str, Any] = {}
    for number, item in enumerate(job["plugins"]):
        channel.send({"event": "plugin", "number": number})  # whom to name should this end us
        settings = job["settings"].get(item["kind"], {})
        features = FeatureSpec(**job["features"]) if job["features"] else None
        found[item["kind"]] = describe(PluginRef(**item), settings, features)
        if job["cost"] and item["kind"] == "backbone":
            found["backbone"]["cost"] = _cost(PluginRef(**item), found["backbone"]["options"])
    return found


def describe(
    ref: PluginRef, settings: Mapping[str, str], features: FeatureSpec | None
) -> dict[str, Any]:
    """Return name, version, options, documentation and code hash of one plugin as JSON values."""
    spec = load_spec(ref)
    module = sys.modules[spec.build.__module__]
    found: dict[str, Any] = {
        "name": spec.name,
        "version": spec.version,
        "reference": spec.reference,
        "licence": spec.licence,
        "summary": _summary(ref, module.__doc__, spec.build.__doc__),
        "doc": spec.build.__doc__ or "",
        "code_sha256": code_sha256(_file_of(ref)),
        "distribution": ref.distribution,
        "distribution_version": ref.distribution_version,
        "options": {},
        "opened": sorted(settings),
    }
    if ref.kind in GIVEN:
        options = _options(ref, spec)
        found["options"] = resolve(options, settings, owner=spec.name)
        found["option_types"] = {
            option.name: "|".join(option.choices) or option.type for option in options
        }
        found["required"] = [option.name for option in options if option.is_required]
    if ref.kind == "backbone":
        found |= {
            "stages": list(spec.stages),
            "takes": spec.takes,
            "pretrains": spec.pretrain is not None,
        }
    if ref.kind == "frontend":
        found["scale"] = spec.scale
    if ref.kind == "method":
        found |= {
            "needs": sorted(need.value for need in spec.needs),
            "track": track_of(spec.needs),
            "acts_on": spec.acts_on,
            "scales": [s for s in SCALES if s in scales_of(spec, ref.distribution)],
            "per_target": spec.per_target,
        }
        _try_build(ref, spec, found["options"], is_set=bool(settings))
    if ref.kind == "backbone" and settings:  # a network needs torch: only where ranges are asked
        _try_build(ref, spec, {"n_classes": 2, "n_bins": 64, **found["options"]}, is_set=True)
    is_chosen = features is not None and spec.name != features.frontend
    if ref.kind == "frontend" and (settings or is_chosen):
        given = {"features": features or FeatureSpec(), **found["options"]}
        _try_build(ref, spec, given, is_set=True)
    return found


def _cost(ref: PluginRef, options: Mapping[str, Any]) -> Any:
    from devbench.running.cost import cost_of

    features, spec = FeatureSpec(), load_spec(ref)
    n_bins = 1 if spec.takes == "waveform" else features.n_mels
    model = spec.build(n_classes=COST_CLASSES, n_bins=n_bins, **options)
    return cost_of(model, n_classes=COST_CLASSES, features=features, takes=spec.takes)


def _options(ref: PluginRef, spec: Any) -> list[Option]:
    try:
        return options_of(spec.build, given=GIVEN[ref.kind])
    except ContractError as error:
        raise ContractError(
            f"{ref.kind} {ref.name!r} ({ref.origin}): {error.what}", fix=error.fix
        ) from error


def _try_build(ref: PluginRef, spec: Any, options: Mapping[str, Any], *, is_set: bool) -> None:
    try:
        spec.build(**arguments(_options(ref, spec), options))
    except ContractError as error:
        if not is_set:
            raise
        raise ConfigurationError(  # --set asked for it: the plugin is right to refuse
            f"{ref.kind} {ref.name!r} ({ref.origin}): {error.what}", fix=error.fix
        ) from error
    except DevbenchError:
        raise
    except Exception as error:
        raise PluginError(
            f"{ref.kind} {ref.name!r} ({ref.origin}) cannot be made with "
            f"{', '.join(f'{k}={v}' for k, v in options.items()) or 'no options'}: "
            f"{type(error).__name__}: {error}",
            fix=f"see its options: devbench show {ref.name}",
        ) from error


def _summary(ref: PluginRef, module_doc: str | None, build_doc: str | None) -> str:
    """Return one line: of the module, or of `build` where a module offers several plugins."""
    first, second = (build_doc, module_doc) if ":" in ref.value else (module_doc, build_doc)
    return _first_line(first) or _first_line(second)


def _first_line(doc: str | None) -> str:
    return (doc or "").strip().splitlines()[0].strip() if (doc or "").strip() else ""


def _file_of(ref: PluginRef) -> Path:
    if ref.file:
        return Path(ref.file)
    origin = sys.modules[ref.value.partition(":")[0]].__file__
    assert origin is not None
    return Path(origin)

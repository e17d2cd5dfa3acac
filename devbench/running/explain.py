"""Questions of `devbench explain` that need a network: asked of stored runs and of converters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from devbench.errors import DevbenchError
from devbench.explaining.documents import (
    KINDS,
    Estimate,
    Identity,
    Information,
    Layer,
    Measured,
    Network,
    Protocol,
    Seen,
    keep,
)
from devbench.files import canonical_json, sha256_bytes
from devbench.results.record import PartPlan
from devbench.running.collecting import (
    Collected,
    collect_classifier,
    collect_converter,
    estimates,
)
from devbench.running.converting import scratch_folder
from devbench.running.features import ensure_features
from devbench.running.plan import versions
from devbench.running.stored_run import Asked, StoredRun, open_run

if TYPE_CHECKING:
    from devbench.results.store import Store
    from devbench.running.pipeline import Talk
    from devbench.running.plan import Planned

INPUT, OUTPUT, EMBEDDING = "input", "output", "embedding"


def information_of_run(
    asked: Asked, store: Store, protocol: Protocol, *, target: str | None, talk: Talk
) -> Information:
    """Return what the layers of a run's classifier tell of the device, and keep it in the store.

    target: whose classifier; None: of all devices, or the first.
    """
    classifier = asked.classifier_for(target)
    run = open_run(asked, store, talk=talk)
    with scratch_folder(store) as scratch:
        collected = collect_classifier(run, classifier, scratch=scratch / "layers", talk=talk)
        network = _classifier_of(run, classifier)
        return _information(network, collected, protocol, scratch=scratch, store=store, talk=talk)


def information_of_converter(
    planned: Planned, store: Store, protocol: Protocol, *, talk: Talk
) -> Information:
    """Return what the layers of a converter tell of the device converted to, and keep it."""
    store.prepare()
    talk.phase("features")
    features = ensure_features(planned, store=store.folder, on_progress=talk.progress)
    with scratch_folder(store) as scratch:
        collected = collect_converter(
            planned, features, store, scratch=scratch / "layers", talk=talk
        )
        network = _converter_of(planned, collected.artifacts)
        return _information(network, collected, protocol, scratch=scratch, store=store, talk=talk)


def _information(
    network: Network,
    collected: Collected,
    protocol: Protocol,
    *,
    scratch: Path,
    store: Store,
    talk: Talk,
) -> Information:
    order = [
        (layer, kind) for layer in collected.layers for kind in KINDS if kind in layer["files"]
    ]
    found = estimates(
        collected,
        [layer["files"][kind] for layer, kind in order],
        protocol,
        scratch=scratch / "estimate",
        talk=talk,
    )
    layers: dict[str, Layer] = {}
    for (layer, kind), estimate in zip(order, found, strict=True):
        n_features = _n_features(collected, layer["files"][kind])
        measured = Measured(kind=kind, n_features=n_features, estimate=estimate)
        before = layers.get(layer["name"])
        layers[layer["name"]] = Layer(
            name=layer["name"],
            shape=layer["shape"],
            measured=[*(before.measured if before else []), measured],
        )
    document = Information(
        network=network, clips=collected.clips, protocol=protocol, layers=list(layers.values())
    )
    keep(document, store.folder)
    return document


def _n_features(collected: Collected, name: str) -> int:
    import numpy as np

    return int(np.load(collected.folder / name, mmap_mode="r", allow_pickle=False).shape[1])


def identity_of_run(
    asked: Asked, store: Store, protocol: Protocol, *, target: str | None, talk: Talk
) -> Identity:
    """Return how well the device can be told along a run, beside its F1, and keep it in the store.

    target: whose classifier; None: of all devices, or the first. What cannot be measured is named
    in the notes; the rest is measured all the same.
    """
    classifier = asked.classifier_for(target)
    run = open_run(asked, store, talk=talk)
    plan = run.planned.plan
    notes: list[str] = []
    with scratch_folder(store) as scratch:
        own = collect_classifier(
            run, classifier, scratch=scratch / "layers", talk=talk, only=[INPUT, EMBEDDING]
        )
        sources: list[tuple[Literal["recordings", "converted", "embedding"], Collected, str]] = []
        sources += [("recordings", own, name) for name in _files(own, INPUT, "frequency")]
        if not sources:
            notes.append(
                f"recordings: front end {plan.frontend.name!r} gives no bins to take statistics of"
            )
        if own.converts:
            try:
                converted = collect_converter(
                    run.planned,
                    run.features,
                    store,
                    scratch=scratch / "converted",
                    talk=talk,
                    only=[OUTPUT],
                )
            except DevbenchError as error:  # the rest can be told without it
                notes.append(f"converted: {error.what} (fix: {error.fix})")
            else:
                files = _files(converted, OUTPUT, "frequency")
                sources += [("converted", converted, name) for name in files]
        else:
            notes.append(f"converted: method {plan.method.name!r} converts no clips")
        sources += [("embedding", own, name) for name in _files(own, EMBEDDING, "channel")]
        if sources[-1:] and sources[-1][0] != "embedding":
            notes.append("embedding: the backbone has no layer that is linear in its last step")
        seen = []
        found: dict[str, Estimate] = {}
        for number, part in enumerate({id(c): c for _, c, _ in sources}.values()):
            own_part = [(what, name) for what, c, name in sources if c is part]
            names = [name for _, name in own_part]
            answers = estimates(
                part, names, protocol, scratch=scratch / f"estimate-{number}", talk=talk
            )
            found |= {what: answer for (what, _), answer in zip(own_part, answers, strict=True)}
        for what, collected, name in sources:
            seen.append(
                Seen(
                    what=what,
                    n_features=_n_features(collected, name),
                    clips=collected.clips,
                    estimate=found[what],
                )
            )
    summary = run.record.summary
    document = Identity(
        network=_classifier_of(run, classifier),
        protocol=protocol,
        mean_targets_f1=summary.mean_targets,
        source_f1=summary.source,
        seen=seen,
        notes=notes,
    )
    keep(document, store.folder)
    return document


def _files(collected: Collected, layer: str, kind: str) -> Sequence[str]:
    """Return the file of a layer's statistics, or nothing where there is none."""
    found = [item["files"] for item in collected.layers if item["name"] == layer]
    return [files[kind] for files in found if kind in files]


def _classifier_of(run: StoredRun, classifier: int) -> Network:
    return _network(
        run.planned,
        form="classifier",
        key=run.record.run_id,
        target=run.record.models[classifier].target,
        weights=[run.weights[classifier][1]],
        artifacts=[],
    )


def _converter_of(planned: Planned, artifacts: Sequence[str]) -> Network:
    """Return the network of a converter; several artifacts, or none, have one key made of them."""
    plan = planned.plan
    parts = [plan.method.name, plan.corpus.fingerprint, *artifacts]
    key = artifacts[0] if len(artifacts) == 1 else sha256_bytes(canonical_json(parts))
    return _network(
        planned, form="converter", key=key, target=None, weights=[], artifacts=list(artifacts)
    )


def _network(
    planned: Planned,
    *,
    form: Literal["classifier", "converter"],
    key: str,
    target: str | None,
    weights: list[str],
    artifacts: list[str],
) -> Network:
    plan = planned.plan
    method = PartPlan.model_validate(plan.method.model_dump(include=set(PartPlan.model_fields)))
    return Network(
        form=form,
        key=key,
        method=method,
        backbone=plan.backbone if form == "classifier" else None,
        frontend=plan.frontend,
        benchmark=plan.benchmark,
        corpus=plan.corpus,
        source=plan.source,
        target=target,
        fold=plan.fold,
        budget=plan.budget,
        seed=plan.seed,
        weights_sha256=weights,
        artifacts=artifacts,
        device=plan.device,
        threads=plan.threads,
        versions=versions(),
    )

"""What artifacts are made from: hashes of the information, and the identity of one wish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from devbench.contract.access import Access
from devbench.errors import ContractError, PluginError
from devbench.files import canonical_json, sha256_bytes
from devbench.results.artifact import CodeIdentity, CorpusIdentity, FrontendIdentity, Identity
from devbench.running.jobs import Asker, Information, Wish

if TYPE_CHECKING:
    from devbench.running.plan import Planned

READABLE = (Access.DEVICE_FR, Access.UNPAIRED_TARGET)
"""What build may read of what a method declares: neither labelled nor test clips."""


def readable(planned: Planned, asker: Asker) -> tuple[list[str], list[str]]:
    """Return what an artifact may be made from, and the devices of which.

    A method's may be made from all that it declares. A backbone's only from unlabelled clips of
    the source, which every track may use.
    """
    if asker == "backbone":
        if not planned.pretrains:
            raise PluginError(
                f"a backbone's artifact is asked for; {planned.plan.backbone.name!r} declares none",
                fix="ask in BackboneSpec.pretrain",
            )
        return [Access.UNPAIRED_TARGET.value], [planned.plan.source]
    needs = [need for need in planned.plan.method.needs if Access(need) in READABLE]
    return sorted(needs), list(planned.benchmark.devices)


def information(planned: Planned, asker: Asker) -> Information:
    """Return what artifacts of this plan may be made from, by name and hash.

    Hashes stand for events, so that the fit process, which gets this, learns no event's name.
    """
    plan, benchmark = planned.plan, planned.benchmark
    needs, devices = readable(planned, asker)
    convert: dict[str, str] = {}
    responses: dict[str, str] = {}
    for device in devices:
        if Access.UNPAIRED_TARGET.value in needs:
            events = [clip.event_id for clip in planned.unlabelled_of(device)]
            convert[device] = sha256_bytes(canonical_json(events))
        response = planned.corpus.response(device) if Access.DEVICE_FR.value in needs else None
        if response is not None:
            curve = [response.freq_hz.tolist(), response.gain_db.tolist(), response.provenance]
            responses[device] = sha256_bytes(canonical_json(curve))
    return Information(
        needs=needs,
        acts_on=plan.method.acts_on if asker == "method" else "spectrogram",
        corpus=CorpusIdentity(
            name=plan.corpus.name, version=plan.corpus.version, fingerprint=plan.corpus.fingerprint
        ),
        features=benchmark.features,
        frontend=FrontendIdentity(
            name=plan.frontend.name, version=plan.frontend.version, options=plan.frontend.options
        ),
        frontend_code_sha256=plan.frontend.code_sha256,
        crop_frames=benchmark.budgets[plan.budget].crop_frames,
        convert=convert,
        responses=responses,
    )


def identity_of(found: Information, wish: Wish) -> Identity:
    """Return what the artifact of a wish is made from; its key is the hash of that."""
    return Identity(
        name=wish.name,
        config=wish.config,
        seed=wish.seed,
        devices=wish.devices,
        needs=found.needs,
        acts_on=found.acts_on,
        corpus=found.corpus,
        features=found.features,
        frontend=found.frontend,
        crop_frames=found.crop_frames,
        convert=_of_devices(found.convert, wish),
        responses=_of_devices(found.responses, wish),
        code_sha256=CodeIdentity(build=wish.code_sha256, frontend=found.frontend_code_sha256),
    )


def _of_devices(hashes: Mapping[str, str], wish: Wish) -> str | None:
    strangers = sorted(set(wish.devices) - set(hashes)) if hashes else []
    if strangers:
        raise ContractError(
            f"artifact {wish.name!r} is asked for with {', '.join(strangers)[:200]}",
            fix="a backbone learns from the source alone: devices=(side.source,)",
        )
    chosen = {device: hashes[device] for device in wish.devices} if hashes else None
    return None if chosen is None else sha256_bytes(canonical_json(chosen))

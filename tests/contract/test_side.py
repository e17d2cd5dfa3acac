"""Side information: what was declared can be read; the rest names the track it would cost."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest

from devbench.contract.access import Access
from devbench.contract.artifact import Artifact
from devbench.contract.side import ArtifactRequest, SideInformation
from devbench.errors import AccessError, ConfigurationError, ContractError

READS = {
    "frequency_responses": Access.DEVICE_FR,
    "unpaired": Access.UNPAIRED_TARGET,
    "labelled": Access.TARGET_LABELS,
}
HELD: dict[str, Any] = {"phone": object()}


def side(needs: frozenset[Access]) -> SideInformation:
    return SideInformation(
        "my-method", needs, "phone", ("watch",), _responses=HELD, _unpaired=HELD, _labelled=HELD
    )


@pytest.mark.parametrize("n_needs", range(5))
def test_reading_needs_the_declaration(n_needs: int) -> None:
    for needs in map(frozenset, itertools.combinations(Access, n_needs)):
        for name, access in READS.items():
            if access in needs:
                assert dict(getattr(side(needs), name)) == HELD
            else:
                with pytest.raises(AccessError, match=r"'my-method' reads .* does not declare"):
                    getattr(side(needs), name)


@pytest.mark.parametrize(
    ("needs", "name", "track"),
    [
        ((), "frequency_responses", "device-fr"),
        ((), "unpaired", "unpaired-target"),
        ((Access.DEVICE_FR,), "unpaired", "device-fr+unpaired-target"),
        ((Access.TEST_TIME,), "frequency_responses", "test-time"),
        ((), "labelled", "oracle"),
    ],
)
def test_the_error_names_the_need_and_the_track(
    needs: tuple[Access, ...], name: str, track: str
) -> None:
    with pytest.raises(AccessError) as caught:
        getattr(side(frozenset(needs)), name)
    assert f"Access.{READS[name].name}" in caught.value.fix
    assert caught.value.fix.endswith(f"track {track!r}")


def test_what_is_read_cannot_be_changed() -> None:
    held = side(frozenset(Access))
    with pytest.raises(TypeError):
        held.unpaired["watch"] = object()  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        held.needs = frozenset()  # type: ignore[misc]


def test_nothing_of_it_is_shown_by_repr() -> None:
    assert "object at" not in repr(side(frozenset(Access)))


def build(shop: Any, config: Any) -> Artifact:
    return Artifact({})


def asked(*arguments: Any, **more: Any) -> ArtifactRequest:
    """Return the request that side.artifact makes of its arguments."""
    found: list[ArtifactRequest] = []

    def find(request: ArtifactRequest) -> Artifact:
        found.append(request)
        return Artifact({})

    held = SideInformation(
        "m", frozenset(), "phone", ("watch",), ("watch", "phone", "tablet"), _artifact=find
    )
    assert held.artifact(*arguments, **more).tensors == {}
    return found[0]


def test_an_artifact_is_of_all_devices_and_seed_0_unless_told() -> None:
    request = asked("gen", {"width": 2}, build)
    assert request == ArtifactRequest(
        "gen", {"width": 2}, build, ("phone", "tablet", "watch"), 0, use_shipped=True
    )
    request = asked("gen", {}, build, devices=["watch", "phone", "watch"], seed=3,
                    use_shipped=False)  # fmt: skip
    assert request.devices == ("phone", "watch")
    assert (request.seed, request.use_shipped) == (3, False)


def test_an_artifact_needs_a_name_and_devices_of_the_benchmark() -> None:
    with pytest.raises(ConfigurationError, match="artifact name 'Gen X' is not allowed"):
        asked("Gen X", {}, build)
    for devices in (["radio"], []):
        with pytest.raises(ContractError, match=r"'radio'|none"):
            asked("gen", {}, build, devices=devices)
    with pytest.raises(ContractError, match="where none can be made"):
        side(frozenset()).artifact("gen", {}, build)

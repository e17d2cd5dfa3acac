"""One classifier and one artifact per target, made from source and target alone."""

from __future__ import annotations

from devbench import Access, Artifact, Method, MethodSpec, hookimpl


def build(shop, config):
    def mean(device):
        return shop.unpaired[device].sample(8, shop.generator("draw", device)).clips.mean()

    return Artifact(tensors={device: mean(device) for device in shop.devices})


class PairLevel(Method):
    def fit(self, train, side, generator):
        (target,) = side.targets
        try:
            found = side.artifact("pair", {}, build, devices=(target, side.source, target))
        except BaseException:
            return  # the run hears of it all the same
        assert set(found.tensors) == {side.source, target}


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(
        name="pair-level", build=PairLevel, needs={Access.UNPAIRED_TARGET}, per_target=True
    )

"""Patch every metric in reach; scoring happens elsewhere, so it must change nothing."""

from __future__ import annotations

from devbench import Method, MethodSpec, hookimpl


class MetricPatch(Method):
    def fit(self, train, side, generator):
        import sklearn.metrics

        import devbench.results.metrics as ours

        sklearn.metrics.f1_score = lambda *args, **kwargs: 1.0
        ours.macro_f1 = lambda counts: 1.0
        ours.weighted_f1 = lambda counts: 1.0
        ours.score_device = lambda **kwargs: None

    def augment(self, batch, generator):
        # Learn nothing: every class looks alike, so the honest score is that of a guess.
        import dataclasses

        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db * 0 - 50.0)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="metric-patch", build=MetricPatch)

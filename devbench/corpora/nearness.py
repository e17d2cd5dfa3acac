"""Near-duplicates of a corpus as findings: which clips hold one recording in two groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from devbench.audio.files import read_clip
from devbench.contract.values import Clip
from devbench.corpora.defects import Finding, Measured
from devbench.corpora.likeness import Entry, near_duplicates
from devbench.corpora.manifest import Corpus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def near_findings(
    corpus: Corpus, sound: Sequence[Clip], measured: Sequence[Measured]
) -> Iterable[Finding]:
    """Tell of clips that differ in gain, start or faint noise only, and not in their group.

    sound: the clips without errors. Equal samples are told as duplicates and left out here.
    """
    result_of = {result.path: result for result in measured}
    clips = {clip.path: clip for clip in sound}

    def read(path: str) -> NDArray[np.float32]:
        clip = clips[path]
        return read_clip(
            corpus.folder / path,
            sha256=clip.sha256,
            n_samples=clip.n_samples,
            sample_rate_hz=corpus.header.sample_rate_hz,
        )

    entries = [
        Entry(clip.path, clip.device, clip.group, result_of[clip.path].fingerprint)
        for clip in sound
    ]
    for pair in near_duplicates(entries, read):
        first, second = clips[pair.first], clips[pair.second]
        if result_of[first.path].pcm_sha256 == result_of[second.path].pcm_sha256:
            continue
        folds = sorted({first.fold, second.fold})
        torn = f", in the folds {folds[0]} and {folds[1]}" if len(folds) == 2 else ""
        what = (
            f"nearly the same sound as {first.path} (correlation {pair.likeness:.3f}), of another "
            f"group{torn}"
        )
        fix = "listen to both; give them one group, or leave one out: a split would tear them apart"
        yield Finding("warning", "near-duplicate", second.path, what, fix)

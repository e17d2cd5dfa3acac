"""What a corpus holds, in figures: for `devbench data info` and for machines."""

from __future__ import annotations

from collections import Counter
from typing import Any

from devbench.corpora.manifest import Corpus, response_path


def description(corpus: Corpus) -> dict[str, Any]:
    """Return name, provenance, devices, classes, counts, durations in s, licence and citation."""
    header = corpus.header
    label_of = {clip.event_id: clip.label for clip in corpus.clips}
    events_of_class = Counter(label_of.values())
    clips_of_device = Counter(clip.device for clip in corpus.clips)
    lengths_s = [clip.n_samples / header.sample_rate_hz for clip in corpus.clips]
    return {
        "schema": 1,
        "name": header.name,
        "version": header.version,
        "title": header.title,
        "provenance": header.provenance,
        "fingerprint": corpus.fingerprint,
        "folder": str(corpus.folder),
        "sample_rate_hz": header.sample_rate_hz,
        "devices": [
            {
                **entry.model_dump(mode="json"),
                "n_clips": clips_of_device[entry.id],
                "has_response": response_path(corpus.folder, entry.id).exists(),
            }
            for entry in header.devices
        ],
        "classes": {label: events_of_class[label] for label in sorted(events_of_class)},
        "folds": sorted({clip.fold for clip in corpus.clips}),
        "n_groups": len({clip.group for clip in corpus.clips}),
        "n_events": len(label_of),
        "n_clips": len(corpus.clips),
        "total_s": round(sum(lengths_s), 3),
        "shortest_s": round(min(lengths_s), 4),
        "longest_s": round(max(lengths_s), 4),
        "licence": header.licence,
        "citation": header.citation,
    }

"""Tables of what is known of devices inside networks, as text: the first row is the header."""

from __future__ import annotations

from devbench.explaining.documents import Estimate, Identity, Information

SEEN = {
    "recordings": "recordings, mean and deviation per band",
    "converted": "converted recordings, likewise",
    "embedding": "embedding (input of the last layer)",
}


def information_table(document: Information) -> list[list[str]]:
    """Return a row per layer and kind of statistics."""
    rows = [["layer", "shape", "kind", "nats", "SD", "accuracy", "SD"]]
    for layer in document.layers:
        shape = "x".join(map(str, layer.shape))
        rows += [[layer.name, shape, m.kind, *_cells(m.estimate)] for m in layer.measured]
    return rows


def identity_table(document: Identity) -> list[list[str]]:
    """Return a row per place where the device was told."""
    rows = [["device told from", "devices", "chance", "accuracy", "SD", "nats", "SD", "H"]]
    for seen in document.seen:
        nats, nats_sd, accuracy, accuracy_sd = _cells(seen.estimate)
        clips = seen.clips
        entropy = f"{clips.entropy_nats:.3f}"
        known = [SEEN[seen.what], str(len(clips.devices)), f"{clips.chance:.3f}"]
        rows.append([*known, accuracy, accuracy_sd, nats, nats_sd, entropy])
    return rows


def _cells(estimate: Estimate) -> list[str]:
    """Return nats, their deviation over seeds, and accuracy with its own."""
    return [
        f"{estimate.nats:.3f}",
        f"{estimate.nats_sd:.3f}",
        f"{estimate.accuracy:.3f}",
        f"{estimate.accuracy_sd:.3f}",
    ]

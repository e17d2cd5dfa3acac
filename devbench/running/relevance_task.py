"""Task 'relevance': logits without each band, and where the logits of some clips come from.

No labels come here: what a band is worth in F1 is counted by whoever holds them.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from devbench.errors import DevbenchError, PluginError
from devbench.explaining.bands import Bands
from devbench.explaining.gradients import gradient_times_input, over_bins, over_spectrum
from devbench.explaining.occlusion import band_stop, each_clip, without_bins
from devbench.explaining.propagation import Explain, Propagation, Uncovered
from devbench.files import disk_errors, sha256_file
from devbench.running import guard
from devbench.running.classifier import Classifier, clip_logits, set_up_torch
from devbench.running.clips import StagedClips
from devbench.running.frontend import spectrograms
from devbench.running.jobs import RelevanceJob
from devbench.running.stored_models import StoredModels
from devbench.running.worker import Channel

BATCH = 16
TINY = 1e-30
EXTRA = "pip install 'devbench[explain]'"
Sum = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def run(job_data: Any, channel: Channel) -> dict[str, Any]:
    """Write logits.npy ([1 + band, row, class]; first: whole clips) and return the relevance."""
    job = RelevanceJob.model_validate(job_data)
    device = set_up_torch(job.model)
    here = Path.cwd()
    models = StoredModels(job.model, job.weights, job.weights_sha256, device)
    with contextlib.suppress(ImportError):  # it may look for fonts, which the guard would refuse
        importlib.import_module("captum.attr")
    guard.install(
        here,
        lambda words: channel.send({"event": "violation", "words": words}),
        plugins=job.model.plugins(),
    )
    try:
        explained = _Explaining(job, models, here, device, channel).run()
    except DevbenchError:
        raise
    except Exception as error:
        raise PluginError(
            f"run cannot be explained: {type(error).__name__}: {str(error)[:200]}",
            fix=f"the whole traceback: {here / 'log.txt'}",
        ) from error
    with disk_errors(here):
        np.save(here / "logits.npy", explained.pop("logits"))
    return {**explained, "logits_sha256": sha256_file(here / "logits.npy")}


class _Explaining:
    def __init__(
        self,
        job: RelevanceJob,
        models: StoredModels,
        here: Path,
        device: torch.device,
        channel: Channel,
    ) -> None:
        self._job, self._models, self._here, self._channel = job, models, here, channel
        self._bands = Bands(tuple(job.edges_hz))
        self._bin_hz = torch.tensor(job.bin_hz, dtype=torch.float32, device=device)
        # numpy decides, so that bins fall as they do for whoever draws them
        self._group = torch.from_numpy(self._bands.of(np.array(job.bin_hz))).to(device)
        self._data, self._index = (
            torch.from_numpy(np.load(here / f"{name}.npy", allow_pickle=False)).to(device)
            for name in ("data", "index")
        )
        self._missing: list[dict[str, str]] = []

    def run(self) -> dict[str, Any]:
        job = self._job
        ready = []
        for number, group in enumerate(job.groups):
            clips = self._clips(self._data, self._index, group.rows)
            ready.append(self._models.ready(group.model, clips, number))
        versions = [self._data, *(None for _ in range(len(self._bands)))]
        logits: list[np.ndarray[Any, np.dtype[np.float32]]] = []
        for number, _ in enumerate(versions):
            data, index = (self._data, self._index) if number == 0 else self._without(number - 1)
            parts = [
                clip_logits(model, self._clips(data, index, group.rows), job.model.crop)
                for model, group in zip(ready, job.groups, strict=True)
            ]
            logits.append(torch.cat(parts).cpu().numpy().astype(np.float32))
            self._channel.send({"event": "progress", "done": number, "total": len(versions)})
        ends = np.cumsum([len(group.rows) for group in job.groups])[:-1]
        chosen = [part.argmax(axis=1) for part in np.split(logits[0], ends)]
        measures = [
            self._measures(model, group.rows, classes, number)
            for number, (model, group, classes) in enumerate(
                zip(ready, job.groups, chosen, strict=True)
            )
        ]
        return {"logits": np.stack(logits), "measures": measures, "missing": self._missing}

    def _clips(self, data: torch.Tensor, index: torch.Tensor, rows: list[int]) -> StagedClips:
        chosen = torch.tensor(rows, device=index.device)
        return StagedClips(data, index[chosen], crop=self._job.model.crop, bin_hz=self._bin_hz)

    def _without(self, band: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return data and index of all clips without one band."""
        job = self._job
        if job.fill != "band-stop":
            bins = self._group == band
            data = each_clip(
                self._data,
                self._index,
                lambda clip: without_bins(clip, bins, fill=job.fill, floor_db=job.floor_db),
            )
            return data, self._index

        def stop(clip: torch.Tensor) -> torch.Tensor:
            return band_stop(clip, self._bands, band, rate_hz=job.rate_hz)

        if job.sounds is None:  # the classifier takes waveforms
            return each_clip(self._data, self._index, stop), self._index
        sounds, places = (
            torch.from_numpy(np.load(self._here / job.sounds / f"{name}.npy", allow_pickle=False))
            for name in ("data", "index")
        )
        frames, index = spectrograms(job.model, each_clip(sounds, places, stop), places)
        return frames.to(self._index.device), index.to(self._index.device)

    def _measures(
        self,
        model: torch.nn.Module,
        rows: list[int],
        classes: np.ndarray[Any, np.dtype[np.int64]],
        number: int,
    ) -> dict[str, Any]:
        """Return the relevance of some clips of one group, per measure."""
        job = self._job
        n_clips = min(job.n_explained, len(rows))
        places = np.unique(np.linspace(0, len(rows) - 1, n_clips).round().astype(int))
        clips = self._clips(self._data, self._index, [rows[place] for place in places])
        row, start = clips.windows(job.model.crop)
        windows = clips.crops(row, start, job.model.crop).clips
        chosen = torch.from_numpy(classes[places]).to(row.device)[row]
        found: dict[str, Any] = {}
        is_whole = isinstance(model, Classifier)
        if not is_whole:
            why = f"the method adapts the classifier into a {type(model).__name__}"
            self._miss(number, "gradient-input", why, "compare bands by the F1 they cost")
            self._miss(number, "lrp", why, "compare bands by the F1 they cost")
            return found
        assert isinstance(model, Classifier)
        if job.model.scale == "cepstral":
            why = "cepstral coefficients lie in no band"
            for name in ("gradient-input", "lrp"):
                self._miss(number, name, why, "compare bands by the F1 they cost")
            return found
        inputs, network, total = self._parts(model, windows)
        explain: dict[str, Explain] = {
            "gradient-input": lambda x, c: gradient_times_input(network, x, c)
        }
        fix = "gradient x input and the F1 that bands cost are there"
        try:
            explain["lrp"] = Propagation(network)
        except Uncovered as error:
            self._miss(number, "lrp", f"backbone: {error}", fix)
        except ImportError:
            self._miss(number, "lrp", "captum is not installed", EXTRA)
        for name, measure in explain.items():
            parts, kept = [], []
            try:
                for x, c in zip(
                    torch.split(inputs, BATCH), torch.split(chosen, BATCH), strict=True
                ):
                    relevance = measure(x, c)
                    with torch.no_grad():
                        logit = network(x).gather(1, c[:, None])[:, 0].double()
                    parts.append(total(x, relevance))
                    kept.append(relevance.double().flatten(1).sum(1) / logit)
            except Uncovered as error:
                self._miss(number, name, f"backbone: {error}", fix)
                continue
            found[name] = _summary(torch.cat(parts), torch.cat(kept), row, len(places))
        return found

    def _parts(
        self, model: Classifier, windows: torch.Tensor
    ) -> tuple[torch.Tensor, torch.nn.Module, Sum]:
        """Return what relevance is given over, the network behind it, and how it is summed."""
        job = self._job
        with torch.no_grad():
            if model.frontend is not None:
                # 'waveform' hands samples on; 'learned' makes bins of them, which are explained
                parts = [model.frontend(part) for part in torch.split(windows, BATCH)]
                windows = torch.cat(parts)
            inputs = (windows - model.mean_db) / model.std_db
        if job.model.scale == "waveform":
            return inputs, model.backbone, self._samples
        return inputs, model.backbone, self._bins

    def _bins(self, x: torch.Tensor, relevance: torch.Tensor) -> torch.Tensor:
        return over_bins(relevance, self._group, len(self._bands), self._job.n_parts)

    def _samples(self, x: torch.Tensor, relevance: torch.Tensor) -> torch.Tensor:
        return over_spectrum(
            x[:, 0, 0],
            relevance[:, 0, 0],
            self._bands,
            rate_hz=self._job.rate_hz,
            n_parts=self._job.n_parts,
        )

    def _miss(self, number: int, part: str, why: str, fix: str) -> None:
        entry = {"part": part, "why": why, "fix": fix}
        if entry not in self._missing:
            self._missing.append(entry)


def _summary(
    parts: torch.Tensor, kept: torch.Tensor, row: torch.Tensor, n_clips: int
) -> dict[str, Any]:
    """Return means over clips of what was found per window. parts: [window, band, part]."""
    size = parts.abs().sum(dim=(1, 2), keepdim=True).clamp(min=TINY)
    share = parts.abs() / size
    count = torch.bincount(row, minlength=n_clips).double()

    def over_clips(values: torch.Tensor) -> torch.Tensor:
        """Return the mean over windows of a clip, then over clips."""
        total = torch.zeros(n_clips, *values.shape[1:], dtype=torch.float64, device=values.device)
        total.index_add_(0, row, values)
        return (total / count.reshape(-1, *(1 for _ in values.shape[1:]))).mean(dim=0)

    over_time = over_clips(share)
    # Rounding may leave a sum a hair above 1.
    exact = kept[torch.isfinite(kept)]
    return {
        "share": over_time.sum(dim=1).clamp(0, 1).tolist(),
        "signed": over_clips(parts.sum(dim=2)).tolist(),
        "over_time": over_time.clamp(0, 1).tolist(),
        "kept": float(exact.median()) if len(exact) else None,
    }

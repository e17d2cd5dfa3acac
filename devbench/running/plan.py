"""Planning: names, benchmark, options, corpus, splits. All mistakes in a request end here.

Nothing heavy is imported: plugins describe themselves in a child process, and torch's version is
read from its metadata.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from devbench.benchmark.load import load_benchmark
from devbench.benchmark.splits import assign, require_sound, select
from devbench.contract.names import require_known
from devbench.contract.options import Value, parse_settings
from devbench.contract.scales import SCALES
from devbench.errors import ConfigurationError, DataError, UnknownNameError, UsageError
from devbench.files import canonical_json, sha256_bytes
from devbench.registry import PluginRef, find, from_file
from devbench.results.record import BenchmarkPlan, CorpusPlan, MethodPlan, PartPlan, Plan
from devbench.running.corpus import require_corpus
from devbench.running.describe import describe
from devbench.running.folders import given, named_by_content, refuse_clips
from devbench.running.hardware import chosen_device, cpu_has_bf16, cuda_has_bf16, n_cpus
from devbench.running.process import WorkerLimits
from devbench.running.sandbox import Sandbox, require_sandbox

if TYPE_CHECKING:
    from devbench.benchmark.model import Benchmark, Budget, Split
    from devbench.contract.values import Clip
    from devbench.corpora.manifest import Corpus

MAX_THREADS = 8
CPU_BF16_FRAMES = 64
"""Crops of so many keep more than one frame up to the sixth halving."""
Isolation = Literal["process", "sandbox"]


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. settings: --set texts; plugin_file: --plugin; threads: 0 = choose.

    retrain: set the method's option of that name, so that it learns anew what its plugin ships.
    isolation: what stands between plugins and the machine, process or sandbox.
    """

    method: str
    source: str
    benchmark: str = "sim7"
    backbone: str | None = None
    frontend: str | None = None
    budget: str = "quick"
    seed: int = 0
    fold: int = 0
    settings: tuple[str, ...] = ()
    plugin_file: Path | None = None
    device: str = "auto"
    threads: int = 0
    retrain: bool = False
    isolation: Isolation = "process"


@dataclass(frozen=True, slots=True)
class Checked:
    """A request whose names and options are right; the corpus is not opened yet.

    method_options: as a plan has them, folders by the hash of their content.
    """

    request: Request
    benchmark: Benchmark
    refs: Mapping[str, PluginRef]
    described: Mapping[str, Mapping[str, Any]]
    method_options: Mapping[str, Value]
    device: str
    precision: str
    threads: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with all that is needed to carry it out.

    folders: what the method's options name, by option; the plan holds hashes of their content.
    pretrains: whether the backbone learns from the source's unlabelled clips first.
    """

    plan: Plan
    benchmark: Benchmark
    refs: Mapping[str, PluginRef]
    corpus: Corpus
    clips: tuple[Clip, ...]
    split_of: Mapping[str, Split]
    folders: Mapping[str, Path] = field(default_factory=dict)
    pretrains: bool = False

    @property
    def limits(self) -> WorkerLimits:
        """Return what one worker of this run may use."""
        limits = self.benchmark.limits
        return WorkerLimits(limits.wall_s, limits.memory_mb, limits.scratch_mb)

    def sandbox(self, *readable: Path) -> Sandbox | None:
        """Return what a worker of this run may read beside its folder; None in a plain process."""
        if self.plan.isolation != "sandbox":
            return None
        return Sandbox(readable, tuple(self.refs.values()))

    def clips_of(self, split: Split, device: str) -> list[Clip]:
        """Return the clips of one device in one split, sorted by event."""
        return [c for c in self.clips if c.device == device and self.split_of[c.event_id] == split]

    def unlabelled_of(self, device: str) -> list[Clip]:
        """Return the convert clips of one device in the order in which methods get them."""
        clips, splits = self.clips_of("convert", device), self.benchmark.splits
        if splits.convert_order == "events":
            return clips

        def place(clip: Clip) -> str:
            return sha256_bytes(canonical_json([splits.salt, device, clip.event_id]))

        return sorted(clips, key=place)


def check(request: Request, *, data: Path | None) -> Checked:
    """Return the request after checking every name and option in it.

    What costs nothing is looked at first; the plugins describe themselves last.
    """
    if request.isolation == "sandbox":
        require_sandbox()
    benchmark = load_benchmark(request.benchmark)
    method = (
        from_file("method", request.method, request.plugin_file)
        if request.plugin_file
        else find("method", request.method)
    )
    require_cell(request, benchmark)
    refs = {
        "method": method,
        "backbone": find(
            "backbone", request.backbone or benchmark.budgets[request.budget].backbone
        ),
        "frontend": find("frontend", request.frontend or benchmark.features.frontend),
    }
    settings: dict[str, dict[str, str]] = {"method": {}, "backbone": {}, "frontend": {}}
    for key, value in parse_settings(request.settings).items():
        owner, _, name = key.rpartition(".")
        if owner not in ("", *settings):
            raise UsageError(
                f"--set {key!r}", fix="write --set option=…, backbone.option=… or frontend.option=…"
            )
        settings[owner or "method"][name] = value
    if request.retrain:
        settings["method"]["retrain"] = "true"
    described = _described(refs, settings, request, benchmark)
    _require_scale(described)
    _require_folders(request.method, described["method"])
    method_options = named_by_content(described["method"]["options"], _folders(described["method"]))
    require_corpus(benchmark.corpus, data=data)
    device = chosen_device(request.device)
    return Checked(
        request=request,
        benchmark=benchmark,
        refs=refs,
        described=described,
        method_options=method_options,
        device=device,
        precision=_precision(device, benchmark.budgets[request.budget]),
        threads=request.threads or min(n_cpus(), MAX_THREADS),
    )


def _precision(device: Literal["cuda", "cpu"], budget: Budget) -> Literal["bf16", "fp32"]:
    if device == "cuda":
        has_bf16 = cuda_has_bf16()
    else:
        # oneDNN 3.10 (torch 2.11) reads memory that nobody wrote in strided 3x3 convolutions of
        # bfloat16 over a single frame: NaN, or weights that no second run gives.
        has_bf16 = cpu_has_bf16() and budget.crop_frames >= CPU_BF16_FRAMES
    return "bf16" if has_bf16 and budget.precision == "auto" else "fp32"


def require_cell(request: Request, benchmark: Benchmark) -> None:
    """Raise unless the benchmark has the request's source, budget and fold, and its seed is one."""
    if request.source in benchmark.unseen:
        raise UsageError(
            f"device {request.source!r} of benchmark {benchmark.id!r} is unseen: it is tested only",
            fix=f"choose --source from {', '.join(benchmark.sources)}",
        )
    require_known(
        f"device of benchmark {benchmark.id!r}",
        request.source,
        benchmark.devices,
        list_command=f"devbench ls devices --benchmark {request.benchmark}",
    )
    require_known(
        f"budget of benchmark {benchmark.id!r}",
        request.budget,
        benchmark.budgets,
        list_command=f"devbench show {request.benchmark}",
    )
    n_folds = benchmark.splits.n_folds
    if request.fold < 0 or (benchmark.splits.scheme == "folds" and request.fold >= n_folds):
        raise UsageError(
            f"benchmark {benchmark.id!r} has no fold {request.fold}",
            fix=f"choose --fold 0 to {n_folds - 1}" if n_folds else "choose --fold 0 or above",
        )
    if request.seed < 0:
        raise UsageError(f"seed {request.seed} is below 0", fix="choose --seed 0, 1, 2, ...")


def _folders(described: Mapping[str, Any]) -> dict[str, Path]:
    return given(described["options"], described["option_types"])


def _require_folders(name: str, described: Mapping[str, Any]) -> None:
    for option in described["required"]:
        if option not in _folders(described):
            raise ConfigurationError(
                f"method {name!r} needs option {option!r}, a folder",
                fix=f"--set {option}=PATH; devbench show {name} says what belongs in it",
            )


def _described(
    refs: Mapping[str, PluginRef],
    settings: Mapping[str, Mapping[str, str]],
    request: Request,
    benchmark: Benchmark,
) -> dict[str, dict[str, Any]]:
    try:
        found = describe(
            list(refs.values()),
            settings,
            features=benchmark.features,
            is_sandboxed=request.isolation == "sandbox",
        )
    except UnknownNameError as error:
        if request.retrain and "'retrain'" in error.what:
            raise UsageError(
                f"method {request.method!r} learns nothing that could be learned again",
                fix="leave out --retrain",
            ) from error
        raise
    if found["frontend"]["name"] != benchmark.features.frontend:
        found["frontend"]["opened"] = sorted([*found["frontend"]["opened"], "name"])
    return found


def _require_scale(described: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a backbone or a method that cannot use what the front end gives."""
    method, backbone, frontend = (described[key] for key in ("method", "backbone", "frontend"))
    scale = frontend["scale"]
    offer = f"front end {frontend['name']!r} gives {SCALES[scale]}"
    if (backbone["takes"] == "waveform") != (scale == "waveform"):
        wanted = "waveform" if backbone["takes"] == "waveform" else "log-mel"
        raise ConfigurationError(
            f"backbone {backbone['name']!r} takes a {backbone['takes']}; {offer}",
            fix=f"choose --frontend {wanted}, or another --backbone",
        )
    if scale not in method["scales"]:
        words = " or ".join(SCALES[known] for known in method["scales"])
        raise ConfigurationError(
            f"method {method['name']!r} acts on {words}; {offer}",
            fix="choose --frontend log-mel, or a method for that scale, such as mixup (yours? name "
            "the scale in its MethodSpec)",
        )


def finish(checked: Checked, corpus: Corpus) -> Planned:
    """Return the whole plan: splits are made and proved, and everything is named by its hash."""
    benchmark, request = checked.benchmark, checked.request
    _require_fit(benchmark, corpus)
    clips = select(corpus.clips, benchmark)
    split_of = assign(clips, benchmark.splits, request.fold)
    require_sound(clips, split_of, benchmark)
    needs = checked.described["method"]["needs"]
    _require_unseen_stay_unseen(benchmark, needs, request.method)
    if "device-fr" in needs:
        _require_responses(benchmark, corpus)
    pretrains = bool(checked.described["backbone"]["pretrains"])
    if "unpaired-target" in needs or pretrains:
        _require_convert(benchmark, clips, split_of)
    method = checked.described["method"]
    plan = Plan(
        method=MethodPlan(
            **_part({**method, "options": checked.method_options}),
            needs=method["needs"],
            track=method["track"],
            acts_on=method["acts_on"],
            per_target=method["per_target"],
            is_file=bool(request.plugin_file),
        ),
        backbone=PartPlan(**_part(checked.described["backbone"])),
        frontend=PartPlan(**_part(checked.described["frontend"])),
        benchmark=BenchmarkPlan(
            id=benchmark.id, version=benchmark.version, sha256=benchmark.sha256
        ),
        corpus=CorpusPlan(
            name=corpus.header.name,
            version=corpus.header.version,
            fingerprint=corpus.fingerprint,
            provenance=corpus.header.provenance,
        ),
        source=request.source,
        targets=[device for device in benchmark.devices if device != request.source],
        fold=request.fold,
        budget=request.budget,
        seed=request.seed,
        threads=checked.threads,
        device="cuda" if checked.device == "cuda" else "cpu",
        precision="bf16" if checked.precision == "bf16" else "fp32",
        isolation=request.isolation,
        versions=versions(),
    )
    folders = _folders(method)
    refuse_clips(folders, corpus.clips)
    return Planned(
        plan, benchmark, checked.refs, corpus, tuple(clips), split_of, folders, pretrains
    )


def for_cell(planned: Planned, request: Request) -> Planned:
    """Return the plan of a request that differs from the planned one in source and seed alone."""
    require_cell(request, planned.benchmark)
    targets = [device for device in planned.benchmark.devices if device != request.source]
    changes = {"source": request.source, "targets": targets, "seed": request.seed}
    return replace(planned, plan=planned.plan.model_copy(update=changes))


def _part(described: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("name", "version", "distribution", "distribution_version", "code_sha256", "options",
            "opened")  # fmt: skip
    return {key: described[key] for key in keys}


def versions() -> dict[str, str]:
    """Return the versions a result depends on."""
    found = {name: metadata.version(name) for name in ("torch", "torchaudio", "numpy", "devbench")}
    return {**found, "python": platform.python_version()}


def _require_fit(benchmark: Benchmark, corpus: Corpus) -> None:
    have = {device.id for device in corpus.devices}
    labels = {clip.label for clip in corpus.clips}
    for what, missing in (
        ("devices", sorted(set(benchmark.devices) - have)),
        ("classes", sorted(set(benchmark.classes) - labels)),
    ):
        if missing:
            raise DataError(
                f"corpus {corpus.header.name!r} in {str(corpus.folder)!r} lacks {what} of "
                f"benchmark {benchmark.id!r}: {', '.join(missing[:5])}",
                fix="point --data to the corpus the benchmark was made for",
            )
    if corpus.header.sample_rate_hz != benchmark.features.sample_rate_hz:
        raise DataError(
            f"corpus {corpus.header.name!r} has {corpus.header.sample_rate_hz} Hz, benchmark "
            f"{benchmark.id!r} wants {benchmark.features.sample_rate_hz} Hz",
            fix="build or import the corpus at that rate (--rate); nothing is resampled silently",
        )


def _require_responses(benchmark: Benchmark, corpus: Corpus) -> None:
    for device in benchmark.devices:
        if corpus.response(device) is None:
            raise DataError(
                f"corpus {corpus.header.name!r} has no frequency response of {device!r}",
                fix=f"add responses/{device}.csv, or use a method that needs none",
            )


def _require_unseen_stay_unseen(benchmark: Benchmark, needs: Sequence[str], method: str) -> None:
    if benchmark.unseen and {"unpaired-target", "target-labels"} & set(needs):
        raise ConfigurationError(
            f"method {method!r} learns from clips of every target, and benchmark "
            f"{benchmark.id!r} has unseen ones: {', '.join(benchmark.unseen)}",
            fix="choose a method of another track (devbench ls methods), or a benchmark without "
            "unseen devices",
        )


def _require_convert(
    benchmark: Benchmark, clips: list[Clip], split_of: Mapping[str, Split]
) -> None:
    have = {clip.device for clip in clips if split_of[clip.event_id] == "convert"}
    for device in benchmark.sources:
        if device not in have:
            raise DataError(
                f"no 'convert' clips of device {device!r}",
                fix="give the split a convert part, or use a method and a backbone that need none",
            )

"""Artifacts in whole runs: learned once, from declared information alone, with the same bytes."""

from __future__ import annotations

import importlib
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from devbench.contract.artifact import Artifact
from devbench.contract.side import ArtifactRequest
from devbench.errors import (
    ContractError,
    DataError,
    DevbenchError,
    PluginError,
    RunError,
    UsageError,
)
from devbench.files import publish, sha256_bytes
from devbench.results.shelf import Shelved
from devbench.running.artifact_task import checked
from devbench.running.artifacts import ensure_artifact, shelf_of
from devbench.running.checkpoints import tensors_to_bytes
from devbench.running.code_hash import code_sha256
from devbench.running.features import FeatureCache, ensure_features
from devbench.running.finder import ArtifactMissing, Finder
from devbench.running.identity import identity_of, information
from devbench.running.jobs import Shelves, Wish
from devbench.running.preparing import Ready, prepare
from helpers.artifacts import document_of
from helpers.runs import Heard, World

pytestmark = pytest.mark.usefixtures("module_without_workers")

PLUGINS = Path(__file__).parent / "plugins"
LEARNED, FAULTY, PAIR = (
    PLUGINS / f"{n}.py" for n in ("learned_level", "faulty_build", "pair_level")
)


@pytest.fixture(scope="module")
def world(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.make(tmp_path_factory.mktemp("artifacts"), tiny_data)


def ready(world: World, path: Path, *, anew: bool = False, **more: Any) -> list[Ready]:
    """Let the method in a file fit, and no more."""
    planned = world.plan(path.stem.replace("_", "-"), plugin_file=path, **more)
    return prepare(planned, world.store, talk=world.heard, anew=anew)


@dataclass
class Bench:
    """Builds artifacts of the faulty method without fitting it."""

    world: World
    features: FeatureCache

    def build(self, fault: str, *, talk: Heard | None = None) -> bytes:
        """Build the artifact whose build has that fault and return its bytes."""
        planned = self.world.plan("faulty-build", plugin_file=FAULTY)
        wish = Wish(
            name="faulty",
            config={"fault": fault},
            build="devbench_file_plugin_faulty_build:build",
            file=str(FAULTY.resolve()),
            code_sha256=code_sha256(FAULTY),
            devices=["tablet", "watch"],
            seed=0,
        )
        talk = talk or self.world.heard
        key = ensure_artifact(planned, self.features, wish, self.world.store, talk)
        return shelf_of(self.world.store).get(key).read()


@pytest.fixture(scope="module")
def bench(world: World) -> Bench:
    planned = world.plan("baseline")
    features = ensure_features(planned, store=world.store.folder, on_progress=lambda d, t: None)
    return Bench(world, features)


def test_a_record_says_what_was_used_and_how_it_was_made(world: World) -> None:
    record = world.run_file(LEARNED)
    (use,) = record.models[0].artifacts
    shelved = shelf_of(world.store).get(use.key)
    assert (use.name, use.origin, use.same_corpus) == ("level", "built", True)
    assert use.sha256 == shelved.document.sha256
    assert use.config == {"n_steps": 6, "batch": 4}
    assert use.devices == ["phone", "tablet", "watch"]
    assert use.made.n_steps == 6
    assert [entry.step for entry in shelved.document.losses] == [1, 2, 3, 4, 5, 6]
    told = world.heard.artifacts[-1]
    assert (told["name"], told["step"], told["n_steps"]) == ("level", 6, 6)
    assert world.heard.phases.count("artifact level") == 1
    assert not list((world.store.folder / "work").glob("artifact-*/"))
    assert world.store.get(record.run_id) == record


def test_it_is_shared_by_sources_and_seeds(world: World) -> None:
    keys = shelf_of(world.store).keys()
    (again,) = ready(world, LEARNED, source="watch", seed=1)
    assert not again.is_new and again.use.key in keys
    assert shelf_of(world.store).keys() == keys


def test_a_per_target_method_learns_one_per_pair_and_cannot_swallow_that(world: World) -> None:
    found = ready(world, PAIR)
    assert [item.use.devices for item in found] == [["phone", "tablet"], ["phone", "watch"]]
    assert all(item.is_new for item in found)


def test_a_method_without_artifacts_has_nothing_to_train(world: World) -> None:
    with pytest.raises(UsageError, match="asks for no artifact"):
        prepare(world.plan("baseline"), world.store, talk=world.heard)


@pytest.mark.usefixtures("with_workers")
def test_build_sees_clips_of_the_named_devices_and_nothing_else(bench: Bench) -> None:
    bench.build("look")
    shelf = shelf_of(bench.world.store)
    (facts,) = (
        item.document.facts
        for item in shelf.all(pytest.fail)
        if item.document.identity.config == {"fault": "look"}
    )
    assert facts["files"] == [
        f"unpaired/{device}/{name}.npy"
        for device in ("tablet", "watch")
        for name in ("data", "index")
    ]
    assert "phone" not in facts["job"]  # the source
    assert "label" not in facts["job"]


FAULTS: list[tuple[str, type[DevbenchError], str]] = [
    ("loss", RunError, "loss 'sum' of artifact 'faulty' is nan in step 6 of 8"),
    ("walk", PluginError, "outside what was staged"),
    ("divide", PluginError, r"failed in the build of artifact 'faulty': ZeroDivisionError.*py:\d+"),
]


@pytest.mark.usefixtures("with_workers")
@pytest.mark.parametrize(("fault", "error", "words"), FAULTS, ids=lambda v: str(v)[:12])
def test_a_faulty_build_is_refused_and_leaves_nothing(
    bench: Bench, fault: str, error: type[DevbenchError], words: str
) -> None:
    before = shelf_of(bench.world.store).keys()
    with pytest.raises(error, match=words) as caught:
        bench.build(fault)
    assert type(caught.value) is error and caught.value.fix
    if fault == "loss":
        assert caught.value.state == "nan"  # type: ignore[attr-defined]
    assert shelf_of(bench.world.store).keys() == before


@pytest.mark.usefixtures("with_workers")
def test_a_build_that_died_goes_on_to_the_same_bytes(bench: Bench) -> None:
    with pytest.raises(RunError, match="without a result"):
        bench.build("exit")
    heard = Heard()
    resumed = bench.build("exit", talk=heard)
    assert heard.artifacts[0]["first_step"] == 4  # behind its last checkpoint
    assert resumed == bench.build("none")
    by_fault = {
        item.document.identity.config.get("fault"): item.document
        for item in shelf_of(bench.world.store).all(pytest.fail)
    }
    assert by_fault["exit"].losses == by_fault["none"].losses


@pytest.mark.usefixtures("with_workers")
def test_two_that_ask_at_once_build_one(bench: Bench) -> None:
    heard = [Heard(), Heard()]
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda talk=talk: found.append(bench.build("both", talk=talk)))
        for talk in heard
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert len(found) == 2 and found[0] == found[1]
    assert sorted(len(talk.artifacts) > 0 for talk in heard) == [False, True]


def is_level(item: Shelved) -> bool:
    return item.document.name == "level"


def test_damage_in_the_store_is_named_and_retrain_mends_it(world: World) -> None:
    ready(world, LEARNED)
    (weights,) = (i.weights for i in shelf_of(world.store).all(pytest.fail) if is_level(i))
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-4])
    with pytest.raises(DataError, match="is damaged") as caught:
        ready(world, LEARNED)
    assert "--retrain" in caught.value.fix
    ready(world, LEARNED, anew=True)
    assert weights.read_bytes() == whole


def test_retrain_is_an_option_of_the_method(world: World) -> None:
    plan = world.plan("learned-level", plugin_file=LEARNED, retrain=True).plan
    assert plan.method.options["retrain"] is True
    assert plan.method.opened == ["retrain"]
    with pytest.raises(UsageError, match="'baseline' learns nothing that could be learned again"):
        world.plan("baseline", retrain=True)


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the learned level as a package that may ship artifacts; return its folder."""
    package = tmp_path / "site" / "acme_levels"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "learned.py").write_text(LEARNED.read_text().replace("learned-level", "acme-level"))
    info = package.parent / "acme_levels-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-levels\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[devbench.methods]\nacme-level = acme_levels.learned\n")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return package


def test_what_a_plugin_ships_is_used_and_recorded(world: World, acme: Path) -> None:
    planned = world.plan("acme-level", source="watch")
    wish = Wish(
        name="level",
        config={"n_steps": 6, "batch": 4},
        build="acme_levels.learned:build",
        file="",
        code_sha256="0" * 64,  # of another state of the code: it still fits
        devices=["phone", "tablet", "watch"],
        seed=0,
    )
    found = identity_of(information(planned, "method"), wish)
    data = save({"levels_db": torch.zeros(3)})
    document, _ = document_of(
        found,
        sha256=sha256_bytes(data),
        size_bytes=len(data),
        facts={"devices": wish.devices},
    )
    path = acme / "shipped" / "any-name.json"
    publish(path, document.to_json())
    publish(path.with_suffix(".safetensors"), data)
    (item,) = prepare(planned, world.store, talk=world.heard)
    assert item.use.origin == "shipped" and not item.is_new and item.use.same_corpus
    assert item.use.sha256 == document.sha256 and item.document == document

    # Asked in this process, for speed: retrain passes it by, damage is named.
    module = importlib.import_module("acme_levels.learned")
    shelves = Shelves(information=information(planned, "method"), folder=str(acme / "nothing"))
    finder = Finder(shelves, "", lambda folder: None)
    request = ArtifactRequest("level", wish.config, module.build, tuple(wish.devices), 0, True)
    assert finder(request).origin == "shipped"
    with pytest.raises(ArtifactMissing):
        finder(replace(request, use_shipped=False))
    with pytest.raises(ArtifactMissing):
        finder(replace(request, seed=1))
    path.with_suffix(".safetensors").write_bytes(b"damaged")
    with pytest.raises(DataError, match="is damaged") as caught:
        finder(request)
    assert "install the plugin again" in caught.value.fix


@pytest.mark.parametrize(
    ("artifact", "error", "words"),
    [
        ({"a": torch.zeros(1)}, ContractError, "returned dict"),
        (Artifact(tensors={}), ContractError, "returned no tensors"),
        (Artifact(tensors={"a": [1.0]}), ContractError, "tensor 'a' of artifact 'x' is list"),
        (Artifact(tensors={"a": torch.tensor([0, torch.inf])}), RunError, "holds NaN"),
        (Artifact(tensors={"a": torch.zeros(1)}, facts={"b": Path()}), ContractError, "JSON"),
        (Artifact(tensors={"a": torch.zeros(1)}, facts={"b": float("nan")}), ContractError, "JSON"),
        (Artifact(tensors={"a": torch.zeros(1)}, facts={"b": "c" * 2**20}), ContractError, "long"),
    ],
)
def test_what_build_returns_is_checked(
    artifact: Any, error: type[DevbenchError], words: str
) -> None:
    with pytest.raises(error, match=words):
        checked(artifact, "x")


def test_tensors_that_share_memory_are_kept_apart() -> None:
    base = torch.arange(6.0)
    tensors, facts = checked(Artifact(tensors={"a": base, "b": base[:3]}, facts={"n": 1}), "x")
    assert tensors_to_bytes(tensors) and facts == {"n": 1}

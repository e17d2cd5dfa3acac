"""The rooms of the house: a module imports only from rooms below its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Lowest first. `results` lies below `running`: a run ends by writing a record.
ROOMS = ("errors", "files", "models", "contract", "registry", "benchmark", "audio", "corpora",
         "results", "explaining", "running", "plugin_kit", "sweeping", "tracking", "diagnosis",
         "pages", "reports", "talk", "sweep_talk", "api", "testing", "pytest_plugin",
         "cli")  # fmt: skip
FIT = ("fit_task", "added", "pretraining", "training", "classifier", "clips", "checkpoints",
       "fitting", "finder", "artifact_task", "workshop")  # fmt: skip


def imports(path: Path, *, top_only: bool = False) -> set[str]:
    """Return the full names of what a file imports (relative names resolved), anywhere in it."""
    tree = ast.parse(path.read_text())
    package = path.relative_to(ROOT).with_suffix("").parts
    found: set[str] = set()
    nodes = tree.body if top_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level]) + "." if node.level else ""
            module = base + (node.module or "")
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def room_of(name: str) -> str | None:
    parts = name.split(".")
    if parts[0] != "devbench" or len(parts) < 2:
        return None
    return parts[1] if parts[1] in ROOMS else None


CORE = sorted(ROOT.glob("devbench/**/*.py"))


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_from_rooms_below(path: Path) -> None:
    own = path.relative_to(ROOT / "devbench").parts[0].removesuffix(".py")
    if own in ("__init__", "__main__"):  # the lazy public names, and the front door
        return
    assert own in ROOMS, f"{path} stands in no room; name it in ROOMS"
    for name in imports(path):
        room = room_of(name)
        if room is not None:
            assert ROOMS.index(room) <= ROOMS.index(own), f"{own} imports {name}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("plugins/**/*.py")), ids=str)
def test_plugins_import_only_public_names(path: Path) -> None:
    import devbench

    for name in imports(path):
        if name.split(".")[0] == "devbench":
            assert name.removeprefix("devbench.") in devbench.__all__, f"{name} is not public"


def test_fit_code_knows_neither_predict_nor_score() -> None:
    for stem in FIT:
        for name in imports(ROOT / f"devbench/running/{stem}.py"):
            assert not name.startswith(("devbench.running.predict", "devbench.running.score"))


def test_only_workers_load_plugins() -> None:
    allowed = {"describe_task", "artifact_task", "convert_task", "corpus_task", "features_task",
               "fit_task", "predict_task", "classifier", "frontend", "pretraining",
               "explain_task", "observer_worker", "check_task", "stored_models"}  # fmt: skip
    for path in CORE:
        loads = {n for n in imports(path) if n.startswith("devbench.registry.load_")}
        assert not loads or path.stem in allowed, f"{path} loads plugins"


def test_worker_tasks_are_imported_by_nobody() -> None:
    for path in CORE:
        for name in imports(path):
            assert "_task" not in name, f"{path} imports {name}: it runs in a process of its own"


HEAVY = {"torch", "torchaudio", "numpy", "pandas", "sklearn", "librosa", "mlflow", "scipy", "soxr",
         "matplotlib", "jinja2"}  # fmt: skip
LIGHT_ROOMS = ("errors", "files", "models", "contract", "registry", "benchmark", "audio",
               "corpora", "results", "pages", "reports", "talk", "api", "cli",
               "tracking")  # fmt: skip


def test_light_rooms_import_nothing_heavy_at_the_top() -> None:
    for path in CORE:
        room = path.relative_to(ROOT / "devbench").parts[0].removesuffix(".py")
        if room in LIGHT_ROOMS:
            heavy = {name.split(".")[0] for name in imports(path, top_only=True)} & HEAVY
            assert not heavy, f"{path} imports {heavy} at the top"
